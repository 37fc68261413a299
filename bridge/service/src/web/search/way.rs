//! The way to one search: a body in, bounded JSON out, after the ledger has it word for word.

use std::time::Duration;

use helix_core::Pii;
use helix_core::egress::{Denied, Egress, EgressOutcome, Ledger, Permit, Purpose, is_local};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Searching;
use crate::web::WebError;
use crate::web::page::{USER_AGENT, cause};

/// A search takes no longer; `SearXNG` itself waits some seconds for its engines.
const WHOLE: Duration = Duration::from_secs(12);
const CONNECT: Duration = Duration::from_secs(3);
/// The longest answer, bytes: ten hits have a tenth of it.
const BODY_MAX: usize = 1 << 20;

/// One server that is asked.
#[derive(Debug)]
pub(super) struct Way {
    client: Client,
    /// The same without the key.
    plain: Client,
    base: Url,
    host: String,
    ledger: Option<Ledger>,
}

/// A body and its kind.
pub(super) struct Body {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Way {
    pub(super) fn new(
        address: &str,
        key: Option<(&'static str, &SecretString)>,
        ledger: Option<&Ledger>,
    ) -> Result<Self, WebError> {
        let mut base = Url::parse(address.trim()).map_err(|_| WebError::NoAddress)?;
        if !matches!(base.scheme(), "http" | "https") || !base.username().is_empty() || base.query().is_some()
        {
            return Err(WebError::NoAddress);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let host = base.host_str().ok_or(WebError::NoAddress)?.to_owned();
        let build = |headers| {
            let builder = Client::builder()
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
                .default_headers(headers);
            // What stays at home does not take the way over a proxy, which may be anywhere.
            let builder = if is_local(&host) { builder.no_proxy() } else { builder };
            let failed = |error| WebError::Unreachable { host: host.clone(), reason: cause(&error) };
            builder.build().map_err(failed)
        };
        let (client, plain) = (build(headers(key, &host)?)?, build(HeaderMap::new())?);
        Ok(Self { client, plain, base, host, ledger: ledger.cloned() })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Asks, after what is sent was permitted.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Body,
        searching: Searching<'_>,
    ) -> Result<T, WebError> {
        let permit = self.permit(&self.host, body.text, searching).await?;
        let late = WebError::Timeout { host: self.host.clone(), limit: WHOLE };
        let result = timeout(WHOLE, self.send(path, body.kind, &permit)).await.unwrap_or(Err(late));
        self.close(&permit, result.as_ref().err()).await;
        result
    }

    async fn close(&self, permit: &Permit, error: Option<&WebError>) {
        let failed = |error: &WebError| EgressOutcome::Failed(error.code().to_owned());
        if let Some(ledger) = &self.ledger {
            ledger.close(permit, &error.map_or(EgressOutcome::Answered, failed)).await;
        }
    }

    async fn permit(&self, host: &str, body: String, searching: Searching<'_>) -> Result<Permit, WebError> {
        let no_ledger = || Denied::Ledger("there is no database".to_owned());
        let ledger = self.ledger.as_ref().ok_or_else(no_ledger)?;
        let origin = searching.origin;
        let egress = Egress {
            run: origin.run.clone(),
            host: host.to_owned(),
            purpose: Purpose::Search,
            privacy: searching.privacy(),
            passive: origin.passive,
            asked: origin.asked,
            body: Pii::new(body),
        };
        Ok(ledger.permit(egress).await?)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &'static str,
        permit: &Permit,
    ) -> Result<T, WebError> {
        let url = self.base.join(path).map_err(|_| WebError::NoAddress)?;
        let request = self.client.post(url).header(CONTENT_TYPE, kind).body(permit.body().to_owned());
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(WebError::Status { host: self.host.clone(), status });
        }
        let body = self.whole(response).await?;
        serde_json::from_slice(&body).map_err(|_| self.nonsense("it is not what a search answers"))
    }

    async fn whole(&self, mut response: Response) -> Result<Vec<u8>, WebError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(self.nonsense("it is longer than any search's"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Where an address that came with an answer sends; nothing is read there, and no key goes there.
    pub(super) async fn sends_to(&self, address: &Url, searching: Searching<'_>) -> Option<Url> {
        let host = address.host_str()?;
        let permit = self.permit(host, format!("GET {address}"), searching).await.ok()?;
        let response = timeout(CONNECT, self.plain.get(address.clone()).send()).await;
        let late = WebError::Timeout { host: host.to_owned(), limit: CONNECT };
        let response = response.map_or(Err(late), |answer| answer.map_err(|error| self.failed(&error)));
        self.close(&permit, response.as_ref().err()).await;
        let response = response.ok()?;
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        address.join(location).ok()
    }

    fn failed(&self, error: &reqwest::Error) -> WebError {
        WebError::Unreachable { host: self.host.clone(), reason: cause(error) }
    }

    fn nonsense(&self, reason: &'static str) -> WebError {
        WebError::Nonsense { host: self.host.clone(), reason }
    }
}

fn headers(key: Option<(&'static str, &SecretString)>, host: &str) -> Result<HeaderMap, WebError> {
    let Some((name, key)) = key else { return Ok(HeaderMap::new()) };
    let before = if name == "authorization" { "Bearer " } else { "" };
    let bad =
        |_| WebError::Nonsense { host: host.to_owned(), reason: "its key holds characters that no key has" };
    let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose_secret().trim())).map_err(bad)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(HeaderName::from_static(name), value)]))
}
