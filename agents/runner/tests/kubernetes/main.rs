//! Agents in a real cluster with a real node: kubelet, containerd, runc. `./test --only kubernetes` brings it.

mod alone;
mod cluster;
mod common;
#[path = "../conformance/mod.rs"]
mod conformance;
mod handover;
#[path = "../programs/mod.rs"]
mod programs;
#[path = "../scripted/mod.rs"]
mod scripted;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use helix_contract::api::{AssignmentV1, TaskAttempt};
use helix_contract::{Failure, Outcome};
use helix_runner::kubernetes::api::{Agent, AgentSpec, AgentTask, Architecture};
use helix_runner::kubernetes::network::{Enforcement, probe};
use helix_runner::{AgentKey, Backend, BackendError, Ended, Runner, Settings, Warm, Work};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use scripted::{ScriptedBridge, assignment, of};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{HOST, IMAGE, NAMESPACE, admin, backend, bed, client, nothing_left_of, until};

/// A task whose agent does what `instruction` says.
fn told(number: u64, runner: &str, instruction: &str) -> AssignmentV1 {
    let mut assignment = assignment(number, &format!("{runner}-{number}"));
    instruction.clone_into(&mut assignment.spec.instruction);
    assignment
}

/// A runner on the cluster, its bridge, and what ends it.
struct Scene {
    name: &'static str,
    bridge: ScriptedBridge,
    port: u16,
    stop: CancellationToken,
    running: JoinHandle<Result<(), BackendError>>,
}

impl Scene {
    async fn begin(name: &'static str) -> Self {
        cluster::ready();
        let bridge = ScriptedBridge::start();
        let port = bridge.listens_at(HOST).await;
        let stop = CancellationToken::new();
        let running = run(name, &bridge, port, stop.clone()).await;
        Self { name, bridge, port, stop, running }
    }

    /// As if the power went out, and another one of the same name comes.
    async fn kill_and_begin_again(&mut self) {
        self.running.abort();
        self.running = run(self.name, &self.bridge, self.port, self.stop.clone()).await;
    }

    async fn end(self) {
        nothing_left_of(self.name).await;
        self.stop.cancel();
        self.running.await.expect("it ends").expect("a runner");
    }
}

async fn run(
    name: &str,
    bridge: &ScriptedBridge,
    port: u16,
    stop: CancellationToken,
) -> JoinHandle<Result<(), BackendError>> {
    let settings = Settings {
        slots: 4,
        agents: Vec::new(),
        warm: Warm { min: 0, max: 0 },
        drain: Duration::from_secs(5),
    };
    let runner = Runner::new(backend(name, port).await, bridge.bridge(), settings);
    #[allow(clippy::disallowed_methods, reason = "aborted as if it was killed")]
    tokio::spawn(Arc::clone(&runner).run(stop))
}

fn spoken(bridge: &ScriptedBridge) -> Vec<String> {
    let said = |outcome: &Outcome| match outcome {
        Outcome::Done { spoken, .. } | Outcome::Failed { spoken, .. } => spoken.clone(),
        Outcome::Cancelled => "cancelled".to_owned(),
    };
    bridge.heard(|heard| heard.results.iter().map(|result| said(&result.outcome)).collect())
}

