//! What end-to-end tests need: a real Home Assistant.

pub mod bed;
