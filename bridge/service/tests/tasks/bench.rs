//! A place for a book, and what stands in it: tasks, results, moments.

use std::time::Duration;

use helix::tasks::{Filter, Lease, Origin, TaskBook};
use helix_contract::{
    AgentRef, Attempt, Class, Digest, Failure, Happening, Limits, Outcome, Place, Scope, TaskEventV1, TaskId,
    TaskResultV1, TaskSpecV1, Usage, V1,
};
use jiff::{SignedDuration, Timestamp};

/// Where a book is kept. A book that is dropped may be opened again, as after a crash.
pub(crate) trait Bench: Sized {
    /// A place that nobody else uses.
    async fn new(name: &str) -> Self;
    /// The book, as a new process would open it.
    async fn open(&self) -> TaskBook;
    /// Runs SQL past Helix.
    async fn run(&self, sql: &'static str);
}

/// So many seconds after noon.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// A task of the agent `research` that somebody waits for, with two attempts and an hour.
pub(crate) fn spec(name: &str) -> TaskSpecV1 {
    TaskSpecV1 {
        version: V1,
        id: TaskId::derive(&[name]),
        agent: AgentRef {
            name: "research".parse().unwrap(),
            definition: Digest::of(b"research"),
            image: None,
        },
        instruction: format!("{name}: find the best heat pump \u{0}\u{1f3e0}"),
        language: "en".into(),
        inputs: serde_json::Map::new(),
        tools: Vec::new(),
        scope: Scope::default(),
        place: Place::Local,
        limits: Limits { deadline: at(3600), attempts: 2, tokens: 1000, money_micros: 0, tool_calls: 10 },
        class: Class::Interactive,
        output_schema: None,
    }
}

pub(crate) fn origin() -> Origin {
    Origin {
        run: Some("run".into()),
        satellite: Some("assist_satellite.kitchen".into()),
        area: Some("kitchen".into()),
        ..Origin::default()
    }
}

pub(crate) fn result(task: &TaskId, attempt: Attempt, outcome: Outcome) -> TaskResultV1 {
    TaskResultV1 { version: V1, task: task.clone(), attempt, outcome, usage: Usage::default() }
}

pub(crate) fn done(task: &TaskId, attempt: Attempt) -> TaskResultV1 {
    let outcome = Outcome::Done {
        spoken: "The quiet one.".into(),
        text: "All about the quiet one \u{0}\u{1f60a}.".into(),
        sources: Vec::new(),
        not_found: Vec::new(),
        output: None,
    };
    result(task, attempt, outcome)
}

pub(crate) fn failed(task: &TaskId, attempt: Attempt, failure: Failure) -> TaskResultV1 {
    result(task, attempt, Outcome::Failed { failure, spoken: "That did not work.".into() })
}

pub(crate) fn event(task: &TaskId, attempt: Attempt, seq: u64) -> TaskEventV1 {
    TaskEventV1 { version: V1, task: task.clone(), attempt, seq, at: at(0), what: Happening::Started }
}

/// Accepts a task at noon.
pub(crate) async fn accepted(book: &TaskBook, name: &str) -> TaskSpecV1 {
    let spec = spec(name);
    book.accept(&spec, &origin(), at(0)).await.unwrap();
    spec
}

/// What a worker gets in the second `now` for half a minute.
pub(crate) async fn leased(book: &TaskBook, now: i64) -> Option<Lease> {
    book.lease("worker", &Filter::default(), at(now), at(now + 30)).await.unwrap()
}

/// Fails instead of waiting for ever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), what).await.expect("within a minute")
}
