//! A task as the bridge hands it out.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire::{count, json, text, wrong};
use crate::{AgentName, Digest, Place, Scope, TaskId, ToolName, V1, Wire, WireError};

/// What is to be done, by whom, with what, until when. Holds no secret: what needs a key is asked of the bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSpecV1 {
    /// 1.
    pub version: V1,
    /// The same request has the same id.
    pub id: TaskId,
    /// Who does it.
    pub agent: AgentRef,
    /// What the person wants, in their words or clearer ones; at most 8 KiB.
    pub instruction: String,
    /// The language of the answer, a BCP 47 tag.
    pub language: String,
    /// What the instruction speaks about, by names that the definition knows; at most 32 KiB.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// The tools that may be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolName>,
    /// What may be seen.
    #[serde(default)]
    pub scope: Scope,
    /// Where it may be thought about.
    #[serde(default)]
    pub place: Place,
    /// What it may take.
    pub limits: Limits,
    /// Who is served first.
    #[serde(default)]
    pub class: Class,
    /// A JSON schema that [`crate::TaskResultV1::output`] has to follow; at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
}

/// An agent: its name, and which form of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentRef {
    /// Its kind.
    pub name: AgentName,
    /// The digest of its definition, in canonical form.
    pub definition: Digest,
    /// The image that holds the definition, with its digest; the generic one gets the definition with the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// Who is served first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Somebody waits for it.
    #[default]
    Interactive,
    /// Nobody does.
    Background,
}

/// What a task may take; what comes first ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// When it has to be done, over all attempts.
    #[schemars(with = "String")]
    pub deadline: Timestamp,
    /// How often it may be begun, 1 to 5.
    pub attempts: u32,
    /// Tokens of all models, read and written.
    pub tokens: u64,
    /// Money for all models and searches, in millionths of the currency of the configuration.
    pub money_micros: u64,
    /// Calls of tools.
    pub tool_calls: u32,
}

/// One beginning of a task: who has the highest fence of a task speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Attempt(pub u64);

/// The most times that a task may be begun.
const ATTEMPTS_MAX: u32 = 5;

impl Wire for TaskSpecV1 {
    const NAME: &'static str = "task";
    const VERSION: u32 = 1;
    /// A Kubernetes object may have 1.5 MB, an environment variable of Linux 128 KiB.
    const LEN_MAX: usize = 64 * 1024;

    fn check(&self) -> Result<(), WireError> {
        if self.instruction.trim().is_empty() {
            return Err(wrong::<Self>("instruction", "is empty"));
        }
        text::<Self>("instruction", &self.instruction, 8 * 1024)?;
        text::<Self>("language", &self.language, 16)?;
        text::<Self>("agent.image", self.agent.image.as_deref().unwrap_or_default(), 512)?;
        json::<Self>("inputs", &self.inputs, 32 * 1024)?;
        json::<Self>("output_schema", &self.output_schema, 16 * 1024)?;
        count::<Self>("tools", self.tools.len(), 32)?;
        if !(1..=ATTEMPTS_MAX).contains(&self.limits.attempts) {
            return Err(wrong::<Self>("limits.attempts", format!("has to be 1 to {ATTEMPTS_MAX}")));
        }
        Ok(())
    }
}
