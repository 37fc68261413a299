//! Repair in front of the matcher: what a sentence asks, read word by word, and the plain sentences that say the same.

#![allow(dead_code, reason = "the words come before the reader")]

mod kinds;
mod words;

pub use kinds::{Ask, Kind};
