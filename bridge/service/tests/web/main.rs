//! The web as the other party: real servers on loopback, names that a test answers, a ledger that a test reads.

mod pages;
mod place;
mod planted;
mod searching;
