//! The place where models come from: an offset in, an open response that starts there out.
//!
//! Redirects are followed by hand, because the first answer of the hub, not that of the storage behind it,
//! states length and checksum (`X-Linked-Size`, `X-Linked-ETag`).

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE,
    RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::error::{certificate_words, network_words};
use super::{Checksum, Model, PullError};

/// Environment variable that names a mirror: `https://hf-mirror.example` takes the place of every hub.
pub const MIRROR_VARIABLE: &str = "HELIX_MODEL_HUB";

const REDIRECTS_MAX: usize = 10;
/// Longest wait that a hub may ask for before a retry.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// Limits of one download.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// To make a connection.
    pub connect: Duration,
    /// Without a byte.
    pub stall: Duration,
    /// Retries in a row that bring less than 1 MiB.
    pub retries: u32,
    /// Wait before the first retry; doubles with each.
    pub backoff: Duration,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            retries: 3,
            backoff: Duration::from_secs(1),
        }
    }
}

/// Where models are downloaded from.
#[derive(Debug, Clone)]
pub struct Hub {
    client: Client,
    mirror: Option<String>,
    limits: HubLimits,
}

impl Hub {
    /// Prepares a client; needs the process's TLS provider to be installed. `mirror` takes the place of the
    /// scheme and host of every model.
    ///
    /// # Errors
    /// [`PullError::Mirror`] or [`PullError::Client`].
    pub fn open(mirror: Option<&str>, limits: HubLimits) -> Result<Self, PullError> {
        let mirror =
            mirror.map(str::trim).filter(|address| !address.is_empty()).map(check_mirror).transpose()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(PullError::Client("no TLS provider is installed in this process".into()));
        }
        let mut builder = Client::builder();
        if mirror.as_deref().is_some_and(is_loopback) {
            // A proxy of the network has no way to this machine's own loopback.
            builder = builder.no_proxy();
        }
        let client = builder
            .user_agent(concat!("helix/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(limits.connect)
            .read_timeout(limits.stall)
            .build()
            .map_err(|error| PullError::Client(network_words(&error, limits.stall)))?;
        Ok(Self { client, mirror, limits })
    }

    /// The limits that it was opened with.
    pub fn limits(&self) -> HubLimits {
        self.limits
    }

    /// The address of a model's file.
    pub fn address(&self, model: &Model) -> String {
        format!("{}{}", self.mirror.as_deref().unwrap_or(&model.hub), model.path)
    }

    /// Asks for the file from `offset` on, if it still is the one that `validator` names.
    pub(super) async fn open_at(
        &self,
        model: &Model,
        offset: u64,
        validator: Option<&str>,
    ) -> Result<Opened, AttemptError> {
        let mut url = Url::parse(&self.address(model))
            .map_err(|error| PullError::Mirror { address: self.address(model), why: error.to_string() })?;
        for _ in 0..=REDIRECTS_MAX {
            let host = host_of(&url);
            let response = self
                .request(url.clone(), offset, validator)
                .await
                .map_err(|error| self.not_answered(&host, &error))?;
            check_offer(model, &host, response.headers())?;
            if !response.status().is_redirection() {
                return Opened::from(model, host, response, offset);
            }
            url = next_address(&url, &host, response.headers())?;
        }
        Err(PullError::Redirect { host: host_of(&url), why: "more than ten redirects" }.into())
    }

    fn not_answered(&self, host: &str, error: &reqwest::Error) -> AttemptError {
        match certificate_words(error) {
            Some(why) => PullError::Untrusted { host: host.to_owned(), why }.into(),
            None => AttemptError::retry(host, network_words(error, self.limits.stall)),
        }
    }

    async fn request(
        &self,
        url: Url,
        offset: u64,
        validator: Option<&str>,
    ) -> Result<Response, reqwest::Error> {
        // A compressed transfer would make the offsets those of the compressed file.
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
            if let Some(validator) = validator.and_then(|text| HeaderValue::from_str(text).ok()) {
                request = request.header(IF_RANGE, validator);
            }
        }
        request.send().await
    }
}

/// Why one attempt ended.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// Trying again may help.
    Retry { host: String, why: String, status: Option<u16>, after: Option<Duration> },
    /// It will not.
    Final(PullError),
}

impl AttemptError {
    pub(super) fn retry(host: &str, why: String) -> Self {
        Self::Retry { host: host.to_owned(), why, status: None, after: None }
    }
}

impl From<PullError> for AttemptError {
    fn from(error: PullError) -> Self {
        Self::Final(error)
    }
}

/// A response whose body is the file from `start` on.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) host: String,
    pub(super) response: Response,
    pub(super) start: u64,
    /// A strong entity tag, for the next time.
    pub(super) validator: Option<String>,
}

