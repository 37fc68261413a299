//! What a person has confirmed: only an answered question makes one that clears anything.

use crate::act::Draft;

/// Exactly the drafts that a person was asked about and said yes to. Everybody can make the empty one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clearance {
    drafts: Vec<Draft>,
}

impl Clearance {
    /// Nothing was confirmed.
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn of(drafts: Vec<Draft>) -> Self {
        Self { drafts }
    }

    /// Whether exactly this was confirmed: the same action on the same entity with the same data.
    pub fn covers(&self, draft: &Draft) -> bool {
        self.drafts.contains(draft)
    }

    /// Whether these are all that was confirmed, and nothing else.
    pub fn is_exactly(&self, drafts: &[Draft]) -> bool {
        drafts.len() == self.drafts.len() && drafts.iter().all(|draft| self.covers(draft))
    }
}
