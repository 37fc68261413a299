//! The circuit breaker of one server: results and time in, whether it may be asked out. A server that failed is left in
//! peace for a while, so that nobody waits for it; then one request tries.

use std::time::Duration;

use helix_core::llm::LlmError;

/// Rest after a server failed for the first time; doubles with each failure after it.
const REST: Duration = Duration::from_secs(10);
/// The longest rest.
const REST_MAX: Duration = Duration::from_mins(5);
/// The longest rest that a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

#[derive(Debug, Clone)]
struct Open {
    until: Duration,
    error: LlmError,
}

/// Closed at first.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    trips: u32,
    open: Option<Open>,
}

impl Breaker {
    /// Why the server is not asked now; changes nothing.
    pub(super) fn look(&self, now: Duration) -> Result<(), LlmError> {
        match &self.open {
            Some(open) if now < open.until => Err(open.error.clone()),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a request may go. After the rest exactly one may, until it has ended or a rest has passed again.
    pub(super) fn enter(&mut self, now: Duration) -> Result<(), LlmError> {
        self.look(now)?;
        if let Some(open) = &mut self.open {
            open.until = now + REST;
        }
        Ok(())
    }

    /// How a request ended.
    pub(super) fn note(&mut self, now: Duration, failure: Option<&LlmError>) {
        let Some(error) = failure.filter(|error| tolerated(error).is_some()) else {
            *self = Self::default();
            return;
        };
        self.failures += 1;
        let is_trial = self.open.is_some();
        if !is_trial && self.failures <= tolerated(error).unwrap_or(0) {
            return;
        }
        let rest = match asked_for(error) {
            Some(rest) => rest,
            None => (REST * 2_u32.saturating_pow(self.trips)).min(REST_MAX),
        };
        self.trips = (self.trips + 1).min(10);
        self.open = Some(Open { until: now + rest, error: error.clone() });
    }

    /// The server was seen to be there: a rest that was taken because it was not is over.
    pub(super) fn seen(&mut self) {
        if self.open.as_ref().is_some_and(|open| matches!(open.error, LlmError::Unreachable { .. })) {
            *self = Self::default();
        }
    }
}

/// The rest that an error asks for itself: a provider by `retry-after`, a wrong key because nothing but a person helps.
fn asked_for(error: &LlmError) -> Option<Duration> {
    if let LlmError::RateLimited { retry_after: Some(after), .. } = error {
        return Some((*after).min(RETRY_AFTER_MAX));
    }
    matches!(error, LlmError::Unauthorized { .. }).then_some(REST_MAX)
}

/// How many failures of this kind in a row are borne; `None` if it says nothing about the server.
fn tolerated(error: &LlmError) -> Option<u32> {
    match error {
        LlmError::Unreachable { .. } | LlmError::RateLimited { .. } | LlmError::Unauthorized { .. } => {
            Some(0)
        }
        LlmError::Timeout { .. } | LlmError::TooLong { .. } => Some(1),
        LlmError::Server { .. } => Some(2),
        LlmError::NotConfigured
        | LlmError::Busy
        | LlmError::ModelMissing { .. }
        | LlmError::Rejected { .. }
        | LlmError::Nonsense { .. }
        | LlmError::Budget { .. }
        | LlmError::NotPermitted(_)
        | LlmError::Unable { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unreachable() -> LlmError {
        LlmError::Unreachable { host: "nas".into(), reason: "refused".into() }
    }

    #[test]
    fn a_server_that_is_away_is_not_asked_again_until_its_rest_is_over_and_then_once() {
        let mut breaker = Breaker::default();
        breaker.note(at(0), Some(&unreachable()));
        assert_eq!(breaker.enter(at(9)), Err(unreachable()));
        assert_eq!(breaker.enter(at(10)), Ok(()));
        assert_eq!(breaker.enter(at(10)), Err(unreachable()), "one tries, the others do not wait for it");
        breaker.note(at(11), Some(&unreachable()));
        assert_eq!(breaker.enter(at(30)), Err(unreachable()), "the rest doubles");
        assert_eq!(breaker.enter(at(31)), Ok(()));
        breaker.note(at(31), None);
        assert_eq!((breaker.enter(at(31)), breaker.enter(at(31))), (Ok(()), Ok(())));
    }

    #[test]
    fn one_slow_answer_is_borne_and_a_second_one_is_not() {
        let slow = LlmError::Timeout { host: "nas".into(), limit: at(30) };
        let mut breaker = Breaker::default();
        breaker.note(at(0), Some(&slow));
        assert_eq!(breaker.enter(at(0)), Ok(()));
        breaker.note(at(30), Some(&slow));
        assert_eq!(breaker.enter(at(31)), Err(slow.clone()));
        breaker.seen();
        assert_eq!(breaker.enter(at(31)), Err(slow), "to be there is not to be fast");
    }

    #[test]
    fn a_provider_says_itself_when_it_wants_to_be_asked_again() {
        let limited = LlmError::RateLimited { host: "api".into(), retry_after: Some(at(77)) };
        let mut breaker = Breaker::default();
        breaker.note(at(0), Some(&limited));
        assert_eq!(breaker.look(at(76)), Err(limited));
        assert_eq!(breaker.look(at(77)), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_one_request_says_nothing_about_the_server() {
        let mut breaker = Breaker::default();
        for _ in 0..9 {
            breaker.note(at(0), Some(&LlmError::Nonsense { host: "nas".into(), reason: "no JSON" }));
        }
        assert_eq!(breaker.enter(at(0)), Ok(()));
    }

    #[test]
    fn a_server_that_is_seen_again_may_be_asked_at_once() {
        let mut breaker = Breaker::default();
        breaker.note(at(0), Some(&unreachable()));
        breaker.seen();
        assert_eq!(breaker.enter(at(1)), Ok(()));
    }
}
