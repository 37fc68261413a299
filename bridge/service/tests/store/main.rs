//! The database as the bridge and the commands use it: real files, real processes, a real full disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod crash;
mod delayed;
mod ledger;
mod opening;
mod place;
mod request;
mod spent;
