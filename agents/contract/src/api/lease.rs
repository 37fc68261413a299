//! How a runner gets tasks, keeps them and gives them back; how an agent learns what it is to do.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolSpec;
use crate::wire::{count, text, wrong};
use crate::{AgentName, Attempt, DefinitionV1, Failure, Name, TaskId, TaskSpecV1, V1, Wire, WireError};

/// The longest that the bridge lets a runner wait for a task, milliseconds.
const WAIT_MAX_MS: u32 = 30_000;
/// Tasks that a runner may keep with one request.
const KEPT_MAX: usize = 2_048;

/// A runner wants a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseRequestV1 {
    /// 1.
    pub version: V1,
    /// The runner; two of one name share its tasks by chance, and harm nobody.
    pub runner: Name,
    /// The agents that it has; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentName>,
    /// How long it waits if there is nothing to do, milliseconds; at most 30,000.
    #[serde(default)]
    pub wait_ms: u32,
}

/// A task, for one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssignmentV1 {
    /// 1.
    pub version: V1,
    /// What is to be done.
    pub spec: TaskSpecV1,
    /// In whose name it is done.
    pub attempt: Attempt,
    /// Who does it.
    pub definition: DefinitionV1,
    /// The bridge's tools that this task may call, for its model; those that an agent has by itself are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// The time zone of the home, as the IANA calls it.
    pub time_zone: String,
    /// When the bridge takes the runner for dead, unless it keeps the task.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// What the agent of this attempt shows to the bridge. A runner gets it and hands it on; nobody writes it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// One attempt of one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TaskAttempt {
    /// The task.
    pub task: TaskId,
    /// Which beginning of it.
    pub attempt: Attempt,
}

/// A runner is still there, and so are these of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeepRequestV1 {
    /// 1.
    pub version: V1,
    /// The runner.
    pub runner: Name,
    /// What it has; at most 2,048.
    pub tasks: Vec<TaskAttempt>,
}

/// What a runner is to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeepAnswerV1 {
    /// 1.
    pub version: V1,
    /// Those of its tasks that have ended, were cancelled or are somebody else's.
    #[serde(default)]
    pub stop: Vec<TaskAttempt>,
}

/// A runner gives a task back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRequestV1 {
    /// 1.
    pub version: V1,
    /// The task and its attempt.
    #[serde(flatten)]
    pub of: TaskAttempt,
    /// Why; nothing if it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What kept the agent's image from being started, if that was it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageTrouble>,
    /// What happened, for the log: no words of the task; at most 1 KiB.
    #[serde(default)]
    pub reason: String,
}

/// What keeps an image from being started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageTrouble {
    /// It is not there.
    Missing,
    /// It is there and cannot run: it is for other processors, or its program does not start.
    Unfit,
    /// The registry did not give it.
    Refused,
    /// Something that a later Helix tells.
    #[serde(other)]
    Unknown,
}

/// What becomes of a task that was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GaveBackV1 {
    /// 1.
    pub version: V1,
    /// Whether it will be begun anew.
    pub again: bool,
}

impl Wire for LeaseRequestV1 {
    const NAME: &'static str = "request for a task";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 16 * 1024;

    fn check(&self) -> Result<(), WireError> {
        if self.wait_ms > WAIT_MAX_MS {
            return Err(wrong::<Self>("wait_ms", format!("is more than {WAIT_MAX_MS}")));
        }
        count::<Self>("agents", self.agents.len(), 128)
    }
}

impl Wire for AssignmentV1 {
    const NAME: &'static str = "assignment";
    const VERSION: u32 = 1;
    /// A task, a definition and the tools.
    const LEN_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), WireError> {
        self.spec.check()?;
        self.definition.check()?;
        text::<Self>("time_zone", &self.time_zone, 64)?;
        text::<Self>("token", self.token.as_deref().unwrap_or_default(), 512)?;
        count::<Self>("tools", self.tools.len(), 64)
    }
}

impl Wire for KeepRequestV1 {
    const NAME: &'static str = "request to keep tasks";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), WireError> {
        count::<Self>("tasks", self.tasks.len(), KEPT_MAX)
    }
}

impl Wire for KeepAnswerV1 {
    const NAME: &'static str = "answer about kept tasks";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), WireError> {
        count::<Self>("stop", self.stop.len(), KEPT_MAX)
    }
}

impl Wire for ReturnRequestV1 {
    const NAME: &'static str = "task given back";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), WireError> {
        text::<Self>("reason", &self.reason, 1024)
    }
}

impl Wire for GaveBackV1 {
    const NAME: &'static str = "answer about a task given back";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 1024;

    fn check(&self) -> Result<(), WireError> {
        Ok(())
    }
}
