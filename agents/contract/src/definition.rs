//! What makes the generic agent a special one. The same definition has the same digest, and so the same image.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{count, json, text, wrong};
use crate::{AgentName, Digest, ModelRole, Scope, ToolName, V1, Wire, WireError, canonical};

/// A kind of agent as data. Holds no secret and nothing of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefinitionV1 {
    /// 1.
    pub version: V1,
    /// Its name.
    pub name: AgentName,
    /// What it is good for, one sentence; requests are compared with it. At most 512 bytes.
    pub description: String,
    /// What its model is told first; at most 16 KiB.
    pub prompt: String,
    /// Requests and good answers; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// The tools that it may call; a task may narrow them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolName>,
    /// The most that it may see; a task may narrow it.
    #[serde(default)]
    pub scope: Scope,
    /// The model that it is written for.
    #[serde(default)]
    pub model: ModelRole,
    /// A JSON schema of its output, if it has one; at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
}

/// A request and a good answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// What somebody wants; at most 2 KiB.
    pub request: String,
    /// What is good to answer; at most 4 KiB.
    pub answer: String,
}

impl DefinitionV1 {
    /// The digest of its canonical form.
    ///
    /// # Errors
    /// [`WireError::Malformed`] if it has no JSON form.
    pub fn digest(&self) -> Result<Digest, WireError> {
        let malformed = |source| WireError::Malformed { name: Self::NAME, source };
        Ok(Digest::of(&canonical(self).map_err(malformed)?))
    }
}

impl Wire for DefinitionV1 {
    const NAME: &'static str = "definition of an agent";
    const VERSION: u32 = 1;
    const LEN_MAX: usize = 64 * 1024;

    fn check(&self) -> Result<(), WireError> {
        if self.prompt.trim().is_empty() {
            return Err(wrong::<Self>("prompt", "is empty"));
        }
        text::<Self>("prompt", &self.prompt, 16 * 1024)?;
        text::<Self>("description", &self.description, 512)?;
        count::<Self>("tools", self.tools.len(), 32)?;
        count::<Self>("examples", self.examples.len(), 16)?;
        json::<Self>("output_schema", &self.output_schema, 16 * 1024)?;
        self.examples.iter().try_for_each(|example| {
            text::<Self>("examples.request", &example.request, 2 * 1024)?;
            text::<Self>("examples.answer", &example.answer, 4 * 1024)
        })
    }
}
