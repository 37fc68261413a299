//! What end-to-end tests need: a real Home Assistant, the real bridge, satellites, sound, and the bridge's own
//! connection.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use helix_tests::{bridge::Bridge, home::Home, satellite::Satellite, sound::speech};
//!
//! let home = Home::start("example").await?;
//! let bridge = Bridge::start(&home).await?;
//! let satellite = Satellite::join(&home, "Kitchen", "Helix").await?;
//! let heard = satellite.says(&speech("flite:slt", "Turn on the kitchen light.")?).await?;
//! assert_eq!(heard.reply.as_deref(), Some("Turned on the light"));
//! home.wait_for_state("light.kitchen_light", "on").await?;
//! bridge.stop().await
//! # }
//! ```

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the events that it waits for")]

pub mod agent;
pub mod agents;
pub mod bed;
pub mod bridge;
pub mod build;
pub mod cluster;
pub mod commands;
pub mod connected;
pub mod describer;
pub mod home;
pub mod model_server;
pub mod ollama;
pub mod peer;
pub mod pipeline;
pub mod postgres;
pub mod registry;
pub mod router;
pub mod satellite;
pub mod sets;
pub mod socket;
pub mod sound;
pub mod time;
pub mod web_server;
pub mod wire;
pub mod written;
