//! What a long download tells whoever waits for it, at most five times a second.

use std::collections::VecDeque;
use std::time::Duration;

/// One step of a download.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The part that an earlier attempt left is read again, for the checksum; then the download goes on there.
    Resuming {
        /// Bytes that are there already.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// Bytes are coming in.
    Downloading {
        /// Bytes on disk.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
        /// Mean of the last five seconds.
        bytes_per_second: f64,
    },
    /// The connection failed; the next attempt follows.
    Retrying {
        /// Which retry, from 1.
        attempt: u32,
        /// What went wrong, in words.
        why: String,
        /// How long it waits before.
        after: Duration,
    },
    /// All bytes are there; length, structure and checksum are compared and the file is written out.
    Checking,
}

/// Time between two [`Progress::Downloading`].
pub(super) const INTERVAL: Duration = Duration::from_millis(200);
const WINDOW: Duration = Duration::from_secs(5);

/// Bytes per second over the last five seconds; 26 samples at most, as [`INTERVAL`] spaces them.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// Whether a report is due: the first one, or [`INTERVAL`] after the last.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.samples.back().is_none_or(|(last, _)| now >= *last + INTERVAL)
    }

    /// Takes the number of bytes on disk at this time, returns the rate.
    pub(super) fn sample(&mut self, now: Duration, done: u64) -> f64 {
        while self.samples.len() > 1 && self.samples.front().is_some_and(|(then, _)| now > *then + WINDOW) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, done));
        let Some((first, first_done)) = self.samples.front() else { return 0.0 };
        let seconds = now.saturating_sub(*first).as_secs_f64();
        if seconds > 0.0 { done.saturating_sub(*first_done) as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds_and_not_of_the_whole_download() {
        let mut rate = Rate::default();
        let mut last = 0.0;
        for tick in 0..100_u64 {
            let done = if tick < 50 { tick * 1_000_000 } else { 50_000_000 + (tick - 50) * 200 };
            last = rate.sample(INTERVAL * tick as u32, done);
        }
        assert!((900.0..=1100.0).contains(&last), "{last}");
    }

    #[test]
    fn reports_are_spaced_and_their_samples_bounded() {
        let mut rate = Rate::default();
        assert!(rate.is_due(Duration::ZERO));
        for tick in 0..1000 {
            let now = Duration::from_millis(10) * tick;
            if rate.is_due(now) {
                rate.sample(now, u64::from(tick));
            }
        }
        assert!(!rate.is_due(Duration::from_millis(9_990)));
        assert!(rate.samples.len() <= 27, "{}", rate.samples.len());
    }
}
