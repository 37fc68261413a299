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

use super::{Bed, LONG};
use crate::scripted::{ScriptedBridge, assignment, of};

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
async fn returned(bed: &impl Bed, token: &str) -> ReturnRequestV1 {
    let bridge = ScriptedBridge::start();
    let runner = AtWork::begins(&bridge, bed.backend().await, 1);
    bridge.queues(assignment(1, token));
    bridge.until("it is given back", |heard| heard.returned.len() == 1).await;
    runner.ends().await;
    bridge.heard(|heard| heard.returned[0].clone())
}

pub(crate) async fn a_result_is_told_once_and_an_exit_after_it_is_none_of_the_bridges_business(
    bed: &impl Bed,
) {
    let bridge = ScriptedBridge::start();
    let runner = AtWork::begins(&bridge, bed.backend().await, 1);
    let tasks = [assignment(1, "tell 0"), assignment(2, "tell 3")];
    tasks.iter().cloned().for_each(|task| bridge.queues(task));
    bridge.until("two results", |heard| heard.results.len() == 2).await;
    bridge.queues(assignment(3, "exit 1"));
    bridge.until("one is given back", |heard| heard.returned.len() == 1).await;
    runner.ends().await;
    assert!(bridge.heard(|heard| heard.returned.iter().all(|told| told.of == of(&assignment(3, "exit 1")))));
    for task in &tasks {
        assert!(!bed.is_alive(&AgentKey::Attempt(of(task))).await);
    }
}

pub(crate) async fn an_agent_that_ends_before_its_result_is_given_back(bed: &impl Bed) {
    for code in [0, 1] {
        let told = returned(bed, &format!("exit {code}")).await;
        assert_eq!(told.failure, Some(Failure::Agent));
        assert!(told.reason.contains(&format!("code {code}")), "{}", told.reason);
    }
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
    let bridge = ScriptedBridge::start();
    let runner = AtWork::begins(&bridge, bed.backend().await, 1);
    let mut late = assignment(1, "deaf");
    late.spec.limits.deadline = jiff::Timestamp::now() + Duration::from_secs(3);
    bridge.queues(late.clone());
    bridge.until("it is given back", |heard| heard.returned.len() == 1).await;
    assert!(!bed.is_alive(&AgentKey::Attempt(of(&late))).await);
    runner.ends().await;
    let told = bridge.heard(|heard| heard.returned[0].clone());
    assert_eq!(
        (told.failure, told.reason.as_str()),
        (Some(Failure::Limit), "the agent took longer than its deadline")
    );
}

pub(crate) async fn a_task_is_cancelled_before_while_and_after_it_runs(bed: &impl Bed) {
    let bridge = ScriptedBridge::start();
    let runner = AtWork::begins(&bridge, bed.backend().await, 3);
    let (before, during, after) =
        (assignment(1, "deaf"), assignment(2, "ask /v1/here"), assignment(3, "tell 0"));
    bridge.stops(of(&before));
    bridge.queues(before.clone());
    bridge.queues(during.clone());
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    bridge.stops(of(&during));
    bridge.queues(after.clone());
    bridge.until("a result", |heard| heard.results.len() == 1).await;
    bridge.stops(of(&after));
    let last = assignment(4, "ask /v1/last");
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
    assert_eq!(returned, [of(&last)], "who was told to stop gives nothing back");
}

pub(crate) async fn twenty_tasks_respect_the_slots(bed: &impl Bed) {
    let bridge = ScriptedBridge::start();
    for number in 0..20 {
        bridge.queues(assignment(number, &format!("tell 0/{number}")));
    }
    let runner = AtWork::begins(&bridge, bed.backend().await, 4);
    bridge.until("twenty results", |heard| heard.results.len() == 20).await;
    runner.ends().await;
    assert!(bridge.heard(|heard| heard.returned.is_empty()));
    assert!(bridge.heard(|heard| heard.kept.iter().all(|kept| kept.len() <= 4)));
    assert!(bridge.heard(|heard| {
        heard
            .results
            .iter()
            .all(|result| heard.leased.iter().filter(|of| of.task == result.task).count() == 1)
    }));
}

pub(crate) async fn a_runner_that_is_killed_leaves_nothing_running_and_its_task_is_given_back(
    bed: &impl Bed,
) {
    let bridge = ScriptedBridge::start();
    let task = assignment(1, "ask /v1/here");
    let key = AgentKey::Attempt(of(&task));
    bridge.queues(task.clone());
    let mut runner = Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .args(["run", "--warm-max", "0", "--bridge", &bridge.address(), "--token-file"])
        .arg(bridge.token_file())
        .args(bed.options())
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .spawn()
        .expect("helix-runner starts");
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    assert!(bed.is_alive(&key).await);
    runner.kill().await.expect("killed");

    let backend = bed.again().await;
    let found = backend.found().await.expect("looked");
    assert!(found.iter().any(|found| found.key == key), "{found:?}");
    let survives = backend.capabilities().survives;
    let runner = AtWork::begins(&bridge, backend, 1);
    if survives {
        bridge
            .until("it is kept", |heard| heard.kept.last().is_some_and(|kept| kept.contains(&of(&task))))
            .await;
    } else {
        bridge
            .until("it is given back", |heard| heard.returned.iter().any(|told| told.of == of(&task)))
            .await;
        assert!(!bed.is_alive(&key).await);
    }
    runner.ends().await;
    assert_eq!(bridge.heard(|heard| heard.leased.len()), 1, "begun once");
}

pub(crate) async fn agents_that_wait_serve_one_task_each_and_end_with_the_runner(bed: &impl Bed) {
    let bridge = ScriptedBridge::start();
    let backend = bed.backend().await;
    if !backend.capabilities().idle {
        return;
    }
    let idle = |number| AgentKey::Idle { runner: std::process::id(), number };
    let runner = AtWork::begins_warm(&bridge, backend, 2, Warm { min: 2, max: 2 });
    while !(bed.is_alive(&idle(0)).await && bed.is_alive(&idle(1)).await) {
        tokio::task::yield_now().await;
    }
    let task = assignment(1, "ask /v1/here");
    bridge.queues(task.clone());
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    assert!(!bed.is_alive(&AgentKey::Attempt(of(&task))).await, "nothing was started for it");
    for number in 2..6 {
        bridge.queues(assignment(number, "tell 0"));
    }
    bridge.until("four results", |heard| heard.results.len() == 4).await;
    bridge.stops(of(&task));
    bridge.queues(assignment(7, "exit 5"));
    bridge.until("it is given back", |heard| heard.returned.len() == 1).await;
    runner.ends().await;
    for number in 0..16 {
        assert!(!bed.is_alive(&idle(number)).await, "nobody waits any more");
    }
}
