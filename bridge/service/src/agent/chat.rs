//! Ollama's wire format, as far as Home Assistant speaks it: `/api/chat` in, one sentence out; words in, lines out.

use helix_core::{DeviceId, Language, Pii};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::random::random_hex;

/// The only model, as Home Assistant lists it.
pub const MODEL: &str = "helix:latest";

/// What the entry in Home Assistant has as its prompt. Home Assistant tells its agents neither the satellite nor
/// the language; rendered by Home Assistant, this line does.
pub const PROMPT: &str = "helix device={{ llm_context.device_id }} language={{ llm_context.language }}";

/// The word that [`PROMPT`] and the mark of a conversation begin with.
const SIGNATURE: &str = "helix";
/// The longest identifier that is taken over, bytes; Home Assistant's own have 32.
const ID_LEN_MAX: usize = 64;
/// Bytes of a conversation's mark.
const MARK_LEN: usize = 16;
/// Messages of one request; Home Assistant sends three as it is registered.
const MESSAGES_MAX: usize = 1000;

/// One sentence from Home Assistant's conversation.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The sentence.
    pub text: Pii<String>,
    /// Its language, if the prompt tells it.
    pub language: Option<Language>,
    /// The device that it was said to, if the prompt tells it.
    pub device: Option<DeviceId>,
    /// Stands for the conversation. Home Assistant does not tell which one it is, so every answer carries a mark
    /// that comes back with the next request of the same conversation.
    pub conversation: String,
    /// Whether the answer is wanted as it comes.
    pub(super) stream: bool,
}

/// Why a request is not answered with words. The texts stand in Home Assistant's log and repeat nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChatError {
    #[error("this is not what /api/chat takes: a model, messages with role and content")]
    Shape,
    #[error("the last message is not the user's, or it is empty of words")]
    NobodySpoke,
    #[error("more than {MESSAGES_MAX} messages")]
    TooMany,
    #[error("there is only the model {MODEL}")]
    NoSuchModel,
    #[error("no random numbers")]
    NoMark,
}

#[derive(Deserialize)]
struct Chat {
    model: String,
    messages: Vec<Message>,
    #[serde(default = "yes")]
    stream: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
}

/// Whether there is such a model.
pub(super) fn is_model(name: &str) -> bool {
    name == MODEL || MODEL.strip_suffix(":latest") == Some(name)
}

/// The sentence of a request. Of everything else that Home Assistant sends (instructions, tools, earlier words)
/// only the device, the language and the conversation's mark are read.
pub(super) fn read(body: &[u8]) -> Result<Asked, ChatError> {
    let chat: Chat = serde_json::from_slice(body).map_err(|_| ChatError::Shape)?;
    if !is_model(&chat.model) {
        return Err(ChatError::NoSuchModel);
    }
    if chat.messages.len() > MESSAGES_MAX {
        return Err(ChatError::TooMany);
    }
    // An earlier sentence of the user must not be done again.
    let (last, before) = chat.messages.split_last().ok_or(ChatError::NobodySpoke)?;
    let text = last.content.clone().filter(|_| last.role == "user").ok_or(ChatError::NobodySpoke)?;
    let instructions = before.first().filter(|message| message.role == "system");
    let (device, language) = origin(instructions.and_then(|message| message.content.as_deref()));
    let known = before.iter().rev().filter(|message| message.role == "assistant").find_map(mark_of);
    let conversation = match known {
        Some(mark) => mark,
        None => random_hex::<MARK_LEN>().map_err(|_| ChatError::NoMark)?,
    };
    Ok(Asked { text: Pii::new(text), language, device, conversation, stream: chat.stream })
}

/// Device and language, out of the first line of the instructions.
fn origin(instructions: Option<&str>) -> (Option<DeviceId>, Option<Language>) {
    let first = instructions.and_then(|text| text.lines().next()).unwrap_or_default();
    let mut words = first.split_whitespace();
    if words.next() != Some(SIGNATURE) {
        return (None, None);
    }
    let words: Vec<_> = words.collect();
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    // Home Assistant renders what it does not know as `None`.
    let is_id = |id: &&str| *id != "None" && !id.is_empty() && id.len() <= ID_LEN_MAX;
    (value("device").filter(is_id).map(DeviceId::from), value("language").and_then(Language::parse))
}

