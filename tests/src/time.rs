//! The one clock of a test process: every time that the fixtures report counts from its first use.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use helix::clock::SystemClock;
use helix_core::Clock;

/// Time since the first call in this process.
pub fn now() -> Duration {
    static CLOCK: OnceLock<SystemClock> = OnceLock::new();
    CLOCK.get_or_init(SystemClock::start).now()
}

/// Time since then.
pub fn since(then: Duration) -> Duration {
    now().saturating_sub(then)
}

/// Asks `look` again and again until it finds something, at most for `limit`.
///
/// # Errors
/// It found nothing in time; `what` names it.
pub async fn poll_until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let look = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(limit, look)
        .await
        .with_context(|| format!("{what}: not within {} ms", limit.as_millis()))
}
