//! Handling of a sentence: its words come as [`Transcript`](crate::asr::Transcript), the answer is one of these.
//!
//! Home Assistant 2026.11 ignores the streamed answers and then waits for ever: always send [`Handled`].

use serde::{Deserialize, Serialize};

use crate::event::kinds;

kinds! {
    Handled = "handled",
    NotHandled = "not-handled",
    NotRecognized = "not-recognized",
    HandledStart = "handled-start",
    HandledChunk = "handled-chunk",
    HandledStop = "handled-stop",
}

/// Done; the text is spoken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Handled {
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Understood but not done; Home Assistant makes an error `failed_to_handle` of it and speaks the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NotHandled {
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Not understood; Home Assistant makes an error `no_intent_match` of it and speaks the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NotRecognized {
    /// What to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Opens an answer that comes in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HandledStart {}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HandledChunk {
    /// What to say.
    pub text: String,
}

/// Ends an answer that came in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HandledStop {}
