//! Searching the web: a query in, typed hits out. Whoever is asked, the query passes the ledger first: also one to a
//! `SearXNG` at home goes on to public search engines (docs/adr/0016-known-addresses.md).

mod gemini;
mod query;
mod searxng;
mod tavily;
mod way;

pub use query::{Query, QueryError};

use std::collections::BTreeSet;

use helix_contract::{Place, WebScope};
use helix_core::Language;
use helix_core::egress::{Ledger, Privacy};
use helix_core::llm::Origin;
use reqwest::Url;
use secrecy::SecretString;

use super::error::WebError;
use super::scope::covers;
use super::sight::{beginning, seen};
use gemini::Gemini;
use searxng::Searxng;
use tavily::Tavily;
use way::Way;

/// More hits of one search are not told.
const HITS_MAX: usize = 10;
/// The longest title, bytes; the contract's sources have no longer one.
const TITLE_MAX: usize = 512;
/// The longest excerpt of a page, bytes.
const SNIPPET_MAX: usize = 600;
/// The longest address, bytes.
const ADDRESS_MAX: usize = 2048;
/// Tavily's address.
const TAVILY: &str = "https://api.tavily.com";
/// Gemini's address.
const GEMINI: &str = "https://generativelanguage.googleapis.com";

/// Who may be asked to search. The first that is set and answers is asked, in this order.
#[derive(Debug, Clone)]
pub struct SearchSettings {
    /// A `SearXNG`, mostly at home.
    pub searxng_url: Option<String>,
    /// A key of Tavily.
    pub tavily_key: Option<SecretString>,
    /// Tavily, or what stands in its place.
    pub tavily_url: String,
    /// A key of Gemini, whose model searches by Google; only for tasks that may be thought about outside.
    pub gemini_key: Option<SecretString>,
    /// Gemini, or what stands in its place.
    pub gemini_url: String,
    /// Its model.
    pub gemini_model: String,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            searxng_url: None,
            tavily_key: None,
            tavily_url: TAVILY.to_owned(),
            gemini_key: None,
            gemini_url: GEMINI.to_owned(),
            gemini_model: "gemini-3.5-flash-lite".to_owned(),
        }
    }
}

/// A page that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its title; at most 512 bytes.
    pub title: String,
    /// Its address; at most 2 KiB.
    pub address: String,
    /// What it says about the query; at most 600 bytes.
    pub snippet: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// At most ten, the best first, each address once.
    pub hits: Vec<Hit>,
    /// Who found them.
    pub by: &'static str,
    /// What a model wrote about them, where one searched.
    pub summary: Option<String>,
    /// Tokens that a model read and wrote for it.
    pub tokens: (u64, u64),
}

/// Who searches, for what, and what that may touch.
#[derive(Debug, Clone, Copy)]
pub struct Searching<'a> {
    /// The words that are looked for.
    pub query: &'a Query,
    /// Their language.
    pub language: &'a Language,
    /// The task's own: its purpose is set here.
    pub origin: &'a Origin,
    /// Whether the task has read states of the home: then a query may hold some of them.
    pub knows_home: bool,
    /// Hits outside of it are left out.
    pub scope: &'a WebScope,
    /// Where the task may be thought about.
    pub place: Place,
}

impl Searching<'_> {
    /// What leaves with the query. A task about other people, health or money does not search at all.
    fn privacy(&self) -> Privacy {
        let own = if self.origin.privacy == Privacy::Others {
            Privacy::Others
        } else if self.knows_home {
            Privacy::Home
        } else {
            Privacy::Public
        };
        std::cmp::max_by_key(own, self.query.privacy(self.language), |class| class.as_str())
    }
}

/// Searches by whoever is set up.
#[derive(Debug)]
pub struct Search {
    searxng: Option<Searxng>,
    tavily: Option<Tavily>,
    gemini: Option<Gemini>,
}

impl Search {
    /// Prepares what the settings name; nobody is asked yet. Needs the process's TLS provider to be installed.
    ///
    /// # Errors
    /// [`WebError`] for an address or a key that is none.
    pub fn new(settings: &SearchSettings, ledger: Option<&Ledger>) -> Result<Self, WebError> {
        let searxng = settings.searxng_url.as_deref();
        let way = |address: &str, key: Option<(&'static str, &SecretString)>| Way::new(address, key, ledger);
        let searxng = searxng.map(|address| way(address, None).map(Searxng)).transpose()?;
        let key = settings.tavily_key.as_ref();
        let tavily =
            key.map(|key| way(&settings.tavily_url, Some(("authorization", key))).map(Tavily)).transpose()?;
        let key = settings.gemini_key.as_ref();
        let gemini = key
            .map(|key| {
                let way = way(&settings.gemini_url, Some(("x-goog-api-key", key)))?;
                Ok::<_, WebError>(Gemini { way, model: settings.gemini_model.clone() })
            })
            .transpose()?;
        Ok(Self { searxng, tavily, gemini })
    }

    /// Who would be asked for a task that may be thought about at `place`, in order.
    pub fn asked(&self, place: Place) -> Vec<&'static str> {
        let searxng = self.searxng.as_ref().map(|_| searxng::NAME);
        let tavily = self.tavily.as_ref().map(|_| tavily::NAME);
        let gemini = self.gemini.as_ref().filter(|_| place == Place::Cloud).map(|_| gemini::NAME);
        [searxng, tavily, gemini].into_iter().flatten().collect()
    }

