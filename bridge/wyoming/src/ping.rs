//! Signs of life.

use serde::{Deserialize, Serialize};

use crate::event::kinds;

kinds! {
    Ping = "ping",
    Pong = "pong",
}

/// Asks for a [`Pong`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ping {
    /// Copied into the answer.
    #[serde(default)]
    pub text: Option<String>,
}

/// Answers a [`Ping`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Pong {
    /// Copied from the question.
    #[serde(default)]
    pub text: Option<String>,
}
