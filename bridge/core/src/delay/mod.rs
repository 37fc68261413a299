//! Delayed commands: "turn off the lights in an hour" in, what is kept, listed, cancelled and carried out later out.

mod book;
mod keys;
mod pattern;
mod plan;
mod talk;
mod when;
mod words;

pub use book::{
    Authorised, BookError, DelayBook, DelayedCommand, LATE_MAX, NewCommand, State, Step, WAITING_MAX, step,
};
pub use plan::{Kept, Performed, Plan, answer, keep, perform, plan, take_back};
pub use talk::{Talk, meant, talk};
pub use when::{DELAY_DAYS_MAX, Timed, When, timed, told};

#[cfg(test)]
mod tests;
