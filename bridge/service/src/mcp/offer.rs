//! What a server lists in, what of it agents are offered out.

use std::collections::{BTreeMap, BTreeSet};

use helix_contract::api::ToolSpec;
use helix_contract::plugin::{DESCRIPTION_LEN_MAX, INPUT_SCHEMA_LEN_MAX, Needs, TOOLS_MAX};
use helix_contract::{Name, ToolName};
use helix_core::egress::is_local;
use rmcp::model::Tool;
use serde_json::Value;

use super::answer::beginning;
use super::name::offered;

/// The tools of one server.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) specs: Vec<ToolSpec>,
    pub(super) known: BTreeMap<ToolName, Known>,
    /// Those that may change something, which the server's entry does not allow.
    pub(super) withheld: BTreeSet<ToolName>,
    /// The variables that its tools say they need.
    pub(super) keys: BTreeSet<String>,
}

/// A tool that is offered.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its name at the server.
    pub(super) original: String,
    /// A host outside that it says it asks.
    pub(super) outside: Option<String>,
}

impl Offer {
    /// Of a server called `server`, whose tools may change something only if `may_change`. What does not say that it only
    /// reads may change something.
    pub(super) fn new(server: &Name, tools: Vec<Tool>, may_change: bool) -> Self {
        let mut offer = Self::default();
        for tool in tools {
            let Some(spec) = spec(server, &tool) else { continue };
            if offer.known.contains_key(&spec.name) || offer.withheld.contains(&spec.name) {
                continue;
            }
            let only_reads = tool.annotations.as_ref().and_then(|hints| hints.read_only_hint) == Some(true);
            if !may_change && !only_reads {
                if offer.withheld.len() < TOOLS_MAX {
                    offer.withheld.insert(spec.name);
                }
                continue;
            }
            if offer.specs.len() == TOOLS_MAX {
                continue;
            }
            let needs = tool.meta.as_ref().map(|meta| Needs::read(&meta.0)).unwrap_or_default();
            let outside = needs.hosts.into_iter().find(|host| !is_local(host));
            offer.keys.extend(needs.keys);
            offer.known.insert(spec.name.clone(), Known { original: tool.name.into_owned(), outside });
            offer.specs.push(spec);
        }
        offer
    }
}

fn spec(server: &Name, tool: &Tool) -> Option<ToolSpec> {
    let input = Value::Object((*tool.input_schema).clone());
    let name = offered(server, &tool.name);
    let Some(name) = name.filter(|_| input.to_string().len() <= INPUT_SCHEMA_LEN_MAX) else {
        tracing::warn!(%server, "a tool is not offered: its name or the schema of its input is too long");
        return None;
    };
    let description = tool.description.as_deref().unwrap_or_default();
    Some(ToolSpec { name, description: beginning(description, DESCRIPTION_LEN_MAX).to_owned(), input })
}

#[cfg(test)]
mod tests {
    use rmcp::model::{MetaObject, ToolAnnotations};
    use serde_json::json;

    use super::*;

    fn tool(name: String, reads: Option<bool>) -> Tool {
        let mut tool = Tool::new(name, "A tool.", serde_json::Map::new());
        tool.annotations = reads.map(|reads| ToolAnnotations::new().read_only(reads));
        tool
    }

    fn offer(tools: Vec<Tool>, may_change: bool) -> Offer {
        Offer::new(&"nas".parse().expect("a name"), tools, may_change)
    }

    #[test]
    fn tools_that_may_change_something_are_withheld_and_take_no_room_from_those_that_read() {
        let silent = (0..100).map(|nth| tool(format!("silent_{nth}"), None));
        let changing = (0..100).map(|nth| tool(format!("changing_{nth}"), Some(false)));
        let reading = (0..100).map(|nth| tool(format!("reading_{nth}"), Some(true)));
        let all: Vec<_> = silent.chain(changing).chain(reading).collect();
        let careful = offer(all.clone(), false);
        assert_eq!((careful.specs.len(), careful.withheld.len()), (TOOLS_MAX, TOOLS_MAX));
        assert!(careful.specs.iter().all(|spec| spec.name.as_str().starts_with("mcp_nas_reading_")));
        let trusting = offer(all, true);
        assert_eq!((trusting.specs.len(), trusting.withheld.len()), (TOOLS_MAX, 0));
    }

    #[test]
    fn a_tool_that_names_a_host_outside_counts_as_one_that_sends_there() {
        let mut asking = tool("ask".into(), Some(true));
        let needs = json!({ "keys": ["API_KEY"], "hosts": ["192.168.1.5", "nas.local", "api.example.com"] });
        asking.meta =
            Some(MetaObject(json!({ "helix/needs": needs }).as_object().cloned().expect("an object")));
        let offer = offer(vec![asking, tool("read".into(), Some(true))], false);
        let outside: Vec<_> = offer.known.values().map(|known| known.outside.as_deref()).collect();
        assert_eq!(
            (outside, offer.keys),
            (vec![Some("api.example.com"), None], ["API_KEY".to_owned()].into())
        );
    }
}
