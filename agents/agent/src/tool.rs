//! What a tool is: a name, a description and a schema for the model, an input in, an output or an error in words out.

use jiff::Zoned;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Where and when a tool is used.
pub struct Setting<'a> {
    /// The time where the person is.
    pub now: Zoned,
    /// Whether to give up: the task was cancelled, or its time is over. Asked often.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Something that an agent can do. What a tool is told was written by a model, and what it answers a model reads.
pub trait Tool: Send + Sync {
    /// Its name: `a-z`, `0-9` and `_`.
    fn name(&self) -> &'static str;

    /// What it is good for, and how it wants to be asked.
    fn description(&self) -> &'static str;

    /// The JSON schema of its input.
    fn input_schema(&self) -> Value;

    /// Does it.
    ///
    /// # Errors
    /// [`ToolError`], in words that help a model to ask better.
    fn call(&self, input: &Value, setting: &Setting<'_>) -> Result<Value, ToolError>;
}

/// Why a tool has no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ToolError {
    /// The input cannot be understood.
    #[error("this input does not fit: {reason}")]
    Input {
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// There is no answer to this.
    #[error("there is no result: {reason}")]
    NoResult {
        /// Why.
        reason: String,
    },
    /// The answer would be too long to read.
    #[error("the result has {len} characters; ask for a smaller or a rounded one")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// It was told to stop.
    #[error("this takes too long; ask for something smaller")]
    Stopped,
}

impl ToolError {
    /// A stable code for logs and events.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input { .. } => "tool-input",
            Self::NoResult { .. } => "tool-no-result",
            Self::TooLong { .. } => "tool-too-long",
            Self::Stopped => "tool-stopped",
        }
    }
}

/// The input of a tool, read once.
pub(crate) fn read<T: DeserializeOwned>(input: &Value) -> Result<T, ToolError> {
    T::deserialize(input).map_err(|error| wrong(error.to_string()))
}

pub(crate) fn wrong(reason: impl Into<String>) -> ToolError {
    ToolError::Input { reason: reason.into() }
}

pub(crate) fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
