//! Whole tasks, from a scripted bridge to an agent and back.

use std::process::Stdio;
use std::time::Duration;

use helix_contract::Failure;
use helix_contract::api::ReturnRequestV1;
use helix_runner::{AgentKey, Backend, BackendError, Runner, Settings, Warm};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Bed, LONG, comes_alive};
use crate::scripted::{ScriptedBridge, of};

pub(crate) struct AtWork {
    stop: CancellationToken,
    life: JoinSet<Result<(), BackendError>>,
}

impl AtWork {
    pub(crate) fn begins(bridge: &ScriptedBridge, backend: impl Backend, slots: usize) -> Self {
        Self::begins_warm(bridge, backend, slots, Warm { min: 0, max: 0 })
    }

    fn begins_warm(bridge: &ScriptedBridge, backend: impl Backend, slots: usize, warm: Warm) -> Self {
        let settings = Settings { slots, agents: Vec::new(), warm, drain: Duration::ZERO };
        let runner = Runner::new(backend, bridge.bridge(), settings);
        let stop = CancellationToken::new();
        let mut life = JoinSet::new();
        life.spawn(runner.run(stop.clone()));
        Self { stop, life }
    }

    pub(crate) async fn ends(mut self) {
        self.stop.cancel();
        let ended = timeout(LONG, self.life.join_next()).await.expect("in time");
        ended.expect("it ran").expect("no panic").expect("no error");
    }
}

/// Lets one task be carried out and waits for what the bridge is told if there is no result.
async fn returned(bed: &impl Bed, order: &str) -> ReturnRequestV1 {
    let (bridge, task) = (bed.bridge(), bed.task(1, order));
    let runner = AtWork::begins(bridge, bed.backend().await, 1);
    bridge.queues(task.clone());
    bridge.until("it is given back", |heard| heard.returned.iter().any(|told| told.of == of(&task))).await;
    runner.ends().await;
    bridge.heard(|heard| heard.returned.last().cloned().expect("it is given back"))
}

pub(crate) async fn a_result_is_told_once_and_who_tells_none_is_given_back(bed: &impl Bed) {
    let bridge = bed.bridge();
    let runner = AtWork::begins(bridge, bed.backend().await, 1);
    let (tells, fails) = (bed.task(1, "tell 0"), bed.task(2, "exit 1"));
    bridge.queues(tells.clone());
    bridge.queues(fails.clone());
    bridge.until("one is given back", |heard| heard.returned.len() == 1).await;
    runner.ends().await;
    bridge.heard(|heard| {
        assert_eq!(heard.results.iter().map(|result| &result.task).collect::<Vec<_>>(), [&tells.spec.id]);
        assert_eq!(heard.returned[0].of, of(&fails));
    });
    for task in [&tells, &fails] {
        bed.is_gone(&AgentKey::Attempt(of(task))).await;
    }
}

pub(crate) async fn an_exit_after_the_result_is_none_of_the_bridges_business(bed: &impl Bed) {
    let bridge = bed.bridge();
    let runner = AtWork::begins(bridge, bed.backend().await, 1);
    let fails = bed.task(1, "tell 3");
    bridge.queues(fails.clone());
    // When the one slot is free again, the first one has ended.
    bridge.queues(bed.task(2, "tell 0"));
    bridge.until("two results", |heard| heard.results.len() == 2).await;
    runner.ends().await;
    assert!(bridge.heard(|heard| heard.returned.is_empty()));
    bed.is_gone(&AgentKey::Attempt(of(&fails))).await;
}

pub(crate) async fn an_agent_that_ends_before_its_result_is_given_back(bed: &impl Bed) {
    let told = returned(bed, "exit 1").await;
    assert_eq!(told.failure, Some(Failure::Agent));
    assert!(told.reason.contains("code 1"), "{}", told.reason);
}

/// One that dials the bridge itself is believed: the lease of one that lies runs out.
pub(crate) async fn an_agent_that_ends_well_without_a_result_is_given_back(bed: &impl Bed) {
    let told = returned(bed, "exit 0").await;
    assert_eq!(told.failure, Some(Failure::Agent));
    assert!(told.reason.contains("code 0"), "{}", told.reason);
}

pub(crate) async fn an_agent_that_says_never_again_is_not_begun_again(bed: &impl Bed) {
    let told = returned(bed, "exit 64").await;
    assert!(told.failure.is_some_and(|failure| !failure.is_retryable()), "{told:?}");
}

pub(crate) async fn endless_output_is_not_kept_and_ends_the_agent(bed: &impl Bed) {
    let told = returned(bed, "stdout").await;
    assert!(matches!(told.failure, Some(Failure::Agent | Failure::Limit)), "{told:?}");
}

pub(crate) async fn a_deadline_ends_an_agent_that_ignores_everything(bed: &impl Bed) {
    let bridge = bed.bridge();
    let runner = AtWork::begins(bridge, bed.backend().await, 1);
    let mut late = bed.task(1, "deaf");
    late.spec.limits.deadline = jiff::Timestamp::now() + Duration::from_secs(3);
    bridge.queues(late.clone());
    bridge.until("it is given back", |heard| heard.returned.len() == 1).await;
    bed.is_gone(&AgentKey::Attempt(of(&late))).await;
    runner.ends().await;
    let told = bridge.heard(|heard| heard.returned[0].clone());
    assert_eq!(told.failure, Some(Failure::Limit));
    assert!(told.reason.starts_with("the agent took longer than its deadline"), "{}", told.reason);
}

