//! Why a request is not served: a status for programs, a code and a sentence for people. Nothing of the request is repeated.

use std::time::Duration;

use helix_contract::api::RefusalV1;
use helix_contract::{V1, WireError, encode};
use helix_core::home::HomeError;
use helix_core::llm::LlmError;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::ToolAway;
use super::desk::Unassignable;
use super::scope::Forbidden;
use super::token::TokenError;
use crate::tasks::{Limit, TaskError};

/// When a database that is away is asked again.
const DATABASE_RETRY: Duration = Duration::from_secs(2);
/// When a bridge that is being stopped is likely to be back.
const STOPPING_RETRY: Duration = Duration::from_secs(2);
const UNDER_WAY_RETRY: Duration = Duration::from_secs(1);
/// When a home that is away, or still starting, is asked again.
const HOME_RETRY: Duration = Duration::from_secs(5);

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
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("the task has taken as much as it may of its {}; end it with what there is", limit_of(*.0))]
    Spent(Limit),
    #[error("another request was answered under this number; go on with the next one")]
    OtherRequest,
    #[error("this very call is under way; ask again for its answer")]
    UnderWay,
    #[error("the agent is defined to do without a language model")]
    NoModel,
    #[error("a message of a tool names no call that it answers; send the call with it")]
    Unanswered,
    #[error(transparent)]
    Model(LlmError),
    #[error(transparent)]
    Tool(ToolAway),
    #[error(transparent)]
    Home(HomeError),
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
            Self::Forbidden(error) => (StatusCode::FORBIDDEN, error.code(), None),
            Self::Spent(limit) => (StatusCode::FORBIDDEN, code_of(*limit), None),
            Self::NoModel => (StatusCode::FORBIDDEN, "scope-no-model", None),
            Self::OtherRequest => (StatusCode::CONFLICT, "call-other", None),
            Self::UnderWay => (StatusCode::TOO_MANY_REQUESTS, "call-under-way", Some(UNDER_WAY_RETRY)),
            Self::Unanswered => (StatusCode::UNPROCESSABLE_ENTITY, "chat-unanswered", None),
            Self::Model(error) => of_model(error),
            Self::Tool(away) => (StatusCode::SERVICE_UNAVAILABLE, away.code, Some(away.retry_after)),
            Self::Home(error) => (StatusCode::SERVICE_UNAVAILABLE, error.code(), Some(HOME_RETRY)),
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

/// Later, if somebody may have helped until then; never, if the task itself stands against it.
fn of_model(error: &LlmError) -> (StatusCode, &'static str, Option<Duration>) {
    let later = |status, seconds| (status, error.code(), Some(Duration::from_secs(seconds)));
    match error {
        LlmError::Busy => later(StatusCode::TOO_MANY_REQUESTS, 2),
        LlmError::RateLimited { retry_after, .. } => {
            later(StatusCode::TOO_MANY_REQUESTS, retry_after.map_or(30, |after| after.as_secs()))
        }
        LlmError::Nonsense { .. } | LlmError::TooLong { .. } => later(StatusCode::SERVICE_UNAVAILABLE, 1),
        LlmError::Unreachable { .. } | LlmError::Timeout { .. } | LlmError::Server { .. } => {
            later(StatusCode::SERVICE_UNAVAILABLE, 10)
        }
        LlmError::NotConfigured | LlmError::ModelMissing { .. } | LlmError::Unauthorized { .. } => {
            later(StatusCode::SERVICE_UNAVAILABLE, 60)
        }
        LlmError::Rejected { .. }
        | LlmError::Budget { .. }
        | LlmError::NotPermitted(_)
        | LlmError::Unable { .. } => (StatusCode::FORBIDDEN, error.code(), None),
    }
}

fn limit_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Tokens => "tokens",
        Limit::Money => "money",
        Limit::ToolCalls => "calls of tools",
    }
}

fn code_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Tokens => "limit-tokens",
        Limit::Money => "limit-money",
        Limit::ToolCalls => "limit-tool-calls",
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
