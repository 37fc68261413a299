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
            let room = offer.specs.len() < TOOLS_MAX && offer.withheld.len() < TOOLS_MAX;
            if !room {
                continue;
            }
            if !may_change && !only_reads {
                offer.withheld.insert(spec.name);
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
