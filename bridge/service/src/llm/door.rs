//! The way to one server: a request in, bounded bytes out. What leaves the house passes the ledger first, word for word;
//! nothing is followed anywhere else, and nothing is waited for without a limit.

use std::time::Duration;

use helix_core::Pii;
use helix_core::egress::{Denied, Egress, EgressOutcome, Ledger, Permit, is_local};
use helix_core::llm::{LlmError, Origin};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::dialect::{Dialect, Wire};
use super::lines::Lines;

/// An error's body is read as far as this, bytes.
const ERROR_LEN_MAX: usize = 64 * 1024;
/// An error's body is waited for so long.
const ERROR_LIMIT: Duration = Duration::from_secs(2);

/// Limits of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To make a connection.
    pub connect: Duration,
    /// Without a byte of a stream.
    pub idle: Duration,
    /// The longest body, bytes: a stream of 4,000 tokens has half a megabyte.
    pub body_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), idle: Duration::from_secs(30), body_max: 4 << 20 }
    }
}

/// Why no door can be made.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The address is none.
    #[error("{address} is not an address; one such as http://192.168.1.5:11434 is needed")]
    Address {
        /// As it was given.
        address: String,
    },
    /// The key holds what no header may hold.
    #[error("the key holds characters that no key has; paste it again")]
    Key,
    /// No client can be made.
    #[error("no connection can be made in this process: {0}")]
    Client(String),
}

/// One server.
#[derive(Debug)]
pub(super) struct Door {
    client: Client,
    base: Url,
    host: String,
    outside: bool,
    ledger: Option<Ledger>,
    limits: Limits,
    dialect: Dialect,
}

/// A request that may go.
#[derive(Debug)]
pub(super) struct Going {
    url: Url,
    body: Option<Pii<String>>,
    permit: Option<Permit>,
}

impl Door {
    pub(super) fn new(
        dialect: Dialect,
        address: &str,
        key: Option<&SecretString>,
        ledger: Option<Ledger>,
        limits: Limits,
    ) -> Result<Self, DoorError> {
        let mut base = check_address(address)?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let host = base.host_str().unwrap_or_default().to_owned();
        let outside = !is_local(&host);
        let mut builder = Client::builder()
            .user_agent(concat!("helix/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(limits.connect)
            .default_headers(key_header(dialect, key)?);
        if !outside {
            // What stays at home does not take the way over a proxy, which may be anywhere.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| DoorError::Client(cause(&error)))?;
        Ok(Self { client, base, host, outside, ledger, limits, dialect })
    }

    /// The host without its port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether the server itself lies outside.
    pub(super) fn is_outside(&self) -> bool {
        self.outside
    }

    /// Lets a request go, after it was written down if it leaves the house: to the server, or through it to `onwards`.
    pub(super) async fn permit(
        &self,
        wire: Wire,
        origin: &Origin,
        onwards: Option<&str>,
    ) -> Result<Going, LlmError> {
        let host = self.host.as_str();
        let url = self.base.join(&wire.path).map_err(|_| rejected(host, "its address does not fit"))?;
        if !self.outside && onwards.is_none() {
            return Ok(Going { url, body: wire.body, permit: None });
        }
        let no_ledger = || Denied::Ledger("there is no database".to_owned());
        let ledger = self.ledger.as_ref().ok_or_else(no_ledger)?;
        let is_get = wire.body.is_none();
        let egress = Egress {
            run: origin.run.clone(),
            host: onwards.unwrap_or(host).to_owned(),
            purpose: origin.purpose,
            privacy: origin.privacy,
            passive: origin.passive,
            asked: origin.asked,
            body: wire.body.unwrap_or_default(),
        };
        let permit = ledger.permit(egress).await?;
        let body = (!is_get).then(|| Pii::new(permit.body().to_owned()));
        Ok(Going { url, body, permit: Some(permit) })
    }

    /// Writes down how a request ended that left the house.
    pub(super) async fn close(&self, going: &Going, outcome: &EgressOutcome) {
        if let (Some(ledger), Some(permit)) = (&self.ledger, &going.permit) {
            ledger.close(permit, outcome).await;
        }
    }

    /// Sends a request; the answer has begun, and is no error.
    pub(super) async fn send(&self, going: &Going, model: &str) -> Result<Response, LlmError> {
        let request = match &going.body {
            Some(body) => self
                .client
                .post(going.url.clone())
                .header("content-type", "application/json")
                .body(body.expose().clone()),
            None => self.client.get(going.url.clone()),
        };
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response, model).await)
    }

    /// Reads a whole body.
    pub(super) async fn whole(&self, mut response: Response) -> Result<Vec<u8>, LlmError> {
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + bytes.len() > self.limits.body_max {
                return Err(self.too_long());
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    /// Reads a body line by line.
    pub(super) fn lines(&self, response: Response) -> Reader<'_> {
        Reader { door: self, response: Some(response), lines: Lines::default(), len: 0 }
    }

    fn too_long(&self) -> LlmError {
        LlmError::TooLong { host: self.host.clone(), limit: self.limits.body_max }
    }

    fn failed(&self, error: &reqwest::Error) -> LlmError {
        let host = self.host.clone();
        if error.is_timeout() && !error.is_connect() {
            LlmError::Timeout { host, limit: self.limits.idle }
        } else if error.is_body() || error.is_decode() {
            LlmError::Nonsense { host, reason: "its answer broke off" }
        } else {
            LlmError::Unreachable { host, reason: cause(error) }
        }
    }

    async fn refused(&self, response: Response, model: &str) -> LlmError {
        let (status, host) = (response.status(), self.host.clone());
        let retry_after = retry_after(response.headers());
        let body = timeout(ERROR_LIMIT, beginning(response)).await.unwrap_or_default();
        tracing::debug!(%status, host, body = %String::from_utf8_lossy(&body), "a language model refused");
        if let Some(error) = self.dialect.refusal(status.as_u16(), &body, &host, model) {
            return error;
        }
        match status.as_u16() {
            401 | 403 => LlmError::Unauthorized { host },
            404 if serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|body| body.is_object()) => {
                LlmError::ModelMissing { host, model: model.to_owned(), cure: self.dialect.cure(model) }
            }
            404 => rejected(&host, "it has nothing at this address"),
            408 => LlmError::Timeout { host, limit: self.limits.idle },
            429 => LlmError::RateLimited { host, retry_after },
            300..=399 => rejected(&host, "it sends elsewhere"),
            500..=599 => LlmError::Server { host, reason: status.to_string() },
            _ => rejected(&host, &status.to_string()),
        }
    }
}

/// A body, line by line.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    door: &'a Door,
    response: Option<Response>,
    lines: Lines,
    len: usize,
}

