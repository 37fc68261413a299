//! Helix's own objects in Kubernetes: an `AgentTask` for each attempt, an `Agent` for what a cluster's administrator says
//! about a kind of agent. Neither holds a word of what anybody asked for: an agent fetches its task from the bridge.
//!
//! Their definitions lie in `deploy/kubernetes/base/crd`.

#![allow(unreachable_pub, reason = "the derive of a resource repeats its struct where nobody reaches it")]
#![allow(clippy::duplicated_attributes, reason = "columns of a definition may be of one type")]

use std::collections::BTreeMap;

use helix_contract::{AgentName, Attempt, Class, Name, TaskId};
use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AgentKey;

/// The group of Helix's objects.
pub const GROUP: &str = "helix.run";
/// Which form of a definition this is; a later form has a higher number. Fields are only added within a version.
pub const FORM: u32 = 1;
/// The annotation that holds [`FORM`].
pub const FORM_ANNOTATION: &str = "helix.run/form";
/// The label that holds the name of an `AgentTask`, on what was made for it.
pub const TASK_LABEL: &str = "helix.run/agent-task";
/// The label that holds the name of the runner.
pub const RUNNER_LABEL: &str = "helix.run/runner";
/// The label of agents, by which network policies know them.
pub const ROLE_LABEL: &str = "helix.run/role";

/// One attempt of one task.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "helix.run",
    version = "v1alpha1",
    kind = "AgentTask",
    namespaced,
    derive = "PartialEq",
    status = "AgentTaskStatus",
    shortname = "at",
    category = "helix",
    annotation("helix.run/form", "1"),
    selectable = ".spec.runner",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "End", type_ = "string", json_path = ".status.end.reason"),
    printcolumn(name = "Agent", type_ = "string", json_path = ".spec.agent"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.startsWith('at-' + self.spec.task + '-')")
        .message("the name is at-<task>-<attempt>"),
    validation = Rule::new("self.spec == oldSelf.spec").message("an attempt does not change; delete it to stop it")
)]
#[serde(rename_all = "camelCase")]
pub struct AgentTaskSpec {
    /// The task.
    #[schemars(length(max = 22))]
    pub task: TaskId,
    /// Which beginning of it.
    #[schemars(with = "i64", range(min = 0))]
    pub attempt: Attempt,
    /// The kind of agent; an `Agent` of this name may say more about it.
    #[schemars(length(max = 63))]
    pub agent: AgentName,
    /// The agent's image, by digest; the operator's generic one if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub image: Option<String>,
    /// Who is served first.
    #[serde(default)]
    pub class: Class,
    /// How long it may take from the start of its Job, waiting for a node included, seconds.
    #[schemars(with = "i32", range(min = 1, max = 86_400))]
    pub deadline_seconds: u32,
    /// Where the agent reaches the bridge: `http://` or `https://`, a host that the cluster's pods reach, a port.
    #[schemars(length(max = 256), pattern("^https?://"))]
    pub bridge: String,
    /// The runner that wants it.
    #[schemars(length(max = 63))]
    pub runner: Name,
}

/// How far an attempt is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTaskStatus {
    /// The generation that this tells of.
    #[serde(default)]
    pub observed_generation: i64,
    /// How far.
    #[serde(default)]
    pub phase: Phase,
    /// Where its pod is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Its Job has no running pod yet.
    #[default]
    Waiting,
    /// Its agent runs.
    Running,
    /// Its agent has ended or will never run.
    Ended,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// The exit code of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What Kubernetes said, or the end of what the agent logged; at most 4 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the operator saw it.
    #[schemars(with = "String")]
    pub seen_at: Timestamp,
}

/// Why an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EndReason {
    /// By itself: the exit code says more.
    Exited,
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It took longer than it may.
    Deadline,
    /// It wrote more than it may.
    Output,
    /// Somebody deleted its Job or pod, or the node was taken away.
    Stopped,
    /// No registry has its image.
    ImageMissing,
    /// Its image is for other processors, or no node has those that it needs.
    Architecture,
    /// The registry does not give its image.
    ImageRefused,
    /// The image is there, but its program does not start.
    DoesNotStart,
    /// What it asks for is not allowed or makes no sense.
    Invalid,
}

/// What a cluster's administrator says about a kind of agent. Without one, the operator's defaults hold.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "helix.run",
    version = "v1alpha1",
    kind = "Agent",
    namespaced,
    derive = "PartialEq",
    shortname = "ag",
    category = "helix",
    annotation("helix.run/form", "1"),
    printcolumn(name = "Memory", type_ = "string", json_path = ".spec.limits.memory"),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpec {
    /// This image and no other, by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub image: Option<String>,
    /// The processors that its image is for; both if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub architectures: Vec<Architecture>,
    /// Labels that a node needs to have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// What a pod of it may take.
    #[serde(default)]
    pub limits: PodLimits,
}

/// Processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// `x86_64`.
    Amd64,
    /// `aarch64`.
    Arm64,
}

impl Architecture {
    /// As the label `kubernetes.io/arch` has it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// What a pod may take, in Kubernetes' own quantities; what is not said is the operator's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodLimits {
    /// Processors, such as `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), pattern("^[0-9]+m?$"))]
    pub cpu: Option<String>,
    /// Memory, such as `64Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), pattern("^[0-9]+([KMG]i?)?$"))]
    pub memory: Option<String>,
    /// Room for logs, such as `16Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), pattern("^[0-9]+([KMG]i?)?$"))]
    pub ephemeral_storage: Option<String>,
}

impl AgentTask {
    /// The name of the agent, which is that of the object.
    pub fn key(&self) -> AgentKey {
        let (task, attempt) = (self.spec.task.clone(), self.spec.attempt);
        AgentKey::Attempt(helix_contract::api::TaskAttempt { task, attempt })
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.status.as_ref()?.end.as_ref()
    }
}
