//! How many agents have to wait so that tasks rarely find none: a value, without clock, input or output.

use std::time::Duration;

use tokio::time::Instant;

use super::Warm;

/// Over how long tasks are counted: a burst shows in the first window, the usual day in the second.
const WINDOWS: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(15)];
/// How long it takes until an agent that was taken is replaced: its turn in the pace of refilling, and its start.
const REPLACED: Duration = Duration::from_millis(700);
/// How long agents are kept that fewer tasks no longer need.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often tasks come, and how many agents were wanted of late.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Tasks per second in each window, as of `counted`.
    rates: [f64; 2],
    counted: Instant,
    kept: usize,
    kept_until: Instant,
}

impl Demand {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Self {
        Self { rates: [0.0; 2], counted: now, kept: 0, kept_until: now }
    }

    /// A task has come.
    pub fn arrived(&mut self, now: Instant) {
        self.fade(now);
        for (rate, window) in self.rates.iter_mut().zip(WINDOWS) {
            *rate += window.as_secs_f64().recip();
        }
    }

    /// Tasks per second, by the window that saw more of them.
    pub fn rate(&mut self, now: Instant) -> f64 {
        self.fade(now);
        self.rates[0].max(self.rates[1])
    }

    /// How many agents are to wait: more at once, fewer only after ten minutes.
    pub fn wanted(&mut self, now: Instant, warm: Warm) -> usize {
        let wanted = size(self.rate(now), REPLACED, warm);
        if wanted >= self.kept || now >= self.kept_until {
            (self.kept, self.kept_until) = (wanted, now + PATIENCE);
        }
        self.kept
    }

    fn fade(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        for (rate, window) in self.rates.iter_mut().zip(WINDOWS) {
            *rate *= (-passed / window.as_secs_f64()).exp();
        }
        self.counted = now;
    }
}

/// The agents that are in use or in preparation at once if `rate` tasks per second each take one for `busy`, and twice the
/// root of that for chance: with Poisson arrivals, about one task in forty finds none.
///
/// ```
/// use std::time::Duration;
/// use helix_runner::{Warm, pool_size};
///
/// let warm = Warm { min: 1, max: 16 };
/// assert_eq!(pool_size(0.0, Duration::from_millis(700), warm), 1);
/// assert_eq!(pool_size(4.0, Duration::from_secs(1), warm), 8);
/// assert_eq!(pool_size(100.0, Duration::from_secs(1), warm), 16);
/// ```
pub fn size(rate: f64, busy: Duration, warm: Warm) -> usize {
    let load = rate.max(0.0) * busy.as_secs_f64();
    let wanted = (load + 2.0 * load.sqrt()).ceil() as usize;
    wanted.max(warm.min).min(warm.max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const WARM: Warm = Warm { min: 1, max: 100 };

    #[test]
    fn a_steady_stream_is_counted_as_what_it_is() {
        let start = clock::now();
        let mut demand = Demand::new(start);
        let seconds = |second: u64| start + Duration::from_secs(second);
        (0..7_200).for_each(|half| demand.arrived(start + Duration::from_millis(500 * half)));
        let rate = demand.rate(seconds(3_600));
        assert!((1.9..2.1).contains(&rate), "{rate}");
    }

    #[test]
    fn a_burst_is_met_at_once_and_given_up_after_ten_quiet_minutes() {
        let start = clock::now();
        let mut demand = Demand::new(start);
        assert_eq!(demand.wanted(start, WARM), 1);
        (0..300).for_each(|_| demand.arrived(start));
        let burst = demand.wanted(start, WARM);
        assert_eq!(burst, size(300.0 / 60.0, REPLACED, WARM));
        assert!(burst > 5, "{burst}");
        assert_eq!(demand.wanted(start + Duration::from_mins(9), WARM), burst);
        let after = demand.wanted(start + Duration::from_mins(11), WARM);
        assert!(after < burst, "{after}");
        assert_eq!(demand.wanted(start + Duration::from_hours(3), WARM), 1);
    }

    #[test]
    fn a_clock_that_stands_still_or_a_limit_of_nothing_does_no_harm() {
        let start = clock::now();
        let mut demand = Demand::new(start);
        demand.arrived(start);
        demand.arrived(start - Duration::from_secs(5));
        assert_eq!(demand.wanted(start, Warm { min: 0, max: 0 }), 0);
        assert_eq!(size(f64::NAN, REPLACED, WARM), 1);
    }
}
