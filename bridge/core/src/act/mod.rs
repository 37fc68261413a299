//! From a strict match to an authorised [`Action`], and from its execution to proof.

mod authorize;
mod hazards;
mod limits;
mod restore;
mod rules;
mod verify;

pub use authorize::{Action, Draft, ExposedEntities, ProposedAction, Refusal};
pub use restore::Past;
pub use rules::{IntentKind, kind_of};
pub use verify::{Proof, SETTLE_LIMIT, verify};

use serde::Deserialize;

/// What a wrong action would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
pub enum Risk {
    /// Reads only.
    R0,
    /// Comfort: lights, switches, media.
    #[default]
    R1,
    /// Cost, noise or movement: heating, covers, vacuums, scripts.
    R2,
    /// Security: locks, alarms, garage doors, valves, ovens.
    R3,
}

impl Risk {
    /// `R0` … `R3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
        }
    }
}
