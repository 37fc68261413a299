//! What the operator watches, and which attempt each change brings back to it.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::controller::{ReconcileRequest, trigger_with};
use kube::runtime::reflector::{Lookup, ObjectRef, Store, reflector, store};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::build::MANAGED_BY;
use super::dereference::Watched;
use crate::kubernetes::api::{Agent, AgentTask, TASK_LABEL};

type Trigger = Result<ReconcileRequest<AgentTask>, watcher::Error>;
pub(super) type Triggers = BoxStream<'static, Trigger>;

/// Begins to watch all of it; the states are filled while the triggers are read.
pub(super) fn all(client: &Client, namespace: &str) -> (Watched, Triggers) {
    let (key, value) = MANAGED_BY;
    let ours = watcher::Config::default().labels(&format!("{key}={value}"));
    let own = |task: &AgentTask| Some(ObjectRef::from_obj(task));
    let (tasks, of_tasks) =
        follow(Api::namespaced(client.clone(), namespace), watcher::Config::default(), own);
    let (agents, of_agents) =
        follow::<Agent, _>(Api::namespaced(client.clone(), namespace), watcher::Config::default(), nobody);
    let (jobs, of_jobs) = follow::<Job, _>(Api::namespaced(client.clone(), namespace), ours.clone(), named);
    let (pods, of_pods) = follow::<Pod, _>(Api::namespaced(client.clone(), namespace), ours, named);
    let (nodes, of_nodes) =
        follow::<PartialObjectMeta<Node>, _>(Api::all(client.clone()), watcher::Config::default(), nobody);
    let watched = Watched { tasks, agents, jobs, pods, nodes };
    (watched, select_all([of_tasks, of_agents, of_jobs, of_pods, of_nodes]).boxed())
}

/// The attempt that an object was made for.
fn named<K: ResourceExt>(object: &K) -> Option<ObjectRef<AgentTask>> {
    let name = object.labels().get(TASK_LABEL)?;
    Some(ObjectRef::new(name).within(&object.namespace().unwrap_or_default()))
}

fn nobody<K>(_: &K) -> Option<ObjectRef<AgentTask>> {
    None
}

fn follow<K, F>(api: Api<K>, config: watcher::Config, whose: F) -> (Store<K>, BoxStream<'static, Trigger>)
where
    K: Resource<DynamicType: Default + Clone + Eq + std::hash::Hash>
        + Lookup<DynamicType = <K as Resource>::DynamicType>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
    F: Fn(&K) -> Option<ObjectRef<AgentTask>> + Send + 'static,
{
    let (state, writer) = store::store();
    let changes = reflector(writer, watcher(api, config)).backoff(Steady::default()).touched_objects();
    (state, trigger_with(changes, move |object| whose(&object)).boxed())
}

/// Waits twice as long each time, at most two seconds: an API server that is back is noticed soon.
#[derive(Debug, Default)]
pub(crate) struct Steady(u32);

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0 = self.0.saturating_add(1);
        Some(Duration::from_millis(100 << self.0.min(4)).min(Duration::from_secs(2)))
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {
        self.0 = 0;
    }
}