async fn runs(attempt: &TaskAttempt) {
    let name = AgentKey::Attempt(attempt.clone()).to_string();
    let tasks: Api<AgentTask> = Api::namespaced(admin().await, NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(admin().await, NAMESPACE);
    let of_task = ListParams::default().labels(&format!("helix.run/agent-task={name}"));
    until("its agent runs", || async {
        let found = pods.list(&of_task).await.expect("pods").items;
        found.iter().any(|pod| pod.status.as_ref().is_some_and(|it| it.phase.as_deref() == Some("Running")))
    })
    .await;
    assert!(tasks.get(&name).await.is_ok());
}

#[tokio::test]
async fn a_task_is_carried_out_by_a_job_that_calls_back_and_leaves_nothing() {
    let scene = Scene::begin("answers").await;
    scene.bridge.queues(told(1, "answers", "answer"));
    scene.bridge.until("a result", |heard| !heard.results.is_empty()).await;
    assert_eq!(spoken(&scene.bridge), ["done"]);
    assert!(scene.bridge.heard(
        |heard| heard.returned.is_empty() && heard.asked.iter().all(|(_, token)| token == "answers-1")
    ));
    scene.end().await;
}

#[tokio::test]
async fn an_agent_sees_no_secret_but_its_token_and_can_change_nothing() {
    let scene = Scene::begin("reports").await;
    scene.bridge.queues(told(1, "reports", "report"));
    scene.bridge.until("a result", |heard| !heard.results.is_empty()).await;
    let report = spoken(&scene.bridge).remove(0);
    let field = |name: &str| {
        let found = report.split(';').find_map(|part| part.strip_prefix(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("{name} in {report}")).to_owned()
    };
    let expected = ["HELIX_BRIDGE", "HELIX_TASK_TOKEN_FILE", "HOSTNAME", "HOME", "PATH"];
    // Where the API server is, Kubernetes tells every pod; it needs a token to be of use.
    let foreign: Vec<_> = field("env")
        .split(',')
        .filter(|name| !expected.contains(name) && !name.starts_with("KUBERNETES_"))
        .map(str::to_owned)
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(field("uid"), "65532 65532 65532 65532");
    assert_eq!(field("capabilities"), "0000000000000000");
    assert_eq!([field("no_new_privileges"), field("seccomp")], ["1", "2"]);
    assert_eq!([field("root_is_writable"), field("account_token")], ["false", "false"]);
    scene.end().await;
}

#[tokio::test]
async fn an_agent_that_eats_all_memory_is_ended_and_told_as_that() {
    let scene = Scene::begin("eats").await;
    scene.bridge.queues(told(1, "eats", "eat"));
    scene.bridge.until("it is given back", |heard| !heard.returned.is_empty()).await;
    scene.bridge.heard(|heard| {
        assert_eq!(heard.returned[0].failure, Some(Failure::Limit));
        assert!(heard.returned[0].reason.contains("memory"), "{}", heard.returned[0].reason);
    });
    scene.end().await;
}

#[tokio::test]
async fn an_agent_that_ends_by_itself_is_told_with_its_code() {
    let scene = Scene::begin("exits").await;
    scene.bridge.queues(told(1, "exits", "exit 65"));
    scene.bridge.queues(told(2, "exits", "exit 3"));
    scene.bridge.until("both are given back", |heard| heard.returned.len() == 2).await;
    let failure = |number: u64| {
        let id = told(number, "exits", "").spec.id;
        scene.bridge.heard(|heard| {
            heard
                .returned
                .iter()
                .find(|returned| returned.of.task == id)
                .and_then(|returned| returned.failure)
        })
    };
    assert_eq!([failure(1), failure(2)], [Some(Failure::Impossible), Some(Failure::Agent)]);
    scene.end().await;
}

#[tokio::test]
async fn an_agent_that_takes_too_long_is_ended_by_the_cluster_itself() {
    cluster::ready();
    let bridge = ScriptedBridge::start();
    let backend = backend("too-long", bridge.listens_at(HOST).await).await;
    let work = Work::new(told(1, "too-long", "sleep 60000"), Duration::from_secs(3));
    bridge.gives(&work.assignment);
    backend.start(&work).await.expect("a start");
    let report = backend.wait(&work.key).await.expect("an end");
    assert_eq!(report.ended, Ended::Deadline, "{report:?}");
    backend.remove(&work.key).await.expect("removed");
    nothing_left_of("too-long").await;
}

#[tokio::test]
async fn the_same_attempt_started_twice_is_one_agent() {
    cluster::ready();
    let bridge = ScriptedBridge::start();
    let backend = backend("twice", bridge.listens_at(HOST).await).await;
    let work = Work::new(told(1, "twice", "answer"), Duration::from_mins(1));
    bridge.gives(&work.assignment);
    assert!(!backend.start(&work).await.expect("a start").again);
    assert!(backend.start(&work).await.expect("a second start").again);
    assert_eq!(backend.wait(&work.key).await.expect("an end").ended, Ended::Code(0));
    assert!(backend.start(&work).await.expect("a third start").again);
    assert_eq!(spoken(&bridge), ["done"]);
    for _ in 0..2 {
        backend.remove(&work.key).await.expect("removed");
    }
    nothing_left_of("twice").await;
    assert!(matches!(backend.wait(&work.key).await, Ok(report) if report.ended == Ended::Code(0)));
}

#[tokio::test]
async fn a_task_that_is_cancelled_ends_its_pod() {
    let scene = Scene::begin("cancelled").await;
    let task = told(1, "cancelled", "sleep 60000");
    scene.bridge.queues(task.clone());
    runs(&of(&task)).await;
    scene.bridge.stops(of(&task));
    nothing_left_of("cancelled").await;
    assert!(spoken(&scene.bridge).is_empty());
    scene.end().await;
}

#[tokio::test]
async fn an_image_that_is_missing_or_does_not_run_is_told_and_not_waited_for() {
    let scene = Scene::begin("images").await;
    let broken = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&broken, b"\x7fELF for another world").expect("written");
    cluster::give_image("localhost/broken:local", broken.path());
    let with_image = |number, image: &str| {
        let mut task = told(number, "images", "answer");
        task.spec.agent.image = Some(image.to_owned());
        task
    };
    scene.bridge.queues(with_image(1, "localhost:1/nobody/there:1"));
    scene.bridge.queues(with_image(2, "localhost/broken:local"));
    scene.bridge.queues(with_image(3, "no name"));
    scene.bridge.until("all are given back", |heard| heard.returned.len() == 3).await;
    let reason = |number: u64| {
        let id = told(number, "images", "").spec.id;
        scene.bridge.heard(|heard| {
            heard
                .returned
                .iter()
                .find(|returned| returned.of.task == id)
                .map(|returned| returned.reason.clone())
                .unwrap_or_default()
        })
    };
    assert!(reason(1).contains("does not give"), "{}", reason(1));
    assert!(reason(2).contains("exec format error"), "{}", reason(2));
    assert!(reason(3).contains("its image has no name"), "{}", reason(3));
    scene.end().await;
}

#[tokio::test]
async fn an_agent_for_processors_that_no_node_has_is_refused_at_once() {
    let scene = Scene::begin("processors").await;
    let agents: Api<Agent> = Api::namespaced(admin().await, NAMESPACE);
    let agent = Agent::new(
        "arm-only",
        AgentSpec { architectures: vec![Architecture::Arm64], ..AgentSpec::default() },
    );
    let _ = agents.delete("arm-only", &DeleteParams::default()).await;
    agents.create(&PostParams::default(), &agent).await.expect("an Agent");
    let mut task = told(1, "processors", "answer");
    task.spec.agent.name = "arm-only".parse().expect("a name");
    scene.bridge.queues(task);
    scene.bridge.until("it is given back", |heard| !heard.returned.is_empty()).await;
    let reason = scene.bridge.heard(|heard| heard.returned[0].reason.clone());
    assert!(reason.contains("its image is for arm64, the cluster has amd64"), "{reason}");
    scene.end().await;
}

#[tokio::test]
async fn a_runner_that_was_killed_finds_its_agent_again_and_begins_none_twice() {
    let mut scene = Scene::begin("killed").await;
    let task = told(1, "killed", "sleep 4000");
    scene.bridge.queues(task.clone());
    runs(&of(&task)).await;
    scene.kill_and_begin_again().await;
    scene.bridge.until("a result", |heard| !heard.results.is_empty()).await;
    let begun = scene.bridge.heard(|heard| heard.asked.iter().filter(|(path, _)| path == "/v1/task").count());
    assert_eq!((begun, spoken(&scene.bridge)), (1, vec!["slept".to_owned()]));
    scene.end().await;
}

#[tokio::test]
async fn a_job_whose_task_is_gone_is_taken_away() {
    cluster::ready();
    let bridge = ScriptedBridge::start();
    let backend = backend("orphan", bridge.listens_at(HOST).await).await;
    let work = Work::new(told(1, "orphan", "sleep 60000"), Duration::from_mins(5));
    bridge.gives(&work.assignment);
    backend.start(&work).await.expect("a start");
    runs(&of(&work.assignment)).await;
    let tasks: Api<AgentTask> = Api::namespaced(admin().await, NAMESPACE);
    let parameters = DeleteParams {
        propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    tasks.delete(&work.key.to_string(), &parameters).await.expect("deleted");
    assert_eq!(backend.wait(&work.key).await.expect("an end").ended, Ended::Stopped);
    let jobs: Api<Job> = Api::namespaced(admin().await, NAMESPACE);
    until("its Job is gone", || async {
        jobs.get_opt(&work.key.to_string()).await.expect("an answer").is_none()
    })
    .await;
    bed("kubectl", &["-n", NAMESPACE, "delete", "secret", &work.key.to_string(), "--ignore-not-found"]);
}

#[tokio::test]
async fn what_an_attempt_is_cannot_be_changed_and_nonsense_is_refused() {
    cluster::ready();
    let tasks: Api<AgentTask> = Api::namespaced(admin().await, NAMESPACE);
    let spec = json!({
        "task": "t-00112233445566778899", "attempt": 1, "agent": "research", "deadlineSeconds": 60, "bridge": "http://b:1", "runner": "nobody"
    });
    let make = async |name: &str, spec: serde_json::Value| {
        let object = json!({ "apiVersion": "helix.run/v1alpha1", "kind": "AgentTask", "metadata": { "name": name }, "spec": spec });
        let patch = PatchParams::apply("a-test").force();
        tasks.patch(name, &patch, &Patch::Apply(object)).await.map_err(|error| error.to_string())
    };
    let with = |field: &str, value: serde_json::Value| {
        let mut spec = spec.clone();
        spec[field] = value;
        spec
    };
    let name = "at-t-00112233445566778899-1";
    make(name, spec.clone()).await.expect("an AgentTask");
    for (name, spec, complaint) in [
        (name, with("bridge", json!("http://other:1")), "does not change"),
        ("at-t-00000000000000000000-1", spec.clone(), "the name is"),
        ("at-t-0-1", with("task", json!("t-0")), "spec.task"),
        ("at-t-00112233445566778899-2", with("deadlineSeconds", json!(0)), "spec.deadlineSeconds"),
    ] {
        let refused = make(name, spec).await.expect_err(complaint);
        assert!(refused.contains(complaint), "{refused}");
    }
    tasks.delete(name, &DeleteParams::default()).await.expect("deleted");
}

#[tokio::test]
async fn a_network_that_enforces_no_policy_is_told() {
    cluster::ready();
    // The bridge network of the test bed enforces none.
    let found = probe(&client().await, NAMESPACE, IMAGE).await.expect("a probe");
    assert_eq!(found, Enforcement::Open, "{}", found.words());
}
