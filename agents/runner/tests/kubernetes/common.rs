//! The backend of Jobs passes what every backend passes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use helix_contract::api::AssignmentV1;
use helix_runner::kubernetes::Kubernetes;
use helix_runner::{AgentKey, Backend as _, BackendError};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

use crate::cluster::{self, HOST, IMAGE, NAMESPACE, admin, bed};
use crate::conformance::{self, Bed};
use crate::programs;
use crate::scripted::{ScriptedBridge, assignment};

/// The image of the program that plays every backend's agent.
const AGENT: &str = "localhost/helix-test-conformance:local";

/// Attempts of a runner of its own, by its name.
struct ClusterBed {
    name: String,
    bridge: ScriptedBridge,
    port: u16,
}

impl ClusterBed {
    async fn new() -> Self {
        static RUNNERS: AtomicU32 = AtomicU32::new(0);
        static GIVEN: OnceLock<()> = OnceLock::new();
        cluster::ready();
        GIVEN.get_or_init(|| cluster::give_image(AGENT, programs::agent()));
        let bridge = ScriptedBridge::start();
        let port = bridge.listens_at(HOST).await;
        let name = format!("common-{}", RUNNERS.fetch_add(1, Ordering::Relaxed));
        Self { name, bridge, port }
    }
}

impl Bed for ClusterBed {
    type Backend = Kubernetes;

    fn bridge(&self) -> &ScriptedBridge {
        &self.bridge
    }

    async fn backend(&self) -> Kubernetes {
        cluster::backend(&self.name, self.port).await
    }

    fn options(&self) -> Vec<String> {
        let pods_bridge = format!("http://{HOST}:{}", self.port);
        ["--backend", "kubernetes", "--name", &self.name, "--image", IMAGE, "--agent-bridge", &pods_bridge]
            .map(str::to_owned)
            .to_vec()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("KUBECONFIG", bed("kubeconfig", &[]))]
    }

    async fn is_alive(&self, key: &AgentKey) -> bool {
        let pods: Api<Pod> = Api::namespaced(admin().await, NAMESPACE);
        let of_task = ListParams::default().labels(&format!("helix.run/agent-task={key}"));
        let found = pods.list(&of_task).await.expect("a list").items;
        let statuses = found.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
        statuses.into_iter().any(|container| container.state.is_some_and(|state| state.running.is_some()))
    }

    /// A cluster tells the end of an agent before its pod is gone.
    async fn is_gone(&self, key: &AgentKey) {
        conformance::until_alive(self, key, false).await;
    }

    async fn missing(&self) -> Result<(), BackendError> {
        let mut work = self.work(1, "wait");
        work.assignment.spec.agent.image = Some("localhost:1/nobody/there:1".to_owned());
        let backend = self.backend().await;
        backend.start(&work).await.expect("the nodes pull it");
        let ended = backend.wait(&work.key).await;
        backend.remove(&work.key).await.expect("removed");
        ended.map(drop)
    }

    fn task(&self, number: u64, order: &str) -> AssignmentV1 {
        let mut task = assignment(number, order);
        task.spec.agent.image = Some(AGENT.to_owned());
        task
    }
}

conformance::common_conformance!(ClusterBed::new().await);
