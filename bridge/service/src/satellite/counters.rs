//! What the Wyoming server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start, shared with whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) refused_connections: AtomicU64,
    pub(super) malformed_streams: AtomicU64,
    pub(super) listens: AtomicU64,
    pub(super) busy_listens: AtomicU64,
    pub(super) responses: AtomicU64,
    pub(super) rescued_responses: AtomicU64,
    pub(super) cancelled_runs: AtomicU64,
}

/// The values of [`Counters`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused because too many were open.
    pub refused_connections: u64,
    /// Connections ended because what came was not Wyoming.
    pub malformed_streams: u64,
    /// Utterances listened to.
    pub listens: u64,
    /// Utterances refused because too many people spoke.
    pub busy_listens: u64,
    /// Sentences answered.
    pub responses: u64,
    /// Of these, sentences answered by [`Voice::rescue_text`](super::Voice::rescue_text).
    pub rescued_responses: u64,
    /// Runs given up: the client went away, its audio was not understood, or the server was stopped.
    pub cancelled_runs: u64,
}

impl Counters {
    /// The values now.
    pub fn read(&self) -> Counts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            connections: value(&self.connections),
            refused_connections: value(&self.refused_connections),
            malformed_streams: value(&self.malformed_streams),
            listens: value(&self.listens),
            busy_listens: value(&self.busy_listens),
            responses: value(&self.responses),
            rescued_responses: value(&self.rescued_responses),
            cancelled_runs: value(&self.cancelled_runs),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
