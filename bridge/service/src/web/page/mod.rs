//! One page of the web: a known address in, its title and its readable text out. Each hop on the way is written down,
//! its names are resolved here, and the connection goes to exactly the addresses that were checked.

mod body;
mod readable;

pub use readable::Link;

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use helix_contract::WebScope;
use helix_core::Pii;
use helix_core::egress::{Denied, Egress, EgressOutcome, Ledger, Permit, Privacy, Purpose, is_local};
use helix_core::llm::Origin;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, LOCATION};
use reqwest::{Client, Response, Url, redirect};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::{AddressPolicy, Refused};
use super::error::WebError;
use super::names::Names;
use super::scope::covers;
use crate::clock::SystemClock;

/// Who reads, and whom to ask about it.
pub(super) const USER_AGENT: &str =
    concat!("Helix/", env!("CARGO_PKG_VERSION"), " (+https://github.com/helix-voice/helix)");
/// Pages that are read at once; each takes a few times [`PageLimits::body_max`] of memory.
const AT_ONCE: usize = 4;

/// Limits of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// For all of it, from the first name to the last word.
    pub whole: Duration,
    /// How often a site may send elsewhere.
    pub redirects: usize,
    /// What is read of a page, bytes; also of one that was packed.
    pub body_max: usize,
    /// What is told of it, bytes.
    pub text_max: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { whole: Duration::from_secs(15), redirects: 5, body_max: 2 << 20, text_max: 64 * 1024 }
    }
}

/// A page as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it was found in the end.
    pub address: String,
    /// Its title; at most 512 bytes.
    pub title: String,
    /// Its words, in paragraphs.
    pub text: String,
    /// Whether something is missing at its end.
    pub cut: bool,
    /// Where its words lead to; at most 64.
    pub links: Vec<Link>,
}

/// Reads pages.
#[derive(Debug)]
pub struct PageReader {
    names: Arc<dyn Names>,
    policy: AddressPolicy,
    ledger: Option<Ledger>,
    limits: PageLimits,
    clock: SystemClock,
    places: Semaphore,
}

/// A hop that may go.
struct Hop {
    url: Url,
    host: String,
    addresses: Vec<SocketAddr>,
}

impl PageReader {
    /// A reader that resolves by `names` and connects to what `policy` allows. Without a ledger nothing is read.
    pub fn new(
        names: Arc<dyn Names>,
        policy: AddressPolicy,
        ledger: Option<Ledger>,
        limits: PageLimits,
        clock: SystemClock,
    ) -> Self {
        Self { names, policy, ledger, limits, clock, places: Semaphore::new(AT_ONCE) }
    }

    /// Reads the page at `address`, which [`super::KnownAddresses`] let through.
    ///
    /// # Errors
    /// [`WebError`].
    pub async fn read(&self, address: &Url, scope: &WebScope, origin: &Origin) -> Result<Page, WebError> {
        let mut open = None;
        let host = address.host_str().unwrap_or_default().to_owned();
        let late = WebError::Timeout { host, limit: self.limits.whole };
        let reading = self.walk(address.clone(), scope, origin, &mut open);
        let result = timeout(self.limits.whole, reading).await.unwrap_or(Err(late));
        if let Some(permit) = open.take() {
            let outcome = match &result {
                Ok(_) => EgressOutcome::Answered,
                Err(error) => EgressOutcome::Failed(error.code().to_owned()),
            };
            self.close(&permit, &outcome).await;
        }
        result
    }

