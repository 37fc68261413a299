//! Speech to text as a port: 16 kHz mono samples in, a transcript out.

use std::future::Future;
use std::sync::Arc;

use crate::{Language, Pii};

/// Samples per second of all audio inside Helix (mono, signed 16 bit).
pub const SAMPLE_RATE: u32 = 16_000;

/// Which of two waiting decodes goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The speaker may still go on; the result is thrown away if so.
    Speculative,
    /// The utterance is over and somebody waits; preempts speculative decodes.
    Final,
}

/// One decode asked of the recogniser.
#[derive(Clone)]
pub struct DecodeRequest {
    /// 16 kHz mono samples, shared so that a speculative decode costs no copy.
    pub samples: Arc<[i16]>,
    /// The language of the pipeline.
    pub language: Language,
    /// Speculative or final.
    pub priority: Priority,
}

impl std::fmt::Debug for DecodeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodeRequest")
            .field("samples_len", &self.samples.len())
            .field("language", &self.language)
            .field("priority", &self.priority)
            .finish()
    }
}

/// What was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The words; empty if nothing was said (punctuation alone counts as nothing).
    pub text: Pii<String>,
    /// Time the engine took, milliseconds.
    pub decode_ms: u32,
}

/// Why there is no transcript.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum RecognizeError {
    /// The child ended in mid-decode and could not be restarted in time.
    #[error("the speech engine stopped while it decoded")]
    Died,
    /// No engine can be had: model missing, wrong format, CPU not supported. The text says what to do.
    #[error("the speech engine is not available: {0}")]
    Unavailable(String),
    /// The model is still being loaded.
    #[error("the speech engine is still loading its model")]
    Loading,
    /// The queue in front of the engine was full for longer than its fail-fast time.
    #[error("the speech engine is busy")]
    Busy,
    /// The engine did not answer in time.
    #[error("the speech engine took too long")]
    Timeout,
}

impl RecognizeError {
    /// A stable code for logs, metrics and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Died => "stt-engine-died",
            Self::Unavailable(_) => "stt-engine-unavailable",
            Self::Loading => "stt-engine-loading",
            Self::Busy => "stt-engine-busy",
            Self::Timeout => "stt-engine-timeout",
        }
    }

    /// Whether the same request may succeed in a moment.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Died | Self::Loading | Self::Busy | Self::Timeout => true,
            Self::Unavailable(_) => false,
        }
    }
}

/// A speech-to-text engine.
pub trait Recognizer: Send + Sync + 'static {
    /// Transcribes the samples. Dropping the future aborts the decode.
    fn transcribe(
        &self,
        request: DecodeRequest,
    ) -> impl Future<Output = Result<Transcript, RecognizeError>> + Send;
}

/// A voice activity detector; one value per stream, it keeps state between frames.
pub trait VoiceActivity: Send + 'static {
    /// Probability, 0 to 1, that the frame of [`VAD_FRAME_LEN`] samples holds speech.
    fn probability(&mut self, frame: &[i16]) -> f32;
}

/// Samples per voice activity frame: 16 ms at 16 kHz, what earshot takes.
pub const VAD_FRAME_LEN: usize = 256;
