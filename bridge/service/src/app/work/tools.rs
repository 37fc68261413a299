//! The web and tool servers as agents reach them through the gateway. Which pages a task may read follows from what it was told before: its own
//! words, what its searches found, what named sites link to. So a later attempt and a restarted bridge know the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_contract::api::{ToolOutcome, ToolSpec};
use helix_contract::{Name, Place, Source, TaskSpecV1};
use helix_core::egress::{Ledger, Privacy, Purpose};
use helix_core::llm::Origin;
use helix_core::llm::budget::Amount;
use helix_core::{Calendar, Language};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::gateway::{Called, Tool, ToolAway, ToolCall, Tools};
use crate::llm::Models;
use crate::mcp::{Calling, McpError, ToolServers};
use crate::tasks::ToolCalled;
use crate::web::search::{Found, Hit, Query, Search, SearchSettings, Searching};
use crate::web::{
    AddressPolicy, KnownAddresses, Link, Names, Page, PageLimits, PageReader, SystemNames, WebError,
};

const WEB_SEARCH: &str = "web_search";
const READ_PAGE: &str = "read_page";
const HOME_STATES: &str = "home_states";
/// When a search that is away is asked again.
const SEARCH_RETRY: Duration = Duration::from_secs(5);
/// How often tool servers are asked which tools they have.
const LIST_EVERY: Duration = Duration::from_mins(5);
/// The most that one search by a model outside takes: its longest answer at the price of its default model, $0.30 and
/// $2.50 for a million tokens read and written (November 2026).
const SEARCH_MOST: Amount = Amount { tokens: 16_000, micros: 40_000 };
/// Links that an agent is told of with one page.
const LINKS_MAX: usize = 24;

/// Search, pages and tool servers.
#[derive(Debug)]
pub(super) struct WebTools {
    search: Search,
    reader: PageReader,
    servers: ToolServers,
    /// The servers' tools as they were listed last.
    offered: Mutex<Vec<ToolSpec>>,
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

/// What a search has told, in the form that agents know.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    results: Vec<Listed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    title: String,
    url: String,
    snippet: String,
}

#[derive(Debug, Deserialize)]
struct Asked {
    url: String,
}

/// What a page has told.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    title: String,
    url: String,
    text: String,
    cut: bool,
    /// What may be read from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<Led>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Led {
    text: String,
    url: String,
}

impl WebTools {
    /// Prepares what the settings name; nothing is asked yet.
    ///
    /// # Errors
    /// An address or a key that is none.
    pub(super) fn new(
        settings: &SearchSettings,
        servers: ToolServers,
        models: Arc<Models>,
        ledger: Option<Ledger>,
        clock: SystemClock,
        calendar: Arc<dyn Calendar>,
    ) -> Result<Self, WebError> {
        let search = Search::new(settings, ledger.as_ref())?;
        let names: Arc<dyn Names> = Arc::new(SystemNames);
        let reader = PageReader::new(names, AddressPolicy::here(), ledger, PageLimits::default(), clock);
        Ok(Self { search, reader, servers, offered: Mutex::default(), models, calendar })
    }

