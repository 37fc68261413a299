//! One text frame as Home Assistant sends it: a message, or (once asked for) an array of messages.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A message of Home Assistant; which fields it has depends on `kind`.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) id: Option<u64>,
    #[serde(default)]
    pub(crate) ha_version: Option<String>,
    #[serde(rename = "message", default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) success: bool,
    #[serde(borrow, default)]
    pub(crate) result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) event: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) error: Option<Refusal>,
}

/// Why Home Assistant refused a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) code: Code,
    #[serde(default)]
    pub(crate) message: String,
}

/// A code is a word, but a number in one place (`{"code": 3}` of the built-in web socket panel).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Code {
    Word(String),
    Number(i64),
}

impl Default for Code {
    fn default() -> Self {
        Self::Word("unknown_error".into())
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        match code {
            Code::Word(word) => word,
            Code::Number(number) => number.to_string(),
        }
    }
}

/// Reads a frame.
pub(crate) fn messages(frame: &str) -> Result<Vec<Message<'_>>, serde_json::Error> {
    if frame.trim_ascii_start().starts_with('[') {
        serde_json::from_str(frame)
    } else {
        Ok(vec![serde_json::from_str(frame)?])
    }
}
