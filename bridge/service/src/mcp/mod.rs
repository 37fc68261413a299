//! Tool servers of the Model Context Protocol as the other party: servers of the configuration in, their tools under
//! names of our own and bounded answers out. They speak HTTP, or are programs that are started here.

mod answer;
mod connection;
mod error;
mod http;
mod name;
mod offer;
mod program;
mod rest;
mod server;

pub use error::McpError;
pub use name::is_of as is_tool_of;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use helix_contract::api::ToolSpec;
use helix_contract::{Name, ToolName};
use helix_core::egress::Ledger;
use helix_core::llm::Origin;
use secrecy::SecretString;
use serde_json::{Map, Value};

use server::Server;

/// A server of the configuration.
#[derive(Debug, Clone)]
pub struct McpSettings {
    /// Its name, which begins the names of its tools.
    pub name: Name,
    /// How it is reached.
    pub transport: McpTransport,
    /// Whether tools that may change something are offered too; else only those that say they read.
    pub may_change: bool,
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub enum McpTransport {
    /// Over HTTP.
    Http {
        /// Its address, such as `http://nas:8080/mcp`.
        url: String,
        /// Its key, sent as a bearer token.
        key: Option<SecretString>,
    },
    /// As a program that is started here.
    Stdio(ProgramSettings),
}

/// A program that is a tool server.
#[derive(Debug, Clone)]
pub struct ProgramSettings {
    /// The path of the program.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// All of its environment.
    pub env: BTreeMap<String, SecretString>,
}

/// How a server was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// How many tools it offers to agents.
    pub tools: usize,
    /// How many more may change something and are not offered.
    pub withheld: usize,
    /// Variables that its tools need and that its entry does not name.
    pub lacking: Vec<String>,
}

/// Who calls a tool, and what that may touch.
#[derive(Debug, Clone, Copy)]
pub struct Calling<'a> {
    /// The servers that the task may use.
    pub servers: &'a [Name],
    /// Where the request stems from.
    pub origin: &'a Origin,
    /// Whether the task has read states of the home: then what it sends may hold some of them.
    pub knows_home: bool,
}

/// All servers of the configuration. Costs nothing where none is named.
#[derive(Debug, Default)]
pub struct ToolServers {
    servers: BTreeMap<Name, Server>,
}

impl ToolServers {
    /// Prepares the servers; nobody is asked or started yet. Programs get their working folders inside `folders`. Needs the
    /// process's TLS provider to be installed.
    ///
    /// # Errors
    /// [`McpError::Settings`], [`McpError::Twice`].
    pub fn new(all: &[McpSettings], ledger: Option<&Ledger>, folders: &Path) -> Result<Self, McpError> {
        check_names(all)?;
        let open =
            |settings: &McpSettings| Ok((settings.name.clone(), Server::new(settings, ledger, folders)?));
        Ok(Self { servers: all.iter().map(open).collect::<Result<_, McpError>>()? })
    }

    /// Whether these servers can stand beside each other, with addresses and programs that can be used.
    ///
    /// # Errors
    /// [`McpError::Settings`], [`McpError::Twice`].
    pub fn check(all: &[McpSettings]) -> Result<(), McpError> {
        check_names(all)?;
        all.iter().try_for_each(|settings| {
            let checked = match &settings.transport {
                McpTransport::Http { url, .. } => http::checked(url).map(drop),
                McpTransport::Stdio(program) => program::check(program),
            };
            checked.map_err(|reason| McpError::Settings { server: settings.name.clone(), reason })
        })
    }

    /// The names of all servers.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.servers.keys()
    }

    /// The tools of the servers that a task may use; of one that cannot be reached none, and the reason is logged.
    pub async fn tools(&self, calling: Calling<'_>) -> Vec<ToolSpec> {
        let allowed = self.servers.values().filter(|server| calling.servers.contains(server.name()));
        let listed =
            join_all(allowed.map(|server| async move { (server, server.tools(calling).await) })).await;
        let mut all = Vec::new();
        for (server, tools) in listed {
            match tools {
                Ok(tools) => all.extend(tools),
                Err(error) => {
                    tracing::warn!(server = %server.name(), code = error.code(), "tool server: {error}");
                }
            }
        }
        all
    }

    /// Calls a tool. It is never called twice for one call: who cannot tell whether it was done, says so.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn call(
        &self,
        tool: &ToolName,
        input: Map<String, Value>,
        calling: Calling<'_>,
    ) -> Result<Value, McpError> {
        let missing = || McpError::NoTool { tool: tool.clone() };
        let of = |server: &&Server| name::is_of(server.name(), tool);
        let server = self.servers.values().find(of).ok_or_else(missing)?;
        if !calling.servers.contains(server.name()) {
            return Err(McpError::OutOfScope { server: server.name().clone() });
        }
        server.call(tool, input, calling).await
    }

    /// How each server is now, or what is wrong. Starts those that are programs.
    pub async fn look(&self, origin: &Origin) -> Vec<(Name, Result<Looked, McpError>)> {
        let names: Vec<_> = self.servers.keys().cloned().collect();
        let calling = Calling { servers: &names, origin, knows_home: false };
        let found = join_all(self.servers.values().map(|server| server.look(calling))).await;
        names.into_iter().zip(found).collect()
    }
}

/// Each name once; and none may begin like another one and go on with a dash, because tools are told apart by it.
fn check_names(all: &[McpSettings]) -> Result<(), McpError> {
    for (at, one) in all.iter().enumerate() {
        let alike = |other: &&McpSettings| {
            let (one, other) = (one.name.as_str(), other.name.as_str());
            one == other
                || one.strip_prefix(other).is_some_and(|rest| rest.starts_with('-'))
                || other.strip_prefix(one).is_some_and(|rest| rest.starts_with('-'))
        };
        if let Some(other) = all[at + 1..].iter().find(alike) {
            return Err(McpError::Twice { one: one.name.clone(), other: other.name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str) -> McpSettings {
        let transport = McpTransport::Http { url: "http://127.0.0.1:9/mcp".into(), key: None };
        McpSettings { name: name.parse().expect("a name"), transport, may_change: false }
    }

    #[test]
    fn servers_whose_tools_could_be_mixed_up_are_refused() {
        for (one, other, fits) in
            [("nas", "nas", false), ("nas", "nas-2", false), ("nas-2", "nas", false), ("nas", "nasa", true)]
        {
            assert_eq!(check_names(&[settings(one), settings(other)]).is_ok(), fits, "{one} {other}");
        }
    }
}
