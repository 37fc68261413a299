//! A cluster of the test bed with Helix's manifests and its operator in this process.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use helix_contract::api::AssignmentV1;
use helix_contract::{TaskId, decode};
use helix_runner::kubernetes::{Kubernetes, operator};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// As in `deploy/kubernetes`.
pub(super) const NAMESPACE: &str = "helix";
/// The image of the agent.
pub(super) const IMAGE: &str = "localhost/helix-test-agent:local";

/// A cluster; it is thrown away when it is dropped.
pub(super) struct Cluster {
    name: &'static str,
    operator: JoinSet<()>,
}

impl Cluster {
    pub(super) fn start(name: &'static str) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Self { name, operator: JoinSet::new() };
        cluster.bed("start", &[])?;
        let base = root().join("deploy/kubernetes/base");
        cluster.bed("kubectl", &["apply", "--server-side", "-k", base.to_str().context("a path")?])?;
        let parts = ["helix-runner", "helix-workers", "registry"];
        cluster.bed("kubectl", &[&["-n", NAMESPACE, "delete", "deployment"], parts.as_slice()].concat())?;
        Ok(cluster)
    }

    /// A command of `tests/bed/kubernetes` for it.
    pub(super) fn bed(&self, command: &str, arguments: &[&str]) -> Result<String> {
        script("kubernetes", command, self.name, arguments)
    }

    /// Made-up nodes for it; a pod there runs for half a second to a second and a half.
    pub(super) fn make_up_nodes(&self, count: usize) -> Result<()> {
        script("kwok", "start", self.name, &[&count.to_string()]).map(drop)
    }

    pub(super) async fn config(&self) -> Result<Config> {
        let file = Kubeconfig::read_from(PathBuf::from(self.bed("kubeconfig", &[])?))?;
        Ok(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
    }

    pub(super) async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// Starts the operator, which ends with the cluster.
    pub(super) fn operate(&mut self, client: Client) {
        self.operator.spawn(async move {
            let settings = operator::Settings::new(NAMESPACE, IMAGE);
            if let Err(error) = operator::run(client, settings, CancellationToken::new()).await {
                eprintln!("the operator has ended: {error}");
            }
        });
    }

    pub(super) async fn backend(&self, bridge: String) -> Result<Kubernetes> {
        Ok(Kubernetes::connect(self.client().await?, NAMESPACE, "bench".parse()?, bridge).await?)
    }

    /// Gives its node the image of the test agent.
    pub(super) fn give_image(&self) -> Result<()> {
        let work = std::env::temp_dir().join(format!("helix-bench-agent-{}", std::process::id()));
        std::fs::create_dir_all(&work)?;
        let source = root().join("agents/runner/tests/kubernetes/agent.rs");
        let agent = work.join("agent");
        let flags = ["--edition=2024", "-O", "-C", "target-feature=+crt-static", "-o"];
        done(Command::new("rustc").args(flags).arg(&agent).arg(source))?;
        self.bed("image", &[IMAGE, agent.to_str().context("a path")?])?;
        Ok(std::fs::remove_dir_all(work)?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.operator.abort_all();
        // What failed before is not to be hidden by the clean-up.
        let _ = script("kwok", "stop", self.name, &[]);
        let _ = self.bed("stop", &[]);
    }
}

/// The assignment of the `number`th task.
pub(super) fn assignment(number: usize) -> Result<AssignmentV1> {
    let id = TaskId::derive(&["bench", &number.to_string()]);
    let (later, digest) = ("2200-01-01T00:00:00Z", format!("sha256:{}", "0".repeat(64)));
    let text = json!({
        "version": 1, "attempt": 1, "time_zone": "UTC", "until": later, "token": id,
        "spec": {
            "version": 1, "id": id, "agent": { "name": "research", "definition": digest },
            "instruction": "answer", "language": "en",
            "limits": { "deadline": later, "attempts": 1, "tokens": 1, "money_micros": 0, "tool_calls": 1 },
        },
        "definition": { "version": 1, "name": "research", "description": "Looks up.", "prompt": "Look up." },
    });
    Ok(decode(text.to_string().as_bytes())?)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn script(part: &str, command: &str, name: &str, arguments: &[&str]) -> Result<String> {
    let path = root().join("tests/bed").join(part);
    done(Command::new(path).arg(command).arg(name).args(arguments))
}

fn done(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
