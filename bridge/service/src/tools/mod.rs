//! What agents reach through the gateway: searches, pages, tool servers. Which pages a task may read follows from what it was
//! told before ([`known`]), so a later attempt and a restarted bridge know the same.

mod known;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_contract::api::{ToolOutcome, ToolSpec};
use helix_contract::{Name, Place, Source};
use helix_core::egress::{Privacy, Purpose};
use helix_core::llm::Origin;
use helix_core::llm::budget::Amount;
use helix_core::{Calendar, Language};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Called, Tool, ToolAway, ToolCall, Tools};
use crate::llm::Models;
use crate::mcp::{Calling, McpError, ToolServers, is_tool_of};
use crate::web::search::{Found, Hit, Query, Search, Searching};
use crate::web::{PageReader, WebError};
use known::{Asked, Listed, Told, as_read, known};

const WEB_SEARCH: &str = "web_search";
const READ_PAGE: &str = "read_page";
const HOME_STATES: &str = "home_states";
/// When a search that is away is asked again.
const SEARCH_RETRY: Duration = Duration::from_secs(5);
/// How often tool servers are asked which tools they have.
const LIST_EVERY: Duration = Duration::from_mins(5);
/// How long a task waits for the tools of a server that has listed none yet: a program has to start.
const LIST_WAIT: Duration = Duration::from_secs(5);
/// The most that one search by a model outside takes: its longest answer at the price of its default model, $0.30 and
/// $2.50 for a million tokens read and written (November 2026).
const SEARCH_MOST: Amount = Amount { tokens: 16_000, micros: 40_000 };

/// Search, pages and tool servers.
#[derive(Debug)]
pub struct WebTools {
    search: Search,
    reader: PageReader,
    servers: ToolServers,
    /// The servers' tools as they were listed last.
    offered: watch::Sender<Vec<ToolSpec>>,
    /// Somebody needs them anew.
    wanted: Notify,
    /// Whose budget a search by a model outside shares.
    models: Arc<Models>,
    calendar: Arc<dyn Calendar>,
}

/// What a search is asked.
#[derive(Debug, Deserialize)]
struct Wanted {
    query: String,
    #[serde(default)]
    language: Option<String>,
}

impl WebTools {
    /// Nothing is asked yet. `models` is whose budget a search by a model outside shares.
    pub fn new(
        search: Search,
        reader: PageReader,
        servers: ToolServers,
        models: Arc<Models>,
        calendar: Arc<dyn Calendar>,
    ) -> Self {
        Self {
            search,
            reader,
            servers,
            offered: watch::Sender::default(),
            wanted: Notify::new(),
            models,
            calendar,
        }
    }

    /// Keeps the list of the servers' tools until cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let names: Vec<Name> = self.servers.names().cloned().collect();
        let origin = Origin::addressed(Purpose::Probe, Privacy::Public, None);
        let listing = async {
            while !names.is_empty() {
                let calling = Calling { servers: &names, origin: &origin, knows_home: false };
                let tools = self.servers.tools(calling).await;
                self.offered.send_replace(tools);
                let _ = timeout(LIST_EVERY, self.wanted.notified()).await;
            }
        };
        let _ = cancel.run_until_cancelled(listing).await;
    }

    /// The tools of the servers. If one of these has none yet, they are listed anew, and that is waited for.
    async fn of_servers(&self, servers: &[Name]) -> Vec<ToolSpec> {
        let mut offered = self.offered.subscribe();
        let lacks = |server: &&Name| {
            servers.contains(server) && !offered.borrow().iter().any(|spec| is_tool_of(server, &spec.name))
        };
        if self.servers.names().any(|server| lacks(&server)) {
            self.wanted.notify_one();
            let _ = timeout(LIST_WAIT, offered.changed()).await;
        }
        offered.borrow().clone()
    }

    /// Searches; by a model outside only within the budget and what the task may still spend.
    async fn found(&self, searching: Searching<'_>, micros_left: u64) -> Result<(Found, u64), WebError> {
        let at_home = Searching { place: Place::Local, ..searching };
        let is_free = self.search.asked(searching.place) == self.search.asked(Place::Local);
        if is_free || micros_left < SEARCH_MOST.micros {
            return Ok((self.search.search(at_home).await?, 0));
        }
        let work = async {
            let found = self.search.search(searching).await;
            let (read, written) = found.as_ref().map_or((0, 0), |found| found.tokens);
            let amount = Amount { tokens: read + written, micros: (read * 3 + written * 25).div_ceil(10) };
            (found.map(|found| (found, amount.micros)), amount)
        };
        match self.models.within_budget(SEARCH_MOST, ("gemini", "google_search"), work).await {
            Ok(found) => found,
            Err(_) => Ok((self.search.search(at_home).await?, 0)),
        }
    }

    async fn ask(&self, server: &Name, tool: &str, call: &ToolCall<'_>) -> ToolOutcome {
        let name = format!("mcp_{}_{tool}", server.as_str().replace('-', "_")).parse();
        let (Value::Object(input), Ok(name)) = (call.input, name) else {
            return failed("tool-input", "the input is an object");
        };
        let servers = &call.spec.scope.servers;
        let calling = Calling { servers, origin: &call.origin, knows_home: knows_home(call) };
        match self.servers.call(&name, input.clone(), calling).await {
            // Below a key of its own, so that no server's answer looks like that of a search.
            Ok(answer) => {
                let output = json!({ "server": server, "answer": answer });
                ToolOutcome::Answered { output, sources: Vec::new() }
            }
            Err(error) => of_server(&error),
        }
    }

    async fn look_for(&self, call: &ToolCall<'_>) -> Result<Called, ToolAway> {
        let Ok(Wanted { query, language }) = Wanted::deserialize(call.input) else {
            return Ok(failed("tool-input", "the input has a query, a text").into());
        };
        let query = match Query::parse(&query) {
            Ok(query) => query,
            Err(error) => return Ok(of_web(&error.into()).into()),
        };
        let language = language.as_deref().and_then(Language::parse);
        let language = language.or_else(|| Language::parse(&call.spec.language));
        let searching = Searching {
            query: &query,
            language: &language.unwrap_or_else(Language::english),
            origin: &call.origin,
            knows_home: knows_home(call),
            scope: &call.spec.scope.web,
            place: call.spec.place,
        };
        match self.found(searching, call.micros_left).await {
            Ok((found, micros)) => {
                let result = |hit: Hit| Listed { title: hit.title, url: hit.address, snippet: hit.snippet };
                let results = found.hits.into_iter().map(result).collect();
                let outcome = answered(&Told { results, summary: found.summary }, Vec::new());
                Ok(Called { outcome, micros })
            }
            Err(error) if may_pass(&error) => {
                let message = error.to_string();
                Err(ToolAway { code: error.code(), message, retry_after: SEARCH_RETRY })
            }
            Err(error) => Ok(of_web(&error).into()),
        }
    }

    async fn read(&self, call: &ToolCall<'_>) -> ToolOutcome {
        let Ok(Asked { url }) = Asked::deserialize(call.input) else {
            return failed("tool-input", "the input has a url, a text");
        };
        let mut known = known(call.spec, &call.others);
        let address = match known.admit(&url) {
            Ok(address) => address,
            Err(error) => return of_web(&error),
        };
        match self.reader.read(&address, &call.spec.scope.web, &call.origin).await {
            Ok(page) => {
                let (title, url) = (page.title.clone(), page.address.clone());
                let source = Source { title, url, read_at: self.calendar.now() };
                answered(&as_read(page, &mut known), vec![source])
            }
            Err(error) => of_web(&error),
        }
    }
}

