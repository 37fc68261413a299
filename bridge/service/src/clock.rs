//! The machine's clock: the one module that reads it.

use std::time::Duration;

use helix_core::{Calendar, Clock};
use tokio::time::Instant;

/// The monotonic clock of this machine, counted from when it was made.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    #[allow(clippy::disallowed_methods, reason = "this module is where time enters")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

/// The wall clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemCalendar;

impl Calendar for SystemCalendar {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}
