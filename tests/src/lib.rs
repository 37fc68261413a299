//! What end-to-end tests need: a real Home Assistant, and the bridge's connection to it.

pub mod bed;
pub mod connected;
pub mod describer;
