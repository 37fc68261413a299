//! An attempt and what it names in, the same with every default filled in and every contradiction refused out.

use std::collections::{BTreeMap, BTreeSet};

use helix_contract::{AgentName, Class, Name};
use kube::ResourceExt as _;

use super::Settings;
use super::dereference::Found;
use crate::kubernetes::api::{AgentTask, Architecture, EndReason, PodLimits};

/// Everything that a Job is built of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) agent: AgentName,
    pub(super) runner: Name,
    pub(super) image: String,
    pub(super) class: Class,
    pub(super) deadline_seconds: u32,
    pub(super) bridge: String,
    /// Those that the image and the cluster have; never empty.
    pub(super) architectures: BTreeSet<Architecture>,
    pub(super) node_selector: BTreeMap<String, String>,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) ephemeral_storage: String,
}

/// Why there will be no Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: EndReason,
    pub(super) message: String,
}

/// Fills in what the task leaves open.
///
/// # Errors
/// [`Refusal`]: waiting would not help.
pub(super) fn validate(task: &AgentTask, found: &Found, settings: &Settings) -> Result<Prepared, Refusal> {
    let spec = &task.spec;
    let agent = found.agent.as_ref().map(|agent| agent.spec.clone()).unwrap_or_default();
    let image = agent.image.or_else(|| spec.image.clone()).unwrap_or_else(|| settings.image.clone());
    let invalid = |message: &str| Refusal { reason: EndReason::Invalid, message: message.to_owned() };
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(invalid("its image has no name"));
    }
    let wanted: BTreeSet<_> = match agent.architectures.as_slice() {
        [] => [Architecture::Amd64, Architecture::Arm64].into(),
        named => named.iter().copied().collect(),
    };
    let architectures: BTreeSet<_> = wanted.intersection(&found.architectures).copied().collect();
    if architectures.is_empty() {
        return Err(Refusal {
            reason: EndReason::Architecture,
            message: nowhere(&wanted, &found.architectures),
        });
    }
    let PodLimits { cpu, memory, ephemeral_storage } = agent.limits;
    Ok(Prepared {
        name: task.name_any(),
        namespace: task.namespace().ok_or_else(|| invalid("it is in no namespace"))?,
        uid: task.uid().ok_or_else(|| invalid("it has no uid"))?,
        agent: spec.agent.clone(),
        runner: spec.runner.clone(),
        image,
        class: spec.class,
        deadline_seconds: spec.deadline_seconds,
        bridge: spec.bridge.clone(),
        architectures,
        node_selector: agent.node_selector,
        cpu: cpu.unwrap_or_else(|| settings.cpu.clone()),
        memory: memory.unwrap_or_else(|| settings.memory.clone()),
        ephemeral_storage: ephemeral_storage.unwrap_or_else(|| settings.ephemeral_storage.clone()),
    })
}

fn nowhere(wanted: &BTreeSet<Architecture>, there: &BTreeSet<Architecture>) -> String {
    let names = |set: &BTreeSet<Architecture>| {
        let names: Vec<_> = set.iter().map(|one| one.label()).collect();
        if names.is_empty() { "no node".to_owned() } else { names.join(" and ") }
    };
    format!("its image is for {}, the cluster has {}", names(wanted), names(there))
}
