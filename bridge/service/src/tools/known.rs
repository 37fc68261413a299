//! What a task may read: all that its earlier calls told, in the form in which agents were told it.

use helix_contract::TaskSpecV1;
use helix_contract::api::ToolOutcome;
use serde::{Deserialize, Serialize};

use super::{READ_PAGE, WEB_SEARCH};
use crate::tasks::ToolCalled;
use crate::web::search::Hit;
use crate::web::{KnownAddresses, Link, Page};

/// Links that an agent is told of with one page.
const LINKS_MAX: usize = 24;

/// What a search has told, in the form that agents know.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) results: Vec<Listed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) snippet: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) url: String,
}

/// What a page has told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Read {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) text: String,
    pub(super) cut: bool,
    /// What may be read from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Led>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Led {
    pub(super) text: String,
    pub(super) url: String,
}

/// What a task may read after all that it was told before.
pub(super) fn known(spec: &TaskSpecV1, others: &[ToolCalled]) -> KnownAddresses {
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
pub(super) fn as_read(page: Page, known: &mut KnownAddresses) -> Read {
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

#[cfg(test)]
mod tests {
    use helix_contract::{Scope, WebScope, decode};
    use serde_json::{Value, json};

    use super::*;

    fn spec(words: &str) -> TaskSpecV1 {
        let text = include_bytes!("../../../../agents/contract/tests/golden/task-minimal.json");
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
