//! What was asked for and is too big for now, or is to be remembered: kept word for word until somebody can do it.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::reply::Sentence;
use crate::{Language, Pii};

/// How long a request is kept, days.
pub const KEPT_DAYS: u16 = 30;
/// Requests that are kept at once; more are refused in words.
pub const KEPT_MAX: u32 = 1000;

/// What is to become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A task.
    Delegate,
    /// Something to keep in mind.
    Remember,
}

impl Kind {
    /// The word of its route.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delegate => "delegate",
            Self::Remember => "remember",
        }
    }

    /// What is said once it is kept.
    pub(crate) fn kept(self) -> Sentence {
        let days = KEPT_DAYS.to_string();
        match self {
            Self::Delegate => Sentence::CannotDelegate { days },
            Self::Remember => Sentence::CannotRemember { days },
        }
    }
}

/// A request that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRequest {
    /// The words as they were said.
    pub words: Pii<String>,
    /// Their language.
    pub language: Language,
    /// Where they were said, as Home Assistant calls the satellite or the device.
    pub place: Option<String>,
    /// What is to become of it.
    pub kind: Kind,
}

/// Why a request is not kept; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RequestError(pub String);

/// Where requests are kept. What was added is durable before it completes.
pub trait RequestBook: fmt::Debug + Send + Sync + 'static {
    /// Keeps a request; its id.
    fn add<'a>(&'a self, request: &'a NewRequest) -> BoxFuture<'a, Result<String, RequestError>>;
}
