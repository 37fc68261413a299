//! Home Assistant's own agent: the dry run (`debug`), the real run (`process`), preparation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Command;

/// The built-in agent; `conversation/process` would otherwise ask the preferred one.
pub const BUILT_IN_AGENT: &str = "conversation.home_assistant";

/// `conversation/agent/homeassistant/debug`: what the strict matcher makes of sentences; executes nothing.
#[derive(Clone, Serialize)]
#[allow(missing_debug_implementations, reason = "it holds what people say")]
pub struct Debug {
    /// Answered in this order.
    pub sentences: Vec<String>,
    /// The language of all of them.
    pub language: String,
    /// A device of the registry; gives the area.
    pub device_id: Option<String>,
}

/// The answer to [`Debug`].
#[derive(Debug, Clone, Deserialize)]
pub struct Debugged {
    /// One for each sentence; `None` if no template fits.
    pub results: Vec<Option<Recognition>>,
}

/// What the matcher made of one sentence. All fields that Helix relies on are required:
/// an answer without them is an answer in an unknown shape, and must not lead to an action.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Recognition {
    /// Whether every name in it is known.
    #[serde(rename = "match")]
    pub matched: bool,
    /// Whose sentence it is.
    pub source: Source,
    /// Absent for a sentence trigger.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// Slot name -> the words heard.
    #[serde(default)]
    pub slots: BTreeMap<String, Value>,
    /// Slot name -> what the words stand for.
    #[serde(default)]
    pub details: BTreeMap<String, Detail>,
    /// Entity id -> whether the state asked for is its own; only exposed entities.
    #[serde(default)]
    pub targets: BTreeMap<String, Target>,
    /// Slot name -> the words that no name fits.
    #[serde(default)]
    pub unmatched_slots: BTreeMap<String, Value>,
}

/// Whose sentence matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Home Assistant's.
    Builtin,
    /// The user's.
    Custom,
    /// An automation's.
    Trigger,
}

/// The intent of a [`Recognition`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// Such as `HassTurnOn`.
    pub name: String,
}

/// A slot of a [`Recognition`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Detail {
    /// Such as `40.0` for "forty", `Kitchen Light` for "kitchen light".
    #[serde(default)]
    pub value: Value,
}

/// A target of a [`Recognition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Target {
    /// For a question about a state: whether the entity has it. Else true.
    pub matched: bool,
}

impl Command for Debug {
    const TYPE: &'static str = "conversation/agent/homeassistant/debug";
    type Answer = Debugged;
}

/// `conversation/process`: the built-in agent carries a sentence out.
///
/// There is no conversation id on purpose: the one of a satellite belongs to another user, and
/// Home Assistant refuses it.
#[derive(Clone, Serialize)]
#[allow(missing_debug_implementations, reason = "it holds what people say")]
pub struct Process {
    /// The sentence.
    pub text: String,
    /// Its language.
    pub language: String,
    /// [`BUILT_IN_AGENT`].
    pub agent_id: String,
    /// The device of the satellite; gives the area, and lets timers ring there.
    pub device_id: Option<String>,
    /// The entity of the satellite. Left out when absent: it is the youngest key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satellite_id: Option<String>,
}

/// The answer to [`Process`].
#[derive(Debug, Clone, Deserialize)]
pub struct Processed {
    /// What the agent says and did.
    pub response: Response,
}

/// What the agent says and did.
#[derive(Debug, Clone, Deserialize)]
pub struct Response {
    /// `action_done`, `query_answer`, `error`.
    pub response_type: String,
    /// By kind; `plain` is the spoken one.
    #[serde(default)]
    pub speech: BTreeMap<String, Speech>,
    /// Targets, or the error.
    #[serde(default)]
    pub data: ResponseData,
}

/// One form of an answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Speech {
    /// The words.
    #[serde(default)]
    pub speech: String,
}

/// What was done, or why nothing was.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ResponseData {
    /// Such as `no_valid_targets`; only of an error.
    #[serde(default)]
    pub code: Option<String>,
    /// What worked.
    #[serde(default)]
    pub success: Vec<Touched>,
    /// What did not.
    #[serde(default)]
    pub failed: Vec<Touched>,
}

/// Something that an intent was applied to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Touched {
    /// `entity`, `area`, `floor`, `device_class`, `custom` …
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The id in the registry of that kind.
    #[serde(default)]
    pub id: Option<String>,
}

impl Command for Process {
    const TYPE: &'static str = "conversation/process";
    type Answer = Processed;
}

/// `conversation/prepare`: loads a language, so that the first sentence is not slow.
#[derive(Debug, Clone, Serialize)]
pub struct Prepare {
    /// The language.
    pub language: String,
}

impl Command for Prepare {
    const TYPE: &'static str = "conversation/prepare";
    type Answer = Value;
}

/// `conversation/agent/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListAgents {}

/// The answer to [`ListAgents`].
#[derive(Debug, Clone, Deserialize)]
pub struct Agents {
    /// All agents.
    pub agents: Vec<Agent>,
}

/// A conversation agent.
#[derive(Debug, Clone, Deserialize)]
pub struct Agent {
    /// An entity id.
    pub id: String,
    /// Tags, or `"*"`.
    #[serde(default)]
    pub supported_languages: Value,
}

impl Command for ListAgents {
    const TYPE: &'static str = "conversation/agent/list";
    type Answer = Agents;
}
