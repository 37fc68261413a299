//! The keys that are about what agents reach: searches and tool servers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use helix_contract::Name;
use secrecy::SecretString;
use serde::Deserialize;

use super::llm::{address, key};
use super::{ConfigError, Layer, value};
use crate::llm::{LlmSettings, read_key};
use crate::mcp::{McpSettings, McpTransport, ProgramSettings, ToolServers};
use crate::web::search::SearchSettings;

/// More tool servers than this are a slip of the pen.
const SERVERS_MAX: usize = 16;

/// A tool server as a person writes it in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolServer {
    name: Name,
    url: Option<String>,
    key: Option<SecretString>,
    key_file: Option<PathBuf>,
    command: Option<PathBuf>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, Variable>,
    #[serde(default)]
    env_files: BTreeMap<String, PathBuf>,
    #[serde(default)]
    may_change: bool,
}

/// The value of a variable. A complaint about one of another form does not repeat it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Variable {
    Text(SecretString),
    Whole(i64),
    Truth(bool),
}

impl Variable {
    fn text(self) -> SecretString {
        match self {
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string().into(),
            Self::Truth(truth) => truth.to_string().into(),
        }
    }
}

impl ToolServer {
    fn settings(self) -> Result<McpSettings, ConfigError> {
        let (name, may_change) = (self.name.clone(), self.may_change);
        let transport = match (self.url.clone(), self.command.clone()) {
            (Some(url), None) => self.at(url)?,
            (None, Some(command)) => McpTransport::Stdio(self.started(command)?),
            (Some(_), Some(_)) | (None, None) => {
                return Err(refused(&name, "it needs either a `url` or a `command`"));
            }
        };
        Ok(McpSettings { name, transport, may_change })
    }

    fn at(self, url: String) -> Result<McpTransport, ConfigError> {
        if !self.args.is_empty() || !self.env.is_empty() || !self.env_files.is_empty() {
            return Err(refused(&self.name, "`args`, `env` and `env_files` belong to a `command`"));
        }
        let key = key("mcp_servers", self.key.as_ref(), self.key_file.as_deref())?;
        Ok(McpTransport::Http { url, key })
    }

    fn started(self, command: PathBuf) -> Result<ProgramSettings, ConfigError> {
        if self.key.is_some() || self.key_file.is_some() {
            let why = "`key` belongs to a `url`; what a program needs stands in `env` or `env_files`";
            return Err(refused(&self.name, why));
        }
        let mut env: BTreeMap<_, _> =
            self.env.into_iter().map(|(name, value)| (name, value.text())).collect();
        for (variable, file) in self.env_files {
            let read = read_key(&file).map_err(|error| refused(&self.name, &error.to_string()))?;
            if env.insert(variable, read).is_some() {
                return Err(refused(
                    &self.name,
                    "a variable stands in `env` and in `env_files`; one is enough",
                ));
            }
        }
        Ok(ProgramSettings { command, args: self.args, env })
    }
}

fn refused(server: &Name, why: &str) -> ConfigError {
    value("mcp_servers", &format!("{server}: {why}"))
}

impl Layer {
    /// Who searches; a key of Gemini is enough for that, if a task may go there.
    pub(super) fn search(&self, llm: &LlmSettings) -> Result<SearchSettings, ConfigError> {
        Ok(SearchSettings {
            searxng_url: address("searxng_url", self.searxng_url.as_deref())?,
            tavily_key: key("tavily_key_file", self.tavily_key.as_ref(), self.tavily_key_file.as_deref())?,
            gemini_key: llm.gemini_key.clone(),
            ..SearchSettings::default()
        })
    }

    pub(super) fn tool_servers(&self) -> Result<Vec<McpSettings>, ConfigError> {
        let all = self.mcp_servers.clone().unwrap_or_default();
        if all.len() > SERVERS_MAX {
            return Err(value("mcp_servers", &format!("at most {SERVERS_MAX} tool servers are possible")));
        }
        let all = all.into_iter().map(ToolServer::settings).collect::<Result<Vec<_>, _>>()?;
        ToolServers::check(&all).map_err(|error| value("mcp_servers", &error.to_string()))?;
        Ok(all)
    }
}
