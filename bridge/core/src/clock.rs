//! Time as a port: core asks it, tests and replays set it.

use std::future::Future;
use std::time::Duration;

/// A monotonic clock.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Time since a fixed, arbitrary start; never goes back.
    fn now(&self) -> Duration;
    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The result of `work`, or `None` if `limit` passed first; `work` is dropped then.
pub async fn within<T>(clock: &impl Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(work), std::pin::pin!(clock.sleep(limit))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}
