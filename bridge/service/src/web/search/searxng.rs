//! A `SearXNG` server. The query goes in a body, so that it stands in no log of addresses.

use reqwest::Url;
use serde::Deserialize;

use super::way::{Body, Way};
use super::{Found, Hit, Searching};
use crate::web::WebError;

pub(super) const NAME: &str = "searxng";

#[derive(Debug)]
pub(super) struct Searxng(pub(super) Way);

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<FoundPage>,
}

#[derive(Debug, Deserialize)]
struct FoundPage {
    url: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    content: Option<String>,
}

impl Searxng {
    pub(super) async fn search(&self, searching: Searching<'_>) -> Result<Found, WebError> {
        let language = searching.language.primary();
        let form = [("q", searching.query.words()), ("format", "json"), ("language", language.as_str())];
        let form = Url::parse_with_params("http://form/", form).map_err(|_| WebError::NoAddress)?;
        let text = form.query().unwrap_or_default().to_owned();
        let body = Body { kind: "application/x-www-form-urlencoded", text };
        let answer: Answer = self.0.ask("search", body, searching).await.map_err(about_format)?;
        let hit = |found: FoundPage| Hit {
            title: found.title.unwrap_or_default(),
            address: found.url,
            snippet: found.content.unwrap_or_default(),
        };
        Ok(Found { hits: answer.results.into_iter().map(hit).collect(), ..Found::default() })
    }
}

/// Without `json` among its formats, it refuses.
fn about_format(error: WebError) -> WebError {
    if let WebError::Status { host, status: 403 } = &error {
        let reason = "it gives no JSON; add `json` to `search: formats:` in its settings.yml";
        return WebError::Nonsense { host: host.clone(), reason };
    }
    error
}
