//! Why a tool server did not do what it was asked.

use std::time::Duration;

use helix_contract::{Name, ToolName};
use helix_core::egress::Denied;

/// Why a tool server did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// Its entry in the configuration cannot be used.
    #[error(
        "{server} cannot be asked: {reason}; an address such as http://nas:8080/mcp is needed, or a program such as /usr/local/bin/bin-day"
    )]
    Settings {
        /// The server.
        server: Name,
        /// What is wrong.
        reason: &'static str,
    },
    /// Two servers have names that are too much alike.
    #[error("the tool servers {one} and {other} have names that begin alike; give one of them another name")]
    Twice {
        /// One of them.
        one: Name,
        /// The other one.
        other: Name,
    },
    /// There is no such tool.
    #[error("there is no tool {tool}")]
    NoTool {
        /// The tool.
        tool: ToolName,
    },
    /// It may change something, which its server's entry does not allow.
    #[error(
        "the tool {tool} may change something; only who runs Helix can allow that, by `may_change = true` in the entry of its server"
    )]
    MayChange {
        /// The tool.
        tool: ToolName,
    },
    /// The task may not use this server.
    #[error("this task may not use the tool server {server}")]
    OutOfScope {
        /// The server.
        server: Name,
    },
    /// Its program does not start.
    #[error("the program of the tool server {server} does not start: {reason}")]
    NotStarted {
        /// The server.
        server: Name,
        /// Why.
        reason: String,
    },
    /// Its program ended a moment ago and is not started again yet.
    #[error(
        "the program of the tool server {server} has ended early; it is started again at the earliest in {rest:?}. Its log: `log_level = \"debug\"`"
    )]
    Resting {
        /// The server.
        server: Name,
        /// How long it still rests.
        rest: Duration,
    },
    /// It cannot be reached.
    #[error("the tool server {server} cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        server: Name,
        /// Why.
        reason: String,
    },
    /// It did not answer in time; whether it did what it was asked is not known.
    #[error("the tool server {server} did not answer within {limit:?}")]
    Timeout {
        /// The server.
        server: Name,
        /// How long was waited.
        limit: Duration,
    },
    /// It broke off; whether it did what it was asked is not known.
    #[error("the tool server {server} broke off: {reason}")]
    BrokeOff {
        /// The server.
        server: Name,
        /// How.
        reason: String,
    },
    /// It says that the call failed.
    #[error("the tool says: {message}")]
    Failed {
        /// What it says; at most 1 KiB.
        message: String,
    },
    /// It stays in the house.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl McpError {
    /// A stable code for logs and the ledger.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "mcp-settings",
            Self::Twice { .. } => "mcp-twice",
            Self::NoTool { .. } => "mcp-no-tool",
            Self::MayChange { .. } => "mcp-may-change",
            Self::NotStarted { .. } => "mcp-not-started",
            Self::Resting { .. } => "mcp-resting",
            Self::OutOfScope { .. } => "mcp-out-of-scope",
            Self::Unreachable { .. } => "mcp-unreachable",
            Self::Timeout { .. } => "mcp-timeout",
            Self::BrokeOff { .. } => "mcp-broke-off",
            Self::Failed { .. } => "mcp-failed",
            Self::Denied(denied) => denied.code(),
        }
    }
}