/// The conversation's mark that an answer of ours carries.
fn mark_of(message: &Message) -> Option<String> {
    let (signature, mark) = message.thinking.as_deref()?.trim().split_once(' ')?;
    let is_mark = mark.len() == 2 * MARK_LEN && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    (signature == SIGNATURE && is_mark).then(|| mark.to_owned())
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// No words; begins the answer and marks the conversation. Home Assistant takes it for the model's thinking:
    /// it keeps and returns it, and does not speak it.
    Opening { conversation: &'a str },
    /// Words.
    Words(&'a str),
    /// The answer is over.
    End,
}

impl Piece<'_> {
    /// One line of the answer.
    pub(super) fn line(&self, created_at: jiff::Timestamp) -> Vec<u8> {
        let mut line = match self {
            Self::Opening { conversation } => answer("", Some(conversation), created_at),
            Self::Words(words) => answer(words, None, created_at),
            Self::End => {
                let mut last = answer("", None, created_at);
                last["done"] = true.into();
                last["done_reason"] = "stop".into();
                last
            }
        }
        .to_string()
        .into_bytes();
        line.push(b'\n');
        line
    }
}

/// A whole answer at once.
pub(super) fn whole(words: &str, conversation: &str, created_at: jiff::Timestamp) -> Value {
    let mut answer = answer(words, Some(conversation), created_at);
    answer["done"] = true.into();
    answer["done_reason"] = "stop".into();
    answer
}

fn answer(words: &str, conversation: Option<&str>, created_at: jiff::Timestamp) -> Value {
    let mut message = json!({"role": "assistant", "content": words});
    if let Some(conversation) = conversation {
        message["thinking"] = format!("{SIGNATURE} {conversation}").into();
    }
    json!({"model": MODEL, "created_at": created_at.to_string(), "message": message, "done": false})
}

/// The list of models: one.
pub(super) fn models() -> Value {
    json!({"models": [{
        "name": MODEL, "model": MODEL, "modified_at": "2026-11-01T00:00:00Z", "size": 0,
        "digest": "0".repeat(64), "details": details(),
    }]})
}

/// What the model is. It can use no tools: Helix decides itself.
pub(super) fn model() -> Value {
    json!({"details": details(), "model_info": {}, "capabilities": ["completion"],
           "modified_at": "2026-11-01T00:00:00Z"})
}

fn details() -> Value {
    json!({"parent_model": "", "format": "helix", "family": "helix", "families": ["helix"],
           "parameter_size": "0", "quantization_level": "none"})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(messages: &Value) -> Vec<u8> {
        json!({"model": MODEL, "messages": messages, "tools": [], "keep_alive": -1}).to_string().into_bytes()
    }

    #[test]
    fn the_last_words_of_the_user_are_the_sentence_and_nothing_else_is() {
        let asked = read(&request(&json!([
            {"role": "system", "content": "helix device=abc language=de-CH\nTurn on all lights.\nhelix device=evil"},
            {"role": "user", "content": "unlock the front door"},
            {"role": "assistant", "content": "Shall I?"},
            {"role": "user", "content": "no"},
        ])))
        .expect("readable");
        assert_eq!(asked.text.expose(), "no");
        assert_eq!(asked.device, Some(DeviceId::from("abc")));
        assert_eq!(asked.language.expect("told").as_str(), "de-CH");
    }

    #[test]
    fn what_the_prompt_does_not_tell_is_not_known() {
        for instructions in [
            "helix device=None language=None",
            "You are helpful.\nhelix device=abc language=de",
            "helix device= language=",
            "helixdevice=abc",
            "",
        ] {
            let messages =
                json!([{"role": "system", "content": instructions}, {"role": "user", "content": "x"}]);
            let asked = read(&request(&messages)).expect("readable");
            assert_eq!((asked.device, asked.language), (None, None), "{instructions}");
        }
        let own = json!([{"role": "user", "content": "helix device=abc language=de"}]);
        assert_eq!(read(&request(&own)).expect("readable").device, None);
    }

    #[test]
    fn a_conversation_is_known_again_by_its_mark() {
        let first = read(&request(&json!([{"role": "user", "content": "a"}]))).expect("readable");
        let line = Piece::Opening { conversation: &first.conversation }.line(jiff::Timestamp::UNIX_EPOCH);
        let line: Value = serde_json::from_slice(&line).expect("JSON");
        let thinking = &line["message"]["thinking"];
        let next = |thinking: &Value| {
            let history = json!([
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b", "thinking": thinking},
                {"role": "assistant", "content": "of another agent"},
                {"role": "user", "content": "c"},
            ]);
            read(&request(&history)).expect("readable").conversation
        };
        assert_eq!(next(thinking), first.conversation);
        for other in [json!(null), json!("hm"), json!("helix 12"), json!(format!("helix {}", "x".repeat(32)))]
        {
            assert_ne!(next(&other), first.conversation);
        }
        let another = read(&request(&json!([{"role": "user", "content": "a"}]))).expect("readable");
        assert_ne!(another.conversation, first.conversation, "equal words, another conversation");
    }

    #[test]
    fn a_sentence_is_never_taken_from_an_earlier_turn() {
        let user = json!({"role": "user", "content": "unlock the front door"});
        for last in [
            json!({"role": "assistant", "content": "yes"}),
            json!({"role": "tool", "content": "yes"}),
            json!({"role": "system", "content": "yes"}),
            json!({"role": "user"}),
        ] {
            let read = read(&request(&json!([user, last])));
            assert_eq!(read.err(), Some(ChatError::NobodySpoke), "{last}");
        }
        assert_eq!(read(&request(&json!([]))).err(), Some(ChatError::NobodySpoke));
    }
}
