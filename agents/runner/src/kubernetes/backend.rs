//! The backend: an `AgentTask` and the Secret of its token in, how it ended out. Its agents dial the bridge themselves, and
//! live on without the runner.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use helix_contract::Name;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, Resource as _, ResourceExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::api::{AgentTask, AgentTaskSpec, End, EndReason, RUNNER_LABEL, TASK_LABEL};
use super::attempts::{Attempts, Seen};
use super::error::{KubernetesError, is_known, is_missing};
use super::operator::{MANAGED_BY, Steady, TOKEN_KEY};
use super::pace::Pace;
use crate::{AgentKey, Backend, BackendError, Capabilities, Ended, ExitReport, Found, Started, Turn, Work};

/// The longest that a stopped attempt is waited for beyond its grace: its pod, the Job, then the object itself.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// What the API server has is seen by the watch within this time, or asked for again.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// Agents as pods of a cluster.
pub struct Kubernetes {
    tasks: Api<AgentTask>,
    secrets: Api<Secret>,
    runner: Name,
    bridge: String,
    attempts: watch::Receiver<Attempts>,
    pace: Pace,
    /// Ends with the backend.
    _watching: JoinSet<()>,
}

impl Kubernetes {
    /// Begins to watch the attempts of this runner. `bridge` is where the cluster's pods reach the bridge.
    ///
    /// # Errors
    /// The cluster cannot be asked, or does not know Helix's objects.
    pub async fn connect(
        client: Client,
        namespace: &str,
        runner: Name,
        bridge: String,
    ) -> Result<Self, KubernetesError> {
        super::definitions::check(&client).await?;
        let tasks: Api<AgentTask> = Api::namespaced(client.clone(), namespace);
        let (told, attempts) = watch::channel(Attempts::default());
        let mut watching = JoinSet::new();
        watching.spawn(follow(tasks.clone(), selector(&runner), told));
        let secrets = Api::namespaced(client, namespace);
        Ok(Self { tasks, secrets, runner, bridge, attempts, pace: Pace::new(), _watching: watching })
    }

    fn object(&self, work: &Work) -> AgentTask {
        let spec = &work.assignment.spec;
        let mut task = AgentTask::new(
            &work.key.to_string(),
            AgentTaskSpec {
                task: spec.id.clone(),
                attempt: work.assignment.attempt,
                agent: spec.agent.name.clone(),
                image: spec.agent.image.clone(),
                class: spec.class,
                deadline_seconds: work.left.as_secs().clamp(1, 86_400) as u32,
                bridge: self.bridge.clone(),
                runner: self.runner.clone(),
            },
        );
        task.metadata.labels = Some([(RUNNER_LABEL.to_owned(), self.runner.to_string())].into());
        task
    }

    async fn give_token(&self, task: &AgentTask, token: &str) -> Result<(), KubernetesError> {
        let (key, value) = MANAGED_BY;
        let labels = [(key.to_owned(), value.to_owned()), (TASK_LABEL.to_owned(), task.name_any())];
        let owner = OwnerReference {
            api_version: AgentTask::api_version(&()).into_owned(),
            kind: AgentTask::kind(&()).into_owned(),
            name: task.name_any(),
            uid: task.uid().unwrap_or_default(),
            ..OwnerReference::default()
        };
        let secret = Secret {
            metadata: ObjectMeta {
                name: task.metadata.name.clone(),
                labels: Some(labels.into()),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some([(TOKEN_KEY.to_owned(), ByteString(token.as_bytes().to_vec()))].into()),
            immutable: Some(true),
            ..Secret::default()
        };
        match self.secrets.create(&PostParams::default(), &secret).await {
            Ok(_) => Ok(()),
            Err(error) if is_known(&error) => Ok(()),
            Err(error) => Err(KubernetesError::at("keep a token")(error)),
        }
    }

    /// Makes the object; whether it was there.
    async fn make(&self, work: &Work) -> Result<(AgentTask, bool), KubernetesError> {
        let task = self.object(work);
        match self.tasks.create(&PostParams::default(), &task).await {
            Ok(made) => Ok((made, false)),
            Err(error) if is_known(&error) => {
                let there = self.tasks.get(&task.name_any()).await;
                there.map(|task| (task, true)).map_err(KubernetesError::at("look for an AgentTask"))
            }
            Err(error) => Err(KubernetesError::at("make an AgentTask")(error)),
        }
    }

    /// Deletes the object with all that was made for it. One whose pod may run still goes when that is gone.
    async fn delete(&self, key: &AgentKey) -> Result<(), KubernetesError> {
        let name = key.to_string();
        let has_ended = self.attempts.borrow().get(&name).is_some_and(|seen| seen.end().is_some());
        let how = if has_ended { DeleteParams::background() } else { DeleteParams::foreground() };
        match self.tasks.delete(&name, &how).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(KubernetesError::at("delete an AgentTask")(error)),
        }
    }
}

impl Backend for Kubernetes {
    fn capabilities(&self) -> Capabilities {
        Capabilities { streams: false, survives: true, idle: false }
    }

    /// The nodes pull what they lack.
    async fn prepare(&self, _: Option<&str>) -> Result<(), BackendError> {
        Ok(())
    }

    async fn turn(&self) -> Turn {
        self.pace.turn().await
    }

