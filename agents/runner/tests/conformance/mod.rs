//! What every backend does on the real thing, one function for each sentence.
#![allow(dead_code, unused_macros, unused_imports, reason = "each backend runs its cases")]

mod hostile;
mod life;
mod tasks;

use std::collections::BTreeMap;
use std::time::Duration;

use helix_contract::api::AssignmentV1;
use helix_runner::{AgentKey, AgentStream, Backend, BackendError, Work};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

pub(crate) use hostile::*;
pub(crate) use life::*;
pub(crate) use tasks::*;

use crate::scripted::{ScriptedBridge, assignment};

/// Longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A backend with the program `tests/programs/agent.rs` as its agent.
pub(crate) trait Bed {
    type Backend: Backend;

    /// The bridge of its runners.
    fn bridge(&self) -> &ScriptedBridge;

    /// A new backend of the bed's runner; a later one finds what an earlier one left.
    async fn backend(&self) -> Self::Backend;

    /// What `helix-runner run` needs to have this backend.
    fn options(&self) -> Vec<String>;

    /// And of its environment.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether the process of this agent is there.
    async fn is_alive(&self, key: &AgentKey) -> bool;

    /// Makes sure that an agent whose end was told is gone, at once.
    async fn is_gone(&self, key: &AgentKey) {
        assert!(!self.is_alive(key).await, "{key} is still there");
    }

    /// Begins an agent of an image or a program that nobody has.
    async fn missing(&self) -> Result<(), BackendError>;

    /// A task whose agent does what `order` says. It is the token: the first thing that an agent gets.
    fn task(&self, number: u64, order: &str) -> AssignmentV1 {
        assignment(number, order)
    }

    /// The same as work for a backend.
    fn work(&self, number: u64, order: &str) -> Work {
        Work::new(self.task(number, order), LONG)
    }
}

/// Starts the agent of this work, and orders what its token says, as a runner does; its line, where the backend has one.
pub(crate) async fn begun(backend: &impl Backend, work: &Work) -> Option<AgentStream> {
    let started = backend.start(work).await.expect("started");
    assert!(!started.again, "it is a new one");
    let mut stream = started.stream;
    if let Some(stream) = &mut stream {
        order(stream, work.assignment.token.as_deref().expect("a token")).await;
    }
    stream
}

/// Waits until a started agent is itself: a process is for a moment still what starts it.
pub(crate) async fn comes_alive(bed: &impl Bed, key: &AgentKey) {
    until_alive(bed, key, true).await;
}

/// Waits until an agent is there, or no more.
pub(crate) async fn until_alive(bed: &impl Bed, key: &AgentKey, alive: bool) {
    let looked = async {
        while bed.is_alive(key).await != alive {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(LONG, looked).await.is_ok(), "not within a minute: {key} alive is {alive}");
}

/// Gives an agent its first line.
pub(crate) async fn order(stream: &mut AgentStream, line: &str) {
    stream.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the agent reads");
    stream.stdin.flush().await.expect("the agent reads");
}

/// Everything that an agent still says.
pub(crate) async fn heard(stream: &mut AgentStream) -> String {
    let mut text = String::new();
    let read = timeout(LONG, stream.stdout.read_to_string(&mut text)).await.expect("in time");
    read.expect("text");
    text
}

/// Lines `what=how` as a map.
pub(crate) fn answers(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// One test for each case, on the bed that the expression makes.
macro_rules! cases {
    ($bed:expr; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let bed = $bed;
            crate::conformance::$case(&bed).await;
        })*
    };
}
pub(crate) use cases;

/// What every backend does.
macro_rules! common_conformance {
    ($bed:expr) => {
        crate::conformance::cases! { $bed;
            an_agent_that_is_started_twice_runs_once,
            what_is_removed_is_gone_and_may_be_removed_again,
            the_exit_code_and_the_last_words_are_told,
            what_is_not_there_is_said_to_be_unknown,
            an_image_that_nobody_has_is_told_as_such,
            too_much_memory_is_told_as_out_of_memory,
            a_fork_bomb_stays_one_agent,
            endless_errors_end_the_agent,
            a_result_is_told_once_and_who_tells_none_is_given_back,
            an_agent_that_ends_before_its_result_is_given_back,
            an_agent_that_says_never_again_is_not_begun_again,
            a_deadline_ends_an_agent_that_ignores_everything,
            a_task_is_cancelled_before_while_and_after_it_runs,
            twenty_tasks_respect_the_slots,
            a_runner_that_is_killed_loses_no_task_and_begins_none_twice,
        }
    };
}
pub(crate) use common_conformance;

/// What a backend does besides whose agents speak over a line of the runner and are confined by it.
macro_rules! stream_conformance {
    ($bed:expr) => {
        crate::conformance::cases! { $bed;
            a_line_carries_what_is_said_to_and_fro,
            an_agent_that_ignores_the_polite_request_is_ended_by_force,
            an_idle_agent_waits_for_its_first_line,
            an_agent_reaches_nobody_reads_nothing_and_is_nobody,
            endless_output_is_not_kept_and_ends_the_agent,
            an_exit_after_the_result_is_none_of_the_bridges_business,
            an_agent_that_ends_well_without_a_result_is_given_back,
            agents_that_wait_serve_one_task_each_and_end_with_the_runner,
        }
    };
}
pub(crate) use stream_conformance;
