//! The way to a server over HTTP: an address and a key in, a transport out.

use std::time::Duration;

use helix_core::egress::is_local;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Url, redirect};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::{ExposeSecret, SecretString};

use helix_contract::plugin::MESSAGE_LEN_MAX;

const CONNECT: Duration = Duration::from_secs(3);

/// Where a server is and how it is asked.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    url: Url,
}

impl Http {
    pub(super) fn new(url: &str, key: Option<&SecretString>) -> Result<Self, &'static str> {
        let (url, outside) = checked(url)?;
        let headers = headers(key).ok_or("its key holds characters that no key has")?;
        let builder = Client::builder()
            .user_agent(concat!("helix/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .default_headers(headers);
        let builder = if outside { builder } else { builder.no_proxy() };
        let client = builder.build().map_err(|_| "no connection can be made in this process")?;
        Ok(Self { client, url })
    }

    /// Its host, if it lies outside.
    pub(super) fn outside(&self) -> Option<String> {
        let host = self.url.host_str().unwrap_or_default();
        (!is_local(host)).then(|| host.to_owned())
    }

    pub(super) fn transport(&self) -> StreamableHttpClientTransport<Client> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        config.max_sse_event_size = MESSAGE_LEN_MAX;
        StreamableHttpClientTransport::with_client(self.client.clone(), config)
    }
}

/// The address of a server, and whether it lies outside.
pub(super) fn checked(url: &str) -> Result<(Url, bool), &'static str> {
    let url = Url::parse(url.trim()).map_err(|_| "its address is none")?;
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() || !url.username().is_empty() {
        return Err("its address is none");
    }
    let outside = !is_local(host);
    if outside && url.scheme() != "https" {
        return Err("outside of your network it needs https://, so that nobody reads along");
    }
    Ok((url, outside))
}

fn headers(key: Option<&SecretString>) -> Option<HeaderMap> {
    let Some(key) = key else { return Some(HeaderMap::new()) };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim())).ok()?;
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}
