//! The one place where an error becomes speech.

use super::{Reply, Sentence};
use crate::Language;
use crate::home::HomeError;
use crate::llm::LlmError;
use crate::transcribe::RecognizeError;

/// Why a run could not end as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Home Assistant could not be asked or told.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// There is no transcript.
    #[error(transparent)]
    Recognize(#[from] RecognizeError),
    /// The language model did not answer.
    #[error(transparent)]
    Model(#[from] LlmError),
    /// The whole run took longer than its limit.
    #[error("the run took too long")]
    TookTooLong,
    /// Too many runs at once.
    #[error("too many runs at once")]
    Busy,
}

impl RunError {
    /// A stable code for logs, metrics and scripts.
    pub fn code(&self) -> &'static str {
        self.sentence().key()
    }

    fn sentence(&self) -> Sentence {
        match self {
            Self::Home(HomeError::NotConnected { .. }) => Sentence::HomeNotConnected,
            Self::Home(HomeError::Starting) => Sentence::HomeStarting,
            Self::Home(HomeError::TokenRefused) => Sentence::HomeTokenRefused,
            Self::Home(HomeError::NotAdmin) => Sentence::HomeNotAdmin,
            Self::Home(HomeError::TooOld { found, needed }) => {
                Sentence::HomeTooOld { found: found.clone(), needed: needed.clone() }
            }
            Self::Home(HomeError::MatcherChanged(_)) => Sentence::HomeMatcherChanged,
            Self::Home(HomeError::Timeout { .. }) => Sentence::HomeTimeout,
            Self::Home(HomeError::Rejected { .. }) => Sentence::HomeRejected,
            Self::Recognize(RecognizeError::Died) => Sentence::SttDied,
            Self::Recognize(RecognizeError::Unavailable(_)) => Sentence::SttUnavailable,
            Self::Recognize(RecognizeError::Loading) => Sentence::SttLoading,
            Self::Recognize(RecognizeError::Busy) => Sentence::SttBusy,
            Self::Recognize(RecognizeError::Timeout) => Sentence::SttTimeout,
            Self::Model(error) => Sentence::from(error),
            Self::TookTooLong => Sentence::TookTooLong,
            Self::Busy => Sentence::Busy,
        }
    }
}

impl From<&LlmError> for Sentence {
    fn from(error: &LlmError) -> Self {
        match error {
            LlmError::NotConfigured => Self::CannotAnswer,
            LlmError::Unreachable { .. } => Self::LlmUnreachable,
            LlmError::Timeout { .. } => Self::LlmSlow,
            LlmError::Busy => Self::LlmBusy,
            LlmError::Unauthorized { .. } => Self::LlmKeyRefused,
            LlmError::ModelMissing { model, .. } => Self::LlmModelMissing { name: model.clone() },
            LlmError::RateLimited { .. } => Self::LlmRateLimited,
            LlmError::Rejected { .. }
            | LlmError::Server { .. }
            | LlmError::Nonsense { .. }
            | LlmError::TooLong { .. }
            | LlmError::Unable { .. } => Self::LlmNonsense,
            LlmError::Budget { .. } => Self::LlmBudget,
            LlmError::NotPermitted(_) => Self::LlmNotPermitted,
        }
    }
}

impl Reply {
    /// Turns an error into an honest sentence.
    pub fn rescue(error: &RunError, language: &Language) -> Self {
        Self::say(&error.sentence(), language)
    }
}
