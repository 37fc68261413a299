//! Runners and agents as the other party: the gateway that they dial, over HTTP/1.1 on a Unix socket in the data folder and,
//! if configured, on an address of the network. Their messages are those of `helix_contract::api`; what is true stands in
//! the book of tasks. An agent reaches the world only through here, within the scope and the limits of its task.

mod attempt;
mod call;
mod chat;
mod desk;
mod handed;
mod home;
mod line;
mod refusal;
mod runner;
mod scope;
mod secret;
mod server;
mod sweep;
mod token;
mod tool;
mod waiting;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_contract::api::{ImageTrouble, ToolOutcome, ToolSpec};
use helix_contract::{AgentRef, DefinitionV1, Name, TaskId, TaskSpecV1};
use helix_core::egress::Purpose;
use helix_core::home::{EntityState, HomeError, Registry};
use helix_core::llm::{LanguageModel, Origin};
use helix_core::{Calendar, EntityId, UtteranceId};
use serde_json::Value;
use tokio::sync::watch;

pub use secret::SecretError;
pub use server::GatewayServer;

use crate::tasks::{Cancelled, Task, TaskBook, TaskError, ToolCalled};
use desk::Desk;

/// The socket's name in the data folder.
pub const SOCKET_NAME: &str = "agents.sock";
/// The name of the file with the runners' token in the data folder, unless another one is configured.
pub const RUNNER_TOKEN_NAME: &str = "runner.token";

/// Where the gateway is.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The bridge's data folder: the socket and the secrets lie in it.
    pub data_dir: PathBuf,
    /// An address in the network as well.
    pub address: Option<SocketAddr>,
    /// The file with the runners' token; `None`: [`RUNNER_TOKEN_NAME`] in the data folder. Made if it is not there.
    pub runner_token: Option<PathBuf>,
}

impl Listen {
    fn runner_token(&self) -> PathBuf {
        self.runner_token.clone().unwrap_or_else(|| self.data_dir.join(RUNNER_TOKEN_NAME))
    }
}

/// Bounds of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Connections at once, of the socket and of the network each: one for each agent and some for each runner.
    pub connections_max: usize,
    /// How long a connection may be silent between two requests, and the head of a request may take.
    pub idle_limit: Duration,
    /// How long the body of a request may take.
    pub read_limit: Duration,
    /// How long a client may read nothing of its answer.
    pub write_limit: Duration,
    /// How long a task is its runner's without a sign of life.
    pub lease: Duration,
    /// How long calls may go on once the gateway is being stopped.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            idle_limit: Duration::from_mins(2),
            read_limit: Duration::from_secs(15),
            write_limit: Duration::from_secs(30),
            lease: Duration::from_secs(20),
            grace: Duration::from_secs(2),
        }
    }
}

/// Who knows the kinds of agents.
pub trait Definitions: fmt::Debug + Send + Sync + 'static {
    /// The definition that a task names; `None` if there is no such one any more.
    fn find<'a>(&'a self, agent: &'a AgentRef) -> BoxFuture<'a, Result<Option<DefinitionV1>, String>>;

    /// Whether the image that a task names may still be started; else the generic one takes its place.
    fn is_offered(&self, _image: &str) -> bool {
        true
    }

    /// The image that a task names could not be started.
    fn troubled<'a>(&'a self, _image: &'a str, _trouble: ImageTrouble) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// The home, as far as agents are told of it.
pub trait Home: fmt::Debug + Send + Sync + 'static {
    /// Its time zone, as the IANA calls it.
    fn time_zone(&self) -> String;

    /// What it is made of.
    ///
    /// # Errors
    /// Why that is not known now.
    fn registry(&self) -> Result<Arc<Registry>, HomeError>;

    /// The last known state of an entity.
    fn state(&self, entity: &EntityId) -> Option<EntityState>;
}

/// Language models for tasks. Each gives way to the sentences of people.
#[derive(Debug, Clone)]
pub struct Minds {
    /// Small and quick.
    pub router: Arc<dyn LanguageModel>,
    /// The one at home for longer thoughts.
    pub local: Arc<dyn LanguageModel>,
    /// The one outside.
    pub cloud: Arc<dyn LanguageModel>,
}

/// A tool of the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// Searches the web.
    WebSearch,
    /// Reads a page of the web.
    ReadPage,
    /// Reads the home; the gateway does that itself.
    HomeStates,
    /// A tool of a server of the configuration.
    OfServer {
        /// The server.
        server: Name,
        /// The tool as the server calls it, but for letters that no name of ours has.
        tool: String,
    },
}

