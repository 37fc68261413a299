//! What three kinds of servers want to hear and what they answer: values in, bodies out, and back. No socket.

mod draft;
mod gemini;
mod ollama;
mod openai;

use helix_core::llm::{Answer, Chat, LlmError};
use helix_core::{Pii, llm::Capabilities};
use serde_json::Value;

use super::catalogue::{Family, Think};
pub(super) use draft::Draft;

/// The kind of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Ollama,
    Gemini,
    OpenAi,
}

/// A request: the path below the server's address, and the body; without one it is a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) path: String,
    pub(super) body: Option<Pii<String>>,
}

impl Wire {
    fn get(path: &str) -> Self {
        Self { path: path.to_owned(), body: None }
    }

    fn post(path: impl Into<String>, body: &Value) -> Self {
        Self { path: path.into(), body: Some(Pii::new(body.to_string())) }
    }
}

/// A chat and the model that it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) chat: &'a Chat,
    pub(super) stream: bool,
    pub(super) think: Option<Think>,
    /// Minutes; `None` is for ever.
    pub(super) keep_alive_min: Option<u64>,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Garbled {
    /// It is not what such a server sends.
    Nonsense(&'static str),
    /// The server says in it that it failed.
    Failed(String),
}

/// One model of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    /// The host that the server passes requests on to.
    pub(super) remote: Option<String>,
}

/// What a server says that a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) tools: bool,
    pub(super) thinking: bool,
}

impl Dialect {
    /// A stable word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
        }
    }

    /// The header that carries the key, and what stands before it there.
    pub(super) fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Gemini => ("x-goog-api-key", ""),
            Self::Ollama | Self::OpenAi => ("authorization", "Bearer "),
        }
    }

    pub(super) fn chat(self, asked: Asked<'_>) -> Wire {
        match self {
            Self::Ollama => ollama::chat(asked),
            Self::Gemini => gemini::chat(asked),
            Self::OpenAi => openai::chat(asked),
        }
    }

    /// Takes one line of a stream; true at its end. What may be heard goes to `heard`.
    pub(super) fn take_line(
        self,
        draft: &mut Draft,
        line: &[u8],
        heard: &mut dyn FnMut(&str),
    ) -> Result<bool, Garbled> {
        match self {
            Self::Ollama if line.trim_ascii().is_empty() => Ok(false),
            Self::Ollama => ollama::take(draft, line, heard),
            Self::Gemini | Self::OpenAi => match event(line) {
                Some(b"[DONE]") => Ok(true),
                Some(event) => self.take(draft, event, heard),
                None => Ok(false),
            },
        }
    }

    /// Takes one object: the whole answer or a piece of it; true if it is the last one for sure.
    fn take(self, draft: &mut Draft, body: &[u8], heard: &mut dyn FnMut(&str)) -> Result<bool, Garbled> {
        match self {
            Self::Ollama => ollama::take(draft, body, heard),
            Self::Gemini => gemini::take(draft, body, heard),
            Self::OpenAi => openai::take(draft, body, heard),
        }
    }

    /// Reads a whole answer.
    pub(super) fn answer(self, body: &[u8], model: &str) -> Result<Answer, Garbled> {
        let mut draft = Draft::default();
        self.take(&mut draft, body, &mut |_| ())?;
        draft.finish(model, &mut |_| ())
    }

    /// A request for one vector per text, where there is one.
    pub(super) fn embed(self, model: &str, texts: &[Pii<String>]) -> Option<Wire> {
        match self {
            Self::Ollama => Some(ollama::embed(model, texts)),
            Self::OpenAi => Some(openai::embed(model, texts)),
            Self::Gemini => None,
        }
    }

    /// The vectors, and the tokens read for them.
    pub(super) fn vectors(self, body: &[u8], wanted: usize) -> Result<Vec<Vec<f32>>, Garbled> {
        let vectors = match self {
            Self::Ollama => ollama::vectors(body)?,
            Self::OpenAi => openai::vectors(body)?,
            Self::Gemini => return Err(Garbled::Nonsense("vectors that nobody asked for")),
        };
        let len = vectors.first().map_or(0, Vec::len);
        let are_even = vectors.iter().all(|vector| vector.len() == len && len > 0);
        if vectors.len() == wanted && (are_even || wanted == 0) {
            Ok(vectors)
        } else {
            Err(Garbled::Nonsense("not one vector per text"))
        }
    }

    /// A request for the list of models.
    pub(super) fn list(self) -> Wire {
        match self {
            Self::Ollama => Wire::get("api/tags"),
            Self::Gemini => Wire::get("v1beta/models?pageSize=1000"),
            Self::OpenAi => Wire::get("models"),
        }
    }

    pub(super) fn listed(self, body: &[u8]) -> Result<Vec<Listed>, Garbled> {
        match self {
            Self::Ollama => ollama::listed(body),
            Self::Gemini => gemini::listed(body),
            Self::OpenAi => openai::listed(body),
        }
    }

    /// A request for what a model can do, where the server tells it.
    pub(super) fn show(self, model: &str) -> Option<Wire> {
        match self {
            Self::Ollama => Some(ollama::show(model)),
            Self::Gemini | Self::OpenAi => None,
        }
    }

    /// Whether the list is all that there is: llama.cpp takes any name for the model that it has loaded.
    pub(super) fn lists_all(self) -> bool {
        match self {
            Self::Ollama | Self::Gemini => true,
            Self::OpenAi => false,
        }
    }

    pub(super) fn capabilities(self, family: &Family, abilities: Option<Abilities>) -> Capabilities {
        Capabilities {
            schema: family.schema,
            // A name may promise what the template of this very model does not have.
            tools: abilities.map_or(family.tools, |abilities| abilities.tools && family.tools),
            stream: true,
            embed: self != Self::Gemini,
        }
    }

    /// What to do about a model that is missing.
    pub(super) fn cure(self, model: &str) -> String {
        match self {
            Self::Ollama => format!("get it with: ollama pull {model}"),
            Self::Gemini | Self::OpenAi => "name one that it has".to_owned(),
        }
    }

    /// What an error's body means beyond its status, if it means more.
    pub(super) fn refusal(self, status: u16, body: &[u8], host: &str, model: &str) -> Option<LlmError> {
        match self {
            Self::Ollama => ollama::refusal(status, body, model),
            Self::Gemini => gemini::refusal(status, body, host),
            Self::OpenAi => None,
        }
    }
}

pub(super) use ollama::abilities;

/// The data of a line of server-sent events.
fn event(line: &[u8]) -> Option<&[u8]> {
    let event = line.strip_prefix(b"data:")?.trim_ascii();
    (!event.is_empty()).then_some(event)
}

fn parse<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Garbled> {
    serde_json::from_slice(body).map_err(|_| Garbled::Nonsense("broken JSON"))
}

/// Arguments as an object: some models write them as JSON in a text.
fn arguments(value: Value) -> Result<serde_json::Map<String, Value>, Garbled> {
    match value {
        Value::Object(arguments) => Ok(arguments),
        Value::Null => Ok(serde_json::Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(serde_json::Map::new()),
        Value::String(text) => parse(text.as_bytes()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(Garbled::Nonsense("a call whose arguments are none"))
        }
    }
}

#[cfg(test)]
mod tests;
