//! What the Wyoming server needs from the rest of Helix, as a port.

use std::fmt;
use std::future::Future;

use futures_util::stream::BoxStream;
use helix_core::home::Caller;
use helix_core::{Language, Pii};

use super::audio::AudioReceiver;

/// What stands behind the Wyoming server.
pub trait Voice: Send + Sync + 'static {
    /// Listens to one utterance. Returns when the utterance is over, also before the audio is: Home Assistant
    /// then stops sending. Dropped when the client goes away.
    fn listen(
        &self,
        audio: AudioReceiver,
        language: Option<Language>,
    ) -> impl Future<Output = ListenReply> + Send;

    /// Answers one sentence from Home Assistant's conversation. Dropped when the client goes away, and after
    /// [`Settings::respond_limit`](super::Settings::respond_limit); then [`Voice::rescue_text`] is the answer.
    fn respond(&self, request: HandleRequest) -> impl Future<Output = HandleReply> + Send;

    /// Speaks a text.
    fn speak(&self, request: SpeakRequest) -> impl Future<Output = Result<Spoken, SpeakError>> + Send;

    /// Says that an answer took too long.
    fn rescue_text(&self, language: Option<&Language>) -> String;

    /// Says that too many people speak at once.
    fn busy_text(&self, language: Option<&Language>) -> String;

    /// Says that a text is too long to be understood or spoken.
    fn too_long_text(&self, language: Option<&Language>) -> String;

    /// Says that Helix is being stopped.
    fn stopping_text(&self, language: Option<&Language>) -> String;
}

/// One sentence from Home Assistant's conversation.
#[derive(Debug, Clone)]
pub struct HandleRequest {
    /// The sentence.
    pub text: Pii<String>,
    /// Its language; `None` if Home Assistant named none, or none that is a language tag.
    pub language: Option<Language>,
    /// The same over the turns of a conversation. Never to be used towards Home Assistant: it belongs to the
    /// caller there.
    pub conversation_id: Option<String>,
    /// Where it was said.
    pub caller: Caller,
}

/// The answer to a sentence; the text is spoken.
#[derive(Clone, PartialEq, Eq)]
pub enum HandleReply {
    /// Done, or answered.
    Handled(String),
    /// Understood, but not done.
    NotHandled(String),
    /// Not understood.
    NotRecognized(String),
}

impl fmt::Debug for HandleReply {
    /// Prints no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handled(_) => "Handled",
            Self::NotHandled(_) => "NotHandled",
            Self::NotRecognized(_) => "NotRecognized",
        })
    }
}

/// What was heard.
#[derive(Clone, PartialEq, Eq)]
pub enum ListenReply {
    /// The words; empty if nothing was said.
    Text(String),
    /// There are no words, and why.
    Failed {
        /// A stable code, such as `stt-engine-died`.
        code: &'static str,
        /// For people.
        text: String,
    },
}

impl fmt::Debug for ListenReply {
    /// Prints no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::Failed { code, .. } => write!(f, "Failed({code})"),
        }
    }
}

/// A text to speak.
#[derive(Debug, Clone)]
pub struct SpeakRequest {
    /// The text; never empty.
    pub text: Pii<String>,
    /// Name of a voice out of the server's info.
    pub voice: Option<String>,
    /// Language of the text, where the client names one.
    pub language: Option<Language>,
}

/// Mono samples, signed 16 bit, as they are made.
pub type Pcm = BoxStream<'static, Result<Vec<i16>, SpeakError>>;

/// A text as it is being spoken.
pub struct Spoken {
    /// Samples per second.
    pub rate: u32,
    /// The samples; dropping them ends the synthesis.
    pub samples: Pcm,
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spoken").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Why a text is not spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    /// Helix offers no voice: Home Assistant has its own.
    #[error("no voice is offered here: choose Home Assistant's own text-to-speech engine in the pipeline")]
    NoVoice,
    /// The program that speaks failed.
    #[error(transparent)]
    Espeak(#[from] super::EspeakError),
}

impl SpeakError {
    /// A stable code for logs, metrics and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoVoice => "tts-no-voice",
            Self::Espeak(error) => error.code(),
        }
    }
}
