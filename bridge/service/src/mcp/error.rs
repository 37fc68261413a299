//! Why a tool server did not do what it was asked.

use std::time::Duration;

use helix_contract::{Name, ToolName};
use helix_core::egress::Denied;

/// Why a tool server did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// The address or the key cannot be used.
    #[error("{server} cannot be asked: {reason}; an address such as http://nas:8080/mcp is needed")]
    Address {
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
    /// The task may not use this server.
    #[error("this task may not use the tool server {server}")]
    OutOfScope {
        /// The server.
        server: Name,
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
            Self::Address { .. } => "mcp-address",
            Self::Twice { .. } => "mcp-twice",
            Self::NoTool { .. } => "mcp-no-tool",
            Self::OutOfScope { .. } => "mcp-out-of-scope",
            Self::Unreachable { .. } => "mcp-unreachable",
            Self::Timeout { .. } => "mcp-timeout",
            Self::BrokeOff { .. } => "mcp-broke-off",
            Self::Failed { .. } => "mcp-failed",
            Self::Denied(denied) => denied.code(),
        }
    }
}
