//! What a plugin may offer to agents: a server of tools of the Model Context Protocol in, the bounds that the bridge holds it to
//! out. The bridge and the kit for plugins' authors share them, so that what passes there works here.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// More tools of one plugin are not offered: no model chooses well among more.
pub const TOOLS_MAX: usize = 32;
/// The longest name of a tool that keeps its name: `mcp_`, the plugin's name in the configuration and this are a
/// [`ToolName`](crate::ToolName).
pub const TOOL_NAME_LEN_MAX: usize = 32;
/// The longest description that is passed on, bytes.
pub const DESCRIPTION_LEN_MAX: usize = 1024;
/// A tool whose input needs a longer schema is not offered, bytes.
pub const INPUT_SCHEMA_LEN_MAX: usize = 8 * 1024;
/// The longest input, bytes.
pub const INPUT_LEN_MAX: usize = 32 * 1024;
/// The longest answer that is told, bytes.
pub const ANSWER_LEN_MAX: usize = 64 * 1024;
/// The longest complaint that is told, bytes.
pub const COMPLAINT_LEN_MAX: usize = 1024;
/// The longest message between the two, bytes.
pub const MESSAGE_LEN_MAX: usize = 1 << 20;
/// For greeting and for the list of tools, each.
pub const GREETING: Duration = Duration::from_secs(10);
/// For one call.
pub const CALL: Duration = Duration::from_mins(1);

/// Where [`Needs`] stand in the `_meta` of a tool.
pub const NEEDS: &str = "helix/needs";
/// More keys or hosts of a tool are not looked at.
const NEEDS_MAX: usize = 16;
/// The longest name of a host, bytes.
const NAME_LEN_MAX: usize = 253;

/// What a tool says that it needs of the world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Variables of the environment, such as keys; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The hosts that it asks; at most 16. What it sends there counts as leaving the home, unless the host is at home.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

impl Needs {
    /// What the `_meta` of a tool says; none if it says nothing that can be understood.
    pub fn read(meta: &Map<String, Value>) -> Self {
        let needs = meta.get(NEEDS).and_then(|needs| Self::deserialize(needs).ok()).unwrap_or_default();
        let bounded = |names: Vec<String>| {
            names.into_iter().filter(|name| name.len() <= NAME_LEN_MAX).take(NEEDS_MAX).collect()
        };
        Self { keys: bounded(needs.keys), hosts: bounded(needs.hosts) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_tool_needs_is_read_and_bounded() {
        let read = |meta: &Value| Needs::read(meta.as_object().expect("an object"));
        let needs = Needs { keys: vec!["API_KEY".into()], hosts: vec!["api.example".into()] };
        assert_eq!(read(&json!({ NEEDS: needs })), needs);
        for nothing in [json!({}), json!({ NEEDS: 7 }), json!({ NEEDS: { "hosts": [1] } })] {
            assert_eq!(read(&nothing), Needs::default(), "{nothing}");
        }
        let many = vec!["a".repeat(NAME_LEN_MAX); 100];
        assert_eq!(read(&json!({ NEEDS: { "hosts": many } })).hosts.len(), NEEDS_MAX);
        assert_eq!(read(&json!({ NEEDS: { "hosts": ["x".repeat(10_000)] } })), Needs::default());
    }
}
