//! Language models as Helix asks them: recorded shapes of servers, and servers that mean ill.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod hostile;
mod outside;
mod place;
mod serving;
