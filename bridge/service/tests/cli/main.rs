//! The command `helix` as people, scripts and service managers use it: the real binary, from outside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod arguments;
mod bridge;
mod command;
mod configuration;
mod ending;

mod home;
mod routing;
mod sound;
mod stored;
mod transcribing;
mod with_home;
mod without_home;
