//! Which images may go. A definition stays in the database, so what goes can be made anew within a second.

use helix_contract::{AgentName, Digest};
use jiff::{SignedDuration, Timestamp};

/// What nobody used for so long goes.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What is younger stays: it may have been made for a task that has not begun.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);
/// So many versions of an agent that is used stay, so that the last change can be taken back.
const TO_RETURN_TO: usize = 2;

/// One image of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its agent.
    pub agent: AgentName,
    /// The digest of its index.
    pub digest: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last matched or ran.
    pub last_used: Timestamp,
    /// Whether a person wants it to stay.
    pub pinned: bool,
    /// How many tasks that have not ended name it.
    pub in_flight: u32,
}

/// Why an image stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A task that has not ended names it.
    InFlight,
    /// A person wants it to stay.
    Pinned,
    /// It was used within [`KEPT_FOR`].
    Used,
    /// It is younger than a day.
    Young,
    /// Its agent is used, and it is one of the two newest.
    ToReturnTo,
}

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep(Reason),
    /// It goes.
    Remove,
}

/// Decides about each of `versions`, which are all there are, in their order. Clocks that went backwards keep more.
pub fn unused(versions: &[Version], now: Timestamp) -> Vec<Verdict> {
    let within = |then: Timestamp, time: SignedDuration| now.duration_since(then) < time;
    let verdict = |version: &Version| {
        let of_agent = || versions.iter().filter(|other| other.agent == version.agent);
        let newer =
            || of_agent().filter(|other| (other.created, other.digest) > (version.created, version.digest));
        let agent_is_used = || of_agent().any(|other| within(other.last_used, KEPT_FOR));
        if version.in_flight > 0 {
            Verdict::Keep(Reason::InFlight)
        } else if version.pinned {
            Verdict::Keep(Reason::Pinned)
        } else if within(version.last_used, KEPT_FOR) {
            Verdict::Keep(Reason::Used)
        } else if within(version.created, YOUNG) {
            Verdict::Keep(Reason::Young)
        } else if agent_is_used() && newer().count() < TO_RETURN_TO {
            Verdict::Keep(Reason::ToReturnTo)
        } else {
            Verdict::Remove
        }
    };
    versions.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("a time")
    }

    fn days_ago(days: i64) -> Timestamp {
        now() - SignedDuration::from_hours(days * DAY)
    }

    fn version(agent: &str, created: i64, last_used: i64) -> Version {
        Version {
            agent: agent.parse().expect("a name"),
            digest: Digest::of(format!("{agent} {created}").as_bytes()),
            created: days_ago(created),
            last_used: days_ago(last_used),
            pinned: false,
            in_flight: 0,
        }
    }

    #[test]
    fn what_nobody_used_for_thirty_days_goes_and_not_a_day_before() {
        let verdicts = unused(&[version("plan", 90, 29), version("compare", 90, 30)], now());
        assert_eq!(verdicts, [Verdict::Keep(Reason::Used), Verdict::Remove]);
    }

    #[test]
    fn what_a_task_or_a_person_holds_stays_however_old_it_is() {
        let held = Version { in_flight: 1, ..version("plan", 900, 900) };
        let pinned = Version { pinned: true, ..version("compare", 900, 900) };
        let verdicts = unused(&[held, pinned], now());
        assert_eq!(verdicts, [Verdict::Keep(Reason::InFlight), Verdict::Keep(Reason::Pinned)]);
    }

    #[test]
    fn an_agent_that_is_used_keeps_one_version_to_return_to() {
        let all = [version("plan", 200, 150), version("plan", 100, 60), version("plan", 50, 1)];
        let verdicts = unused(&all, now());
        assert_eq!(
            verdicts,
            [Verdict::Remove, Verdict::Keep(Reason::ToReturnTo), Verdict::Keep(Reason::Used)]
        );
    }

    #[test]
    fn what_was_made_for_a_task_that_has_not_begun_stays() {
        // Its agent was last matched long ago by a clock that was wrong.
        assert_eq!(unused(&[version("plan", 0, 40)], now()), [Verdict::Keep(Reason::Young)]);
    }

    #[test]
    fn a_clock_that_went_backwards_removes_nothing() {
        assert_eq!(unused(&[version("plan", -1, -1)], now()), [Verdict::Keep(Reason::Used)]);
    }
}
