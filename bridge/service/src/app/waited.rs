//! A home that counts how long it was waited for: what is left of a decision's time is Helix's own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helix_core::act::Action;
use helix_core::home::{Caller, EntityState, Execution, HomeError, Match, Registry};
use helix_core::{Clock, EntityId, Home, Language};

use crate::clock::SystemClock;
use crate::hass::HomeAssistant;

/// What Home Assistant was asked for one decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// The time from questions to answers; a decision asks one question after the other.
    pub waited: Duration,
    /// The questions.
    pub questions: usize,
    /// The sentences in them.
    pub sentences: usize,
}

/// Home Assistant, for one decision.
#[derive(Debug)]
pub(super) struct Waited {
    home: HomeAssistant,
    clock: SystemClock,
    asked: Mutex<Asked>,
}

impl Waited {
    pub(super) fn new(home: HomeAssistant, clock: SystemClock) -> Self {
        Self { home, clock, asked: Mutex::default() }
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Asked {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, from: Duration, sentences: usize) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.waited += self.clock.now().saturating_sub(from);
        asked.questions += 1;
        asked.sentences += sentences;
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
        let (from, count) = (self.clock.now(), sentences.len());
        let answers = self.home.dry_run(sentences, language, caller).await;
        self.count(from, count);
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
        self.count(from, 1);
        done
    }

    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        let from = self.clock.now();
        let done = self.home.call(action).await;
        self.count(from, 0);
        done
    }
}
