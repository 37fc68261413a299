//! A home that counts how long it was waited for: what is left of a decision's time is Helix's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helix_core::act::Action;
use helix_core::home::{Caller, EntityState, Execution, HomeError, Match, Registry};
use helix_core::{Clock, EntityId, Home, Language};

use crate::clock::SystemClock;
use crate::hass::HomeAssistant;

/// Home Assistant, for one decision.
#[derive(Debug)]
pub(super) struct Waited {
    home: HomeAssistant,
    clock: SystemClock,
    micros: AtomicU64,
}

impl Waited {
    pub(super) fn new(home: HomeAssistant, clock: SystemClock) -> Self {
        Self { home, clock, micros: AtomicU64::new(0) }
    }

    /// The time from questions to answers so far; a decision asks one question after the other.
    pub(super) fn time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    fn count(&self, from: Duration) {
        let micros = self.clock.now().saturating_sub(from).as_micros();
        self.micros.fetch_add(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Home for Waited {
    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        self.home.registry()
    }

    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        self.home.state(entity)
    }

    fn revision(&self) -> u64 {
        self.home.revision()
    }

    async fn changed(&self, seen: u64) {
        self.home.changed(seen).await;
    }

    async fn dry_run(
        &self,
        sentences: Vec<String>,
        language: &Language,
        caller: &Caller,
    ) -> Result<Vec<Match>, HomeError> {
        let from = self.clock.now();
        let answers = self.home.dry_run(sentences, language, caller).await;
        self.count(from);
        answers
    }

    async fn process(
        &self,
        sentence: String,
        language: &Language,
        caller: &Caller,
    ) -> Result<Execution, HomeError> {
        let from = self.clock.now();
        let done = self.home.process(sentence, language, caller).await;
        self.count(from);
        done
    }

    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        let from = self.clock.now();
        let done = self.home.call(action).await;
        self.count(from);
        done
    }
}
