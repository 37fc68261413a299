//! Which addresses a task may read: those that the person said and those that a search found; on sites that the person
//! named, also what their pages link to. An agent chooses among them and never makes one, so that no page can have it
//! carry words out in an address (docs/adr/0016-known-addresses.md).

use std::collections::{BTreeMap, BTreeSet};

use helix_contract::WebScope;
use reqwest::Url;

use super::error::WebError;
use super::page::Page;
use super::scope::{covers, lies_below, plain};
use super::search::Hit;

/// Reads on one site that nobody named: each says no more than which of a few known addresses was chosen.
const READS_PER_SITE: usize = 3;
/// Addresses that a task knows at once; later ones are not learnt.
const KNOWN_MAX: usize = 1024;
/// The longest address, bytes.
const ADDRESS_MAX: usize = 2048;

/// What one task may read of the web.
#[derive(Debug, Clone)]
pub struct KnownAddresses {
    scope: WebScope,
    /// What the person said, or whoever defined the task: these sites are trusted with their own links.
    named: BTreeSet<String>,
    known: BTreeMap<String, Url>,
    reads: BTreeMap<String, usize>,
}

impl KnownAddresses {
    /// What a task knows at its beginning: the addresses that stand in the person's own words.
    pub fn new(scope: &WebScope, words: &str) -> Self {
        let mut named: BTreeSet<_> = match scope {
            WebScope::None | WebScope::Public => BTreeSet::new(),
            WebScope::Domains(domains) => domains.iter().filter_map(|domain| plain(domain)).collect(),
        };
        let spoken: Vec<_> = addresses_in(words).collect();
        named.extend(spoken.iter().filter_map(|url| plain(url.host_str()?)));
        let mut new = Self { scope: scope.clone(), named, known: BTreeMap::new(), reads: BTreeMap::new() };
        let front = |domain: &String| Url::parse(&format!("https://{domain}/")).ok();
        let fronts: Vec<_> = new.named.iter().filter_map(front).collect();
        for url in spoken.into_iter().chain(fronts) {
            new.learn(url);
        }
        new
    }

    /// Learns what a search found.
    pub fn learn_hits(&mut self, hits: &[Hit]) {
        for url in hits.iter().filter_map(|hit| Url::parse(&hit.address).ok()) {
            self.learn(url);
        }
    }

    /// Learns what a page links to, as far as page and link lie on the same named site.
    pub fn learn_links(&mut self, page: &Page) {
        let Ok(from) = Url::parse(&page.address) else { return };
        for url in page.links.iter().filter_map(|link| Url::parse(&link.address).ok()) {
            let site = self.named_site(&from);
            if site.is_some() && site == self.named_site(&url) {
                self.learn(url);
            }
        }
    }

    /// The known address that `asked` means, exactly as it became known; counts as a read of its site.
    ///
    /// # Errors
    /// [`WebError::NoAddress`], [`WebError::NotKnown`], [`WebError::OutOfScope`], [`WebError::EnoughOfSite`].
    pub fn admit(&mut self, asked: &str) -> Result<Url, WebError> {
        let asked = parse(asked.trim()).ok_or(WebError::NoAddress)?;
        let host = asked.host_str().unwrap_or_default().to_owned();
        if !covers(&self.scope, &host) {
            return Err(WebError::OutOfScope { host });
        }
        let url = self.known.get(&key(&asked)).ok_or(WebError::NotKnown)?.clone();
        if self.named_site(&url).is_none() {
            let reads = self.reads.entry(site(&url)).or_default();
            if *reads == READS_PER_SITE {
                return Err(WebError::EnoughOfSite { host });
            }
            *reads += 1;
        }
        Ok(url)
    }

    fn learn(&mut self, mut url: Url) {
        url.set_fragment(None);
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str().len() <= ADDRESS_MAX;
        let is_covered = url.host_str().is_some_and(|host| covers(&self.scope, host));
        if is_plain && is_covered && self.known.len() < KNOWN_MAX {
            // The first one stays: what is known is not replaced by what only looks like it.
            self.known.entry(key(&url)).or_insert(url);
        }
    }

    fn named_site(&self, url: &Url) -> Option<&str> {
        let host = url.host_str()?;
        self.named.iter().find(|domain| lies_below(host, domain)).map(String::as_str)
    }
}

/// What two ways to write an address have in common. Only the known one is ever sent, so a difference carries nothing.
pub(super) fn key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{host}{port}{path}{query}")
}

/// Second labels below which everybody can have a name, as in `co.uk`.
const SHARED: [&str; 10] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

/// The part of a host that one owner has: what lies below it counts for it.
fn site(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    if url.domain().is_none() {
        return host.to_owned();
    }
    let labels: Vec<_> = host.split('.').collect();
    let is_shared = |[second, top]: [&str; 2]| top.len() == 2 && SHARED.contains(&second);
    let ending = labels.last_chunk().is_some_and(|last| is_shared(*last));
    labels[labels.len().saturating_sub(if ending { 3 } else { 2 })..].join(".")
}

fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).or_else(|_| Url::parse(&format!("https://{text}"))).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

/// The addresses in a text: with a scheme, or a bare domain such as `example.com/news`.
fn addresses_in(words: &str) -> impl Iterator<Item = Url> {
    words.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '“' | '”' | '„')).filter_map(
        |word| {
            let word = word.trim_matches(|c| {
                matches!(c, ',' | ';' | '!' | '?' | '(' | ')' | '[' | ']' | '\'' | ':' | '.')
            });
            let is_whole = word.starts_with("http://") || word.starts_with("https://");
            if is_whole || is_bare(word) { parse(word) } else { None }
        },
    )
}

/// Whether a word without a scheme is a domain: its last label has letters only, as those of the internet have, and
/// what is before it begins no sentence of its own (`done.Then`).
fn is_bare(word: &str) -> bool {
    let host = word.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((before, last)) = host.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
    };
    let is_top =
        last.len() >= 2 && last.chars().all(char::is_alphabetic) && last.chars().all(char::is_lowercase);
    is_top && before.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
