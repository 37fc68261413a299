//! Text to speech: one [`Synthesize`] is answered by audio; a streamed text by audio and [`SynthesizeStopped`].
//!
//! A streaming client sends start, chunks, then a [`Synthesize`] with the whole text for servers that cannot
//! stream, then stop.

use serde::{Deserialize, Serialize};

use crate::event::kinds;

kinds! {
    Synthesize = "synthesize",
    SynthesizeStart = "synthesize-start",
    SynthesizeChunk = "synthesize-chunk",
    SynthesizeStop = "synthesize-stop",
    SynthesizeStopped = "synthesize-stopped",
}

/// Which voice speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SynthesizeVoice {
    /// Name of the voice in the server's info; goes before the language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Language of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// One of several speakers of the voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

/// A whole text to speak.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Synthesize {
    /// The text.
    pub text: String,
    /// The voice; absent when the pipeline names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<SynthesizeVoice>,
}

/// Opens a text that comes in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SynthesizeStart {
    /// The voice; absent when the pipeline names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<SynthesizeVoice>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SynthesizeChunk {
    /// The piece; a sentence may be cut anywhere.
    pub text: String,
}

/// Ends a text that came in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SynthesizeStop {}

/// Ends the audio of a text that came in pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SynthesizeStopped {}
