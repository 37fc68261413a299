//! The cluster of the tests, `HELIX_TEST_KUBERNETES` by name: its image, its operator, and looks into it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, thread};

use helix_runner::kubernetes::api::AgentTask;
use helix_runner::kubernetes::{Kubernetes, lead, operator};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;

/// Where the runner and the agents are, as in `deploy/kubernetes`.
pub(crate) const NAMESPACE: &str = "helix";
/// The image of the generic agent.
pub(crate) const IMAGE: &str = "localhost/helix-test-agent:local";
/// At which pods reach this machine.
pub(crate) const HOST: &str = "10.88.77.1";

/// A command of `tests/bed/kubernetes` for the cluster; what it printed.
pub(crate) fn bed(command: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bed/kubernetes");
    let done =
        Command::new(script).arg(command).arg(name()).args(arguments).output().expect("tests/bed/kubernetes");
    assert!(done.status.success(), "{command} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn name() -> String {
    env::var("HELIX_TEST_KUBERNETES").expect("HELIX_TEST_KUBERNETES: ./test --only kubernetes sets it")
}

/// As the service account of the runner: what it may not do fails here as it would in the cluster.
pub(crate) async fn client() -> Client {
    as_account(Some("system:serviceaccount:helix:helix-runner")).await
}

/// As who may do everything.
pub(crate) async fn admin() -> Client {
    as_account(None).await
}

async fn as_account(account: Option<&str>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::read_from(PathBuf::from(bed("kubeconfig", &[]))).expect("a kubeconfig");
    let mut config =
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("a cluster");
    config.auth_info.impersonate = account.map(str::to_owned);
    Client::try_from(config).expect("a client")
}

/// Sets the cluster up once: manifests, image, and an operator that lives as long as the tests.
pub(crate) fn ready() {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let base = root.join("deploy/kubernetes/base");
        bed("kubectl", &["apply", "--server-side", "-k", base.to_str().expect("a path")]);
        // Its image is not here, and it would be a second one.
        bed(
            "kubectl",
            &[
                "-n",
                NAMESPACE,
                "delete",
                "--ignore-not-found",
                "deployment",
                "helix-runner",
                "helix-workers",
                "registry",
            ],
        );
        build_and_give_image(&root);
        thread::spawn(operate);
    });
}

fn operate() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let settings = operator::Settings::new(NAMESPACE, IMAGE);
        let client = client().await;
        let work = |stop| operator::run(client.clone(), settings.clone(), stop);
        lead(&client, NAMESPACE, "the-tests", &CancellationToken::new(), work).await.expect("an operator");
    });
}

fn build_and_give_image(root: &Path) {
    let work = tempfile::tempdir().expect("a folder");
    let agent = work.path().join("agent");
    let source = root.join("agents/runner/tests/kubernetes/agent.rs");
    run(Command::new("rustc")
        .args(["--edition=2024", "-O", "-C", "target-feature=+crt-static", "-o"])
        .arg(&agent)
        .arg(source));
    give_image(IMAGE, &agent);
}

/// Gives the nodes an image of this one program.
pub(crate) fn give_image(tag: &str, program: &Path) {
    bed("image", &[tag, program.to_str().expect("a path")]);
}

fn run(command: &mut Command) {
    let done = command.output().expect("it runs");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A backend for a runner of this name, whose agents reach the bridge at `port`.
pub(crate) async fn backend(runner: &str, port: u16) -> Kubernetes {
    let bridge = format!("http://{HOST}:{port}");
    Kubernetes::connect(client().await, NAMESPACE, runner.parse().expect("a name"), bridge)
        .await
        .expect("a cluster")
}

/// What a runner has in the cluster: attempts, Jobs, pods, tokens.
pub(crate) async fn left_of(runner: &str) -> Vec<String> {
    let client = admin().await;
    let ours = ListParams::default().labels(&format!("helix.run/runner={runner}"));
    let tasks: Api<AgentTask> = Api::namespaced(client.clone(), NAMESPACE);
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let secrets: Api<Secret> = Api::namespaced(client, NAMESPACE);
    let mut left = Vec::new();
    left.extend(
        tasks.list(&ours).await.expect("a list").items.into_iter().map(|one| ("AgentTask", one.metadata)),
    );
    left.extend(jobs.list(&ours).await.expect("a list").items.into_iter().map(|one| ("Job", one.metadata)));
    left.extend(pods.list(&ours).await.expect("a list").items.into_iter().map(|one| ("Pod", one.metadata)));
    left.extend(
        secrets.list(&ours).await.expect("a list").items.into_iter().map(|one| ("Secret", one.metadata)),
    );
    left.into_iter().map(|(kind, meta)| format!("{kind} {}", meta.name.unwrap_or_default())).collect()
}

/// Waits until a runner has nothing in the cluster any more.
pub(crate) async fn nothing_left_of(runner: &str) {
    until("nothing is left", || async { left_of(runner).await.is_empty() }).await;
}

/// The longest wait: after an outage Kubernetes' own controllers take a minute to look again.
const LONG: Duration = Duration::from_mins(3);

/// Asks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let asked = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, asked).await.is_ok(), "not within {LONG:?}: {what}");
}
