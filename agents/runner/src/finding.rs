//! What an examination of a backend finds.

use std::fmt;

/// One part of what a backend needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Works(&'static str),
    /// Agents run without it.
    Missing {
        /// The part.
        part: &'static str,
        /// What is lost without it.
        lost: &'static str,
    },
    /// Agents do not run.
    Broken {
        /// The part.
        part: &'static str,
        /// What happened and what to do.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works(part) => write!(f, "works    {part}"),
            Self::Missing { part, lost } => write!(f, "missing  {part}: {lost}"),
            Self::Broken { part, why } => write!(f, "broken   {part}: {why}"),
        }
    }
}