impl Reader<'_> {
    /// The next line, also the last one without its end; `None` after it.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, LlmError> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return Ok(Some(line));
            }
            let Some(response) = &mut self.response else { return Ok(None) };
            let limits = self.door.limits;
            let idle = LlmError::Timeout { host: self.door.host.clone(), limit: limits.idle };
            let chunk = timeout(limits.idle, response.chunk()).await.map_err(|_| idle)?;
            let Some(bytes) = chunk.map_err(|error| self.door.failed(&error))? else {
                self.response = None;
                return Ok(Some(std::mem::take(&mut self.lines).rest()));
            };
            self.len += bytes.len();
            if self.len > limits.body_max || self.lines.push(&bytes).is_err() {
                return Err(self.door.too_long());
            }
        }
    }
}

fn rejected(host: &str, reason: &str) -> LlmError {
    LlmError::Rejected { host: host.to_owned(), reason: reason.to_owned() }
}

fn check_address(address: &str) -> Result<Url, DoorError> {
    let refuse =
        || DoorError::Address { address: address.split('@').next_back().unwrap_or_default().to_owned() };
    let url = Url::parse(address.trim()).map_err(|_| refuse())?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let fits = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if fits && is_plain { Ok(url) } else { Err(refuse()) }
}

/// Whether an address can be used, and whether it leads outside.
///
/// # Errors
/// [`DoorError::Address`].
pub fn leads_outside(address: &str) -> Result<bool, DoorError> {
    Ok(!is_local(check_address(address)?.host_str().unwrap_or_default()))
}

fn key_header(dialect: Dialect, key: Option<&SecretString>) -> Result<HeaderMap, DoorError> {
    let Some(key) = key else { return Ok(HeaderMap::new()) };
    let (name, before) = dialect.key_header();
    let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose_secret().trim()))
        .map_err(|_| DoorError::Key)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(HeaderName::from_static(name), value)]))
}

/// Seconds, or a date, which is not read: a rest without a number takes its place.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() >= ERROR_LEN_MAX {
            body.truncate(ERROR_LEN_MAX);
            break;
        }
    }
    body
}

/// The innermost cause, such as "connection refused"; it names no address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.contains("://") { "no connection".to_owned() } else { text }
}

/// The word of the ledger for how a request ended.
pub(super) fn outcome<T>(result: &Result<T, LlmError>) -> EgressOutcome {
    match result {
        Ok(_) => EgressOutcome::Answered,
        Err(error) => EgressOutcome::Failed(error.code().to_owned()),
    }
}