    /// Searches; whoever cannot be reached is passed over for the next.
    ///
    /// # Errors
    /// [`WebError`]: the last one's.
    pub async fn search(&self, searching: Searching<'_>) -> Result<Found, WebError> {
        let mut error = WebError::NoSearch;
        for name in self.asked(searching.place) {
            let found = match name {
                searxng::NAME => {
                    self.by(self.searxng.as_ref().map(|searxng| searxng.search(searching))).await
                }
                tavily::NAME => self.by(self.tavily.as_ref().map(|tavily| tavily.search(searching))).await,
                _ => self.by(self.gemini.as_ref().map(|gemini| gemini.search(searching))).await,
            };
            match found {
                Ok(found) => return Ok(Found { hits: tidy(found.hits, searching.scope), by: name, ..found }),
                Err(denied @ WebError::Denied(_)) => return Err(denied),
                Err(other) => {
                    tracing::warn!(by = name, code = other.code(), "a search failed");
                    error = other;
                }
            }
        }
        Err(error)
    }

    async fn by(
        &self,
        search: Option<impl Future<Output = Result<Found, WebError>>>,
    ) -> Result<Found, WebError> {
        match search {
            Some(search) => search.await,
            None => Err(WebError::NoSearch),
        }
    }
}

/// Whole, within the scope, each address once, bounded.
fn tidy(hits: Vec<Hit>, scope: &WebScope) -> Vec<Hit> {
    let mut told = BTreeSet::new();
    let mut tidy = Vec::new();
    for hit in hits {
        let Ok(mut url) = Url::parse(hit.address.trim()) else { continue };
        url.set_fragment(None);
        let is_covered = url.host_str().is_some_and(|host| covers(scope, host));
        let fits =
            matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS_MAX && is_covered;
        if !fits
            || !url.username().is_empty()
            || tidy.len() == HITS_MAX
            || !told.insert(super::known::key(&url))
        {
            continue;
        }
        let title = seen(&hit.title);
        let title = if title.is_empty() { url.host_str().unwrap_or_default().to_owned() } else { title };
        tidy.push(Hit {
            title: beginning(&title, TITLE_MAX).0.to_owned(),
            address: url.into(),
            snippet: beginning(&seen(&hit.snippet), SNIPPET_MAX).0.to_owned(),
        });
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(title: &str, address: &str, snippet: &str) -> Hit {
        Hit { title: title.into(), address: address.into(), snippet: snippet.into() }
    }

    #[test]
    fn hits_are_whole_each_address_once_and_within_the_scope() {
        let hits = vec![
            hit("One\u{e0041}", "https://www.example.com/a#top", "words\u{200b} "),
            hit("Again", "http://example.com/a/", ""),
            hit("No page", "javascript:alert(1)", ""),
            hit("No page", "ftp://example.com/b", ""),
            hit("Credentials", "https://a:b@example.com/c", ""),
            hit("", "https://evil-example.com/", ""),
            hit("", "https://docs.example.com/", &"ä".repeat(1000)),
        ];
        let all = tidy(hits.clone(), &WebScope::Public);
        assert_eq!(all[0], hit("One", "https://www.example.com/a", "words"));
        assert_eq!(all.len(), 3);
        let within = tidy(hits, &WebScope::Domains(vec!["example.com".into()]));
        assert_eq!(within.len(), 2);
        assert_eq!((within[1].title.as_str(), within[1].snippet.len()), ("docs.example.com", SNIPPET_MAX));
    }

    #[test]
    fn no_search_finds_more_than_a_reader_can_look_at() {
        let hits = (0..100).map(|n| hit("A page", &format!("https://example.com/{n}"), "")).collect();
        assert_eq!(tidy(hits, &WebScope::Public).len(), HITS_MAX);
        assert!(tidy(vec![hit("", "https://example.com", "")], &WebScope::None).is_empty());
    }
}
