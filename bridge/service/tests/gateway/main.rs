//! The gateway as runners and agents see it: over real sockets, with a real database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod agent;
mod chat;
mod client;
mod hostile;
mod house;
mod parts;
mod runner;
mod tool;
