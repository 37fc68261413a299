//! What tasks reach of the world through the gateway: searches, pages, tool servers. A task reads only addresses that it came
//! to know (docs/adr/0016-known-addresses.md); what it knows follows from what it called before, so a restart changes nothing.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_contract::api::{ToolOutcome, ToolSpec};
use helix_contract::{HomeScope, Name, Source, ToolName};
use helix_core::egress::{Privacy, Purpose};
use helix_core::llm::Origin;
use helix_core::{Calendar, Language};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::gateway::{Called, Tool, ToolAway, ToolCall, Tools};
use crate::mcp::{Calling, ToolServers};
use crate::web::search::{Hit, Query, Search, Searching};
use crate::web::{KnownAddresses, Link, Page, PageReader, WebError};

/// Links of a page that an agent is told.
const LINKS_MAX: usize = 24;
/// Hits of a search, unless an agent wants fewer.
const HITS: usize = 8;
/// How often tool servers are asked what they have.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// What tasks reach.
#[derive(Debug)]
pub(super) struct Reach {
    search: Search,
    pages: PageReader,
    servers: ToolServers,
    calendar: Arc<dyn Calendar>,
    /// What the tool servers had when they were asked last.
    listed: RwLock<Vec<ToolSpec>>,
}

#[derive(Deserialize)]
struct SearchInput {
    query: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    count: Option<usize>,
}

#[derive(Deserialize)]
struct PageInput {
    url: String,
}

/// What an agent was told of a search, or of a page, as far as it tells addresses.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    url: String,
    #[serde(default)]
    results: Vec<PageInput>,
    #[serde(default)]
    links: Vec<PageInput>,
}

impl Reach {
    pub(super) fn new(
        search: Search,
        pages: PageReader,
        servers: ToolServers,
        calendar: Arc<dyn Calendar>,
    ) -> Self {
        Self { search, pages, servers, calendar, listed: RwLock::default() }
    }

