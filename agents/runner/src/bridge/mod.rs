//! The bridge as a runner sees it: leases, renews and gives back tasks over HTTP, and opens channels for its agents.

mod address;
mod channel;
mod error;

use std::path::PathBuf;
use std::time::Duration;

use helix_contract::api::{self, path};
use helix_contract::{AgentName, Failure, Name, V1, Wire, decode, encode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

pub use address::{AddressError, BridgeAddress};
pub use channel::{Channel, Dialer};
pub use error::BridgeError;

/// How long the bridge may take for an answer that it need not wait for.
const ANSWER: Duration = Duration::from_secs(5);
/// A token is one line.
const TOKEN_LEN_MAX: u64 = 4 * 1024;

/// The bridge.
#[derive(Debug)]
pub struct Bridge {
    dialer: Dialer,
    /// Read anew for each request, so that a new token needs no new runner.
    token_file: PathBuf,
    name: Name,
    waiting: Mutex<Channel>,
    keeping: Mutex<Channel>,
}

/// A task for this runner.
#[derive(Debug)]
pub struct Lease {
    /// The task, its attempt and the agent's token.
    pub assignment: api::AssignmentV1,
    /// The bridge's time when it answered.
    pub at: Option<Timestamp>,
}

impl Bridge {
    /// The bridge behind `dialer`, for a runner of this name.
    pub fn new(dialer: Dialer, token_file: PathBuf, name: Name) -> Self {
        let channel = || Mutex::new(Channel::new(dialer.clone()));
        Self { waiting: channel(), keeping: channel(), dialer, token_file, name }
    }

    /// A connection of its own for one agent.
    pub fn channel(&self) -> Channel {
        Channel::new(self.dialer.clone())
    }

    /// Waits for a task; nothing if none came in `wait`.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub async fn lease(&self, agents: &[AgentName], wait: Duration) -> Result<Option<Lease>, BridgeError> {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let request =
            api::LeaseRequestV1 { version: V1, runner: self.name.clone(), agents: agents.to_vec(), wait_ms };
        let answer = self.ask(&self.waiting, path::LEASE, &request, wait + ANSWER).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let at = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok()).and_then(date);
        Ok(Some(Lease { assignment: decode(answer.body())?, at }))
    }

    /// Keeps these tasks, and learns which are to be stopped.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub async fn keep(&self, tasks: Vec<api::TaskAttempt>) -> Result<Vec<api::TaskAttempt>, BridgeError> {
        let request = api::KeepRequestV1 { version: V1, runner: self.name.clone(), tasks };
        let answer = self.ask(&self.keeping, path::KEEP, &request, ANSWER).await?;
        Ok(decode::<api::KeepAnswerV1>(answer.body())?.stop)
    }

    /// Gives a task back: without a failure, it was not begun. Says whether it will be begun anew.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub async fn give_back(
        &self,
        of: api::TaskAttempt,
        failure: Option<Failure>,
        image: Option<api::ImageTrouble>,
        reason: &str,
    ) -> Result<bool, BridgeError> {
        let end = reason.floor_char_boundary(REASON_LEN_MAX);
        let reason = reason[..end].to_owned();
        let request = api::ReturnRequestV1 { version: V1, of, failure, image, reason };
        let answer = self.ask(&self.keeping, path::RETURN, &request, ANSWER).await?;
        Ok(decode::<api::GaveBackV1>(answer.body())?.again)
    }

    async fn ask<T: Wire>(
        &self,
        channel: &Mutex<Channel>,
        path: &str,
        message: &T,
        timeout: Duration,
    ) -> Result<Response<Bytes>, BridgeError> {
        let token = self.token().await?;
        let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| BridgeError::Token("it holds characters that no token has".to_owned()))?;
        bearer.set_sensitive(true);
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, self.dialer.host())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, bearer)
            .body(Full::new(Bytes::from(encode(message)?)))
            .map_err(|error| BridgeError::Away(error.to_string()))?;
        let answer = channel.lock().await.send(request, timeout).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(BridgeError::refused(&answer)) }
    }

    async fn token(&self) -> Result<SecretString, BridgeError> {
        let wrong = |reason: String| BridgeError::Token(format!("{}: {reason}", self.token_file.display()));
        let len =
            tokio::fs::metadata(&self.token_file).await.map_err(|error| wrong(error.to_string()))?.len();
        if len > TOKEN_LEN_MAX {
            return Err(wrong(format!("has {len} bytes, a token is one line")));
        }
        let text =
            tokio::fs::read_to_string(&self.token_file).await.map_err(|error| wrong(error.to_string()))?;
        match text.trim() {
            "" => Err(wrong("is empty".to_owned())),
            token => Ok(SecretString::from(token)),
        }
    }
}

/// What the contract allows a reason to have.
const REASON_LEN_MAX: usize = 1024;

fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_the_bridges_time() {
        let expected: Timestamp = "2026-11-21T18:00:05Z".parse().expect("a time");
        assert_eq!(date("Sat, 21 Nov 2026 18:00:05 GMT"), Some(expected));
        assert_eq!(date("yesterday"), None);
    }
}
