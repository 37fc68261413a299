//! Two runners of one cluster, each of them also an operator. The one that leads is killed with attempts under way.

use std::process::Stdio;

use helix_contract::api::AssignmentV1;
use helix_runner::AgentKey;
use helix_runner::kubernetes::api::{AgentTask, EndReason};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use tokio::process::{Child, Command};

use crate::cluster::{self, HOST, IMAGE, admin, bed, until};
use crate::scripted::ScriptedBridge;
use crate::{spoken, told};

/// A namespace of its own: the operator of the other tests leads in theirs.
const NAMESPACE: &str = "handover";

fn runner(name: &str, bridge: &ScriptedBridge, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .args(["run", "--backend", "kubernetes", "--name", name, "--namespace", NAMESPACE, "--image", IMAGE])
        .args(["--bridge", &bridge.address(), "--agent-bridge", &format!("http://{HOST}:{port}")])
        .arg("--token-file")
        .arg(bridge.token_file())
        .env("KUBECONFIG", bed("kubeconfig", &[]))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("helix-runner starts")
}

async fn leader() -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(admin().await, NAMESPACE);
    let lease = leases.get_opt("helix-operator").await.expect("an answer")?;
    lease.spec?.holder_identity.filter(|holder| !holder.is_empty())
}

#[tokio::test]
async fn an_operator_that_is_killed_is_followed_by_another_one_that_loses_and_doubles_nothing() {
    cluster::ready();
    bed("kubectl", &["create", "namespace", NAMESPACE]);
    bed("kubectl", &["-n", NAMESPACE, "create", "serviceaccount", "helix-agent"]);
    let bridge = ScriptedBridge::start();
    let port = bridge.listens_at(HOST).await;

    let mut first = runner("first", &bridge, port);
    until("somebody leads", || async { leader().await.is_some() }).await;
    let led = leader().await;
    // It is carried out while nobody operates the cluster, and its end is seen by the next operator.
    let begun = told(1, "handover", "sleep 6000");
    bridge.queues(begun.clone());
    bridge.until("it runs", |heard| !heard.asked.is_empty()).await;
    first.kill().await.expect("killed");

    let mut second = runner("second", &bridge, port);
    let next = told(2, "handover", "answer");
    bridge.queues(next.clone());
    bridge.until("both results", |heard| heard.results.len() == 2).await;
    let mut all = spoken(&bridge);
    all.sort();
    assert_eq!(all, ["done", "slept"]);
    assert_ne!(leader().await, led);
    let begun_times = |task: &AssignmentV1| {
        let token = task.token.clone().expect("a token");
        bridge
            .heard(|heard| heard.asked.iter().filter(|(path, by)| path == "/v1/task" && *by == token).count())
    };
    assert_eq!([begun_times(&begun), begun_times(&next)], [1, 1], "each was begun once");

    // What the first runner left is told in the cluster, for its runner to come back to.
    let tasks: Api<AgentTask> = Api::namespaced(admin().await, NAMESPACE);
    until("its end is told", || async {
        let task = tasks.get(&AgentKey::of(&begun).to_string()).await.expect("it is kept");
        task.end().is_some_and(|end| end.reason == EndReason::Exited && end.exit_code == Some(0))
    })
    .await;
    let jobs: Api<Job> = Api::namespaced(admin().await, NAMESPACE);
    let jobs = jobs.list(&ListParams::default()).await.expect("a list").items;
    assert!(
        jobs.iter().all(|job| job.status.as_ref().and_then(|status| status.failed).is_none()),
        "{jobs:?}"
    );
    second.kill().await.expect("killed");
    bed("kubectl", &["delete", "namespace", NAMESPACE, "--wait=false"]);
}
