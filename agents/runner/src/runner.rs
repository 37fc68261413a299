//! The runner's life: lease, carry out, keep, give back; a signal in, an orderly end out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helix_contract::api::{ImageTrouble, TaskAttempt};
use helix_contract::{AgentName, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::{AgentKey, Backend, BackendError, Turn, Work};
use crate::bridge::{Bridge, BridgeError, Lease};
use crate::carry::{Carrier, Outcome, Stops};
use crate::clock;
use crate::counts::Counts;
use crate::pool::{Pool, Warm};

/// How often tasks are kept.
const KEEP: Duration = Duration::from_secs(1);
/// How long the bridge lets a lease wait.
const WAIT: Duration = Duration::from_secs(25);
/// Between two tries while the bridge is away: from the first to the last of these.
const BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];
/// While the bridge refuses this runner, which takes a person to repair.
const REFUSED: Duration = Duration::from_secs(15);
/// How long a slot rests whose task could not be begun because the backend is away.
const UNTOUCHED: Duration = Duration::from_secs(1);
/// How often a task that cannot be given back is tried again; its lease runs out meanwhile.
const RETURNS: u32 = 8;
/// The same while the runner ends.
const RETURNS_AT_THE_END: u32 = 2;
/// How often the log says what was done.
const REPORT: Duration = Duration::from_mins(1);

/// How a runner works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tasks at the same time.
    pub slots: usize,
    /// The agents that it has; none means all.
    pub agents: Vec<AgentName>,
    /// How many agents wait for tasks, where the backend can have such.
    pub warm: Warm,
    /// How long running tasks may go on after the runner was told to end.
    pub drain: Duration,
}

/// Takes tasks from the bridge and carries them out.
#[derive(Debug)]
pub struct Runner<B> {
    carrier: Carrier<B>,
    settings: Settings,
    table: Table,
    counts: Counts,
    /// Cancelled when running tasks are to end with the runner.
    ending: CancellationToken,
}

/// The tasks that this runner has, and how each is stopped.
#[derive(Debug, Default)]
struct Table(Mutex<BTreeMap<TaskAttempt, CancellationToken>>);

impl Table {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<TaskAttempt, CancellationToken>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<B: Backend> Runner<B> {
    /// A runner of this bridge on this backend.
    pub fn new(backend: B, bridge: Bridge, settings: Settings) -> Arc<Self> {
        let backend = Arc::new(backend);
        let pooled = backend.capabilities().idle && settings.warm.max > 0;
        let pool = pooled.then(|| Arc::new(Pool::new(Arc::clone(&backend), settings.warm)));
        let carrier = Carrier { backend, bridge: Arc::new(bridge), pool };
        let (table, counts, ending) = (Table::default(), Counts::default(), CancellationToken::new());
        Arc::new(Self { carrier, settings, table, counts, ending })
    }

