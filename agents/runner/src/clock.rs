//! The machine's clock: the one module of the runner that reads it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A moment of the monotonic clock.
#[allow(clippy::disallowed_methods, reason = "this module is where time enters")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, for what is written down.
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

/// How long it is from `at` to `deadline`; nothing if that has passed. `at` is the time of whoever set the deadline, as it
/// was told with it: the clocks of two machines may differ by hours.
pub(crate) fn left(deadline: Timestamp, at: Option<Timestamp>) -> Duration {
    let at = at.unwrap_or_else(Timestamp::now);
    Duration::try_from(deadline.duration_since(at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_counted_from_the_clock_of_who_set_it() {
        let at: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
        let deadline: Timestamp = "2030-01-01T00:02:00Z".parse().expect("a time");
        assert_eq!(left(deadline, Some(at)), Duration::from_mins(2));
        assert_eq!(left(at, Some(deadline)), Duration::ZERO);
    }
}
