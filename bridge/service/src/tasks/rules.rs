//! What may follow what: where a task stands and the time in, what becomes of it out. Times are microseconds since 1970
//! UTC.

use helix_contract::{Failure, Outcome};

/// A second, microseconds.
pub(super) const SECOND: i64 = 1_000_000;
/// The pause before a second beginning; each further one is twice as long.
const BACKOFF_FIRST: i64 = 2 * SECOND;
/// The longest pause before a beginning.
pub(super) const BACKOFF_MAX: i64 = 60 * SECOND;
/// A lease that was given so far in the future was given before the clock went back.
pub(super) const CLOCK_SLACK: i64 = 5 * SECOND;
/// How long somebody is to be told of an end.
pub(super) const TOLD_WITHIN: i64 = 24 * 3600 * SECOND;
/// What ended in this time says how fast the queue moves.
pub(super) const PACE_WINDOW: i64 = 600 * SECOND;
const RETRY_AFTER_MAX: i64 = 600;

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Leased,
    /// There is an answer.
    Done,
    /// There will be none.
    Failed,
    /// Somebody took it back.
    Cancelled,
    /// Its time was over.
    Expired,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Leased, Self::Done, Self::Failed, Self::Cancelled, Self::Expired];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Nothing follows any more.
    pub fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Leased => false,
            Self::Done | Self::Failed | Self::Cancelled | Self::Expired => true,
        }
    }
}

/// Why a task ended without a result of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Its deadline has passed.
    Deadline,
    /// It was begun as often as it may be, and nobody finished it.
    Attempts,
    /// Somebody took it back.
    Cancelled,
    /// What is kept of it cannot be read by this Helix.
    Unreadable,
    /// An agent said so.
    Said(Failure),
}

impl Code {
    /// Its stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "task-deadline",
            Self::Attempts => "task-attempts",
            Self::Cancelled => "task-cancelled",
            Self::Unreadable => "task-unreadable",
            Self::Said(Failure::Impossible) => "task-impossible",
            Self::Said(Failure::Limit) => "task-limit",
            Self::Said(Failure::Unavailable) => "task-unavailable",
            Self::Said(Failure::Agent) => "task-agent",
            Self::Said(Failure::Unknown) => "task-failed",
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: State,
    /// How often it was begun.
    pub(super) begun: u32,
    /// How often it may be begun.
    pub(super) attempts: u32,
    /// The highest attempt that was handed out; 0 before the first.
    pub(super) fence: u64,
    pub(super) ready_at: i64,
    pub(super) leased_at: Option<i64>,
    pub(super) lease_until: Option<i64>,
    pub(super) deadline: i64,
}

/// How somebody who speaks for an attempt stands to the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nobody was given a later one.
    Current,
    /// Somebody was.
    Stale,
    /// It is the last one, and the task has ended.
    Ended,
    /// It was never handed out.
    Unknown,
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits again, until then at least.
    Again(i64),
    /// It ends.
    End(State, Option<Code>),
    /// The clock went back: the lease counts from now on.
    Anchor(i64),
}

impl Standing {
    /// How attempt `attempt` stands to it. A lease that ran out still counts until somebody else has begun.
    pub(super) fn claim(&self, attempt: u64) -> Claim {
        match attempt.cmp(&self.fence) {
            _ if attempt == 0 => Claim::Unknown,
            std::cmp::Ordering::Greater => Claim::Unknown,
            std::cmp::Ordering::Less => Claim::Stale,
            std::cmp::Ordering::Equal if self.state.has_ended() => Claim::Ended,
            std::cmp::Ordering::Equal => Claim::Current,
        }
    }

    /// What a result of the current attempt makes of it.
    pub(super) fn after(&self, outcome: &Outcome, now: i64) -> Turn {
        match outcome {
            Outcome::Done { .. } => Turn::End(State::Done, None),
            Outcome::Failed { failure, .. } => self.after_failure(*failure, now),
            Outcome::Cancelled => Turn::End(State::Cancelled, Some(Code::Cancelled)),
        }
    }

    /// What a failure of the current attempt makes of it.
    pub(super) fn after_failure(&self, failure: Failure, now: i64) -> Turn {
        let ready_at = now.saturating_add(backoff(self.begun));
        if failure.is_retryable() && self.begun < self.attempts && ready_at < self.deadline {
            Turn::Again(ready_at)
        } else {
            Turn::End(State::Failed, Some(Code::Said(failure)))
        }
    }

    /// What the time that has passed makes of it.
    pub(super) fn due(&self, now: i64) -> Option<Turn> {
        match (self.state, self.leased_at.zip(self.lease_until)) {
            (State::Done | State::Failed | State::Cancelled | State::Expired, _) => None,
            _ if self.deadline <= now => Some(Turn::End(State::Expired, Some(Code::Deadline))),
            (State::Queued, _) => {
                (self.ready_at > now.saturating_add(BACKOFF_MAX)).then_some(Turn::Again(now))
            }
            (State::Leased, Some((from, until))) if from > now.saturating_add(CLOCK_SLACK) => {
                Some(Turn::Anchor(now.saturating_add(until.saturating_sub(from).max(0))))
            }
            (State::Leased, Some((_, until))) if until > now => None,
            (State::Leased, _) if self.begun < self.attempts => Some(Turn::Again(now)),
            (State::Leased, _) => Some(Turn::End(State::Failed, Some(Code::Attempts))),
        }
    }
}

