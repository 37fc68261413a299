//! Tavily, a search for programs: a key, a query, excerpts.

use serde::Deserialize;
use serde_json::json;

use super::way::{Body, Way};
use super::{Found, HITS_MAX, Hit, Searching};
use crate::web::WebError;

pub(super) const NAME: &str = "tavily";

#[derive(Debug)]
pub(super) struct Tavily(pub(super) Way);

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<FoundPage>,
}

#[derive(Debug, Deserialize)]
struct FoundPage {
    url: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    content: String,
}

impl Tavily {
    pub(super) async fn search(&self, searching: Searching<'_>) -> Result<Found, WebError> {
        let text = json!({ "query": searching.query.words(), "max_results": HITS_MAX }).to_string();
        let body = Body { kind: "application/json", text };
        let answer: Answer =
            self.0.ask("search", body, searching).await.map_err(|error| error.about_key("tavily_key"))?;
        let hit = |found: FoundPage| Hit { title: found.title, address: found.url, snippet: found.content };
        Ok(Found { hits: answer.results.into_iter().map(hit).collect(), ..Found::default() })
    }
}
