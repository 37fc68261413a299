//! What was built or observed in, the cluster changed out. Doing it twice is doing it once.

use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use crate::kubernetes::api::{AgentTask, AgentTaskStatus};
use crate::kubernetes::error::{KubernetesError, is_conflict, is_known, is_missing};

/// What keeps an object until its dependants are gone, if it was deleted in the foreground.
const FOREGROUND: &str = "foregroundDeletion";

/// Makes the Job, unless it is there. A Job does not change after that, so it is posted and not applied: that is less
/// work for the API server.
pub(super) async fn job(client: &Client, job: &Job) -> Result<(), KubernetesError> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), &job.namespace().unwrap_or_default());
    match jobs.create(&PostParams::default(), job).await {
        Ok(_) => Ok(()),
        Err(error) if is_known(&error) => Ok(()),
        Err(error) => Err(KubernetesError::at("make a Job")(error)),
    }
}

/// Writes how far an attempt is.
pub(super) async fn status(
    client: &Client,
    task: &AgentTask,
    status: &AgentTaskStatus,
) -> Result<(), KubernetesError> {
    let patch = Patch::Merge(json!({ "metadata": { "uid": task.uid() }, "status": status }));
    match tasks(client, task).patch_status(&task.name_any(), &PatchParams::default(), &patch).await {
        Ok(_) => Ok(()),
        // It was deleted meanwhile, or is another object of the same name.
        Err(error) if is_missing(&error) || is_conflict(&error) => Ok(()),
        Err(error) => Err(KubernetesError::at("write a status")(error)),
    }
}

/// Ends a Job and its pod; returns before they are gone.
pub(super) async fn end_job(client: &Client, job: &Job) -> Result<(), KubernetesError> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), &job.namespace().unwrap_or_default());
    match jobs.delete(&job.name_any(), &DeleteParams::foreground()).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(KubernetesError::at("end a Job")(error)),
    }
}

/// Deletes an attempt with everything that was made for it.
pub(super) async fn delete(client: &Client, task: &AgentTask) -> Result<(), KubernetesError> {
    let parameters =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    match tasks(client, task).delete(&task.name_any(), &parameters).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(KubernetesError::at("delete an AgentTask")(error)),
    }
}

/// Lets a deleted attempt go. The garbage collector would do it too, up to half a minute later.
pub(super) async fn release(client: &Client, task: &AgentTask) -> Result<(), KubernetesError> {
    let kept: Vec<_> = task.finalizers().iter().filter(|finalizer| *finalizer != FOREGROUND).collect();
    let version = task.resource_version();
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": kept, "resourceVersion": version } }));
    match tasks(client, task).patch(&task.name_any(), &PatchParams::default(), &patch).await {
        Ok(_) => Ok(()),
        // Who changed it brings it here again.
        Err(error) if is_missing(&error) || is_conflict(&error) => Ok(()),
        Err(error) => Err(KubernetesError::at("let a deleted AgentTask go")(error)),
    }
}

fn tasks(client: &Client, task: &AgentTask) -> Api<AgentTask> {
    Api::namespaced(client.clone(), &task.namespace().unwrap_or_default())
}
