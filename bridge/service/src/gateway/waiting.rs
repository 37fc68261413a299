//! Calls of agents that wait: an attempt in, the news of its end out, at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use helix_contract::api::TaskAttempt;
use helix_contract::{Attempt, TaskId};
use tokio_util::sync::CancellationToken;

/// One per attempt that has calls.
#[derive(Debug)]
struct Entry {
    over: CancellationToken,
    calls: usize,
}

/// All calls that wait, by attempt. Holds as many entries as there are calls, which the connections bound.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    attempts: Mutex<BTreeMap<TaskAttempt, Entry>>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskAttempt, Entry>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins to wait. Whoever looks into the book after this misses no end.
    pub(super) fn enter(&self, of: &TaskAttempt) -> Call<'_> {
        let mut attempts = self.lock();
        let fresh = || Entry { over: CancellationToken::new(), calls: 0 };
        let entry = attempts.entry(of.clone()).or_insert_with(fresh);
        entry.calls += 1;
        Call { waiting: self, of: of.clone(), over: entry.over.clone() }
    }

    /// The task has ended.
    pub(super) fn end(&self, task: &TaskId) {
        self.end_before(task, Attempt(u64::MAX));
    }

    /// The task was begun anew: earlier attempts are over.
    pub(super) fn begun(&self, of: &TaskAttempt) {
        self.end_before(&of.task, of.attempt);
    }

    fn end_before(&self, task: &TaskId, attempt: Attempt) {
        let named = |attempt| TaskAttempt { task: task.clone(), attempt };
        for (_, entry) in self.lock().range(named(Attempt(0))..named(attempt)) {
            entry.over.cancel();
        }
    }

    /// Calls that wait now.
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(|entry| entry.calls).sum()
    }
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Call<'a> {
    waiting: &'a Waiting,
    of: TaskAttempt,
    /// Its attempt is over.
    pub(super) over: CancellationToken,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut attempts = self.waiting.lock();
        if let Some(entry) = attempts.get_mut(&self.of) {
            entry.calls -= 1;
            if entry.calls == 0 {
                attempts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(task: &str, attempt: u64) -> TaskAttempt {
        TaskAttempt { task: TaskId::derive(&[task]), attempt: Attempt(attempt) }
    }

    #[test]
    fn the_end_of_a_task_ends_its_calls_and_no_other() {
        let waiting = Waiting::default();
        let (first, second, other) =
            (waiting.enter(&of("a", 1)), waiting.enter(&of("a", 2)), waiting.enter(&of("b", 1)));
        waiting.begun(&of("a", 2));
        assert_eq!([&first, &second, &other].map(|call| call.over.is_cancelled()), [true, false, false]);
        waiting.end(&TaskId::derive(&["a"]));
        assert!(second.over.is_cancelled() && !other.over.is_cancelled());
        drop((first, second));
        assert_eq!(waiting.len(), 1);
        assert!(!waiting.enter(&of("a", 2)).over.is_cancelled(), "nothing is remembered");
    }
}
