//! What a runner has done since it began, for one line in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::carry::Outcome;

/// Counters, all of tasks.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    leased: AtomicU64,
    told: AtomicU64,
    dropped: AtomicU64,
    returned: AtomicU64,
    untouched: AtomicU64,
}

impl Counts {
    pub(crate) fn leased(&self) {
        self.leased.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Told => &self.told,
            Outcome::Dropped => &self.dropped,
            Outcome::Returned { failure: Some(_), .. } => &self.returned,
            Outcome::Returned { failure: None, .. } => &self.untouched,
            Outcome::Left => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One line with everything, if there was anything.
    pub(crate) fn log(&self, running: usize) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        if of(&self.leased) + running as u64 > 0 {
            tracing::info!(
                running,
                leased = of(&self.leased),
                told = of(&self.told),
                dropped = of(&self.dropped),
                returned = of(&self.returned),
                untouched = of(&self.untouched),
                "tasks"
            );
        }
    }
}
