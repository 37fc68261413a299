//! How an agent calls a tool that the bridge has: search, pages, the home's states, tool servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{count, json, text};
use crate::{Source, ToolName, V1, Wire, WireError};

/// A tool, as a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolSpec {
    /// Its name.
    pub name: ToolName,
    /// What it is good for, and how it wants to be asked.
    pub description: String,
    /// A JSON schema of its input, an object.
    pub input: Value,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRequestV1 {
    /// 1.
    pub version: V1,
    /// The how-manieth call of the task, those of models included, from 0. The same call with the same number is
    /// answered as it was before, also in a later attempt.
    pub seq: u64,
    /// The tool.
    pub tool: ToolName,
    /// Its input; at most 32 KiB.
    pub input: Value,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolAnswerV1 {
    /// 1.
    pub version: V1,
    /// How it went.
    pub outcome: ToolOutcome,
}

/// How a call went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ToolOutcome {
    /// It answered.
    Answered {
        /// What; at most 128 KiB.
        output: Value,
        /// The pages that it stems from; at most 32.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<Source>,
    },
    /// It did not, and a model may be told why.
    Failed {
        /// A stable code.
        code: String,
        /// What happened and what to do instead.
        message: String,
    },
}

impl Wire for ToolRequestV1 {
    const NAME: &'static str = "call of a tool";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 64 * 1024;

    fn check(&self) -> Result<(), WireError> {
        json::<Self>("input", &self.input, 32 * 1024)
    }
}

impl Wire for ToolAnswerV1 {
    const NAME: &'static str = "answer of a tool";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match &self.outcome {
            ToolOutcome::Answered { output, sources } => {
                json::<Self>("output", output, 128 * 1024)?;
                count::<Self>("sources", sources.len(), 32)
            }
            ToolOutcome::Failed { code, message } => {
                text::<Self>("code", code, 64)?;
                text::<Self>("message", message, 2 * 1024)
            }
        }
    }
}
