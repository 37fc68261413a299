//! The operator: makes a Job of each `AgentTask`, says how far it is, and takes away what nobody needs any more.
//!
//! ```text
//! watch ─► dereference ─► validate ─► build ─► apply
//!    └───► dereference ─► observe ─► status
//! ```
//!
//! Stages between `watch` and `apply` are values in, values out. Two operators at once do no harm, because every name is
//! given by the task; a Lease keeps them from working twice.

mod apply;
mod build;
mod dereference;
mod observe;
mod sweep;
mod validate;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::applier;
use kube::runtime::controller::{Action, Config, Error};
use kube::{Client, ResourceExt as _};
use tokio_util::sync::CancellationToken;

pub(crate) use build::{MANAGED_BY, TOKEN_KEY};
pub(crate) use watch::Steady;

use self::dereference::{Found, Watched, dereference};
use self::validate::validate;
use super::api::{AgentTask, EndReason};
use super::error::KubernetesError;
use crate::clock;

/// Attempts that are worked on at once.
const CONCURRENCY: u16 = 32;
/// How long an attempt that has ended is kept for people to look at.
const TASK_KEPT: Duration = Duration::from_mins(10);
/// How long a deleted attempt waits for its pod: a node that is away would keep it for ever.
const RELEASE_AFTER: Duration = Duration::from_mins(5);
/// Until what the API server did not do is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What the operator needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where its objects are.
    pub namespace: String,
    /// The image of the generic agent, by digest.
    pub image: String,
    /// The service account of agents; it may do nothing.
    pub service_account: String,
    /// Processors of a pod, unless its `Agent` says otherwise.
    pub cpu: String,
    /// Memory of a pod, unless its `Agent` says otherwise.
    pub memory: String,
    /// Room for the logs of a pod, unless its `Agent` says otherwise.
    pub ephemeral_storage: String,
}

impl Settings {
    /// With the defaults of `deploy/kubernetes`.
    pub fn new(namespace: impl Into<String>, image: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            image: image.into(),
            service_account: "helix-agent".to_owned(),
            cpu: "500m".to_owned(),
            memory: "64Mi".to_owned(),
            ephemeral_storage: "16Mi".to_owned(),
        }
    }
}

struct Context {
    client: Client,
    settings: Settings,
    watched: Watched,
}

/// Works until `stop`; what the API server does not do is tried again.
///
/// # Errors
/// The definitions of Helix's objects are missing or too old.
pub async fn run(client: Client, settings: Settings, stop: CancellationToken) -> Result<(), KubernetesError> {
    super::definitions::check(&client).await?;
    let (watched, triggers) = watch::all(&client, &settings.namespace);
    let sweep = sweep::run(client.clone(), watched.clone());
    let tasks = watched.tasks.clone();
    let context = Arc::new(Context { client, settings, watched });
    let retry = |_: Arc<AgentTask>, _: &KubernetesError, _: Arc<Context>| Action::requeue(RETRY);
    let config = Config::default().concurrency(CONCURRENCY);
    let work =
        applier(|task, context| Box::pin(reconcile(task, context)), retry, context, tasks, triggers, config)
            .for_each(|done| async move {
                match done {
                    // What was deleted before its turn came is nobody's worry.
                    Ok(_) | Err(Error::ObjectNotFound(_)) => {}
                    Err(error) => tracing::warn!(%error, "the operator tries again"),
                }
            });
    tokio::select! {
        () = work => {}
        () = sweep => {}
        () = stop.cancelled() => {}
    }
    Ok(())
}

async fn reconcile(task: Arc<AgentTask>, context: Arc<Context>) -> Result<Action, KubernetesError> {
    let Context { client, watched, .. } = &*context;
    if !watched.until_known().await {
        return Ok(Action::requeue(RETRY));
    }
    let found = dereference(&task, watched);
    let now = clock::wall();
    if let Some(deleted) = &task.metadata.deletion_timestamp {
        return end(client, &task, &found, passed(deleted.0, now)).await;
    }
    if let Some(end) = task.end() {
        return expire(client, &task, passed(end.seen_at, now)).await;
    }
    let mut status = observe::observe(&task, found.job.as_deref(), found.pod.as_deref(), now);
    if status.end.is_none()
        && found.job.is_none()
        && let Err((reason, message)) = begin(&task, &found, &context).await?
    {
        tracing::info!(task = %task.name_any(), ?reason, message, "an agent gets no Job");
        status = observe::refused(&task, reason, message, now);
    }
    let known = task.status.clone().unwrap_or_default();
    if (status.phase, &status.end) != (known.phase, &known.end) {
        apply::status(client, &task, &status).await?;
    }
    Ok(Action::await_change())
}

/// Makes the Job, or says why there will be none.
async fn begin(
    task: &AgentTask,
    found: &Found,
    context: &Context,
) -> Result<Result<(), (EndReason, String)>, KubernetesError> {
    let prepared = match validate(task, found, &context.settings) {
        Ok(prepared) => prepared,
        Err(refusal) => return Ok(Err((refusal.reason, refusal.message))),
    };
    let job = build::build(&prepared, &context.settings.service_account);
    match apply::job(&context.client, &job).await {
        Ok(()) => Ok(Ok(())),
        Err(KubernetesError::Refused { reason, .. }) => Ok(Err((EndReason::Invalid, reason))),
        Err(other) => Err(other),
    }
}

/// Somebody deleted the attempt: it goes when its pod is gone, or cannot be waited for.
async fn end(
    client: &Client,
    task: &AgentTask,
    found: &Found,
    since: Duration,
) -> Result<Action, KubernetesError> {
    match &found.job {
        Some(job) if since < RELEASE_AFTER => {
            if job.metadata.deletion_timestamp.is_none() {
                apply::end_job(client, job).await?;
            }
            Ok(Action::requeue(RELEASE_AFTER.saturating_sub(since)))
        }
        Some(_) | None => {
            apply::release(client, task).await?;
            Ok(Action::await_change())
        }
    }
}

async fn expire(client: &Client, task: &AgentTask, since: Duration) -> Result<Action, KubernetesError> {
    if since < TASK_KEPT {
        return Ok(Action::requeue(TASK_KEPT.saturating_sub(since)));
    }
    apply::delete(client, task).await?;
    Ok(Action::await_change())
}

/// How long ago something was; nothing if the clocks disagree.
fn passed(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
