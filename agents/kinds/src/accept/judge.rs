//! What an agent did and what was expected in, what is wrong out.

use std::time::Duration;

use helix_contract::{Failure, Outcome, TaskResultV1};

use super::case::Expected;

/// What is wrong with what an agent did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The case itself cannot be put.
    #[error("the case cannot be put: {0}")]
    Case(String),
    /// The program does not start.
    #[error("the agent does not start: {0}")]
    Start(String),
    /// It did not end in time.
    #[error("the agent did not end within {0:?}")]
    Late(Duration),
    /// It ended otherwise than with a result.
    #[error("the agent exited with {code:?} and told no result: {log}")]
    NoResult {
        /// Its exit code; none for a signal.
        code: Option<i32>,
        /// What it logged.
        log: String,
    },
    /// It asked what it may not, or what is no message.
    #[error("the agent asked {0}")]
    Asked(String),
    /// The result is another one.
    #[error("the result is {found}, expected was {wanted}")]
    Outcome {
        /// What came.
        found: String,
        /// What should have.
        wanted: String,
    },
    /// Words are missing.
    #[error("{place} has no {words:?}")]
    Missing {
        /// Where.
        place: &'static str,
        /// What.
        words: String,
    },
    /// Words are there that must not be.
    #[error("the answer has {0:?}")]
    Forbidden(String),
}

/// What an agent asked and told.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) result: Option<TaskResultV1>,
    /// Tools that it called, in their order.
    pub(super) calls: Vec<String>,
    /// Everything that the model was told.
    pub(super) told: String,
    /// What it may not ask.
    pub(super) wrong: Vec<String>,
    /// Pages that tools returned.
    pub(super) pages: Vec<String>,
}

pub(super) fn judge(
    heard: &Heard,
    expected: &Expected,
    is_scripted: bool,
    code: Option<i32>,
    log: &str,
) -> Vec<Unfit> {
    let mut unfit: Vec<_> = heard.wrong.iter().cloned().map(Unfit::Asked).collect();
    let missing = |place, wanted: &[String], found: &str| {
        let found = found.to_lowercase();
        let lacks = wanted.iter().filter(move |words| !found.contains(&words.to_lowercase()));
        lacks.map(move |words| Unfit::Missing { place, words: words.clone() }).collect::<Vec<_>>()
    };
    unfit.extend(missing("the list of calls", &expected.calls, &heard.calls.join(" ")));
    if is_scripted {
        unfit.extend(missing("what the model was told", &expected.told, &heard.told));
    }
    let Some(result) = &heard.result else {
        unfit.push(Unfit::NoResult { code, log: log.to_owned() });
        return unfit;
    };
    if code != Some(0) {
        unfit.push(Unfit::NoResult { code, log: log.to_owned() });
    }
    let differs = |found: &str| {
        let wanted = expected.failure.as_deref().unwrap_or("an answer").to_owned();
        Unfit::Outcome { found: found.to_owned(), wanted }
    };
    match &result.outcome {
        Outcome::Done { spoken, text, sources, not_found, .. } => {
            if expected.failure.is_some() {
                unfit.push(differs("an answer"));
            }
            unfit.extend(missing("what is said", &expected.spoken, spoken));
            unfit.extend(missing("the answer", &expected.text, text));
            let all = format!("{spoken} {text}").to_lowercase();
            let bad = expected.never.iter().filter(|words| all.contains(&words.to_lowercase()));
            unfit.extend(bad.cloned().map(Unfit::Forbidden));
            if expected.not_found && not_found.is_empty() {
                unfit.push(Unfit::Missing { place: "what was not found", words: "an entry".to_owned() });
            }
            let urls: Vec<_> = sources.iter().map(|source| source.url.clone()).collect();
            let invented = urls.iter().filter(|url| !heard.pages.contains(url));
            unfit
                .extend(invented.map(|url| Unfit::Forbidden(format!("a page that no tool returned: {url}"))));
            if is_scripted && expected.sources.as_ref().is_some_and(|wanted| *wanted != urls) {
                unfit.push(Unfit::Missing {
                    place: "the list of sources",
                    words: format!("exactly those: {urls:?}"),
                });
            }
        }
        Outcome::Failed { failure, spoken } => {
            if expected.failure.as_deref() != Some(name(*failure)) {
                unfit.push(differs(name(*failure)));
            }
            unfit.extend(missing("what is said", &expected.spoken, spoken));
        }
        Outcome::Cancelled => unfit.push(differs("cancelled")),
    }
    unfit
}

fn name(failure: Failure) -> &'static str {
    match failure {
        Failure::Impossible => "impossible",
        Failure::Limit => "limit",
        Failure::Unavailable => "unavailable",
        Failure::Agent => "agent",
        Failure::Unknown => "unknown",
    }
}
