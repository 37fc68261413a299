//! Ends Jobs whose attempt is gone: the garbage collector does so too, but not before it knows of Helix's objects.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::api::Api;
use kube::{Client, ResourceExt as _};

use super::apply;
use super::dereference::Watched;
use crate::kubernetes::api::{AgentTask, TASK_LABEL};
use crate::kubernetes::error::{KubernetesError, is_missing};

const EVERY: Duration = Duration::from_secs(10);

/// Sweeps for ever.
pub(super) async fn run(client: Client, watched: Watched) {
    if !watched.until_known().await {
        return;
    }
    loop {
        tokio::time::sleep(EVERY).await;
        for job in watched.jobs.state() {
            if let Err(error) = sweep(&client, &watched, &job).await {
                tracing::warn!(%error, "a Job without its AgentTask is left for later");
            }
        }
    }
}

async fn sweep(client: &Client, watched: &Watched, job: &Job) -> Result<(), KubernetesError> {
    let Some(name) = job.labels().get(TASK_LABEL) else { return Ok(()) };
    // Without an owner somebody deleted it and left its Job behind.
    let owner = job.owner_references().iter().find(|owner| owner.kind == "AgentTask");
    let lives = |task: &AgentTask| owner.is_some_and(|owner| task.uid().as_ref() == Some(&owner.uid));
    if job.metadata.deletion_timestamp.is_some() || watched.tasks.find(lives).is_some() {
        return Ok(());
    }
    // What is watched may be late: the API server has the last word.
    let tasks: Api<AgentTask> = Api::namespaced(client.clone(), &job.namespace().unwrap_or_default());
    match tasks.get(name).await {
        Ok(task) if lives(&task) => return Ok(()),
        Ok(_) => {}
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(KubernetesError::at("look for an AgentTask")(error)),
    }
    tracing::info!(job = %job.name_any(), "its AgentTask is gone");
    apply::end_job(client, job).await
}
