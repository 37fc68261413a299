//! Who may use a server now: a few at once, a few more wait for a short time, everybody else is told that it is busy.

use std::sync::Arc;
use std::time::Duration;

use helix_core::llm::LlmError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may use a server, how many wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// Requests at once.
    pub concurrency: usize,
    /// Requests that wait.
    pub capacity: usize,
    /// The longest wait.
    pub failfast_timeout: Duration,
}

/// Bounded: the longest wait and the number of those who wait are limited, and who is refused is told so at once.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    failfast_timeout: Duration,
}

impl Queue {
    pub(super) fn new(config: QueueConfig) -> Self {
        Self {
            running: Arc::new(Semaphore::new(config.concurrency)),
            places: Arc::new(Semaphore::new(config.concurrency + config.capacity)),
            failfast_timeout: config.failfast_timeout,
        }
    }

    /// Waits for its turn, which lasts as long as the result lives.
    pub(super) async fn enter(&self) -> Result<Turn, LlmError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| LlmError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned();
        match tokio::time::timeout(self.failfast_timeout, running).await {
            Ok(Ok(running)) => Ok(Turn { _place: place, _running: running }),
            Ok(Err(_)) | Err(_) => Err(LlmError::Busy),
        }
    }
}

/// Leave to use the server.
#[derive(Debug)]
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn queue() -> Queue {
        let failfast_timeout = Duration::from_secs(2);
        Queue::new(QueueConfig { concurrency: 1, capacity: 1, failfast_timeout })
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_it_full_is_told_so_at_once_and_who_waits_too_long_after_the_limit() {
        let queue = queue();
        let _first = queue.enter().await.expect("free");
        let mut second = std::pin::pin!(queue.enter());
        assert!((&mut second).now_or_never().is_none(), "it waits");
        assert!(matches!(queue.enter().now_or_never(), Some(Err(LlmError::Busy))), "full");
        assert_eq!(second.await.expect_err("too long"), LlmError::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_turn_of_the_one_that_ended() {
        let queue = queue();
        let first = queue.enter().await.expect("free");
        let second = queue.enter();
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.expect("its turn");
    }
}