/// A call of a tool that the task may make.
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// The tool.
    pub tool: Tool,
    /// Its input; nobody has looked at it.
    pub input: &'a Value,
    /// The task, whose scope says which pages may be read.
    pub spec: &'a TaskSpecV1,
    /// Where it was asked for: decides what may leave the house.
    pub origin: Origin,
    /// The other calls of tools that the task has made, in order; those that are under way have no outcome. What they found
    /// decides which pages may be read.
    pub others: Vec<ToolCalled>,
    /// What the task may still spend, millionths of the currency of the configuration.
    pub micros_left: u64,
}

/// What came of a call of a tool.
#[derive(Debug)]
pub struct Called {
    /// What the agent is told, now and whenever it asks the same again.
    pub outcome: ToolOutcome,
    /// What it has cost, millionths of the currency of the configuration.
    pub micros: u64,
}

impl From<ToolOutcome> for Called {
    /// It was free.
    fn from(outcome: ToolOutcome) -> Self {
        Self { outcome, micros: 0 }
    }
}

/// Why a tool cannot be called now, though it may be a moment later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ToolAway {
    /// A stable code.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// When to ask again.
    pub retry_after: Duration,
}

/// The tools of the bridge that reach out: the web, servers of the configuration.
pub trait Tools: fmt::Debug + Send + Sync + 'static {
    /// Those that there are now, as models are told of them, for a task that reaches these servers. The future may be dropped
    /// at any time.
    fn specs<'a>(&'a self, servers: &'a [Name]) -> BoxFuture<'a, Vec<ToolSpec>>;

    /// Calls one of them. The future may be dropped at any time. A failure that lasts is an outcome.
    fn call<'a>(&'a self, call: ToolCall<'a>) -> BoxFuture<'a, Result<Called, ToolAway>>;
}

/// No tool reaches out.
impl Tools for () {
    fn specs<'a>(&'a self, _: &'a [Name]) -> BoxFuture<'a, Vec<ToolSpec>> {
        Box::pin(async { Vec::new() })
    }

    fn call<'a>(&'a self, _: ToolCall<'a>) -> BoxFuture<'a, Result<Called, ToolAway>> {
        let message = "this Helix has no such tool; do without it".to_owned();
        Box::pin(async { Ok(ToolOutcome::Failed { code: "tool-unknown".into(), message }.into()) })
    }
}

/// Where a task was asked for, as models and searches are told.
fn origin_of(task: &Task) -> Origin {
    Origin {
        purpose: Purpose::Task,
        privacy: task.origin.privacy,
        passive: false,
        asked: task.origin.asked,
        run: task.origin.run.clone().map(UtteranceId::from),
    }
}

/// What the gateway needs of the rest of the bridge.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The book of tasks.
    pub book: TaskBook,
    /// Who the agents are.
    pub definitions: Arc<dyn Definitions>,
    /// The home.
    pub home: Arc<dyn Home>,
    /// Language models.
    pub minds: Minds,
    /// What reaches out.
    pub tools: Arc<dyn Tools>,
    /// The wall clock.
    pub calendar: Arc<dyn Calendar>,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A secret cannot be read or made.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The socket cannot be made.
    #[error(
        "the socket for runners and agents {path} cannot be made: {source}; choose a writable data folder with a short path"
    )]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error(
        "runners and agents cannot be listened for on {address}: {source}; set another address or port with `tasks_listen`"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl GatewayError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret(_) => "gateway-secret",
            Self::Socket { .. } => "gateway-socket",
            Self::Address { .. } => "gateway-address",
        }
    }
}

/// A runner that has asked since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerSeen {
    /// Its name; two may have the same.
    pub name: Name,
    /// How long ago it asked for the last time. One that waits for a task asks anew every half minute at most.
    pub ago: Duration,
}

/// The gateway, for the rest of the bridge. A copy is the same gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    desk: Arc<Desk>,
}

impl Gateway {
    fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    /// A task was accepted: runners that wait are told at once.
    pub fn accepted(&self) {
        self.desk.has_queued();
    }

    /// Ends a task because somebody said so; its agent is told at once.
    ///
    /// # Errors
    /// What keeps it from being read or written.
    pub async fn cancel(&self, task: &TaskId) -> Result<Cancelled, TaskError> {
        let cancelled = self.desk.parts.book.cancel(task, self.desk.now()).await?;
        self.desk.has_ended(task);
        Ok(cancelled)
    }

    /// Changes whenever a task has ended: somebody may have to be told.
    pub fn ends(&self) -> watch::Receiver<u64> {
        self.desk.ends.subscribe()
    }

    /// The runners that have asked since the start.
    pub fn runners(&self) -> Vec<RunnerSeen> {
        self.desk.runners()
    }

    /// Calls of agents that wait now.
    pub fn calls(&self) -> usize {
        self.desk.waiting.len()
    }
}
