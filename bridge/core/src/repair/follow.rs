//! A sentence that goes on from the last one: "and the bedroom too", "a bit brighter", "turn it off again".

use std::collections::BTreeSet;
use std::time::Duration;

use super::ask::{Said, Wanted, wanted};
use super::frame::Part;
use super::index::Named;
use super::kinds::Kind;
use super::lexicon::Count;
use super::read::{Reading, Step};
use super::scope::Surroundings;

/// How long after an act a sentence may go on from it.
pub const FOLLOW_UP_LIMIT: Duration = Duration::from_mins(1);

/// What was done last from a satellite.
#[derive(Debug, Clone, PartialEq)]
pub struct LastAct {
    /// What was asked of what.
    pub steps: Vec<Step>,
    /// When, by the clock of the run.
    pub at: Duration,
    said: Said,
    kind: Option<Kind>,
}

impl LastAct {
    /// The act that this reading led to.
    pub fn of(reading: &Reading, at: Duration) -> Self {
        Self { steps: reading.steps.clone(), at, said: reading.said.clone(), kind: reading.kind }
    }

    /// Whether a sentence that is said now may go on from it.
    pub fn is_recent(&self, now: Duration) -> bool {
        now.saturating_sub(self.at) <= FOLLOW_UP_LIMIT
    }
}

/// The part with what it leaves unsaid taken from the last act; `None` if it leaves nothing unsaid.
pub(super) fn continued(part: &Part, last: &LastAct, around: Surroundings<'_>) -> Option<Part> {
    let mut whole = part.clone();
    if part.place.is_empty() && part.said.asks() {
        let targets: BTreeSet<_> = last.steps.iter().flat_map(|step| &step.targets).cloned().collect();
        let target = targets.iter().next().filter(|_| targets.len() == 1)?;
        let wanted = wanted(&part.said, target.domain(), false)?;
        let goes_on = part.place.pronoun || part.again || matches!(wanted, Wanted::Change(..));
        if !goes_on || !around.registry.entities.contains_key(target) {
            return None;
        }
        whole.place.entities = vec![BTreeSet::from([Named::Entity(target.clone())])];
        return Some(whole);
    }
    if !part.place.is_empty() && !part.said.asks() && part.said.aspects.is_empty() && !part.said.carried {
        whole.said = last.said.clone();
        if part.place.entities.is_empty() && part.place.nouns.is_empty() {
            whole.place.nouns = vec![(last.kind?, Count::Either)];
        }
        return Some(whole);
    }
    None
}