    /// Works until `stop`. First it adopts or removes the agents of a runner before it; last it gives back what was not
    /// begun, and ends what runs, or leaves it to the next runner where the backend can.
    ///
    /// # Errors
    /// The backend cannot say which agents are there.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), BackendError> {
        let tasks = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.settings.slots));
        self.find(&tasks, &slots).await?;
        let mut loops = JoinSet::new();
        loops.spawn(Arc::clone(&self).keep());
        loops.spawn(Arc::clone(&self).report());
        let mut filling = JoinSet::new();
        if let Some(pool) = &self.carrier.pool {
            filling.spawn(Arc::clone(pool).fill());
        }
        stop.run_until_cancelled(self.lease(&tasks, &slots)).await;
        tracing::info!(running = tasks.len(), "the runner ends");
        tasks.close();
        filling.shutdown().await;
        if timeout(self.settings.drain, tasks.wait()).await.is_err() {
            self.ending.cancel();
            tasks.wait().await;
        }
        if let Some(pool) = &self.carrier.pool {
            pool.empty().await;
        }
        loops.shutdown().await;
        self.counts.log(0);
        Ok(())
    }

    async fn find(self: &Arc<Self>, tasks: &TaskTracker, slots: &Arc<Semaphore>) -> Result<(), BackendError> {
        for found in self.carrier.backend.found().await? {
            let runner = Arc::clone(self);
            match found.key {
                AgentKey::Attempt(of) if self.carrier.backend.capabilities().survives => {
                    // More may be there than slots: they run already.
                    let permit = Arc::clone(slots).try_acquire_owned().ok();
                    tracing::info!(task = %of.task, attempt = of.attempt.0, "adopted");
                    let stops = self.enter(&of);
                    tasks.spawn(async move {
                        let key = AgentKey::Attempt(of.clone());
                        let outcome = runner.carrier.adopt(&key, found.left, &stops).await;
                        runner.leave(&of, outcome, permit).await;
                    });
                }
                AgentKey::Attempt(of) => {
                    self.carrier.backend.remove(&AgentKey::Attempt(of.clone())).await?;
                    let reason = "its runner was killed".to_owned();
                    let failure = Some(Failure::Unavailable);
                    tasks.spawn(async move {
                        runner.leave(&of, Outcome::Returned { failure, image: None, reason }, None).await;
                    });
                }
                AgentKey::Idle { .. } => self.carrier.backend.remove(&found.key).await?,
            }
        }
        Ok(())
    }

    /// Leases as long as there are free slots; never returns.
    async fn lease(self: &Arc<Self>, tasks: &TaskTracker, slots: &Arc<Semaphore>) {
        let mut pause = BACKOFF[0];
        loop {
            let Ok(permit) = Arc::clone(slots).acquire_owned().await else { return };
            let turn = self.carrier.backend.turn().await;
            match self.carrier.bridge.lease(&self.settings.agents, WAIT).await {
                Ok(Some(lease)) => {
                    self.begin(lease, permit, turn, tasks);
                    pause = BACKOFF[0];
                }
                Ok(None) => pause = BACKOFF[0],
                Err(error) => {
                    drop((permit, turn));
                    sleep(wait_after(&error, &mut pause)).await;
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, lease: Lease, permit: OwnedSemaphorePermit, turn: Turn, tasks: &TaskTracker) {
        self.counts.leased();
        let left = clock::left(lease.assignment.spec.limits.deadline, lease.at);
        let work = Work::new(lease.assignment, left);
        let of = TaskAttempt { task: work.assignment.spec.id.clone(), attempt: work.assignment.attempt };
        if self.table.with(|table| table.contains_key(&of)) {
            return tracing::warn!(task = %of.task, "the bridge gave a task twice");
        }
        tracing::info!(task = %of.task, attempt = of.attempt.0, agent = %work.assignment.spec.agent.name, "begun");
        let stops = self.enter(&of);
        let runner = Arc::clone(self);
        tasks.spawn(async move {
            let outcome = runner.carrier.carry(&work, turn, &stops).await;
            runner.leave(&of, outcome, Some(permit)).await;
        });
    }

    fn enter(&self, of: &TaskAttempt) -> Stops {
        let stops = Stops { task: CancellationToken::new(), runner: self.ending.clone() };
        self.table.with(|table| table.insert(of.clone(), stops.task.clone()));
        stops
    }

    async fn leave(&self, of: &TaskAttempt, outcome: Outcome, permit: Option<OwnedSemaphorePermit>) {
        self.table.with(|table| table.remove(of));
        self.counts.ended(&outcome);
        // What nobody can begin here would come back at once if its slot were free.
        let held = matches!(outcome, Outcome::Returned { failure: None, .. }).then_some(permit);
        match outcome {
            Outcome::Told => tracing::info!(task = %of.task, attempt = of.attempt.0, "told"),
            Outcome::Dropped => tracing::info!(task = %of.task, attempt = of.attempt.0, "stopped"),
            Outcome::Left => tracing::info!(task = %of.task, attempt = of.attempt.0, "goes on"),
            Outcome::Returned { failure, image, reason } => self.give_back(of, failure, image, &reason).await,
        }
        if held.is_some() {
            self.ending.run_until_cancelled(sleep(UNTOUCHED)).await;
        }
    }

    async fn give_back(
        &self,
        of: &TaskAttempt,
        failure: Option<Failure>,
        image: Option<ImageTrouble>,
        reason: &str,
    ) {
        tracing::info!(task = %of.task, attempt = of.attempt.0, reason, "given back");
        let mut pause = BACKOFF[0];
        for tried in 1.. {
            let Err(error) = self.carrier.bridge.give_back(of.clone(), failure, image, reason).await else {
                return;
            };
            let enough = if self.ending.is_cancelled() { RETURNS_AT_THE_END } else { RETURNS };
            if !error.is_retryable() || tried >= enough {
                return tracing::warn!(task = %of.task, code = error.code(), %error, "not given back; its lease runs out");
            }
            sleep(wait_after(&error, &mut pause)).await;
        }
    }

    /// Keeps all tasks each second, and stops those that the bridge no longer wants; never returns.
    async fn keep(self: Arc<Self>) {
        let mut ticks = interval(KEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let tasks: Vec<_> = self.table.with(|table| table.keys().cloned().collect());
            if tasks.is_empty() {
                continue;
            }
            match self.carrier.bridge.keep(tasks).await {
                Ok(stop) => self.table.with(|table| {
                    stop.iter().filter_map(|of| table.get(of)).for_each(CancellationToken::cancel);
                }),
                Err(error) => tracing::debug!(code = error.code(), %error, "tasks were not kept"),
            }
        }
    }

    async fn report(self: Arc<Self>) {
        let mut ticks = interval(REPORT);
        loop {
            ticks.tick().await;
            self.counts.log(self.table.with(|table| table.len()));
        }
    }
}

fn wait_after(error: &BridgeError, pause: &mut Duration) -> Duration {
    if !error.is_retryable() {
        tracing::error!(code = error.code(), %error, "the bridge does not serve this runner");
        return REFUSED;
    }
    if *pause == BACKOFF[0] {
        tracing::warn!(code = error.code(), %error, "the bridge is tried again");
    }
    let now = *pause;
    *pause = (now * 2).min(BACKOFF[1]);
    now
}
