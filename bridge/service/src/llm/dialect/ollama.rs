//! Ollama's own interface (0.17): typed requests of `ollama-rs`; answers are read here, because its types know neither
//! `done_reason` nor an error inside a stream.

use helix_core::Pii;
use helix_core::llm::{Ended, LlmError, Message, Role, Tool, ToolCall};
use ollama_rs::generation::chat::ChatMessage;
use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::embeddings::GenerateEmbeddingsResponse;
use ollama_rs::generation::embeddings::request::GenerateEmbeddingsRequest;
use ollama_rs::generation::parameters::{KeepAlive, ThinkType, TimeUnit};
use ollama_rs::models::{ModelInfo, ModelOptions};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::catalogue::Think;
use super::{Abilities, Asked, Draft, Garbled, Listed, Wire, arguments, parse};

/// The context that a model is loaded with, tokens: Home Assistant's default for Ollama. The server's own one may be
/// half of it and cuts off silently; always the same, as another one loads the model anew.
const CONTEXT: u64 = 8192;

pub(super) fn chat(asked: Asked<'_>) -> Wire {
    let chat = asked.chat;
    let system = ChatMessage::system(chat.system.expose().clone());
    let messages = std::iter::once(system).chain(chat.messages.iter().map(message)).collect();
    let mut options = ModelOptions::default()
        .num_ctx(CONTEXT)
        .num_predict(i32::try_from(chat.output_max).unwrap_or(i32::MAX));
    if chat.schema.is_some() {
        options = options.temperature(0.0);
    }
    let mut request = ChatMessageRequest::new(asked.model.to_owned(), messages)
        .options(options)
        .keep_alive(keep_alive(asked.keep_alive_min));
    if let Some(think) = asked.think {
        request = request.think(match think {
            Think::Off => ThinkType::False,
            Think::On => ThinkType::True,
            Think::Low | Think::Minimal => ThinkType::Low,
        });
    }
    let mut body = json!(request);
    body["stream"] = asked.stream.into();
    // As they are: the types of `ollama-rs` only take schemas that are made of Rust types.
    if let Some(schema) = &chat.schema {
        body["format"] = schema.clone();
    }
    if !chat.tools.is_empty() {
        body["tools"] = chat.tools.iter().map(tool).collect();
    }
    Wire::post("api/chat", &body)
}

fn keep_alive(minutes: Option<u64>) -> KeepAlive {
    minutes.map_or(KeepAlive::Indefinitely, |time| KeepAlive::Until { time, unit: TimeUnit::Minutes })
}

fn message(message: &Message) -> ChatMessage {
    let text = message.text.expose().clone();
    match &message.role {
        Role::User => ChatMessage::user(text),
        Role::Assistant => ChatMessage::assistant(text),
        Role::Tool(_) => ChatMessage::tool(text),
        Role::Caller(calls) => {
            let call = |call: &ToolCall| ollama_rs::generation::tools::ToolCall {
                function: ollama_rs::generation::tools::ToolCallFunction {
                    name: call.name.clone(),
                    arguments: Value::Object(call.arguments.clone()),
                },
            };
            ChatMessage { tool_calls: calls.iter().map(call).collect(), ..ChatMessage::assistant(text) }
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
struct Line {
    error: Option<String>,
    model: Option<String>,
    #[serde(default)]
    message: Said,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    // Left out where the prompt was known already.
    #[serde(default)]
    prompt_eval_count: u64,
    #[serde(default)]
    eval_count: u64,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    content: String,
    #[serde(default)]
    tool_calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default, alias = "parameters")]
    arguments: Value,
}

pub(super) fn take(draft: &mut Draft, line: &[u8], heard: &mut dyn FnMut(&str)) -> Result<bool, Garbled> {
    let line: Line = parse(line)?;
    if let Some(error) = line.error {
        return Err(Garbled::Failed(error));
    }
    draft.say(&line.message.content, heard);
    for Call { id, function } in line.message.tool_calls {
        let arguments = arguments(function.arguments)?;
        draft.call(ToolCall { id, name: function.name, arguments, signature: None })?;
    }
    draft.model = line.model.or(draft.model.take());
    if line.done {
        draft.usage.input = line.prompt_eval_count;
        draft.usage.output = line.eval_count;
        draft.ended =
            Some(if line.done_reason.as_deref() == Some("length") { Ended::Length } else { Ended::Stop });
    }
    Ok(line.done)
}

pub(super) fn embed(model: &str, texts: &[Pii<String>]) -> Wire {
    let texts: Vec<String> = texts.iter().map(|text| text.expose().clone()).collect();
    Wire::post("api/embed", &json!(GenerateEmbeddingsRequest::new(model.to_owned(), texts.into())))
}

pub(super) fn vectors(body: &[u8]) -> Result<Vec<Vec<f32>>, Garbled> {
    parse::<GenerateEmbeddingsResponse>(body).map(|response| response.embeddings)
}

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    remote_host: Option<String>,
}

pub(super) fn listed(body: &[u8]) -> Result<Vec<Listed>, Garbled> {
    let tags: Tags = parse(body)?;
    let remote = |host: String| {
        host.split("://").last().unwrap_or_default().split([':', '/']).next().map(str::to_owned)
    };
    let listed = |tag: Tag| Listed {
        name: tag.name,
        remote: tag.remote_host.and_then(remote).filter(|host| !host.is_empty()),
    };
    Ok(tags.models.into_iter().map(listed).collect())
}

pub(super) fn show(model: &str) -> Wire {
    Wire::post("api/show", &json!({ "model": model }))
}

/// What `/api/show` says.
pub(in crate::llm) fn abilities(body: &[u8]) -> Option<Abilities> {
    let shown: ModelInfo = serde_json::from_slice(body).ok()?;
    let can = |what: &str| shown.capabilities.iter().any(|ability| ability == what);
    // Servers before 0.6.4 say nothing of it.
    (!shown.capabilities.is_empty()).then(|| Abilities { tools: can("tools"), thinking: can("thinking") })
}

pub(super) fn refusal(status: u16, body: &[u8], model: &str) -> Option<LlmError> {
    let unable = |what| Some(LlmError::Unable { model: model.to_owned(), what });
    match (status, said(body).as_deref()) {
        (400, Some(text)) if text.contains("does not support tools") => unable("call tools"),
        (400 | 501, Some(text)) if text.contains("does not support embeddings") => unable("make vectors"),
        _ => None,
    }
}

fn said(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body["error"].as_str().map(str::to_owned)
}
