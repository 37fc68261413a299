//! Why a request is not served: a status for programs, a code and a sentence for people. Nothing of the request is repeated.

use std::time::Duration;

use helix_contract::api::RefusalV1;
use helix_contract::{V1, WireError, encode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::desk::Unassignable;
use super::token::TokenError;
use crate::tasks::TaskError;

/// When a database that is away is asked again.
const DATABASE_RETRY: Duration = Duration::from_secs(2);
/// When a bridge that is being stopped is likely to be back.
const STOPPING_RETRY: Duration = Duration::from_secs(2);

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is nothing at this address")]
    NotFound,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the task has ended, or somebody else has begun it: stop")]
    Over,
    #[error("the message is too large; {max} bytes are allowed")]
    TooLarge { max: usize },
    #[error("the message came too slowly or broke off; send it again")]
    BrokenOff,
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the output does not follow the schema of the task; send one that does, or a failure")]
    Schema,
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error(transparent)]
    Unassignable(#[from] Unassignable),
    #[error("the bridge is being stopped; ask again")]
    Stopping,
}

impl Refusal {
    /// Status, stable code, and when to ask again where that may help.
    fn told(&self) -> (StatusCode, &'static str, Option<Duration>) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "gateway-path", None),
            Self::Token(error) => (StatusCode::UNAUTHORIZED, error.code(), None),
            Self::Over => (StatusCode::GONE, "task-over", None),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "contract-too-large", None),
            Self::BrokenOff => (StatusCode::REQUEST_TIMEOUT, "gateway-slow", None),
            Self::Wire(error @ WireError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, error.code(), None)
            }
            Self::Wire(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.code(), None),
            Self::Schema => (StatusCode::UNPROCESSABLE_ENTITY, "result-schema", None),
            Self::Task(error) => of_book(error),
            Self::Unassignable(error) => match error {
                Unassignable::Unknown | Unassignable::Wire(_) => {
                    (StatusCode::GONE, "task-unassignable", None)
                }
                Unassignable::Definitions(_) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "definitions-failed", Some(DATABASE_RETRY))
                }
            },
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "gateway-stopping", Some(STOPPING_RETRY)),
        }
    }

    pub(super) fn code(&self) -> &'static str {
        self.told().1
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        // The contract's limit of a message, and then some: a path of a file may stand in it.
        let message = self.to_string().chars().take(500).collect();
        let (status, code, retry_after) = self.told();
        let body = RefusalV1 { version: V1, code: code.to_owned(), message };
        let mut response = json(status, encode(&body).unwrap_or_default());
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

fn of_book(error: &TaskError) -> (StatusCode, &'static str, Option<Duration>) {
    match error {
        TaskError::Conflict { .. } => (StatusCode::CONFLICT, error.code(), None),
        TaskError::Unreadable { .. } => (StatusCode::GONE, error.code(), None),
        TaskError::Wire(_) => (StatusCode::UNPROCESSABLE_ENTITY, error.code(), None),
        TaskError::QueueFull { .. }
        | TaskError::TooLate { .. }
        | TaskError::Store(_)
        | TaskError::Postgres(_) => (StatusCode::SERVICE_UNAVAILABLE, error.code(), Some(DATABASE_RETRY)),
    }
}

/// An answer with a body of the contract.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
pub(super) fn no_content() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
