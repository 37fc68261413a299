//! The interface of `OpenAI` that llama.cpp, vLLM, LM Studio and others speak: `chat/completions`, `embeddings`.

use std::collections::BTreeMap;

use helix_core::Pii;
use helix_core::llm::{Ended, Message, Role, Tool, ToolCall};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Draft, Garbled, Listed, Wire, arguments, parse};

pub(super) fn chat(asked: Asked<'_>) -> Wire {
    let chat = asked.chat;
    let system = json!({ "role": "system", "content": chat.system.expose() });
    let messages: Vec<_> = std::iter::once(system).chain(chat.messages.iter().map(message)).collect();
    let mut body = json!({
        "model": asked.model,
        "messages": messages,
        "max_tokens": chat.output_max,
        "stream": asked.stream,
    });
    if asked.stream {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(schema) = &chat.schema {
        body["temperature"] = 0.into();
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "strict": true, "schema": schema },
        });
    }
    if !chat.tools.is_empty() {
        body["tools"] = chat.tools.iter().map(tool).collect();
    }
    Wire::post("chat/completions", &body)
}

fn message(message: &Message) -> Value {
    let text = message.text.expose();
    match &message.role {
        Role::User => json!({ "role": "user", "content": text }),
        Role::Assistant => json!({ "role": "assistant", "content": text }),
        Role::Tool(call) => json!({ "role": "tool", "tool_call_id": call.id, "content": text }),
        Role::Caller(calls) => {
            let call = |call: &ToolCall| {
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": Value::Object(call.arguments.clone()).to_string(),
                    },
                })
            };
            let calls: Vec<_> = calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": text, "tool_calls": calls })
        }
    }
}

fn tool(tool: &Tool) -> Value {
    json!({
        "type": "function",
        "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
    })
}

#[derive(Deserialize)]
struct Piece {
    error: Option<Value>,
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Choice {
    /// `message` in a whole answer.
    #[serde(default, alias = "message")]
    delta: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Said {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

/// The name comes first, the arguments in pieces.
#[derive(Deserialize)]
struct CallPiece {
    #[serde(default)]
    index: usize,
    id: Option<String>,
    #[serde(default)]
    function: FunctionPiece,
}

#[derive(Deserialize, Default)]
struct FunctionPiece {
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct UsageBody {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Calls whose pieces have not all come.
#[derive(Debug, Default)]
pub(super) struct Unfinished(BTreeMap<usize, (String, String, String)>);

/// Servers number calls from nought; more than this are no calls.
const INDEX_MAX: usize = 31;

impl Unfinished {
    fn add(&mut self, position: usize, piece: &CallPiece) -> Result<(), Garbled> {
        // A whole answer may leave out the numbers.
        let index = piece.index.max(position);
        if index > INDEX_MAX {
            return Err(Garbled::Nonsense("too many calls"));
        }
        let (id, name, arguments) = self.0.entry(index).or_default();
        id.push_str(piece.id.as_deref().unwrap_or_default());
        name.push_str(piece.function.name.as_deref().unwrap_or_default());
        arguments.push_str(piece.function.arguments.as_deref().unwrap_or_default());
        Ok(())
    }

    fn into_calls(self, draft: &mut Draft) -> Result<(), Garbled> {
        for (_, (id, name, text)) in self.0 {
            draft.call(ToolCall { id, name, arguments: arguments(Value::String(text))?, signature: None })?;
        }
        Ok(())
    }
}

pub(super) fn take(draft: &mut Draft, body: &[u8], heard: &mut dyn FnMut(&str)) -> Result<bool, Garbled> {
    let piece: Piece = parse(body)?;
    if let Some(error) = piece.error {
        let word = ["code", "type"].into_iter().find_map(|key| error[key].as_str());
        return Err(Garbled::Failed(word.unwrap_or("an error in its answer").to_owned()));
    }
    if let Some(usage) = piece.usage {
        draft.usage.input = usage.prompt_tokens;
        draft.usage.output = usage.completion_tokens;
    }
    draft.model = piece.model.or(draft.model.take());
    let Some(choice) = piece.choices.into_iter().next() else { return Ok(false) };
    draft.say(choice.delta.content.as_deref().unwrap_or_default(), heard);
    for (position, piece) in choice.delta.tool_calls.iter().flatten().enumerate() {
        draft.unfinished.add(position, piece)?;
    }
    if let Some(reason) = choice.finish_reason.as_deref() {
        std::mem::take(&mut draft.unfinished).into_calls(draft)?;
        draft.ended = Some(match reason {
            "length" => Ended::Length,
            "content_filter" => Ended::Filtered,
            "tool_calls" | "function_call" => Ended::Calls,
            _ => Ended::Stop,
        });
    }
    Ok(false)
}

pub(super) fn embed(model: &str, texts: &[Pii<String>]) -> Wire {
    let texts: Vec<_> = texts.iter().map(Pii::expose).collect();
    Wire::post("embeddings", &json!({ "model": model, "input": texts, "encoding_format": "float" }))
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

pub(super) fn vectors(body: &[u8]) -> Result<Vec<Vec<f32>>, Garbled> {
    let mut all: Embeddings = parse(body)?;
    all.data.sort_by_key(|one| one.index);
    Ok(all.data.into_iter().map(|one| one.embedding).collect())
}

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

pub(super) fn listed(body: &[u8]) -> Result<Vec<Listed>, Garbled> {
    let all: Models = parse(body)?;
    Ok(all.data.into_iter().map(|model| Listed { name: model.id, remote: None }).collect())
}