    async fn start(&self, work: &Work) -> Result<Started, BackendError> {
        let _beginning = self.pace.begin();
        let (task, again) = self.make(work).await?;
        // Its Job is made meanwhile: a pod waits for its token longer than this takes.
        if let Some(token) = &work.assignment.token {
            self.give_token(&task, token).await?;
        }
        Ok(Started { stream: None, again })
    }

    async fn start_idle(&self, _: &AgentKey) -> Result<Started, BackendError> {
        Err(BackendError::Incapable("start agents that wait: a cluster's pool is a Deployment"))
    }

    async fn wait(&self, key: &AgentKey) -> Result<ExitReport, BackendError> {
        let name = key.to_string();
        let mut attempts = self.attempts.clone();
        // What was made a moment ago may not have been seen yet; the API server knows.
        if attempts.borrow().get(&name).is_none() && !self.is_there(&name).await? {
            return Err(BackendError::Unknown(key.clone()));
        }
        let seen = attempts.wait_for(|attempts| attempts.get(&name).is_some_and(Seen::has_ended)).await;
        let end =
            seen.map_err(|_| away("the watch has ended"))?.get(&name).and_then(|seen| seen.end().cloned());
        match end {
            Some(end) => report(key, end),
            None => Ok(ExitReport { ended: Ended::Stopped, stderr: String::new() }),
        }
    }

    async fn stop(&self, key: &AgentKey, grace: Duration) -> Result<(), BackendError> {
        self.delete(key).await?;
        let gone = timeout(grace.saturating_add(STOP_LIMIT), self.until_gone(&key.to_string())).await;
        gone.map_err(|_| away("its pod does not end"))?
    }

    async fn remove(&self, key: &AgentKey) -> Result<(), BackendError> {
        Ok(self.delete(key).await?)
    }

    async fn found(&self) -> Result<Vec<Found>, BackendError> {
        let ours = ListParams::default().labels(&selector(&self.runner));
        let there = self.tasks.list(&ours).await.map_err(KubernetesError::at("list AgentTasks"))?;
        let alive = there.items.iter().filter(|task| task.metadata.deletion_timestamp.is_none());
        Ok(alive.map(|task| Found { key: task.key(), left: None }).collect())
    }
}

impl Kubernetes {
    async fn until_gone(&self, name: &str) -> Result<(), BackendError> {
        let mut attempts = self.attempts.clone();
        loop {
            let gone = attempts.wait_for(|attempts| !attempts.get(name).is_some_and(Seen::is_there));
            gone.await.map_err(|_| away("the watch has ended"))?;
            // What was made a moment ago may not have been seen yet; the API server knows.
            if !self.is_there(name).await? {
                return Ok(());
            }
            let _ = timeout(SEEN_WITHIN, attempts.changed()).await;
        }
    }

    async fn is_there(&self, name: &str) -> Result<bool, KubernetesError> {
        let there = self.tasks.get_metadata_opt(name).await;
        there.map(|there| there.is_some()).map_err(KubernetesError::at("look for an AgentTask"))
    }
}

fn selector(runner: &Name) -> String {
    format!("{RUNNER_LABEL}={runner}")
}

async fn follow(tasks: Api<AgentTask>, selector: String, told: watch::Sender<Attempts>) {
    let changes = watcher(tasks, watcher::Config::default().labels(&selector)).backoff(Steady::default());
    let mut changes = std::pin::pin!(changes);
    while let Some(change) = changes.next().await {
        match change {
            Ok(event) => told.send_modify(|attempts| attempts.apply(event)),
            Err(error) => tracing::warn!(%error, "the cluster's attempts are not heard of"),
        }
    }
}

fn away(reason: &str) -> BackendError {
    BackendError::Away { what: "the cluster", reason: reason.to_owned() }
}

impl From<KubernetesError> for BackendError {
    fn from(error: KubernetesError) -> Self {
        match error {
            KubernetesError::Away { .. } => away(&error.to_string()),
            KubernetesError::Config(_)
            | KubernetesError::NoDefinition(_)
            | KubernetesError::OldDefinition { .. }
            | KubernetesError::Refused { .. } => {
                Self::Refused { what: "the cluster", reason: error.to_string() }
            }
        }
    }
}

fn report(key: &AgentKey, end: End) -> Result<ExitReport, BackendError> {
    let ended = match end.reason {
        EndReason::Exited => by_code(end.exit_code.unwrap_or_default()),
        EndReason::OutOfMemory => Ended::OutOfMemory,
        EndReason::Deadline => Ended::Deadline,
        EndReason::Output => Ended::Output,
        EndReason::Stopped => Ended::Stopped,
        EndReason::ImageMissing => return Err(BackendError::ImageMissing(end.message)),
        EndReason::ImageRefused => {
            return Err(BackendError::ImageRefused { image: key.to_string(), reason: end.message });
        }
        EndReason::Architecture | EndReason::DoesNotStart | EndReason::Invalid => {
            return Err(BackendError::DoesNotStart(end.message));
        }
    };
    Ok(ExitReport { ended, stderr: end.message })
}

/// A container that ended by a signal has 128 and its number as the code.
fn by_code(code: i32) -> Ended {
    match code {
        129..=192 => Ended::Signal(code - 128),
        _ => Ended::Code(code),
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes")
            .field("runner", &self.runner)
            .field("bridge", &self.bridge)
            .finish_non_exhaustive()
    }
}
