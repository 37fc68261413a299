//! Why the bridge did not do what a runner asked.

use helix_contract::api::RefusalV1;
use helix_contract::{WireError, decode};
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

/// Why the bridge did not do what a runner asked.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// Nobody answers, or the connection broke.
    #[error("the bridge is away: {0}")]
    Away(String),
    /// The token of the runner cannot be read.
    #[error("the runner's token cannot be read: {0}")]
    Token(String),
    /// The bridge says no.
    #[error("the bridge refuses ({status}, {code}): {message}")]
    Refused {
        /// Of the answer.
        status: u16,
        /// Of the refusal.
        code: String,
        /// What happened and what to do.
        message: String,
    },
    /// An answer or a request that is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl BridgeError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Away(_) => "runner-bridge-away",
            Self::Token(_) => "runner-token",
            Self::Refused { .. } => "runner-refused",
            Self::Wire(error) => error.code(),
        }
    }

    /// Whether asking again may help: the bridge is away, or busy.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Token(_) | Self::Wire(_) => false,
        }
    }

    pub(super) fn refused(answer: &Response<Bytes>) -> Self {
        let status = answer.status();
        let unexplained = || {
            let message = match status {
                StatusCode::UNAUTHORIZED => "check the runner's token",
                _ => "the answer has no explanation",
            };
            RefusalV1 {
                version: helix_contract::V1,
                code: "unexplained".to_owned(),
                message: message.to_owned(),
            }
        };
        let refusal = decode(answer.body()).unwrap_or_else(|_| unexplained());
        Self::Refused { status: status.as_u16(), code: refusal.code, message: refusal.message }
    }
}