/// The pause after the `begun`th beginning.
pub(super) fn backoff(begun: u32) -> i64 {
    let doublings = begun.saturating_sub(1).min(10);
    BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

/// After how many seconds a full queue will have a place: by the pace at which tasks ended in the last
/// [`PACE_WINDOW`], or when the first deadline passes.
pub(super) fn retry_after_s(ended_lately: i64, first_deadline: Option<i64>, now: i64) -> u32 {
    let by_pace = (ended_lately > 0).then(|| PACE_WINDOW / ended_lately.max(1));
    let by_deadline = first_deadline.map(|deadline| deadline.saturating_sub(now));
    let wait = by_pace.into_iter().chain(by_deadline).min().unwrap_or(i64::MAX);
    let seconds = wait.saturating_add(SECOND - 1) / SECOND;
    u32::try_from(seconds.clamp(1, RETRY_AFTER_MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leased() -> Standing {
        Standing {
            state: State::Leased,
            begun: 1,
            attempts: 2,
            fence: 3,
            ready_at: 0,
            leased_at: Some(100 * SECOND),
            lease_until: Some(130 * SECOND),
            deadline: 1000 * SECOND,
        }
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("paused"), None);
    }

    #[test]
    fn only_the_highest_attempt_speaks_for_a_task() {
        let task = leased();
        let claims = [0, 1, 2, 3, 4, u64::MAX].map(|attempt| task.claim(attempt));
        let expected =
            [Claim::Unknown, Claim::Stale, Claim::Stale, Claim::Current, Claim::Unknown, Claim::Unknown];
        assert_eq!(claims, expected);
        let never_begun = Standing { state: State::Queued, fence: 0, ..task };
        assert_eq!(never_begun.claim(0), Claim::Unknown);
        for state in State::ALL.into_iter().filter(|state| state.has_ended()) {
            let ended = Standing { state, ..task };
            assert_eq!([ended.claim(2), ended.claim(3)], [Claim::Stale, Claim::Ended]);
        }
    }

    #[test]
    fn a_failure_is_tried_again_only_if_that_may_help() {
        let (task, now) = (leased(), 110 * SECOND);
        let failed = |failure| Turn::End(State::Failed, Some(Code::Said(failure)));
        assert_eq!(task.after_failure(Failure::Unavailable, now), Turn::Again(now + 2 * SECOND));
        for failure in [Failure::Impossible, Failure::Limit, Failure::Unknown] {
            assert_eq!(task.after_failure(failure, now), failed(failure));
        }
        let last = Standing { begun: 2, ..task };
        assert_eq!(last.after_failure(Failure::Agent, now), failed(Failure::Agent));
        let late = Standing { deadline: now + SECOND, ..task };
        assert_eq!(late.after_failure(Failure::Agent, now), failed(Failure::Agent));
    }

    #[test]
    fn a_lease_that_ran_out_comes_back_while_attempts_are_left() {
        let task = leased();
        assert_eq!(task.due(129 * SECOND), None);
        assert_eq!(task.due(130 * SECOND), Some(Turn::Again(130 * SECOND)));
        let last = Standing { begun: 2, ..task };
        assert_eq!(last.due(130 * SECOND), Some(Turn::End(State::Failed, Some(Code::Attempts))));
    }

    #[test]
    fn the_deadline_ends_what_has_not_ended_and_nothing_else() {
        for state in State::ALL {
            let turn = Standing { state, ..leased() }.due(1000 * SECOND);
            let expired = Turn::End(State::Expired, Some(Code::Deadline));
            assert_eq!(turn, (!state.has_ended()).then_some(expired), "{state:?}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_longer_leases_and_pauses() {
        let task = leased();
        assert_eq!(task.due(50 * SECOND), Some(Turn::Anchor(80 * SECOND)));
        assert_eq!(task.due(96 * SECOND), None);
        let paused = Standing { state: State::Queued, ready_at: 3600 * SECOND, ..task };
        assert_eq!(paused.due(10 * SECOND), Some(Turn::Again(10 * SECOND)));
        assert_eq!(Standing { ready_at: 40 * SECOND, ..paused }.due(10 * SECOND), None);
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let pauses = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|begun| backoff(begun) / SECOND);
        assert_eq!(pauses, [2, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_full_queue_names_the_time_of_the_next_free_place() {
        let now = 500 * SECOND;
        assert_eq!(retry_after_s(10, None, now), 60);
        assert_eq!(retry_after_s(10, Some(now + 7 * SECOND), now), 7);
        assert_eq!(retry_after_s(0, Some(now + SECOND / 2), now), 1);
        assert_eq!(retry_after_s(0, Some(now - SECOND), now), 1);
        assert_eq!(retry_after_s(0, None, now), 600);
        assert_eq!(retry_after_s(i64::MAX, None, now), 1);
    }
}
