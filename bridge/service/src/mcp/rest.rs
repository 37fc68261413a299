//! How soon a program that ended is started again: the time of each start in, leave to start out.

use std::time::Duration;

/// A program that ended is started again after this time, twice as long each time that it ends early.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_mins(1);
/// One that was started so long ago did not end early.
const LIVED: Duration = Duration::from_mins(2);

/// The starts of one program.
#[derive(Debug)]
pub(super) struct Starts {
    last: Option<Duration>,
    pause: Duration,
}

impl Default for Starts {
    fn default() -> Self {
        Self { last: None, pause: AGAIN_AFTER }
    }
}

impl Starts {
    /// Notes a start; if it is too early for one, says how long it still rests.
    pub(super) fn begin(&mut self, now: Duration) -> Result<(), Duration> {
        if let Some(last) = self.last {
            let since = now.saturating_sub(last);
            if since < self.pause {
                return Err(self.pause.saturating_sub(since));
            }
            self.pause = if since >= LIVED { AGAIN_AFTER } else { (self.pause * 2).min(AGAIN_MAX) };
        }
        self.last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_early_rests_longer_each_time_and_one_that_lived_does_not() {
        let mut starts = Starts::default();
        let at = Duration::from_secs;
        assert_eq!(starts.begin(at(10)), Ok(()));
        assert_eq!(starts.begin(at(10)), Err(at(1)));
        assert_eq!(starts.begin(at(11)), Ok(()));
        assert_eq!(starts.begin(at(12)), Err(at(1)));
        let mut now = 13;
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(starts.begin(at(now)), Ok(()), "after {pause} s");
            now += (pause * 2).min(60);
        }
        assert_eq!(starts.begin(at(now + 200)), Ok(()));
        assert_eq!(starts.begin(at(now + 200)), Err(at(1)));
    }
}
