//! An `AgentTask` in, everything out that it names or that was made for it. Reads the watched state alone, asks nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt as _;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::kubernetes::api::{Agent, AgentTask, Architecture, TASK_LABEL};

/// The label of a node that says which processors it has.
const NODE_ARCHITECTURE: &str = "kubernetes.io/arch";

/// What the operator watches.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) tasks: Store<AgentTask>,
    pub(super) agents: Store<Agent>,
    pub(super) jobs: Store<Job>,
    pub(super) pods: Store<Pod>,
    pub(super) nodes: Store<PartialObjectMeta<Node>>,
}

impl Watched {
    /// Waits until all of it was read once, so that what is not known yet is not taken for what is not there. False when
    /// nobody reads it any more.
    pub(super) async fn until_known(&self) -> bool {
        let Self { tasks, agents, jobs, pods, nodes } = self;
        let known = async {
            tasks.wait_until_ready().await?;
            agents.wait_until_ready().await?;
            jobs.wait_until_ready().await?;
            pods.wait_until_ready().await?;
            nodes.wait_until_ready().await
        };
        known.await.is_ok()
    }
}

/// What belongs to one attempt.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the administrator says about its kind.
    pub(super) agent: Option<Arc<Agent>>,
    pub(super) job: Option<Arc<Job>>,
    pub(super) pod: Option<Arc<Pod>>,
    /// The processors that the cluster has.
    pub(super) architectures: BTreeSet<Architecture>,
}

/// Looks up what belongs to `task`.
pub(super) fn dereference(task: &AgentTask, watched: &Watched) -> Found {
    let name = task.name_any();
    let namespace = task.namespace().unwrap_or_default();
    let agent = ObjectRef::new(task.spec.agent.as_str()).within(&namespace);
    let job = ObjectRef::new(&name).within(&namespace);
    // A Job that an earlier object of this name left behind is none of ours.
    let ours =
        |job: &Arc<Job>| job.owner_references().iter().any(|owner| Some(&owner.uid) == task.uid().as_ref());
    Found {
        agent: watched.agents.get(&agent),
        job: watched.jobs.get(&job).filter(ours),
        pod: watched.pods.find(|pod| pod.labels().get(TASK_LABEL) == Some(&name)),
        architectures: architectures(&watched.nodes),
    }
}

fn architectures(nodes: &Store<PartialObjectMeta<Node>>) -> BTreeSet<Architecture> {
    let known = [Architecture::Amd64, Architecture::Arm64];
    let of = |node: Arc<PartialObjectMeta<Node>>| {
        let label = node.labels().get(NODE_ARCHITECTURE).cloned();
        known.into_iter().find(|one| label.as_deref() == Some(one.label()))
    };
    nodes.state().into_iter().filter_map(of).collect()
}
