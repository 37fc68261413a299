//! Speech to text: audio is announced by [`Transcribe`], its words come back as [`Transcript`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::kinds;

kinds! {
    Transcribe = "transcribe",
    Transcript = "transcript",
    TranscriptStart = "transcript-start",
    TranscriptChunk = "transcript-chunk",
    TranscriptStop = "transcript-stop",
}

/// Asks for a transcript of the audio that follows.
///
/// Home Assistant 2026.11 fills in the language only.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcribe {
    /// Name of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Language of the speech.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How soon a pause ends the command: `default`, `relaxed` or `aggressive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vad_sensitivity: Option<String>,
    /// Names that are likely to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript_names: Option<Vec<String>>,
    /// Words that are likely to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript_terms: Option<Vec<String>>,
}

/// What was said. Home Assistant also sends it *to* a conversation agent, with a [`Context`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// Their language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where they were said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
}

/// What Home Assistant knows of a sentence that it passes on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Context {
    /// A ULID, or whatever the caller of Home Assistant chose; the same over the turns of a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// Registry device of the satellite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Entity of the satellite, `assist_satellite.…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellite_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Opens a transcript that comes in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TranscriptStart {
    /// Language of the pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A piece of a transcript.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TranscriptChunk {
    /// The words.
    pub text: String,
}

/// Ends a transcript that came in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TranscriptStop {}
