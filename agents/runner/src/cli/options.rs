//! Options that several commands have.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::docker::{Containers, DockerSettings};
use crate::process::{ProcessSettings, Processes};

/// Where agents run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Place {
    /// Confined processes of this machine.
    Process,
    /// Jobs of a cluster, of which this is also the operator.
    Kubernetes,
    /// Containers of a Docker daemon.
    Docker,
}

/// How agents are started.
#[derive(Debug, Clone, Args)]
pub(super) struct AgentOptions {
    /// Where agents run
    #[arg(long, value_enum, default_value = "process", env = "HELIX_RUNNER_BACKEND")]
    pub(super) backend: Place,
    /// The name of this runner: lowercase letters, digits and dashes
    #[arg(long, default_value = "runner", env = "HELIX_RUNNER_NAME")]
    pub(super) name: String,
    /// The folder for what the runner remembers of its agents
    #[arg(long, default_value = "/var/lib/helix-runner", env = "HELIX_RUNNER_STATE")]
    pub(super) state: PathBuf,
    /// The agent's program, linked statically (backend process)
    #[arg(long, default_value = "/usr/local/bin/helix-agent", env = "HELIX_AGENT")]
    pub(super) agent: PathBuf,
    /// The agent's image (backends docker, kubernetes)
    #[arg(long, default_value = "localhost/helix-agent:latest", env = "HELIX_AGENT_IMAGE")]
    pub(super) image: String,
    /// Where the Docker daemon is: `unix:///path` or `tcp://host:port` (backend docker)
    #[arg(long, env = "DOCKER_HOST")]
    pub(super) docker: Option<String>,
    /// The memory that one agent may have, MiB
    #[arg(long, default_value_t = 256)]
    pub(super) memory: u64,
    /// The time of one processor that one agent may take, seconds (backend process)
    #[arg(long, default_value_t = 120)]
    pub(super) processor: u64,
    /// An image that holds helix-runner, to try whether network policies are enforced (backend kubernetes)
    #[arg(long, env = "HELIX_RUNNER_IMAGE")]
    pub(super) probe_image: Option<String>,
    /// The namespace of tasks and Jobs (backend kubernetes)
    #[arg(long, default_value = "helix", env = "HELIX_NAMESPACE")]
    pub(super) namespace: String,
    /// The user that an agent becomes if the runner is root
    #[arg(long, default_value_t = 65_532)]
    pub(super) user: u32,
}

impl AgentOptions {
    pub(super) fn processes(&self) -> Result<Processes> {
        let settings = ProcessSettings {
            launcher: std::env::current_exe().context("where helix-runner is")?,
            agent: self.agent.clone(),
            state: self.state.join(&self.name),
            user: (self.user != 0).then_some(self.user),
            memory: self.memory * 1024 * 1024,
            processor_s: self.processor,
        };
        Ok(Processes::new(settings)?)
    }

    pub(super) async fn containers(&self) -> Result<Containers> {
        let settings = DockerSettings {
            host: self.docker.clone(),
            name: self.name.clone(),
            image: self.image.clone(),
            memory: self.memory * 1024 * 1024,
            user: self.user,
        };
        Ok(Containers::connect(settings).await?)
    }
}
