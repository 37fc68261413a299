//! The conversation of each satellite: what was asked, what was confirmed, what can be undone.

mod clearance;

pub use clearance::Clearance;
