//! Agents as confined processes of this machine: `helix-runner confine` starts each one.

mod agent;
mod folder;
mod program;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use crate::backend::{AgentKey, Backend, BackendError, Capabilities, ExitReport, Found, Started, Work};
use crate::confine::{Confined, Limits, Order};
use crate::finding::Finding;
use agent::Agent;
use folder::Folder;

/// How agents are started and confined.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// `helix-runner` itself, which becomes the agent.
    pub launcher: PathBuf,
    /// The agent's program, static.
    pub agent: PathBuf,
    /// What this runner remembers of its agents, for the one after it.
    pub state: PathBuf,
    /// The user that an agent becomes if the runner is root.
    pub user: Option<u32>,
    /// The memory that an agent may address, bytes.
    pub memory: u64,
    /// The time of one processor that an agent may take, seconds.
    pub processor_s: u64,
}

/// Agents as confined processes of this machine. They end with the runner, even if that is killed: with the thread that
/// started them, to be exact, which therefore has to live as long as the runner (the runtime of one thread is meant).
#[derive(Debug)]
pub struct Processes {
    settings: ProcessSettings,
    folder: Folder,
    agents: Mutex<BTreeMap<AgentKey, Agent>>,
    owners: TaskTracker,
    ready: OnceCell<Confined>,
}

impl Processes {
    /// Agents whose remains are looked for in the folder of the settings.
    ///
    /// # Errors
    /// The folder is another runner's, or cannot be written.
    pub fn new(settings: ProcessSettings) -> Result<Self, BackendError> {
        let folder = Folder::open(&settings.state)?;
        let (agents, owners, ready) = (Mutex::default(), TaskTracker::new(), OnceCell::new());
        Ok(Self { settings, folder, agents, owners, ready })
    }

    fn agents<T>(&self, look: impl FnOnce(&mut BTreeMap<AgentKey, Agent>) -> T) -> T {
        look(&mut self.agents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn order(&self, name: String) -> Order {
        let ProcessSettings { agent, user, memory, processor_s, .. } = &self.settings;
        let limits = Limits { memory: *memory, processor_s: *processor_s };
        let parent = std::process::id().cast_signed();
        Order { name, program: agent.clone(), parent, user: *user, limits }
    }

    async fn confined(&self) -> Result<&Confined, BackendError> {
        let probe =
            || agent::probe(&self.settings.launcher, self.order("probe".to_owned()), self.folder.empty());
        self.ready.get_or_try_init(probe).await
    }

    /// What of the sandbox works here.
    pub async fn examine(&self) -> Vec<Finding> {
        let program = match program::check(&self.settings.agent) {
            Ok(()) => Finding::Works("the agent's program"),
            Err(error) => Finding::Broken { part: "the agent's program", why: error.to_string() },
        };
        let confined = match self.confined().await {
            Ok(confined) => confined,
            Err(error) => {
                return vec![program, Finding::Broken { part: "confinement", why: error.to_string() }];
            }
        };
        let needed =
            Finding::Works("confinement: system calls, limits, no new privileges, end with the runner");
        let beyond = [
            (
                confined.user,
                "a user of its own",
                "agents have the user of the runner; start the runner as root",
            ),
            (
                confined.namespaces,
                "namespaces",
                "agents share the host's network, which they cannot reach either way",
            ),
            (
                confined.landlock,
                "Landlock",
                "files are forbidden once instead of twice; Linux 5.13 and newer has it",
            ),
        ];
        let beyond = beyond.map(
            |(there, part, lost)| if there { Finding::Works(part) } else { Finding::Missing { part, lost } },
        );
        [program, needed].into_iter().chain(beyond).collect()
    }

    fn begin(&self, key: &AgentKey) -> Result<Started, BackendError> {
        self.agents(|agents| {
            if agents.contains_key(key) {
                return Ok(Started { stream: None, again: true });
            }
            let (agent, stream) = Agent::start(
                &self.settings.launcher,
                &self.order(key.to_string()),
                self.folder.empty(),
                &self.owners,
            )?;
            self.folder.note(key, agent.pid())?;
            agents.insert(key.clone(), agent);
            Ok(Started { stream: Some(stream), again: false })
        })
    }
}

impl Backend for Processes {
    fn capabilities(&self) -> Capabilities {
        Capabilities { streams: true, survives: false, idle: true }
    }

    /// The definition comes with the task: an image, which holds one, is not needed.
    async fn prepare(&self, _: Option<&str>) -> Result<(), BackendError> {
        program::check(&self.settings.agent)?;
        self.confined().await.map(drop)
    }

    async fn start(&self, work: &Work) -> Result<Started, BackendError> {
        self.begin(&work.key)
    }

    async fn start_idle(&self, key: &AgentKey) -> Result<Started, BackendError> {
        self.begin(key)
    }

    async fn wait(&self, key: &AgentKey) -> Result<ExitReport, BackendError> {
        let ended = self.agents(|agents| agents.get(key).map(Agent::ended));
        ended.ok_or_else(|| BackendError::Unknown(key.clone()))?.await
    }

    async fn stop(&self, key: &AgentKey, grace: Duration) -> Result<(), BackendError> {
        match self.agents(|agents| agents.get(key).map(|agent| agent.stop(grace))) {
            Some(stopped) => stopped.await,
            None => self.folder.end(key).await,
        }
    }

    async fn remove(&self, key: &AgentKey) -> Result<(), BackendError> {
        self.stop(key, Duration::ZERO).await?;
        self.agents(|agents| drop(agents.remove(key)));
        self.folder.forget(key)
    }

    async fn found(&self) -> Result<Vec<Found>, BackendError> {
        let here = self.agents(|agents| agents.keys().cloned().collect::<Vec<_>>());
        let noted = self.folder.noted()?;
        Ok(noted.into_iter().filter(|key| !here.contains(key)).map(|key| Found { key, left: None }).collect())
    }
}
