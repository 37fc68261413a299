//! The stages that are values in, values out.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::Settings;
use super::build::build;
use super::dereference::Found;
use super::observe::observe;
use super::validate::{Refusal, validate};
use crate::kubernetes::api::{Agent, AgentSpec, AgentTask, Architecture, EndReason, Phase, PodLimits};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

fn task() -> AgentTask {
    of(json!({
        "apiVersion": "helix.run/v1alpha1", "kind": "AgentTask",
        "metadata": { "name": "at-t-00112233445566778899-2", "namespace": "helix", "uid": "the-uid", "generation": 1 },
        "spec": {
            "task": "t-00112233445566778899", "attempt": 2, "agent": "research", "deadlineSeconds": 120,
            "bridge": "http://192.168.1.10:10302", "runner": "cellar", "class": "background"
        }
    }))
}

fn found() -> Found {
    Found { architectures: [Architecture::Amd64].into(), ..Found::default() }
}

fn settings() -> Settings {
    Settings::new("helix", "registry.helix/helix-agent@sha256:00")
}

#[test]
fn the_job_of_an_attempt_is_the_golden_one() {
    let prepared = validate(&task(), &found(), &settings()).expect("it is fine");
    let job = serde_yaml_ng::to_string(&build(&prepared, "helix-agent")).expect("YAML");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/job.yaml");
    if std::env::var_os("HELIX_BLESS").is_some() {
        std::fs::write(&path, &job).expect("the golden can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden is there");
    assert_eq!(job, golden, "HELIX_BLESS=1 cargo test -p helix-runner --lib writes it anew");
}

#[test]
fn what_the_administrator_says_about_an_agent_goes_before_the_task_and_the_defaults() {
    let agent = AgentSpec {
        image: Some("pinned@sha256:11".to_owned()),
        node_selector: [("disk".to_owned(), "fast".to_owned())].into(),
        limits: PodLimits { memory: Some("1Gi".to_owned()), ..PodLimits::default() },
        ..AgentSpec::default()
    };
    let mut task = task();
    task.spec.image = Some("of-the-task@sha256:22".to_owned());
    let plain = validate(&task, &found(), &settings()).expect("it is fine");
    assert_eq!((plain.image.as_str(), plain.memory.as_str()), ("of-the-task@sha256:22", "64Mi"));
    let found = Found { agent: Some(Arc::new(Agent::new("research", agent))), ..found() };
    let pinned = validate(&task, &found, &settings()).expect("it is fine");
    let seen = (pinned.image.as_str(), pinned.memory.as_str(), pinned.cpu.as_str());
    assert_eq!(seen, ("pinned@sha256:11", "1Gi", "500m"));
    assert_eq!(pinned.node_selector.get("disk").map(String::as_str), Some("fast"));
}

#[test]
fn what_no_node_can_run_is_refused_in_words() {
    let arm = AgentSpec { architectures: vec![Architecture::Arm64], ..AgentSpec::default() };
    let found = Found { agent: Some(Arc::new(Agent::new("research", arm))), ..found() };
    let message = "its image is for arm64, the cluster has amd64".to_owned();
    let refusal = Refusal { reason: EndReason::Architecture, message };
    assert_eq!(validate(&task(), &found, &settings()), Err(refusal));
    let nobody = Found::default();
    let refusal = validate(&task(), &nobody, &settings()).expect_err("there is no node");
    assert!(refusal.message.contains("the cluster has no node"), "{refusal:?}");
}

/// A pod whose container is in this state.
fn pod(state: &Value) -> Pod {
    of(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "nodeName": "n", "containers": [] },
        "status": { "containerStatuses": [
            { "name": "agent", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state }
        ] }
    }))
}

fn terminated(code: i32, reason: &str, message: &str) -> Pod {
    pod(&json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } }))
}

fn waiting(reason: &str, message: &str) -> Pod {
    pod(&json!({ "waiting": { "reason": reason, "message": message } }))
}

