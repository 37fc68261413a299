//! Gemini with its tool `google_search`: what it read is what was found, and what it wrote about it comes along.

use futures_util::future::join_all;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use super::way::{Body, Way};
use super::{Found, HITS_MAX, Hit, Searching};
use crate::web::WebError;
use crate::web::sight::beginning;

pub(super) const NAME: &str = "gemini";

/// What it wrote is told as far as this, bytes.
const SUMMARY_MAX: usize = 8 * 1024;
/// Google's hits lead through this host.
const REDIRECTS: &str = "vertexaisearch.cloud.google.com";

#[derive(Debug)]
pub(super) struct Gemini {
    pub(super) way: Way,
    pub(super) model: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    candidates: Vec<Candidate>,
    usage_metadata: Usage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(rename = "promptTokenCount")]
    prompt: u64,
    #[serde(rename = "candidatesTokenCount")]
    written: u64,
    #[serde(rename = "thoughtsTokenCount")]
    thought: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Content,
    grounding_metadata: Grounding,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
    thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Grounding {
    grounding_chunks: Vec<Chunk>,
    grounding_supports: Vec<Support>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk {
    web: Option<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    uri: String,
    #[serde(default)]
    title: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Support {
    segment: Segment,
    grounding_chunk_indices: Vec<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Segment {
    text: String,
}

impl Gemini {
    pub(super) async fn search(&self, searching: Searching<'_>) -> Result<Found, WebError> {
        let asked = json!({
            "contents": [{ "role": "user", "parts": [{ "text": searching.query.words() }] }],
            "tools": [{ "google_search": {} }],
        });
        let path = format!("v1beta/models/{}:generateContent", self.model);
        let body = Body { kind: "application/json", text: asked.to_string() };
        let answer: Answer =
            self.way.ask(&path, body, searching).await.map_err(|error| error.about_key("gemini_key"))?;
        let usage = answer.usage_metadata;
        let tokens = (usage.prompt, usage.written + usage.thought);
        let candidate = answer.candidates.into_iter().next().unwrap_or_default();
        let text: String =
            candidate.content.parts.into_iter().filter(|part| !part.thought).map(|part| part.text).collect();
        let hits = self.hits(candidate.grounding_metadata, searching).await;
        let summary = Some(beginning(text.trim(), SUMMARY_MAX).0.to_owned()).filter(|text| !text.is_empty());
        Ok(Found { hits, summary, tokens, ..Found::default() })
    }

    async fn hits(&self, grounding: Grounding, searching: Searching<'_>) -> Vec<Hit> {
        let supports = grounding.grounding_supports;
        let snippet = |at: usize| {
            let about = supports.iter().filter(|support| support.grounding_chunk_indices.contains(&at));
            about.map(|support| support.segment.text.as_str()).collect::<Vec<_>>().join(" … ")
        };
        let pages = grounding.grounding_chunks.into_iter().take(HITS_MAX).enumerate();
        let found =
            pages.filter_map(|(at, chunk)| Some((chunk.web?, snippet(at)))).map(async |(page, snippet)| {
                let address = self.real(&page.uri, searching).await?;
                Some(Hit { title: page.title, address, snippet })
            });
        join_all(found).await.into_iter().flatten().collect()
    }

    /// The page's own address; what leads on through Google is asked where it leads.
    async fn real(&self, address: &str, searching: Searching<'_>) -> Option<String> {
        let url = Url::parse(address).ok()?;
        let leads_on = url.host_str() == Some(REDIRECTS) || url.host_str() == Some(self.way.host());
        if leads_on {
            self.way.sends_to(&url, searching).await.map(Into::into)
        } else {
            Some(address.to_owned())
        }
    }
}
