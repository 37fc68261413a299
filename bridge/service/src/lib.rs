//! Everything of Helix that touches the world. Adapters never know each other: they meet in [`app`].

pub mod agent;
pub mod app;
pub mod clock;
pub mod config;
pub mod control;
pub mod delay;
pub mod deliver;
pub mod gateway;
pub mod hass;
pub mod images;
pub mod llm;
pub mod mcp;
pub mod metrics;
pub mod model;
mod random;
pub mod satellite;
pub mod say;
pub mod speech;
pub mod store;
pub mod tasks;
pub mod tools;
pub mod web;
