//! A lease on its way to a runner: it is given back untouched unless it arrives.

use std::fmt;
use std::sync::Arc;

use helix_contract::api::TaskAttempt;
use tokio::runtime::Handle;

use super::desk::Desk;
use crate::tasks::Returned;

/// A lease that nobody has received yet. Dropped, it goes back into the queue and counts as no attempt.
pub(super) struct Handed {
    desk: Arc<Desk>,
    of: Option<TaskAttempt>,
}

impl Handed {
    pub(super) fn new(desk: Arc<Desk>, of: TaskAttempt) -> Self {
        Self { desk, of: Some(of) }
    }

    pub(super) fn was_received(mut self) {
        self.of = None;
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        // Where the process ends as well, the lease runs out.
        let (Some(of), Ok(_)) = (self.of.take(), Handle::try_current()) else { return };
        let desk = Arc::clone(&self.desk);
        self.desk.running.spawn(async move {
            desk.metrics.count("bridge_gateway_undelivered_total", &[]);
            if let Err(error) = desk.give_back(&of, Returned::Untouched).await {
                tracing::warn!(task = %of.task, %error, "a task that no runner received waits until its lease runs out");
            }
        });
    }
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handed").field(&self.of).finish()
    }
}