pub(crate) async fn a_task_is_cancelled_before_while_and_after_it_runs(bed: &impl Bed) {
    let (bridge, backend) = (bed.bridge(), bed.backend().await);
    let survives = backend.capabilities().survives;
    let runner = AtWork::begins(bridge, backend, 3);
    let (before, during, after) = (bed.task(1, "deaf"), bed.task(2, "ask /v1/here"), bed.task(3, "tell 0"));
    bridge.stops(of(&before));
    bridge.queues(before.clone());
    bridge.queues(during.clone());
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    bridge.stops(of(&during));
    bridge.queues(after.clone());
    bridge.until("a result", |heard| heard.results.len() == 1).await;
    bridge.stops(of(&after));
    let last = bed.task(4, "ask /v1/last");
    bridge.queues(last.clone());
    bridge
        .until("nothing else is kept", |heard| heard.kept.last().is_some_and(|kept| *kept == [of(&last)]))
        .await;
    for task in [&before, &during, &after] {
        assert!(!bed.is_alive(&AgentKey::Attempt(of(task))).await);
    }
    runner.ends().await;
    let returned =
        bridge.heard(|heard| heard.returned.iter().map(|told| told.of.clone()).collect::<Vec<_>>());
    let expected = if survives { Vec::new() } else { vec![of(&last)] };
    assert_eq!(returned, expected, "who was told to stop gives nothing back");
    if survives {
        bed.backend().await.remove(&AgentKey::Attempt(of(&last))).await.expect("removed");
    }
}

pub(crate) async fn twenty_tasks_respect_the_slots(bed: &impl Bed) {
    let bridge = bed.bridge();
    for number in 0..20 {
        bridge.queues(bed.task(number, &format!("tell 0/{number}")));
    }
    let runner = AtWork::begins(bridge, bed.backend().await, 4);
    bridge.until("twenty results", |heard| heard.results.len() == 20).await;
    runner.ends().await;
    bridge.heard(|heard| assert!(heard.returned.is_empty(), "{:?}", heard.returned));
    assert!(bridge.heard(|heard| heard.kept.iter().all(|kept| kept.len() <= 4)));
    assert!(bridge.heard(|heard| {
        heard
            .results
            .iter()
            .all(|result| heard.leased.iter().filter(|of| of.task == result.task).count() == 1)
    }));
}

/// Where agents end with their runner, the task is given back; where they go on, the next runner has it.
pub(crate) async fn a_runner_that_is_killed_loses_no_task_and_begins_none_twice(bed: &impl Bed) {
    let (bridge, task) = (bed.bridge(), bed.task(1, "ask /v1/here"));
    let key = AgentKey::Attempt(of(&task));
    bridge.queues(task.clone());
    let mut runner = Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .args(["run", "--warm-max", "0", "--bridge", &bridge.address(), "--token-file"])
        .arg(bridge.token_file())
        .args(bed.options())
        .envs(bed.environment())
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .spawn()
        .expect("helix-runner starts");
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    comes_alive(bed, &key).await;
    runner.kill().await.expect("killed");

    let backend = bed.backend().await;
    let found = backend.found().await.expect("looked");
    assert!(found.iter().any(|found| found.key == key), "{found:?}");
    let survives = backend.capabilities().survives;
    let kept = bridge.heard(|heard| heard.kept.len());
    let runner = AtWork::begins(bridge, backend, 1);
    if survives {
        bridge
            .until("it is kept", |heard| heard.kept.iter().skip(kept).any(|kept| kept.contains(&of(&task))))
            .await;
    } else {
        bridge
            .until("it is given back", |heard| heard.returned.iter().any(|told| told.of == of(&task)))
            .await;
        assert!(!bed.is_alive(&key).await);
    }
    runner.ends().await;
    assert_eq!(bridge.heard(|heard| heard.leased.len()), 1, "begun once");
    if survives {
        assert!(bed.is_alive(&key).await, "it goes on without a runner");
        bed.backend().await.remove(&key).await.expect("removed");
    }
}

pub(crate) async fn agents_that_wait_serve_one_task_each_and_end_with_the_runner(bed: &impl Bed) {
    let (bridge, backend) = (bed.bridge(), bed.backend().await);
    if !backend.capabilities().idle {
        return;
    }
    let idle = |number| AgentKey::Idle { runner: std::process::id(), number };
    let runner = AtWork::begins_warm(bridge, backend, 2, Warm { min: 2, max: 2 });
    while !(bed.is_alive(&idle(0)).await && bed.is_alive(&idle(1)).await) {
        tokio::task::yield_now().await;
    }
    let task = bed.task(1, "ask /v1/here");
    bridge.queues(task.clone());
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    assert!(!bed.is_alive(&AgentKey::Attempt(of(&task))).await, "nothing was started for it");
    for number in 2..6 {
        bridge.queues(bed.task(number, "tell 0"));
    }
    bridge.until("four results", |heard| heard.results.len() == 4).await;
    bridge.stops(of(&task));
    bridge.queues(bed.task(7, "exit 5"));
    bridge.until("it is given back", |heard| heard.returned.len() == 1).await;
    runner.ends().await;
    for number in 0..16 {
        assert!(!bed.is_alive(&idle(number)).await, "nobody waits any more");
    }
}