fn job(condition: &str, reason: &str) -> Job {
    of(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" },
        "status": { "conditions": [{ "type": condition, "status": "True", "reason": reason, "message": "so it was" }] }
    }))
}

fn quiet() -> Job {
    of(json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" } }))
}

#[test]
fn a_pod_tells_how_its_agent_ended_before_its_job_does() {
    let reason = |pod: &Pod| {
        observe(&task(), Some(&quiet()), Some(pod), NOW).end.map(|end| (end.reason, end.exit_code))
    };
    let cases = vec![
        (terminated(0, "Completed", ""), EndReason::Exited, Some(0)),
        (terminated(65, "Error", ""), EndReason::Exited, Some(65)),
        (terminated(137, "OOMKilled", ""), EndReason::OutOfMemory, None),
        (terminated(255, "Error", "exec /agent: exec format error"), EndReason::Architecture, None),
        (terminated(128, "StartError", "no such file"), EndReason::DoesNotStart, None),
        (waiting("ErrImagePull", "rpc error: code = NotFound desc = no"), EndReason::ImageMissing, None),
        (waiting("InvalidImageName", ""), EndReason::ImageMissing, None),
        (waiting("ImagePullBackOff", "connection refused"), EndReason::ImageRefused, None),
        (waiting("ErrImagePull", "no match for platform in manifest"), EndReason::Architecture, None),
        (waiting("CreateContainerError", "exec: not there"), EndReason::DoesNotStart, None),
    ];
    for (pod, end, code) in cases {
        assert_eq!(reason(&pod), Some((end, code)), "{:?}", pod.status);
    }
    for passes in
        [waiting("ContainerCreating", ""), waiting("ErrImagePull", "connection refused"), pod(&json!({}))]
    {
        assert_eq!(reason(&passes), None, "{:?}", passes.status);
    }
}

#[test]
fn a_pod_that_is_sent_away_wrote_too_much_or_its_node_is_short_of_something() {
    let reason = |message: &str| {
        let mut sent = pod(&json!({}));
        let status = sent.status.get_or_insert_default();
        status.reason = Some("Evicted".to_owned());
        status.message = Some(message.to_owned());
        observe(&task(), Some(&quiet()), Some(&sent), NOW).end.map(|end| end.reason)
    };
    let by_pod = "Pod ephemeral local storage usage exceeds the total limit of containers 16Mi. ";
    let by_container = "Container agent exceeded its local ephemeral storage limit \"16Mi\". ";
    let by_node = "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0. ";
    assert_eq!(
        [by_pod, by_container, by_node].map(reason),
        [EndReason::Output, EndReason::Output, EndReason::Stopped].map(Some)
    );
}

#[test]
fn a_pod_that_is_deleted_is_explained_by_its_job() {
    let mut killed = terminated(137, "Error", "");
    killed.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(NOW));
    let reason = |job: &Job| observe(&task(), Some(job), Some(&killed), NOW).end.map(|end| end.reason);
    assert_eq!(reason(&quiet()), None);
    assert_eq!(reason(&job("FailureTarget", "DeadlineExceeded")), Some(EndReason::Deadline));
    assert_eq!(reason(&job("Failed", "PodFailurePolicy")), Some(EndReason::Stopped));
    assert_eq!(reason(&job("Complete", "")), Some(EndReason::Exited));
}

#[test]
fn an_attempt_runs_until_it_has_ended_and_what_has_ended_stays_so() {
    let running = observe(&task(), Some(&quiet()), Some(&pod(&json!({ "running": {} }))), NOW);
    assert_eq!((running.phase, running.node.as_deref()), (Phase::Running, Some("n")));
    let mut later = task();
    later.status = Some(running);
    let lost = observe(&later, None, None, NOW);
    assert_eq!(lost.end.as_ref().map(|end| end.reason), Some(EndReason::Stopped));
    later.status = Some(lost.clone());
    assert_eq!(observe(&later, Some(&job("Complete", "")), None, NOW), lost);
    assert_eq!(observe(&task(), None, None, NOW).phase, Phase::Waiting);
}
