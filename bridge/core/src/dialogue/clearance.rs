//! What a person has confirmed: only a confirmed question makes one that clears anything.

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

    /// Whether exactly this was confirmed: the same action on the same entity with the same data.
    pub fn covers(&self, draft: &Draft) -> bool {
        self.drafts.iter().any(|confirmed| confirmed == draft)
    }
}