impl Tools for WebTools {
    fn specs<'a>(&'a self, servers: &'a [Name]) -> BoxFuture<'a, Vec<ToolSpec>> {
        let text = json!({ "type": "string" });
        let spec = |name: &str, description: &str, properties: Value, required: &str| {
            let input = json!({ "type": "object", "properties": properties, "required": [required] });
            Some(ToolSpec { name: name.parse().ok()?, description: description.to_owned(), input })
        };
        let can_search = !self.search.asked(Place::Cloud).is_empty();
        let search = spec(
            WEB_SEARCH,
            "Searches the web by a few telling words; at most 200 characters.",
            json!({ "query": text, "language": text }),
            "query",
        );
        let page = spec(
            READ_PAGE,
            "Reads a page of the web as text. Only addresses that the person named or that a search found are read.",
            json!({ "url": text }),
            "url",
        );
        let own = search.filter(|_| can_search).into_iter().chain(page);
        Box::pin(async move { own.chain(self.of_servers(servers).await).collect() })
    }

    fn call<'a>(&'a self, call: ToolCall<'a>) -> BoxFuture<'a, Result<Called, ToolAway>> {
        Box::pin(async move {
            match &call.tool {
                Tool::WebSearch => self.look_for(&call).await,
                Tool::ReadPage => Ok(self.read(&call).await.into()),
                Tool::OfServer { server, tool } => Ok(self.ask(server, tool, &call).await.into()),
                Tool::HomeStates => {
                    Ok(failed("tool-unknown", "this Helix has no such tool; do without it").into())
                }
            }
        })
    }
}

fn answered(output: &impl Serialize, sources: Vec<Source>) -> ToolOutcome {
    match serde_json::to_value(output) {
        Ok(output) => ToolOutcome::Answered { output, sources },
        Err(error) => failed("tool-failed", &error.to_string()),
    }
}

/// Whether the task has asked for states of the home: then what it says may hold some of them.
fn knows_home(call: &ToolCall<'_>) -> bool {
    call.others.iter().any(|other| other.tool.as_str() == HOME_STATES)
}

fn of_server(error: &McpError) -> ToolOutcome {
    let message: String = error.to_string().chars().take(500).collect();
    failed(error.code(), &message)
}

fn of_web(error: &WebError) -> ToolOutcome {
    failed(error.code(), &error.to_string())
}

fn failed(code: &str, message: &str) -> ToolOutcome {
    ToolOutcome::Failed { code: code.to_owned(), message: message.to_owned() }
}

/// Whether the same search may find something a moment later.
fn may_pass(error: &WebError) -> bool {
    match error {
        WebError::Unreachable { .. } | WebError::Timeout { .. } | WebError::NoSuchHost { .. } => true,
        WebError::Status { status, .. } => *status == 429 || *status >= 500,
        WebError::NoAddress
        | WebError::Credentials
        | WebError::OutOfScope { .. }
        | WebError::NotKnown
        | WebError::EnoughOfSite { .. }
        | WebError::NotPublic { .. }
        | WebError::Redirects { .. }
        | WebError::NotText { .. }
        | WebError::Empty { .. }
        | WebError::Nonsense { .. }
        | WebError::Key { .. }
        | WebError::NoSearch
        | WebError::Query(_)
        | WebError::Denied(_) => false,
    }
}