    /// Keeps the list of the servers' tools until cancelled.
    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let names: Vec<Name> = self.servers.names().cloned().collect();
        let origin = Origin::addressed(Purpose::Probe, Privacy::Public, None);
        let listing = async {
            while !names.is_empty() {
                let calling = Calling { servers: &names, origin: &origin, knows_home: false };
                let tools = self.servers.tools(calling).await;
                *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = tools;
                tokio::time::sleep(LIST_EVERY).await;
            }
        };
        let _ = cancel.run_until_cancelled(listing).await;
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
    fn specs(&self) -> Vec<ToolSpec> {
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
        let offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        search.filter(|_| can_search).into_iter().chain(page).chain(offered).collect()
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

/// What a task may read after all that it was told before.
fn known(spec: &TaskSpecV1, others: &[ToolCalled]) -> KnownAddresses {
    let mut known = KnownAddresses::new(&spec.scope.web, &spec.instruction);
    let hit = |result: Listed| Hit { title: result.title, address: result.url, snippet: result.snippet };
    for other in others.iter().filter(|other| other.tool.as_str() == WEB_SEARCH) {
        let told: Told = output(other).unwrap_or_default();
        known.learn_hits(&told.results.into_iter().map(hit).collect::<Vec<_>>());
    }
    // In their order: a page may have become known by the one before it. Each counts as a read, also while it is under way.
    for other in others.iter().filter(|other| other.tool.as_str() == READ_PAGE) {
        let asked = Asked::deserialize(&other.input).ok();
        let admitted = asked.is_some_and(|asked| known.admit(&asked.url).is_ok());
        if let Some(read) = output::<Read>(other).filter(|_| admitted) {
            known.learn_links(&as_page(read));
        }
    }
    known
}

fn output<T: for<'de> Deserialize<'de>>(called: &ToolCalled) -> Option<T> {
    match called.outcome.as_ref()? {
        ToolOutcome::Answered { output, .. } => T::deserialize(output).ok(),
        ToolOutcome::Failed { .. } => None,
    }
}

/// A page with those of its links that may be read.
fn as_read(page: Page, known: &mut KnownAddresses) -> Read {
    known.learn_links(&page);
    let is_known = |link: &Link| known.clone().admit(&link.address).is_ok();
    let led = |link: Link| Led { text: link.text, url: link.address };
    let links = page.links.into_iter().filter(is_known).take(LINKS_MAX).map(led).collect();
    Read { title: page.title, url: page.address, text: page.text, cut: page.cut, links }
}

fn as_page(read: Read) -> Page {
    let links = read.links.into_iter().map(|led| Link { address: led.url, text: led.text }).collect();
    Page { address: read.url, title: read.title, text: read.text, cut: read.cut, links }
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

#[cfg(test)]
mod tests {
    use helix_contract::{Scope, WebScope, decode};

    use super::*;

    fn spec(words: &str) -> TaskSpecV1 {
        let text = include_bytes!("../../../../../agents/contract/tests/golden/task-minimal.json");
        let scope = Scope { web: WebScope::Public, ..Scope::default() };
        TaskSpecV1 { scope, instruction: words.into(), ..decode(text).expect("a task") }
    }

    fn called(seq: u64, tool: &str, input: Value, output: Option<Value>) -> ToolCalled {
        let outcome = output.map(|output| ToolOutcome::Answered { output, sources: Vec::new() });
        ToolCalled { seq, tool: tool.parse().expect("a name"), input, outcome }
    }

    fn found(seq: u64, urls: &[&str]) -> ToolCalled {
        let result = |url: &&str| json!({ "title": "t", "url": url, "snippet": "" });
        let results: Vec<_> = urls.iter().map(result).collect();
        called(seq, WEB_SEARCH, json!({ "query": "q" }), Some(json!({ "results": results })))
    }

    fn read(seq: u64, url: &str, links: &[&str]) -> ToolCalled {
        let links: Vec<_> = links.iter().map(|url| json!({ "text": "more", "url": url })).collect();
        let page = json!({ "title": "t", "url": url, "text": "x", "cut": false, "links": links });
        called(seq, READ_PAGE, json!({ "url": url }), Some(page))
    }

    fn may_read(words: &str, others: &[ToolCalled], url: &str) -> bool {
        known(&spec(words), others).admit(url).is_ok()
    }

    #[test]
    fn a_task_reads_what_it_was_told_of_and_makes_no_address() {
        let hits = [found(0, &["https://tests.example/pumps"])];
        assert!(may_read("Find a pump.", &hits, "https://tests.example/pumps"));
        assert!(!may_read("Find a pump.", &[], "https://tests.example/pumps"));
        assert!(!may_read("Find a pump.", &hits, "https://tests.example/?d=what-was-asked"));
        assert!(may_read("Summarise https://news.example/a", &[], "https://news.example/a"));
    }

    #[test]
    fn what_named_sites_link_to_is_known_in_the_order_of_the_calls_and_what_others_link_to_is_not() {
        let (front, next) = ("https://news.example/a", "https://news.example/b");
        let words = "Summarise https://news.example/a";
        assert!(may_read(words, &[read(0, front, &[next])], next));
        assert!(may_read(
            words,
            &[read(0, front, &[next]), read(1, next, &["https://news.example/c"])],
            "https://news.example/c"
        ));
        let hits = found(0, &["https://evil.example/"]);
        assert!(!may_read(
            "Find it.",
            &[hits, read(1, "https://evil.example/", &["https://evil.example/k"])],
            "https://evil.example/k"
        ));
    }

    #[test]
    fn every_read_of_a_site_that_nobody_named_counts_also_while_it_is_under_way() {
        let urls =
            ["https://a.example/1", "https://a.example/2", "https://a.example/3", "https://a.example/4"];
        let mut others = vec![found(0, &urls), read(1, urls[0], &[]), read(2, urls[1], &[])];
        assert!(may_read("Find it.", &others, urls[2]));
        others.push(called(3, READ_PAGE, json!({ "url": urls[2] }), None));
        assert!(!may_read("Find it.", &others, urls[3]));
    }
}