    async fn walk(
        &self,
        mut url: Url,
        scope: &WebScope,
        origin: &Origin,
        open: &mut Option<Permit>,
    ) -> Result<Page, WebError> {
        let Ok(_place) = self.places.acquire().await else { return Err(WebError::NoAddress) };
        for _ in 0..=self.limits.redirects {
            url.set_fragment(None);
            let hop = self.check(url, scope).await?;
            if let Some(before) = open.take() {
                self.close(&before, &EgressOutcome::Answered).await;
            }
            *open = Some(self.permit(&hop, origin).await?);
            let response = self.send(&hop).await?;
            let Some(next) = next_hop(&hop, &response)? else { return self.take(hop, response).await };
            url = next;
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(WebError::Redirects { host, limit: self.limits.redirects })
    }

    /// Everything that can be refused before anything leaves but the name.
    async fn check(&self, url: Url, scope: &WebScope) -> Result<Hop, WebError> {
        check_form(&url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !covers(scope, &host) {
            return Err(WebError::OutOfScope { host });
        }
        let not_public = |refused| WebError::NotPublic { host: host.clone(), refused };
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.policy.has_port(port) {
            return Err(not_public(Refused::Port(port)));
        }
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let addresses = match literal {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => self.resolve(&host, port).await?,
        };
        for address in &addresses {
            self.policy.check(*address).map_err(not_public)?;
        }
        Ok(Hop { url, host, addresses })
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, WebError> {
        let nowhere = || WebError::NoSuchHost { host: host.to_owned() };
        // Names of the local network lead nowhere else, and asking for them would tell what is looked for.
        if is_local(host) {
            return Err(nowhere());
        }
        let found = self.names.look_up(host, port).await.map_err(|_| nowhere())?;
        if found.is_empty() { Err(nowhere()) } else { Ok(found) }
    }

    async fn permit(&self, hop: &Hop, origin: &Origin) -> Result<Permit, WebError> {
        let no_ledger = || Denied::Ledger("there is no database".to_owned());
        let ledger = self.ledger.as_ref().ok_or_else(no_ledger)?;
        // The address itself comes from the person or from a search: what the task is about does not leave with it.
        let privacy = if origin.privacy == Privacy::Others { Privacy::Others } else { Privacy::Public };
        let egress = Egress {
            run: origin.run.clone(),
            host: hop.host.clone(),
            purpose: Purpose::Page,
            privacy,
            passive: origin.passive,
            asked: origin.asked,
            body: Pii::new(format!("GET {}", hop.url)),
        };
        Ok(ledger.permit(egress).await?)
    }

    async fn close(&self, permit: &Permit, outcome: &EgressOutcome) {
        if let Some(ledger) = &self.ledger {
            ledger.close(permit, outcome).await;
        }
    }

    /// A client for one hop, because it knows nothing but this hop's addresses.
    async fn send(&self, hop: &Hop) -> Result<Response, WebError> {
        let unreachable =
            |error: &reqwest::Error| WebError::Unreachable { host: hop.host.clone(), reason: cause(error) };
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .resolve_to_addrs(&hop.host, &hop.addresses)
            .build()
            .map_err(|error| unreachable(&error))?;
        let request = client
            .get(hop.url.clone())
            .header(ACCEPT, "text/html, application/xhtml+xml, text/plain;q=0.9")
            .header(ACCEPT_ENCODING, "gzip");
        request.send().await.map_err(|error| unreachable(&error))
    }

    async fn take(&self, hop: Hop, response: Response) -> Result<Page, WebError> {
        let Hop { url, host, .. } = hop;
        let status = response.status();
        if !status.is_success() {
            return Err(WebError::Status { host, status: status.as_u16() });
        }
        let body = body::read(response, &host, self.limits.body_max).await?;
        let (clock, limit, address) = (self.clock.clone(), self.limits.text_max, url.clone());
        let work = move || body.readable(&address, limit, &clock);
        let broke = |_| WebError::Nonsense { host: host.clone(), reason: "its text broke the reader" };
        let read = tokio::task::spawn_blocking(work).await.map_err(broke)?;
        if read.text.is_empty() {
            return Err(WebError::Empty { host });
        }
        let readable::Readable { title, text, cut, links } = read;
        Ok(Page { address: url.into(), title, text, cut, links })
    }
}

fn check_form(url: &Url) -> Result<(), WebError> {
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(WebError::NoAddress);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WebError::Credentials);
    }
    Ok(())
}

fn next_hop(hop: &Hop, response: &Response) -> Result<Option<Url>, WebError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let nonsense = || WebError::Nonsense { host: hop.host.clone(), reason: "it sends to no address" };
    let next = location.and_then(|location| hop.url.join(location).ok()).ok_or_else(nonsense)?;
    Ok(Some(next))
}

/// The innermost cause, such as "connection refused"; it names no address.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.contains("://") { "no connection".to_owned() } else { text }
}
