//! The error event.

use serde::{Deserialize, Serialize};

use crate::event::kinds;

kinds! {
    Error = "error",
}

/// Ends an exchange that failed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Error {
    /// For people.
    pub text: String,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}