impl Opened {
    fn from(model: &Model, host: String, response: Response, offset: u64) -> Result<Self, AttemptError> {
        let status = response.status();
        let validator = text(response.headers(), &ETAG).filter(|tag| tag.starts_with('"'));
        let (start, total) = match status {
            StatusCode::OK => (0, response.content_length()),
            StatusCode::PARTIAL_CONTENT => match content_range(response.headers()) {
                Some((start, total)) if start == offset => (offset, total),
                _ => {
                    return Err(AttemptError::retry(
                        &host,
                        "it sent another range than was asked for".into(),
                    ));
                }
            },
            // The part is longer than the file of the hub: the whole file is asked for next.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(AttemptError::Retry {
                    host,
                    why: "it does not know the rest of the file".into(),
                    status: Some(status.as_u16()),
                    after: None,
                });
            }
            other => return Err(refusal(&host, other, &response)),
        };
        // A web page (a network's log-in page) is told by its first bytes, in clearer words than by its length.
        let page = text(response.headers(), &CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
        if let Some(total) = total.filter(|total| *total != model.bytes && !page) {
            return Err(changed(&host, "length", &total, &model.bytes).into());
        }
        Ok(Self { host, response, start, validator })
    }
}

fn check_mirror(address: &str) -> Result<String, PullError> {
    let refuse = |why: String| PullError::Mirror { address: address.to_owned(), why };
    let url = Url::parse(address).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refuse("it names no http or https host".into()));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(refuse("it holds more than scheme, host, port and path".into()));
    }
    Ok(address.trim_end_matches('/').to_owned())
}

fn is_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.to_string(),
    }
}

fn text(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// Compares what the hub states about the file with the catalogue, before a byte is downloaded.
fn check_offer(model: &Model, host: &str, headers: &HeaderMap) -> Result<(), PullError> {
    let size = text(headers, "x-linked-size").and_then(|size| size.parse::<u64>().ok());
    if let Some(size) = size.filter(|size| *size != model.bytes) {
        return Err(changed(host, "length", &size, &model.bytes));
    }
    let tag = text(headers, "x-linked-etag").and_then(|tag| Checksum::parse(tag.trim_matches('"')));
    match tag.filter(|tag| *tag != model.sha256) {
        Some(tag) => Err(changed(host, "checksum", &tag, &model.sha256)),
        None => Ok(()),
    }
}

fn changed(host: &str, what: &'static str, offered: &impl ToString, expected: &impl ToString) -> PullError {
    PullError::Changed {
        host: host.to_owned(),
        what,
        offered: offered.to_string(),
        expected: expected.to_string(),
    }
}

fn next_address(url: &Url, host: &str, headers: &HeaderMap) -> Result<Url, PullError> {
    let refuse = |why| PullError::Redirect { host: host.to_owned(), why };
    let location = text(headers, LOCATION).ok_or_else(|| refuse("no address"))?;
    let next = url.join(&location).map_err(|_| refuse("an address that is none"))?;
    match (url.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => Ok(next),
        _ => Err(refuse("away from https")),
    }
}

/// Start and total of `bytes START-END/TOTAL`; the total may be `*`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = text(headers, CONTENT_RANGE)?;
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = span.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

fn refusal(host: &str, status: StatusCode, response: &Response) -> AttemptError {
    let code = status.as_u16();
    match code {
        401 | 403 | 407 | 451 => PullError::Refused { host: host.to_owned(), status: code }.into(),
        408 | 425 | 429 | 500..=599 => AttemptError::Retry {
            host: host.to_owned(),
            why: format!("it answers with an error ({status})"),
            status: Some(code),
            after: text(response.headers(), RETRY_AFTER)
                .and_then(|seconds| seconds.parse().ok())
                .map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX)),
        },
        _ => {
            // The query of an address behind a redirect may be a signature.
            let mut url = response.url().clone();
            url.set_query(None);
            PullError::NotThere { url: url.to_string(), status: code }.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_must_be_an_http_address() {
        for good in ["https://mirror.example", "http://127.0.0.1:8080/", "https://mirror.example/hf"] {
            assert!(check_mirror(good).is_ok_and(|address| !address.ends_with('/')), "{good}");
        }
        for bad in ["mirror.example", "ftp://mirror.example", "https://", "https://u:p@h", "https://h?x=1"] {
            assert!(matches!(check_mirror(bad), Err(PullError::Mirror { .. })), "{bad}");
        }
    }

    #[test]
    fn a_redirect_away_from_https_is_not_followed() {
        let from = |url: &str, to: &'static str| {
            let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(to))]);
            next_address(&Url::parse(url).expect("an address"), "hub", &headers).map(|url| url.to_string())
        };
        assert_eq!(from("https://a/x", "https://b/y").ok().as_deref(), Some("https://b/y"));
        assert_eq!(from("https://a/x", "/y").ok().as_deref(), Some("https://a/y"));
        assert_eq!(from("http://a/x", "http://b/y").ok().as_deref(), Some("http://b/y"));
        assert!(from("https://a/x", "http://b/y").is_err());
        assert!(from("https://a/x", "file:///etc/passwd").is_err());
        assert!(from("http://a/x", "file:///etc/passwd").is_err());
    }

    #[test]
    fn a_range_is_read_or_refused() {
        let range = |value: &'static str| {
            content_range(&HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(value))]))
        };
        assert_eq!(range("bytes 10-99/100"), Some((10, Some(100))));
        assert_eq!(range("bytes 10-99/*"), Some((10, None)));
        for bad in ["bytes */100", "items 1-2/3", "", "bytes 99999999999999999999-1/2"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
