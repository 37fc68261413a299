//! The clock of an agent: the one module that reads the machine's, and corrects it by the bridge's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What time it is for the bridge. A machine whose clock is an hour off has the right deadline all the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    at_start: Timestamp,
}

impl Clock {
    /// The machine's clock.
    #[allow(clippy::disallowed_methods, reason = "this module is where time enters")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), at_start: Timestamp::now() }
    }

    /// Time since it was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// It is `now` for the bridge.
    pub(crate) fn set(&mut self, now: Timestamp) {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.at_start = now.checked_sub(elapsed).unwrap_or(now);
    }

    /// The bridge's time.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.at_start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// How long it is until `then`; nothing if that has passed.
    pub(crate) fn until(&self, then: Timestamp) -> Duration {
        then.duration_since(self.now()).try_into().unwrap_or_default()
    }
}