    /// Asks the tool servers what they have, until cancelled. Costs nothing where none is named.
    pub(super) async fn look(self: Arc<Self>, cancel: CancellationToken) {
        let names: Vec<Name> = self.servers.names().cloned().collect();
        let origin = Origin::addressed(Purpose::Probe, Privacy::Public, None);
        let looking = async {
            while !names.is_empty() {
                let calling = Calling { servers: &names, origin: &origin, knows_home: false };
                let tools = self.servers.tools(calling).await;
                *self.listed.write().unwrap_or_else(PoisonError::into_inner) = tools;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        cancel.run_until_cancelled(looking).await;
    }

    async fn searched(&self, call: &ToolCall<'_>) -> ToolOutcome {
        let input = match SearchInput::deserialize(call.input) {
            Ok(input) => input,
            Err(error) => return failed("tool-input", &error.to_string()),
        };
        let query = match Query::parse(&input.query) {
            Ok(query) => query,
            Err(error) => return failed("tool-input", &error.to_string()),
        };
        let language = input.language.as_deref().and_then(Language::parse);
        let language = language.or_else(|| Language::parse(&call.spec.language)).unwrap_or_else(Language::english);
        let searching = Searching {
            query: &query,
            language: &language,
            origin: &call.origin,
            knows_home: call.spec.scope.home != HomeScope::None,
            scope: &call.spec.scope.web,
            place: call.spec.place,
        };
        match self.search.search(searching).await {
            Ok(mut found) => {
                found.hits.truncate(input.count.unwrap_or(HITS).clamp(1, HITS));
                let results = found.hits.iter().map(|hit| {
                    json!({ "title": hit.title, "url": hit.address, "snippet": hit.snippet })
                });
                let mut output = json!({ "results": results.collect::<Vec<_>>() });
                if let Some(summary) = found.summary {
                    output["summary"] = summary.into();
                }
                let sources = found.hits.iter().filter_map(|hit| self.source(&hit.title, &hit.address));
                ToolOutcome::Answered { output, sources: sources.collect() }
            }
            Err(error) => of_web(&error),
        }
    }

    async fn read(&self, call: &ToolCall<'_>) -> ToolOutcome {
        let input = match PageInput::deserialize(call.input) {
            Ok(input) => input,
            Err(error) => return failed("tool-input", &error.to_string()),
        };
        let address = match known_to(call).admit(&input.url) {
            Ok(address) => address,
            Err(error) => return of_web(&error),
        };
        match self.pages.read(&address, &call.spec.scope.web, &call.origin).await {
            Ok(page) => {
                let links = page.links.iter().take(LINKS_MAX);
                let links: Vec<_> = links.map(|link| json!({ "text": link.text, "url": link.address })).collect();
                let output = json!({
                    "title": page.title, "url": page.address, "text": page.text, "cut": page.cut, "links": links,
                });
                ToolOutcome::Answered { output, sources: self.source(&page.title, &page.address).into_iter().collect() }
            }
            Err(error) => of_web(&error),
        }
    }

    async fn asked(&self, call: &ToolCall<'_>, server: &Name, tool: &str) -> ToolOutcome {
        let name = format!("mcp_{}_{tool}", server.as_str().replace('-', "_"));
        let Ok(name) = name.parse::<ToolName>() else { return failed("tool-unknown", "there is no such tool") };
        let input = call.input.as_object().cloned().unwrap_or_else(Map::new);
        let calling = Calling {
            servers: &call.spec.scope.servers,
            origin: &call.origin,
            knows_home: call.spec.scope.home != HomeScope::None,
        };
        match self.servers.call(&name, input, calling).await {
            Ok(output) => ToolOutcome::Answered { output, sources: Vec::new() },
            Err(error) => failed(error.code(), &error.to_string()),
        }
    }

    fn source(&self, title: &str, url: &str) -> Option<Source> {
        let title = if title.trim().is_empty() { url } else { title };
        let title: String = title.chars().take(120).collect();
        (url.len() <= 2048).then(|| Source { title, url: url.to_owned(), read_at: self.calendar.now() })
    }
}

impl Tools for Reach {
    fn specs(&self) -> Vec<ToolSpec> {
        let mut specs = self.listed.read().unwrap_or_else(PoisonError::into_inner).clone();
        let searches = !self.search.asked(helix_contract::Place::Cloud).is_empty();
        specs.extend(own(searches));
        specs
    }

    fn call<'a>(&'a self, call: ToolCall<'a>) -> BoxFuture<'a, Result<Called, ToolAway>> {
        Box::pin(async move {
            let outcome = match &call.tool {
                Tool::WebSearch => self.searched(&call).await,
                Tool::ReadPage => self.read(&call).await,
                Tool::OfServer { server, tool } => self.asked(&call, server, tool).await,
                // The gateway reads the home itself.
                Tool::HomeStates => failed("tool-unknown", "there is no such tool"),
            };
            Ok(outcome.into())
        })
    }
}

/// What a task knows by what it called before, in order.
fn known_to(call: &ToolCall<'_>) -> KnownAddresses {
    let mut known = KnownAddresses::new(&call.spec.scope.web, &call.spec.instruction);
    for other in &call.others {
        if let Ok(page) = PageInput::deserialize(&other.input) {
            // It counts as a read, whatever came of it.
            let _ = known.admit(&page.url);
        }
        let Some(ToolOutcome::Answered { output, .. }) = &other.outcome else { continue };
        let Ok(told) = Told::deserialize(output) else { continue };
        let hit = |found: PageInput| Hit { title: String::new(), address: found.url, snippet: String::new() };
        known.learn_hits(&told.results.into_iter().map(hit).collect::<Vec<_>>());
        let link = |found: PageInput| Link { text: String::new(), address: found.url };
        known.learn_links(&Page {
            address: told.url,
            title: String::new(),
            text: String::new(),
            cut: false,
            links: told.links.into_iter().map(link).collect(),
        });
    }
    known
}

/// The tools of the bridge itself that reach out.
fn own(searches: bool) -> Vec<ToolSpec> {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let object = |properties: Value, required: &[&str]| {
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    let search = (
        "web_search",
        "Searches the web. Answers titles, addresses and excerpts; read_page reads one of them.",
        object(
            json!({
                "query": text("a few general words, never anything about the person or their home"),
                "language": text("the language of the results, such as en"),
                "count": { "type": "integer", "minimum": 1, "maximum": HITS },
            }),
            &["query"],
        ),
    );
    let page = (
        "read_page",
        "Reads a page whose address the person said, or a search or such a page has told.",
        object(json!({ "url": text("the address") }), &["url"]),
    );
    let spec = |(name, description, input): (&str, &str, Value)| {
        Some(ToolSpec { name: name.parse().ok()?, description: description.to_owned(), input })
    };
    let offered = searches.then_some(search).into_iter().chain([page]);
    offered.filter_map(spec).collect()
}

fn of_web(error: &WebError) -> ToolOutcome {
    failed(error.code(), &error.to_string())
}

fn failed(code: &str, message: &str) -> ToolOutcome {
    ToolOutcome::Failed { code: code.to_owned(), message: message.chars().take(500).collect() }
}
