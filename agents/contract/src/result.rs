//! How a task ended.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{count, json, text, wrong};
use crate::{Attempt, TaskId, V1, Wire, WireError};

/// What came of a task. The first one of the highest attempt counts; every other one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResultV1 {
    /// 1.
    pub version: V1,
    /// The task.
    pub task: TaskId,
    /// Which beginning of it.
    pub attempt: Attempt,
    /// How it ended.
    pub outcome: Outcome,
    /// What it took.
    #[serde(default)]
    pub usage: Usage,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// There is an answer.
    Done {
        /// What is said: two short sentences; at most 1 KiB.
        spoken: String,
        /// The whole answer, plain text or Markdown; at most 256 KiB.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        /// What it rests on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<Source>,
        /// What was looked for and not found.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_found: Vec<String>,
        /// What the task's schema asked for; at most 512 KiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// There is none.
    Failed {
        /// Why.
        failure: Failure,
        /// What happened and what to do, in the language of the person; at most 1 KiB.
        spoken: String,
    },
    /// Somebody took it back.
    Cancelled,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The task cannot be done as it was said: beginning anew does not help.
    Impossible,
    /// Tokens, money, calls or time were used up.
    Limit,
    /// A model or a tool was not to be had: beginning anew may help.
    Unavailable,
    /// The agent broke.
    Agent,
    /// Something that a later Helix tells.
    #[serde(other)]
    Unknown,
}

impl Failure {
    /// Whether another attempt may succeed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable | Self::Agent => true,
            Self::Impossible | Self::Limit | Self::Unknown => false,
        }
    }
}

/// A page that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its title; at most 512 bytes.
    pub title: String,
    /// Its address, `http` or `https`; at most 2 KiB.
    pub url: String,
    /// When it was read.
    #[schemars(with = "String")]
    pub read_at: Timestamp,
}

/// What a task took, over all its models and tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens read.
    #[serde(default)]
    pub tokens_in: u64,
    /// Tokens written.
    #[serde(default)]
    pub tokens_out: u64,
    /// Calls of tools.
    #[serde(default)]
    pub tool_calls: u32,
}

impl Wire for TaskResultV1 {
    const NAME: &'static str = "task result";
    const VERSION: u32 = 1;
    /// A long answer with its sources.
    const LEN_MAX: usize = 1024 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match &self.outcome {
            Outcome::Done { spoken, text: whole, sources, not_found, output } => {
                said::<Self>(spoken)?;
                text::<Self>("text", whole, 256 * 1024)?;
                json::<Self>("output", output, 512 * 1024)?;
                count::<Self>("sources", sources.len(), 64)?;
                count::<Self>("not_found", not_found.len(), 64)?;
                not_found.iter().try_for_each(|what| text::<Self>("not_found", what, 512))?;
                sources.iter().try_for_each(Source::check)
            }
            Outcome::Failed { spoken, .. } => said::<Self>(spoken),
            Outcome::Cancelled => Ok(()),
        }
    }
}

fn said<T: Wire>(spoken: &str) -> Result<(), WireError> {
    if spoken.trim().is_empty() {
        return Err(wrong::<T>("spoken", "is empty"));
    }
    text::<T>("spoken", spoken, 1024)
}

impl Source {
    fn check(&self) -> Result<(), WireError> {
        text::<TaskResultV1>("sources.title", &self.title, 512)?;
        text::<TaskResultV1>("sources.url", &self.url, 2048)?;
        // It is shown as a link: nothing but pages.
        if self.url.starts_with("https://") || self.url.starts_with("http://") {
            Ok(())
        } else {
            Err(wrong::<TaskResultV1>("sources.url", "is no address of a page"))
        }
    }
}
