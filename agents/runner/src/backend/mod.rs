//! What a backend is: it starts agents under given names, tells how they ended, and stops them.
//!
//! Everything here may be asked for twice. A name stands for one agent: who starts it again gets the one that is there.
//!
//! ```text
//! prepare ─► start ─► wait ─► remove          start_idle ─► (a token line makes it an agent) ─► wait ─► remove
//!              └────► stop ──┘
//! ```

mod error;
mod key;
mod report;
mod turn;

use std::fmt;
use std::time::Duration;

use helix_contract::api::AssignmentV1;
use tokio::io::{AsyncRead, AsyncWrite};

pub use error::BackendError;
pub use key::AgentKey;
pub use report::{Ended, ExitReport, Tail};
pub use turn::Turn;

/// What a backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Its agents speak over their stdin and stdout: [`Started::stream`] is there. Others dial the bridge themselves.
    pub streams: bool,
    /// Its agents live on without the runner and are adopted after a restart; others are removed, and their tasks given
    /// back.
    pub survives: bool,
    /// Agents can be started before there is a task for them.
    pub idle: bool,
}

/// One attempt of a task that is to be carried out.
#[derive(Clone)]
pub struct Work {
    /// The agent's name.
    pub key: AgentKey,
    /// The task with the agent's token.
    pub assignment: AssignmentV1,
    /// How long it may take.
    pub left: Duration,
}

impl Work {
    /// The work of an assignment.
    pub fn new(assignment: AssignmentV1, left: Duration) -> Self {
        Self { key: AgentKey::of(&assignment), assignment, left }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("key", &self.key).field("left", &self.left).finish_non_exhaustive()
    }
}

/// What an agent says and hears.
pub struct AgentStream {
    /// Its stdout.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its stdin.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
}

impl fmt::Debug for AgentStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentStream").finish_non_exhaustive()
    }
}

/// An agent that was started.
#[derive(Debug)]
pub struct Started {
    /// Its stdin and stdout, where the backend has them; only the first one to start it gets them.
    pub stream: Option<AgentStream>,
    /// Whether it was there already.
    pub again: bool,
}

/// An agent that was there when the runner came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub key: AgentKey,
    /// How long it may still take, if the backend knows.
    pub left: Option<Duration>,
}

/// Where agents run.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Makes sure that agents can be started from this image, or from the generic one.
    ///
    /// # Errors
    /// [`BackendError`] says what is missing and what to do.
    fn prepare(&self, image: Option<&str>) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Waits until one more agent would be started at once; until then a task is better off in the bridge's book.
    fn turn(&self) -> impl Future<Output = Turn> + Send {
        std::future::ready(Turn::default())
    }

    /// Starts the agent of an attempt, unless it is there.
    ///
    /// # Errors
    /// [`BackendError`]; nothing is left behind then.
    fn start(&self, work: &Work) -> impl Future<Output = Result<Started, BackendError>> + Send;

    /// Starts an agent that waits for its task.
    ///
    /// # Errors
    /// [`BackendError::Incapable`] where there is no such thing.
    fn start_idle(&self, key: &AgentKey) -> impl Future<Output = Result<Started, BackendError>> + Send;

    /// Waits until an agent has ended, and says how; at once if it has.
    ///
    /// # Errors
    /// [`BackendError::Unknown`] if no such agent is there, or the backend is away.
    fn wait(&self, key: &AgentKey) -> impl Future<Output = Result<ExitReport, BackendError>> + Send;

    /// Ends an agent: kindly first, after `grace` by force. Returns when it has ended; does nothing if it is not there.
    ///
    /// # Errors
    /// The backend is away.
    fn stop(&self, key: &AgentKey, grace: Duration) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Forgets an agent and takes away what is left of it, the agent itself included.
    ///
    /// # Errors
    /// The backend is away.
    fn remove(&self, key: &AgentKey) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// The agents of a runner that was here before under the same name.
    ///
    /// # Errors
    /// The backend is away.
    fn found(&self) -> impl Future<Output = Result<Vec<Found>, BackendError>> + Send;
}
