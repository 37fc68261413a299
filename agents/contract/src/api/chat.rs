//! How an agent asks a language model, which the bridge asks for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ToolSpec;
use crate::wire::{count, json, text, wrong};
use crate::{Usage, V1, Wire, WireError};

/// The longest answer that may be asked for, tokens.
const OUTPUT_MAX: u32 = 8_192;

/// A conversation that a model is to continue. What the definition says comes first by itself: the bridge adds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRequestV1 {
    /// 1.
    pub version: V1,
    /// The how-manieth call of the task, those of tools included, from 0. The same call with the same number is answered
    /// as it was before, also in a later attempt.
    pub seq: u64,
    /// What was said, oldest first; at most 64 messages.
    pub messages: Vec<ChatMessage>,
    /// What the model may call; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// A JSON schema that the answer has to follow; at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The longest answer, tokens, 1 to 8,192.
    pub output_max: u32,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// Who says it.
    pub by: Speaker,
    /// The words; of a tool, its result.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What the model wanted to be called; of a tool, the call that it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ChatCall>,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// The person, or the agent in their place.
    User,
    /// The model.
    Model,
    /// A tool.
    Tool,
}

/// A call that a model wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatCall {
    /// Joins the result to the call; empty where a model has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The tool as the model named it; nobody has checked it.
    pub tool: String,
    /// The arguments as the model wrote them.
    pub input: Map<String, Value>,
    /// What a provider wants back unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What the model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatAnswerV1 {
    /// 1.
    pub version: V1,
    /// The words; with a schema, JSON that follows it.
    #[serde(default)]
    pub text: String,
    /// The calls that it wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ChatCall>,
    /// Whether it was cut off at `output_max`.
    #[serde(default)]
    pub cut: bool,
    /// What the task has taken so far.
    #[serde(default)]
    pub usage: Usage,
}

impl Wire for ChatRequestV1 {
    const NAME: &'static str = "question to a model";
    const VERSION: u32 = 1;
    /// Some pages of the web, as text.
    const LEN_MAX: usize = 512 * 1024;

    fn check(&self) -> Result<(), WireError> {
        if self.messages.is_empty() {
            return Err(wrong::<Self>("messages", "are empty"));
        }
        if !(1..=OUTPUT_MAX).contains(&self.output_max) {
            return Err(wrong::<Self>("output_max", format!("has to be 1 to {OUTPUT_MAX}")));
        }
        count::<Self>("messages", self.messages.len(), 64)?;
        count::<Self>("tools", self.tools.len(), 64)?;
        json::<Self>("schema", &self.schema, 16 * 1024)
    }
}

impl Wire for ChatAnswerV1 {
    const NAME: &'static str = "answer of a model";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), WireError> {
        count::<Self>("calls", self.calls.len(), 32)?;
        self.calls.iter().try_for_each(|call| text::<Self>("calls.tool", &call.tool, 128))
    }
}
