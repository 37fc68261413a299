//! The Wyoming server, over real sockets.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names the one event that it waits for")]

mod client;
mod espeak;
mod home;
mod listening;
mod responding;
mod serving;
mod speaking;
