//! The form of an agent's container: no network, no root, nothing to write on, little to take.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use bollard::query_parameters::CreateContainerOptions;

use super::{DockerSettings, away};
use crate::backend::{AgentKey, BackendError};

/// The label with the name of the runner.
pub(super) const RUNNER: &str = "run.helix.runner";
/// The label with the name of the agent.
pub(super) const AGENT: &str = "run.helix.agent";
/// Processes and threads: an agent is one.
const PIDS: i64 = 4;
/// Open files.
const FILES: i64 = 32;
/// Billionths of a processor.
const NANO_CPUS: i64 = 1_000_000_000;

/// Makes the container, and says whether it was not there before.
pub(super) async fn create(
    docker: &Docker,
    key: &AgentKey,
    image: &str,
    settings: &DockerSettings,
) -> Result<bool, BackendError> {
    let options = CreateContainerOptions { name: Some(key.to_string()), ..CreateContainerOptions::default() };
    match docker.create_container(Some(options), form(key, image, settings)).await {
        Ok(_) => Ok(true),
        Err(Error::DockerResponseServerError { status_code: 409, .. }) => Ok(false),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            Err(BackendError::ImageMissing(image.to_owned()))
        }
        Err(error) => Err(away(error)),
    }
}

fn form(key: &AgentKey, image: &str, settings: &DockerSettings) -> ContainerCreateBody {
    let labels = [(RUNNER, settings.name.clone()), (AGENT, key.to_string())];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(format!("{0}:{0}", settings.user)),
        env: Some(vec!["HELIX_BRIDGE=stdio".to_owned()]),
        labels: Some(HashMap::from(labels.map(|(name, value)| (name.to_owned(), value)))),
        open_stdin: Some(true),
        // A runner that is gone is the end of stdin, and that is the end of an agent.
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        host_config: Some(confinement(settings.memory.cast_signed())),
        ..ContainerCreateBody::default()
    }
}

fn confinement(memory: i64) -> HostConfig {
    let limit = |name: &str, most| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(most),
        hard: Some(most),
    };
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        memory: Some(memory),
        // With memory: no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(NANO_CPUS),
        pids_limit: Some(PIDS),
        ulimits: Some(vec![limit("nofile", FILES), limit("core", 0), limit("fsize", 0)]),
        // What it says is heard by the runner, and kept nowhere.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
}
