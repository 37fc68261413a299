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

/// The clock on the wall. It may jump, also back; what only needs to pass is measured by a [`Clock`].
pub trait Calendar: std::fmt::Debug + Send + Sync + 'static {
    /// The moment.
    fn now(&self) -> jiff::Timestamp;
}

/// The result of `work`, or `None` if `limit` passed first; `work` is dropped then.
pub async fn within<T>(clock: &impl Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(work), std::pin::pin!(clock.sleep(limit))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}
