//! The backend of containers passes what every backend passes, on a real Docker daemon.

#[path = "../conformance/mod.rs"]
mod conformance;
mod outage;
#[path = "../programs/mod.rs"]
mod programs;
#[path = "../scripted/mod.rs"]
mod scripted;

use std::sync::atomic::{AtomicU32, Ordering};

use bollard::Docker;
use bollard::query_parameters::ImportImageOptions;
use conformance::Bed;
use futures_util::TryStreamExt as _;
use helix_contract::Digest;
use helix_runner::{AgentKey, Backend as _, BackendError, Containers, DockerSettings};
use scripted::ScriptedBridge;
use tokio::sync::OnceCell;

const IMAGE: &str = "localhost/helix-test-agent";

/// Containers of a runner of its own, by its name; they are removed with it.
struct DockerBed {
    name: String,
    docker: Docker,
    bridge: ScriptedBridge,
}

impl DockerBed {
    async fn new() -> Self {
        static RUNNERS: AtomicU32 = AtomicU32::new(0);
        let number = RUNNERS.fetch_add(1, Ordering::Relaxed);
        let docker = Docker::connect_with_defaults().expect("a daemon").negotiate_version().await;
        let docker = docker.expect("a daemon: tests/bed/dockerd start");
        image(&docker).await;
        let name = format!("test-{}-{number}", std::process::id());
        Self { name, docker, bridge: ScriptedBridge::start() }
    }

    fn settings(&self) -> DockerSettings {
        DockerSettings {
            host: None,
            name: self.name.clone(),
            image: format!("{IMAGE}:here"),
            memory: 64 << 20,
            user: 65_532,
        }
    }
}

impl Drop for DockerBed {
    fn drop(&mut self) {
        // What a failed test left; those that pass leave nothing.
        let filter = format!("label=run.helix.runner={}", self.name);
        let left = std::process::Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output();
        for id in
            left.iter().flat_map(|left| std::str::from_utf8(&left.stdout)).flat_map(str::split_whitespace)
        {
            drop(std::process::Command::new("docker").args(["rm", "-f", id]).output());
        }
    }
}

impl Bed for DockerBed {
    type Backend = Containers;

    fn bridge(&self) -> &ScriptedBridge {
        &self.bridge
    }

    async fn backend(&self) -> Containers {
        Containers::connect(self.settings()).await.expect("a daemon")
    }

    fn options(&self) -> Vec<String> {
        let DockerSettings { name, image, .. } = self.settings();
        ["--backend", "docker", "--name", &name, "--image", &image, "--memory", "64"]
            .map(str::to_owned)
            .to_vec()
    }

    async fn is_alive(&self, key: &AgentKey) -> bool {
        let found = self.docker.inspect_container(&key.to_string(), None).await;
        found.is_ok_and(|container| container.state.and_then(|state| state.running) == Some(true))
    }

    async fn missing(&self) -> Result<(), BackendError> {
        let mut work = self.work(1, "wait");
        work.assignment.spec.agent.image = Some(format!("{IMAGE}:nobody"));
        self.backend().await.start(&work).await.map(drop)
    }
}

/// Loads the images once.
async fn image(docker: &Docker) {
    static IMPORTED: OnceCell<()> = OnceCell::const_new();
    let imported = IMPORTED.get_or_init(async || {
        let agent = std::fs::read(programs::agent()).expect("a program");
        let here = docker.version().await.expect("a daemon").arch.expect("its processors");
        load(docker, "here", &here, ("helix-agent", &agent)).await;
        load(docker, "elsewhere", "s390x", ("helix-agent", &agent)).await;
        load(docker, "broken", &here, ("something-else", &agent)).await;
    });
    imported.await;
}

/// Loads an image with one file.
async fn load(docker: &Docker, tag: &str, architecture: &str, file: (&str, &[u8])) {
    let layer = packed(&[file]);
    let config = serde_json::json!({
        "architecture": architecture, "os": "linux", "config": {"Entrypoint": ["/helix-agent"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]},
    });
    let manifest = serde_json::json!([
        {"Config": "config.json", "RepoTags": [format!("{IMAGE}:{tag}")], "Layers": ["layer.tar"]}
    ]);
    let (config, manifest) = (config.to_string(), manifest.to_string());
    let image = packed(&[
        ("config.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
        ("layer.tar", &layer),
    ]);
    let loaded = docker.import_image(ImportImageOptions::default(), bollard::body_full(image.into()), None);
    loaded.try_for_each(|_| async { Ok(()) }).await.expect("loaded");
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, name, *bytes).expect("a file");
    }
    archive.into_inner().expect("an archive")
}

conformance::common_conformance!(DockerBed::new().await);
conformance::stream_conformance!(DockerBed::new().await);

#[tokio::test]
async fn an_image_for_other_processors_or_with_no_program_is_told_as_such() {
    let bed = DockerBed::new().await;
    let backend = bed.backend().await;
    let elsewhere =
        backend.prepare(Some(&format!("{IMAGE}:elsewhere"))).await.expect_err("another processor");
    assert_eq!(elsewhere.code(), "runner-image-architecture", "{elsewhere}");
    let mut work = bed.work(1, "wait");
    work.assignment.spec.agent.image = Some(format!("{IMAGE}:broken"));
    let broken = backend.start(&work).await.expect_err("no program");
    assert_eq!(broken.code(), "runner-does-not-start", "{broken}");
    assert_eq!(backend.found().await.expect("looked"), [], "nothing is left behind");
}

#[tokio::test]
async fn an_image_that_nobody_gives_is_told_as_refused() {
    let bed = DockerBed::new().await;
    let error =
        bed.backend().await.prepare(Some("127.0.0.1:1/helix/agent:latest")).await.expect_err("nobody");
    assert_eq!(error.code(), "runner-image-refused", "{error}");
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_told_as_such() {
    let bed = DockerBed::new().await;
    let settings = DockerSettings { host: Some("tcp://127.0.0.1:1".to_owned()), ..bed.settings() };
    let error = Containers::connect(settings).await.expect_err("nobody is there");
    assert_eq!(error.code(), "runner-backend-away", "{error}");
}
