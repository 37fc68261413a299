//! Agents that wait for a task before there is one: the next task finds its agent already started.
//!
//! How many wait follows from how often tasks come ([`Demand`]). Each serves one task. If none waits, the task's agent is
//! started cold; how full the pool is decides how fast a task begins, never whether.

mod demand;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{MissedTickBehavior, interval};

use crate::backend::{AgentKey, Backend, Started};
use crate::clock;
pub use demand::{Demand, size};

/// Between two agents that are started to wait: five each second leave a small machine its breath.
const PACE: Duration = Duration::from_millis(200);

/// How many agents may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warm {
    /// At least these, also when no task came for a long time.
    pub min: usize,
    /// At most these.
    pub max: usize,
}

/// The agents that wait.
#[derive(Debug)]
pub(crate) struct Pool<B> {
    backend: Arc<B>,
    warm: Warm,
    waiting: Mutex<VecDeque<(AgentKey, Started)>>,
    demand: Mutex<Demand>,
    started: AtomicU64,
}

impl<B: Backend> Pool<B> {
    pub(crate) fn new(backend: Arc<B>, warm: Warm) -> Self {
        let demand = Mutex::new(Demand::new(clock::now()));
        Self { backend, warm, waiting: Mutex::default(), demand, started: AtomicU64::new(0) }
    }

    fn waiting<T>(&self, look: impl FnOnce(&mut VecDeque<(AgentKey, Started)>) -> T) -> T {
        look(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn demand<T>(&self, look: impl FnOnce(&mut Demand) -> T) -> T {
        look(&mut self.demand.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The agent that has waited longest, for a task that has come; nothing if none waits.
    pub(crate) async fn take(&self) -> Option<(AgentKey, Started)> {
        self.demand(|demand| demand.arrived(clock::now()));
        while let Some((key, started)) = self.waiting(VecDeque::pop_front) {
            if self.backend.wait(&key).now_or_never().is_none() {
                return Some((key, started));
            }
            self.forget(&key).await;
        }
        None
    }

    /// Starts and ends agents until as many wait as are wanted; never returns.
    pub(crate) async fn fill(self: Arc<Self>) {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let wanted = self.demand(|demand| demand.wanted(clock::now(), self.warm));
            let there = self.waiting(|waiting| waiting.len());
            if there < wanted {
                self.start().await;
            } else if there > wanted
                && let Some((key, _)) = self.waiting(VecDeque::pop_back)
            {
                self.forget(&key).await;
            }
        }
    }

    async fn start(&self) {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let key = AgentKey::Idle { runner: std::process::id(), number };
        let started = async {
            self.backend.prepare(None).await?;
            self.backend.start_idle(&key).await
        };
        match started.await {
            // Another runner's agent has this name: the next one has the next number.
            Ok(started) if started.again => {}
            Ok(started) => self.waiting(|waiting| waiting.push_back((key, started))),
            Err(error) => tracing::warn!(code = error.code(), %error, "no agent waits; tasks begin cold"),
        }
    }

    /// Ends all agents that wait.
    pub(crate) async fn empty(&self) {
        while let Some((key, _)) = self.waiting(VecDeque::pop_front) {
            self.forget(&key).await;
        }
    }

    async fn forget(&self, key: &AgentKey) {
        if let Err(error) = self.backend.remove(key).await {
            tracing::warn!(agent = %key, code = error.code(), %error, "an agent that waited could not be removed");
        }
    }
}
