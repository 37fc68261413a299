//! How fast agents are begun: one after the other, and an API server that answers late is given time. What was accepted is
//! then begun at once, and everything else waits in the bridge's book, in its order and where it can be cancelled.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::Turn;
use crate::clock::now;

/// An answer within this time is that of a server that has time.
const PROMPT: Duration = Duration::from_millis(6);
/// How many times what it needed beyond that a server is given: it has to end Jobs as well. By `cargo xtask bench
/// kubernetes --tasks 400`: with 8 three quarters as many begin as without any pace, and the slowest hundredth waits 50 ms
/// instead of 930; of 2,000 and of 10,000 tasks 35 to 50 ms.
const GIVEN: u32 = 8;
/// The longest that it is given.
const GIVEN_MAX: Duration = Duration::from_secs(1);

/// When the next agent may be begun.
#[derive(Debug)]
pub(super) struct Pace {
    one: Arc<tokio::sync::Mutex<()>>,
    from: std::sync::Mutex<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { one: Arc::default(), from: std::sync::Mutex::new(now()) }
    }

    /// Waits until the next agent may be begun.
    pub(super) async fn turn(&self) -> Turn {
        let held = Arc::clone(&self.one).lock_owned().await;
        let from = *self.from();
        sleep_until(from).await;
        held.into()
    }

    /// Begins one; what this gives is dropped when the server has answered.
    pub(super) fn begin(&self) -> Beginning<'_> {
        Beginning { pace: self, at: now() }
    }

    fn from(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is being begun.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    pace: &'a Pace,
    at: Instant,
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        let late = now().duration_since(self.at).saturating_sub(PROMPT);
        let mut from = self.pace.from();
        *from = (*from).max(now() + (late * GIVEN).min(GIVEN_MAX));
    }
}
