//! Configuration entries, their flows, and what the Wyoming integration knows of its servers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Command;

/// `config_entries/get` of one integration.
#[derive(Debug, Clone, Serialize)]
pub struct ListEntries {
    /// The integration, such as `wyoming`.
    pub domain: String,
}

/// A configuration entry. Home Assistant does not say with which address it was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// A ULID.
    pub entry_id: String,
    /// The name shown to people.
    #[serde(default)]
    pub title: String,
    /// Who made it: `user`, `hassio`, `zeroconf` …
    #[serde(default)]
    pub source: String,
    /// `loaded`, `setup_retry`, `not_loaded` …
    #[serde(default)]
    pub state: String,
    /// By whom it was switched off.
    #[serde(default)]
    pub disabled_by: Option<String>,
}

impl Command for ListEntries {
    const TYPE: &'static str = "config_entries/get";
    type Answer = Vec<Entry>;
}

/// `config_entries/update`: a new title.
#[derive(Debug, Clone, Serialize)]
pub struct RenameEntry {
    /// Which.
    pub entry_id: String,
    /// The new title.
    pub title: String,
}

impl Command for RenameEntry {
    const TYPE: &'static str = "config_entries/update";
    type Answer = Value;
}

/// `config_entries/subentries/list`: the parts of one entry.
#[derive(Debug, Clone, Serialize)]
pub struct ListSubentries {
    /// Which entry.
    pub entry_id: String,
}

/// A part of an entry, such as one agent of a server of language models.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subentry {
    /// A ULID.
    pub subentry_id: String,
    /// Such as `conversation`.
    #[serde(default)]
    pub subentry_type: String,
}

impl Command for ListSubentries {
    const TYPE: &'static str = "config_entries/subentries/list";
    type Answer = Vec<Subentry>;
}

/// `config_entries/flow/progress`: flows that no user started.
#[derive(Debug, Clone, Serialize)]
pub struct ListFlows {}

/// A flow that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flow {
    /// Names it in REST calls.
    pub flow_id: String,
    /// The integration.
    #[serde(default)]
    pub handler: String,
    /// The step that waits, such as `hassio_confirm`.
    #[serde(default)]
    pub step_id: String,
    /// Where it came from.
    #[serde(default)]
    pub context: FlowContext,
}

/// Where a flow came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct FlowContext {
    /// `hassio`, `zeroconf` …
    #[serde(default)]
    pub source: String,
    /// For `hassio`: the id of the discovery message, 32 hexadecimal digits.
    #[serde(default)]
    pub unique_id: Option<String>,
}

impl Command for ListFlows {
    const TYPE: &'static str = "config_entries/flow/progress";
    type Answer = Vec<Flow>;
}

/// `wyoming/info`: what the servers of the loaded entries answered to `describe`.
#[derive(Debug, Clone, Serialize)]
pub struct WyomingInfo {}

/// The answer to [`WyomingInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WyomingServers {
    /// Entry id -> server.
    pub info: BTreeMap<String, WyomingServer>,
}

/// A Wyoming server, reduced to the names of its programs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct WyomingServer {
    /// Speech to text.
    #[serde(default)]
    pub asr: Vec<Program>,
    /// Agents.
    #[serde(default)]
    pub handle: Vec<Program>,
    /// Text to speech.
    #[serde(default)]
    pub tts: Vec<Program>,
}

impl WyomingServer {
    /// Whether one of its programs has this name.
    pub fn has_program(&self, name: &str) -> bool {
        self.asr.iter().chain(&self.handle).any(|program| program.name == name)
    }
}

/// A program of a Wyoming server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
}

impl Command for WyomingInfo {
    const TYPE: &'static str = "wyoming/info";
    type Answer = WyomingServers;
}
