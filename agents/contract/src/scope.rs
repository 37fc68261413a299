//! What a task may see. A scope only narrows what the bridge allows anyway; the bridge checks each call against it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Name;

/// What a task may reach through the bridge; nothing is the default of each part. There is no way to write: what is to
/// be done at home, a person is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// The home's exposed entities, to read.
    #[serde(default)]
    pub home: HomeScope,
    /// Search and pages.
    #[serde(default)]
    pub web: WebScope,
    /// Tool servers of the configuration, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Name>,
}

/// Which exposed entities may be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HomeScope {
    /// None.
    #[default]
    None,
    /// Those of these areas, by Home Assistant's ids.
    Areas(Vec<String>),
    /// All.
    All,
}

/// What of the web may be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebScope {
    /// Nothing.
    #[default]
    None,
    /// Pages of these domains and of those below them.
    Domains(Vec<String>),
    /// Every public page.
    Public,
}

/// Where a task's words may be thought about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Only on machines of the local network.
    #[default]
    Local,
    /// In the cloud as well, if the person allowed it for this task.
    Cloud,
}

/// The model that a definition is written for; which one that is, the bridge's configuration says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelRole {
    /// None: its tools are enough.
    None,
    /// Small and quick.
    Router,
    /// The local one for longer thoughts.
    #[default]
    Agent,
}
