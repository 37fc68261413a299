//! What all requests share: the book, and who has to be told when something in it changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use helix_contract::api::{AssignmentV1, TaskAttempt};
use helix_contract::{Failure, Name, TaskSpecV1, V1};
use helix_core::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::UnderWay;
use super::home;
use super::refusal::Refusal;
use super::scope::permitted;
use super::token::Tokens;
use super::waiting::Waiting;
use super::{Parts, RunnerSeen, Settings};
use crate::clock::SystemClock;
use crate::metrics::Metrics;
use crate::tasks::{GivenBack, Renewed, Returned, Task, TaskError};

/// Names of runners that are remembered; the one that was silent for the longest time is forgotten first.
const RUNNERS_MAX: usize = 256;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) parts: Parts,
    pub(super) tokens: Tokens,
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) waiting: Waiting,
    pub(super) under_way: UnderWay,
    /// A task can be leased.
    pub(super) queued: Notify,
    /// Something will be due at another time.
    pub(super) due: Notify,
    /// How many tasks have ended.
    pub(super) ends: watch::Sender<u64>,
    /// Whatever goes on in the background.
    pub(super) running: TaskTracker,
    /// Calls that wait are to end.
    pub(super) ending: CancellationToken,
    clock: SystemClock,
    runners: Mutex<BTreeMap<Name, Duration>>,
}

impl Desk {
    pub(super) fn new(parts: Parts, tokens: Tokens, settings: Settings, metrics: Metrics) -> Self {
        Self {
            parts,
            tokens,
            settings,
            metrics,
            waiting: Waiting::default(),
            under_way: UnderWay::default(),
            queued: Notify::new(),
            due: Notify::new(),
            ends: watch::Sender::new(0),
            running: TaskTracker::new(),
            ending: CancellationToken::new(),
            clock: SystemClock::start(),
            runners: Mutex::default(),
        }
    }

    /// The time in the microseconds that the book counts.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.parts.calendar.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Until when a lease that is given now lasts.
    pub(super) fn lease_until(&self, now: Timestamp) -> Timestamp {
        after(now, self.settings.lease)
    }

    /// A task waits that may be leased.
    pub(super) fn has_queued(&self) {
        self.queued.notify_waiters();
        self.due.notify_one();
    }

    /// A task has ended: its calls end, and who brings answers back is told.
    pub(super) fn has_ended(&self, task: &helix_contract::TaskId) {
        self.waiting.end(task);
        self.ends.send_modify(|ends| *ends += 1);
    }

    pub(super) async fn give_back(&self, of: &TaskAttempt, why: Returned) -> Result<GivenBack, TaskError> {
        let given_back = self.parts.book.give_back(&of.task, of.attempt, why, self.now()).await?;
        match given_back {
            GivenBack::Queued(_) => {
                self.waiting.end(&of.task);
                self.has_queued();
            }
            GivenBack::Failed => self.has_ended(&of.task),
            GivenBack::Stale | GivenBack::Ended(_) | GivenBack::Unknown => {}
        }
        Ok(given_back)
    }

    /// The task of an attempt that still speaks for it; that it asks is a sign of life.
    pub(super) async fn current(&self, of: &TaskAttempt) -> Result<Task, Refusal> {
        let task = self.parts.book.get(&of.task).await?.ok_or(Refusal::Over)?;
        if task.attempt != of.attempt || task.state.has_ended() {
            return Err(Refusal::Over);
        }
        let now = self.now();
        let half = after(now, self.settings.lease / 2);
        if task.lease_until.is_some_and(|until| until > half) {
            return Ok(task);
        }
        self.renew(of, now).await?;
        Ok(task)
    }

    async fn renew(&self, of: &TaskAttempt, now: Timestamp) -> Result<(), Refusal> {
        match self.parts.book.renew(&of.task, of.attempt, now, self.lease_until(now)).await? {
            Renewed::Until(_) => Ok(()),
            Renewed::Lost | Renewed::Ended(_) => Err(Refusal::Over),
        }
    }

    /// What a runner and its agent are told of a task.
    pub(super) async fn assignment(
        &self,
        of: &TaskAttempt,
        mut spec: TaskSpecV1,
        until: Timestamp,
        token: Option<String>,
    ) -> Result<AssignmentV1, Unassignable> {
        // The definition comes with the task, so the generic image does as well: an image gets one try.
        spec.agent.image =
            spec.agent.image.filter(|image| gets_image(of) && self.parts.definitions.is_offered(image));
        let found = self.parts.definitions.find(&spec.agent).await.map_err(Unassignable::Definitions)?;
        let definition = found.ok_or(Unassignable::Unknown)?;
        let mut tools = self.parts.tools.specs(&spec.scope.servers).await;
        tools.extend(home::spec());
        tools.retain(|tool| permitted(&spec, &tool.name).is_ok());
        let time_zone = self.parts.home.time_zone();
        Ok(AssignmentV1 {
            version: V1,
            attempt: of.attempt,
            definition,
            tools,
            time_zone,
            until,
            token,
            spec,
        })
    }

    /// What a task may still spend.
    pub(super) async fn micros_left(&self, task: &Task) -> Result<u64, TaskError> {
        let taken = self.parts.book.taken(&task.spec.id).await?;
        Ok(task.spec.limits.money_micros.saturating_sub(taken.micros))
    }

    /// Notes that a runner asks.
    pub(super) fn saw(&self, runner: &Name) {
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        runners.insert(runner.clone(), self.clock.now());
        if runners.len() > RUNNERS_MAX {
            let longest_silent = runners.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone());
            longest_silent.and_then(|name| runners.remove(&name));
        }
    }

    /// The runners that have asked since the start.
    pub(super) fn runners(&self) -> Vec<RunnerSeen> {
        let now = self.clock.now();
        let runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let seen =
            |(name, at): (&Name, &Duration)| RunnerSeen { name: name.clone(), ago: now.saturating_sub(*at) };
        runners.iter().map(seen).collect()
    }
}

/// Whether an attempt is begun from the image that its task names.
pub(super) fn gets_image(of: &TaskAttempt) -> bool {
    of.attempt.0 == 1
}

/// Why nobody can be told what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unassignable {
    #[error("there is no agent with this definition")]
    Unknown,
    #[error(transparent)]
    Wire(#[from] helix_contract::WireError),
    #[error("the definitions of agents cannot be read: {0}")]
    Definitions(String),
}

impl Unassignable {
    /// What it means for the task.
    pub(super) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Unknown | Self::Wire(_) => Some(Failure::Impossible),
            Self::Definitions(_) => None,
        }
    }
}

/// `span` after `now`.
pub(super) fn after(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}
