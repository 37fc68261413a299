//! What runners and agents ask of the bridge, over HTTP/1.1 with JSON bodies.
//!
//! Both dial the bridge. A runner shows its own token, an agent the token of one attempt of one task; both as
//! `Authorization: Bearer …`. Everything may be asked for twice: whoever loses an answer asks again. An answer that is
//! not 2xx has a [`RefusalV1`] as its body:
//!
//! | Status | Meaning |
//! |---|---|
//! | 401 | no token, a wrong one, one that has run out, or one of another task |
//! | 403 | not within the scope of the task |
//! | 409 | another task has this id, or another request had this `seq` |
//! | 410 | the task has ended, or somebody else has begun it: the agent stops |
//! | 413 | too large |
//! | 422 | no message of this version |
//! | 429, 503 | later, after `Retry-After` seconds |

mod chat;
mod lease;
mod tool;

pub use chat::{ChatAnswerV1, ChatCall, ChatMessage, ChatRequestV1, Speaker};
pub use lease::{
    AssignmentV1, GaveBackV1, ImageTrouble, KeepAnswerV1, KeepRequestV1, LeaseRequestV1, ReturnRequestV1,
    TaskAttempt,
};
pub use tool::{ToolAnswerV1, ToolOutcome, ToolRequestV1, ToolSpec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::text;
use crate::{V1, Wire, WireError};

/// Addresses below the bridge's.
pub mod path {
    /// `POST` [`super::LeaseRequestV1`] by a runner: 200 with an [`super::AssignmentV1`], or 204 if there was nothing to
    /// do while it waited.
    pub const LEASE: &str = "/v1/lease";
    /// `POST` [`super::KeepRequestV1`] by a runner, every second or so: 200 with a [`super::KeepAnswerV1`].
    pub const KEEP: &str = "/v1/keep";
    /// `POST` [`super::ReturnRequestV1`] by a runner: 200 with a [`super::GaveBackV1`].
    pub const RETURN: &str = "/v1/return";
    /// `GET` by an agent, its first call: 200 with an [`super::AssignmentV1`] without a token.
    pub const TASK: &str = "/v1/task";
    /// `POST` a [`crate::TaskEventV1`] by an agent: 204.
    pub const EVENTS: &str = "/v1/task/events";
    /// `POST` a [`super::ChatRequestV1`] by an agent: 200 with a [`super::ChatAnswerV1`].
    pub const CHAT: &str = "/v1/task/chat";
    /// `POST` a [`super::ToolRequestV1`] by an agent: 200 with a [`super::ToolAnswerV1`].
    pub const TOOL: &str = "/v1/task/tool";
    /// `PUT` a [`crate::TaskResultV1`] by an agent: 204, also if it was counted before.
    pub const RESULT: &str = "/v1/task/result";
}

/// Why the bridge does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalV1 {
    /// 1.
    pub version: V1,
    /// A stable code.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl Wire for RefusalV1 {
    const NAME: &'static str = "refusal";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), WireError> {
        text::<Self>("code", &self.code, 64)?;
        text::<Self>("message", &self.message, 2 * 1024)
    }
}
