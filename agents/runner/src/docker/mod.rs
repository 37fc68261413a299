//! Agents as containers of a Docker daemon, which may be on another machine: their only line is stdin and stdout.

mod agent;
mod container;
mod image;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::backend::{AgentKey, Backend, BackendError, Capabilities, ExitReport, Found, Started, Turn, Work};
use crate::finding::Finding;
use agent::Agent;

/// Between two looks at a daemon that is away.
const AWAY: Duration = Duration::from_millis(500);

/// How agents are started.
#[derive(Debug, Clone)]
pub struct DockerSettings {
    /// Where the daemon is: `unix:///path` or `tcp://host:port`; as the environment says if it is left out.
    pub host: Option<String>,
    /// The runner: its containers are known by this.
    pub name: String,
    /// The generic agent's image.
    pub image: String,
    /// The memory that an agent may have, bytes.
    pub memory: u64,
    /// The user that an agent is.
    pub user: u32,
}

/// Agents as containers. A container whose runner is killed loses its line, and ends by that; what ignores it is removed by
/// the next runner of the same name.
#[derive(Debug)]
pub struct Containers {
    docker: Docker,
    settings: DockerSettings,
    agents: Mutex<BTreeMap<AgentKey, Agent>>,
    owners: TaskTracker,
}

impl Containers {
    /// Reaches the daemon.
    ///
    /// # Errors
    /// [`BackendError::Away`].
    pub async fn connect(settings: DockerSettings) -> Result<Self, BackendError> {
        let docker = match &settings.host {
            Some(host) => Docker::connect_with_host(host),
            None => Docker::connect_with_defaults(),
        };
        // A daemon refuses a client that is newer than itself.
        let docker = docker.map_err(away)?.negotiate_version().await.map_err(away)?;
        Ok(Self { docker, settings, agents: Mutex::default(), owners: TaskTracker::new() })
    }

    fn agents<T>(&self, look: impl FnOnce(&mut BTreeMap<AgentKey, Agent>) -> T) -> T {
        look(&mut self.agents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn begin(&self, key: &AgentKey, image: Option<&str>) -> Result<Started, BackendError> {
        let image = image.unwrap_or(&self.settings.image);
        if !container::create(&self.docker, key, image, &self.settings).await? {
            return Ok(Started { stream: None, again: true });
        }
        match Agent::start(&self.docker, key, &self.owners).await {
            Ok((agent, stream)) => {
                self.agents(|agents| agents.insert(key.clone(), agent));
                Ok(Started { stream: Some(stream), again: false })
            }
            Err(error) => {
                self.remove(key).await?;
                Err(error)
            }
        }
    }

    /// What of Docker works here.
    pub async fn examine(&self) -> Vec<Finding> {
        let daemon = match self.docker.ping().await {
            Ok(_) => Finding::Works("the Docker daemon"),
            Err(error) => return vec![Finding::Broken { part: "the Docker daemon", why: error.to_string() }],
        };
        let image = match self.prepare(None).await {
            Ok(()) => Finding::Works("the agent's image"),
            Err(error) => Finding::Broken { part: "the agent's image", why: error.to_string() },
        };
        vec![daemon, image]
    }
}

impl Backend for Containers {
    fn capabilities(&self) -> Capabilities {
        Capabilities { streams: true, survives: false, idle: true }
    }

    async fn prepare(&self, image: Option<&str>) -> Result<(), BackendError> {
        image::prepare(&self.docker, image.unwrap_or(&self.settings.image)).await
    }

    async fn turn(&self) -> Turn {
        let Err(error) = self.docker.ping().await else { return Turn::default() };
        tracing::warn!(%error, "the Docker daemon is away; no task is taken until it is back");
        loop {
            sleep(AWAY).await;
            if self.docker.ping().await.is_ok() {
                break;
            }
        }
        tracing::info!("the Docker daemon is back");
        Turn::default()
    }

    async fn start(&self, work: &Work) -> Result<Started, BackendError> {
        self.begin(&work.key, work.assignment.spec.agent.image.as_deref()).await
    }

    async fn start_idle(&self, key: &AgentKey) -> Result<Started, BackendError> {
        self.begin(key, None).await
    }

    async fn wait(&self, key: &AgentKey) -> Result<ExitReport, BackendError> {
        let ended = self.agents(|agents| agents.get(key).map(Agent::ended));
        ended.ok_or_else(|| BackendError::Unknown(key.clone()))?.await
    }

    async fn stop(&self, key: &AgentKey, grace: Duration) -> Result<(), BackendError> {
        match self.agents(|agents| agents.get(key).map(|agent| agent.stop(grace))) {
            Some(stopped) => stopped.await,
            None => Ok(()),
        }
    }

    async fn remove(&self, key: &AgentKey) -> Result<(), BackendError> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        let removed = self.docker.remove_container(&key.to_string(), Some(options)).await;
        self.agents(|agents| drop(agents.remove(key)));
        match removed {
            // Somebody else removes it already.
            Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) | Ok(()) => Ok(()),
            Err(error) => Err(away(error)),
        }
    }

    async fn found(&self) -> Result<Vec<Found>, BackendError> {
        let label = format!("{}={}", container::RUNNER, self.settings.name);
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let there = self.docker.list_containers(Some(options)).await.map_err(away)?;
        let names = there.into_iter().filter_map(|container| container.labels?.remove(container::AGENT));
        let here = self.agents(|agents| agents.keys().cloned().collect::<Vec<_>>());
        let found = names.filter_map(|name| name.parse().ok()).filter(|key| !here.contains(key));
        Ok(found.map(|key| Found { key, left: None }).collect())
    }
}

/// What a daemon that does not do what it is asked means, where nothing better is known: one that answers is not away.
fn away(error: impl Into<Error>) -> BackendError {
    let (what, error) = ("the Docker daemon", error.into());
    if let Error::DockerResponseServerError { message, .. } = error {
        return BackendError::Refused { what, reason: message };
    }
    BackendError::Away { what, reason: error.to_string() }
}
