//! What happens while a task is worked on.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{text, wrong};
use crate::{Attempt, TaskId, ToolName, V1, Wire, WireError};

/// One step, in the order of `seq`. Losing one loses nothing but the news of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskEventV1 {
    /// 1.
    pub version: V1,
    /// The task.
    pub task: TaskId,
    /// Which beginning of it.
    pub attempt: Attempt,
    /// From 0, without gaps.
    pub seq: u64,
    /// When, by the clock of whoever tells it.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Happening {
    /// The agent has read the task.
    Started,
    /// It works; `text` is for the person, in their language.
    Progress {
        /// What it is doing now, one short sentence.
        text: String,
        /// How much is done, 0 to 1, if it can tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fraction: Option<f32>,
    },
    /// A tool was called and has answered.
    Called {
        /// The tool.
        tool: ToolName,
        /// How long it took, milliseconds.
        took_ms: u64,
        /// Whether it answered what was asked.
        ok: bool,
    },
    /// Something that a later Helix tells; it is passed over.
    #[serde(other)]
    Unknown,
}

impl Wire for TaskEventV1 {
    const NAME: &'static str = "task event";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match &self.what {
            Happening::Progress { text: told, fraction } => {
                text::<Self>("text", told, 512)?;
                match fraction {
                    Some(fraction) if !(0.0..=1.0).contains(fraction) => {
                        Err(wrong::<Self>("fraction", "has to be 0 to 1"))
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Happening::Started | Happening::Called { .. } | Happening::Unknown => Ok(()),
        }
    }
}
