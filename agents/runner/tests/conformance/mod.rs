//! What every backend does on the real thing, one function for each sentence.
#![allow(dead_code, reason = "each backend runs its cases")]

mod hostile;
mod life;
mod tasks;

use std::collections::BTreeMap;
use std::time::Duration;

use helix_runner::{AgentStream, Backend, Work};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

pub(crate) use hostile::*;
pub(crate) use life::*;
pub(crate) use tasks::*;

use crate::scripted::assignment;

/// Longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A backend with the program `tests/programs/agent.rs` as its agent.
pub(crate) trait Bed {
    type Backend: Backend;

    /// A new backend of a runner of its own, with 64 MiB for each agent.
    async fn backend(&self) -> Self::Backend;

    /// The same backend as a runner after a crash finds it.
    async fn again(&self) -> Self::Backend;

    /// What `helix-runner run` needs to have this backend.
    fn options(&self) -> Vec<String>;

    /// Whether the process of this agent is there.
    async fn is_alive(&self, key: &helix_runner::AgentKey) -> bool;

    /// Prepares agents of an image or a program that nobody has.
    async fn missing(&self) -> Result<(), helix_runner::BackendError>;
}

/// Work whose agent gets `line` first, where the test says so.
pub(crate) fn work(number: u64) -> Work {
    Work::new(assignment(number, "no token"), LONG)
}

/// Waits until a started agent is itself: a process is for a moment still what starts it.
pub(crate) async fn comes_alive(bed: &impl Bed, key: &helix_runner::AgentKey) {
    let alive = async {
        while !bed.is_alive(key).await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, alive).await.expect("it is alive");
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
macro_rules! conformance {
    ($bed:expr; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let bed = $bed;
            conformance::$case(&bed).await;
        })*
    };
}
pub(crate) use conformance;

/// Every case.
macro_rules! whole_conformance {
    ($bed:expr) => {
        conformance::conformance! { $bed;
            an_agent_that_is_started_twice_runs_once,
            what_is_removed_is_gone_and_may_be_removed_again,
            an_agent_that_ignores_the_polite_request_is_ended_by_force,
            the_exit_code_and_the_last_words_are_told,
            an_idle_agent_waits_for_its_first_line,
            what_is_not_there_is_said_to_be_unknown,
            an_image_that_is_missing_is_told_as_such,
            an_agent_reaches_nobody_reads_nothing_and_is_nobody,
            too_much_memory_is_told_as_out_of_memory,
            a_fork_bomb_stays_one_agent,
            endless_errors_end_the_agent,
            endless_output_is_not_kept_and_ends_the_agent,
            a_result_is_told_once_and_an_exit_after_it_is_none_of_the_bridges_business,
            an_agent_that_ends_before_its_result_is_given_back,
            an_agent_that_says_never_again_is_not_begun_again,
            a_deadline_ends_an_agent_that_ignores_everything,
            a_task_is_cancelled_before_while_and_after_it_runs,
            agents_that_wait_serve_one_task_each_and_end_with_the_runner,
            twenty_tasks_respect_the_slots,
            a_runner_that_is_killed_leaves_nothing_running_and_its_task_is_given_back,
        }
    };
}
pub(crate) use whole_conformance;
