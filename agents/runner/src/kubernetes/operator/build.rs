//! What was validated in, a Job out. The same in is the same out.
//!
//! The Job begins its agent once: the bridge counts the attempts. Its pod passes Pod Security `restricted`.

use std::collections::BTreeMap;

use helix_contract::Class;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, EnvVar, KeyToPath, NodeAffinity, NodeSelector,
    NodeSelectorRequirement, NodeSelectorTerm, PodSecurityContext, PodSpec, PodTemplateSpec,
    ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;

use super::validate::Prepared;
use crate::kubernetes::api::{AgentTask, Architecture, ROLE_LABEL, RUNNER_LABEL, TASK_LABEL};

/// The user that an agent runs as, as in its image.
const USER: i64 = 65_532;
/// Where the token lies in a pod.
const TOKEN_FOLDER: &str = "/run/helix";
/// The file's name, and the Secret's key.
pub(crate) const TOKEN_KEY: &str = "token";
/// What made the objects.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "helix-runner");
/// Between the polite signal and the other one, seconds.
const GRACE_S: i64 = 1;
/// What is set aside for a pod: an agent waits for models more than it computes. Memory is set aside up to its limit.
const CPU_REQUESTED: &str = "20m";
/// How long a finished Job is kept for people to look at, seconds.
const JOB_KEPT_S: i32 = 600;
/// Codes by which an agent says that beginning again does not help.
const LASTING: std::ops::RangeInclusive<i32> = 64..=78;

/// The Job of an attempt.
pub(super) fn build(prepared: &Prepared, service_account: &str) -> Job {
    let labels = labels(prepared);
    Job {
        metadata: ObjectMeta {
            name: Some(prepared.name.clone()),
            namespace: Some(prepared.namespace.clone()),
            labels: Some(labels.clone()),
            owner_references: Some(vec![owner(prepared)]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(i64::from(prepared.deadline_seconds)),
            ttl_seconds_after_finished: Some(JOB_KEPT_S),
            pod_replacement_policy: Some("Failed".to_owned()),
            pod_failure_policy: Some(failure_policy()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod(prepared, service_account)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn labels(prepared: &Prepared) -> BTreeMap<String, String> {
    let (key, value) = MANAGED_BY;
    [
        (key, value),
        (TASK_LABEL, &prepared.name),
        (RUNNER_LABEL, prepared.runner.as_str()),
        (ROLE_LABEL, "agent"),
        ("helix.run/agent", prepared.agent.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn owner(prepared: &Prepared) -> OwnerReference {
    OwnerReference {
        api_version: AgentTask::api_version(&()).into_owned(),
        kind: AgentTask::kind(&()).into_owned(),
        name: prepared.name.clone(),
        uid: prepared.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// No pod is replaced, whatever ended it; it is only told faster.
fn failure_policy() -> PodFailurePolicy {
    let lasting = PodFailurePolicyOnExitCodesRequirement {
        container_name: None,
        operator: "In".to_owned(),
        values: LASTING.collect(),
    };
    let disrupted = PodFailurePolicyOnPodConditionsPattern {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
    };
    let fail = |on_exit_codes, on_pod_conditions| PodFailurePolicyRule {
        action: "FailJob".to_owned(),
        on_exit_codes,
        on_pod_conditions,
    };
    PodFailurePolicy { rules: vec![fail(None, Some(vec![disrupted])), fail(Some(lasting), None)] }
}

fn pod(prepared: &Prepared, service_account: &str) -> PodSpec {
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(service_account.to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_S),
        priority_class_name: Some(priority(prepared.class).to_owned()),
        node_selector: (!prepared.node_selector.is_empty()).then(|| prepared.node_selector.clone()),
        affinity: Some(only_on(prepared.architectures.iter().copied())),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(prepared)],
        volumes: Some(vec![token_volume(prepared)]),
        ..PodSpec::default()
    }
}

fn priority(class: Class) -> &'static str {
    match class {
        Class::Interactive => "helix-interactive",
        Class::Background => "helix-background",
    }
}

fn only_on(architectures: impl Iterator<Item = Architecture>) -> Affinity {
    let requirement = NodeSelectorRequirement {
        key: "kubernetes.io/arch".to_owned(),
        operator: "In".to_owned(),
        values: Some(architectures.map(|one| one.label().to_owned()).collect()),
    };
    let term = NodeSelectorTerm { match_expressions: Some(vec![requirement]), match_fields: None };
    let required = NodeSelector { node_selector_terms: vec![term] };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..NodeAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn container(prepared: &Prepared) -> Container {
    let variable =
        |name: &str, value: String| EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() };
    let limits = BTreeMap::from([
        ("cpu".to_owned(), Quantity(prepared.cpu.clone())),
        ("memory".to_owned(), Quantity(prepared.memory.clone())),
        ("ephemeral-storage".to_owned(), Quantity(prepared.ephemeral_storage.clone())),
    ]);
    Container {
        name: "agent".to_owned(),
        image: Some(prepared.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        env: Some(vec![
            variable("HELIX_BRIDGE", prepared.bridge.clone()),
            variable("HELIX_TASK_TOKEN_FILE", format!("{TOKEN_FOLDER}/{TOKEN_KEY}")),
        ]),
        resources: Some(ResourceRequirements {
            requests: Some([("cpu".to_owned(), Quantity(CPU_REQUESTED.to_owned()))].into()),
            limits: Some(limits),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(vec![VolumeMount {
            name: TOKEN_KEY.to_owned(),
            mount_path: TOKEN_FOLDER.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        }]),
        ..Container::default()
    }
}

fn token_volume(prepared: &Prepared) -> Volume {
    Volume {
        name: TOKEN_KEY.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(prepared.name.clone()),
            default_mode: Some(0o440),
            items: Some(vec![KeyToPath {
                key: TOKEN_KEY.to_owned(),
                path: TOKEN_KEY.to_owned(),
                mode: None,
            }]),
            optional: Some(false),
        }),
        ..Volume::default()
    }
}
