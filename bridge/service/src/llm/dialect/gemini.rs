//! Gemini's `generateContent` (v1beta): it stores nothing, unlike the Interactions interface.

use std::time::Duration;

use helix_core::llm::{Ended, LlmError, Message, Role, Tool, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::catalogue::Think;
use super::{Asked, Draft, Garbled, Listed, Wire, parse};

pub(super) fn chat(asked: Asked<'_>) -> Wire {
    let chat = asked.chat;
    let mut config = json!({ "maxOutputTokens": chat.output_max });
    if let Some(schema) = &chat.schema {
        config["responseMimeType"] = "application/json".into();
        config["responseJsonSchema"] = schema.clone();
    }
    match asked.think {
        Some(Think::Off) => config["thinkingConfig"] = json!({ "thinkingBudget": 0 }),
        Some(Think::Minimal) => config["thinkingConfig"] = json!({ "thinkingLevel": "minimal" }),
        Some(Think::Low) => config["thinkingConfig"] = json!({ "thinkingLevel": "low" }),
        Some(Think::On) | None => {}
    }
    let mut body = json!({
        "systemInstruction": { "parts": [{ "text": chat.system.expose() }] },
        "contents": chat.messages.iter().map(content).collect::<Vec<_>>(),
        "generationConfig": config,
    });
    if !chat.tools.is_empty() {
        body["tools"] = json!([{ "functionDeclarations": chat.tools.iter().map(tool).collect::<Vec<_>>() }]);
    }
    let verb = if asked.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    Wire::post(format!("v1beta/models/{}:{verb}", asked.model.trim_start_matches("models/")), &body)
}

fn content(message: &Message) -> Value {
    let text = message.text.expose();
    match &message.role {
        Role::User => json!({ "role": "user", "parts": [{ "text": text }] }),
        Role::Assistant => json!({ "role": "model", "parts": [{ "text": text }] }),
        Role::Caller(calls) => {
            json!({ "role": "model", "parts": calls.iter().map(call_part).collect::<Vec<_>>() })
        }
        Role::Tool(call) => {
            let mut response = json!({ "name": call.name, "response": { "result": text } });
            if !call.id.is_empty() {
                response["id"] = call.id.as_str().into();
            }
            json!({ "role": "user", "parts": [{ "functionResponse": response }] })
        }
    }
}

fn call_part(call: &ToolCall) -> Value {
    let mut function = json!({ "name": call.name, "args": call.arguments });
    if !call.id.is_empty() {
        function["id"] = call.id.as_str().into();
    }
    let mut part = json!({ "functionCall": function });
    if let Some(signature) = &call.signature {
        part["thoughtSignature"] = signature.as_str().into();
    }
    part
}

fn tool(tool: &Tool) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": tool.parameters,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    error: Option<ErrorBody>,
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<UsageBody>,
    model_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: String,
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
struct UsageBody {
    #[serde(default, rename = "promptTokenCount")]
    prompt: u64,
    #[serde(default, rename = "candidatesTokenCount")]
    candidates: u64,
    #[serde(default, rename = "thoughtsTokenCount")]
    thoughts: u64,
}

pub(super) fn take(draft: &mut Draft, body: &[u8], heard: &mut dyn FnMut(&str)) -> Result<bool, Garbled> {
    let piece: Piece = parse(body)?;
    if let Some(error) = piece.error {
        return Err(Garbled::Failed(error.status));
    }
    if let Some(usage) = piece.usage_metadata {
        draft.usage.input = usage.prompt;
        draft.usage.output = usage.candidates + usage.thoughts;
    }
    draft.model = piece.model_version.or(draft.model.take());
    if piece.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
        draft.ended = Some(Ended::Filtered);
    }
    let Some(candidate) = piece.candidates.into_iter().next() else { return Ok(false) };
    for part in candidate.content.map(|content| content.parts).unwrap_or_default() {
        take_part(draft, part, heard)?;
    }
    draft.ended = match candidate.finish_reason.as_deref() {
        None => draft.ended,
        Some("STOP") => Some(Ended::Stop),
        Some("MAX_TOKENS") => Some(Ended::Length),
        Some("MALFORMED_FUNCTION_CALL") => return Err(Garbled::Nonsense("a call that is none")),
        Some(_) => Some(Ended::Filtered),
    };
    Ok(false)
}

fn take_part(draft: &mut Draft, part: Part, heard: &mut dyn FnMut(&str)) -> Result<(), Garbled> {
    if let Some(text) = part.text.filter(|_| !part.thought) {
        draft.say(&text, heard);
    }
    let Some(FunctionCall { id, name, args }) = part.function_call else { return Ok(()) };
    draft.call(ToolCall { id, name, arguments: args, signature: part.thought_signature })
}

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
}

pub(super) fn listed(body: &[u8]) -> Result<Vec<Listed>, Garbled> {
    let all: Models = parse(body)?;
    let chats =
        |model: &Model| model.supported_generation_methods.iter().any(|method| method == "generateContent");
    let listed =
        |model: Model| Listed { name: model.name.trim_start_matches("models/").to_owned(), remote: None };
    Ok(all.models.into_iter().filter(chats).map(listed).collect())
}

#[derive(Deserialize)]
struct Refused {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Value>,
}

/// A wrong key is a 400 here, and how long to wait stands in the body.
pub(super) fn refusal(status: u16, body: &[u8], host: &str) -> Option<LlmError> {
    let refused: Refused = serde_json::from_slice(body).ok()?;
    let detail = |key: &str| refused.error.details.iter().find_map(|detail| detail[key].as_str());
    match status {
        400 if detail("reason") == Some("API_KEY_INVALID") => {
            Some(LlmError::Unauthorized { host: host.to_owned() })
        }
        429 => {
            let seconds = detail("retryDelay")?.strip_suffix('s')?.parse().ok()?;
            let retry_after = Duration::try_from_secs_f64(seconds).ok();
            Some(LlmError::RateLimited { host: host.to_owned(), retry_after })
        }
        _ => None,
    }
}
