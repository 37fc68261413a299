//! The keys that are about what agents reach: searches and tool servers.

use helix_contract::Name;
use secrecy::SecretString;
use serde::Deserialize;

use super::llm::{address, key};
use super::{ConfigError, Layer, value};
use crate::llm::LlmSettings;
use crate::mcp::{McpSettings, ToolServers};
use crate::web::search::SearchSettings;

/// More tool servers than this are a slip of the pen.
const SERVERS_MAX: usize = 16;

/// A tool server as a person writes it in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolServer {
    name: Name,
    url: String,
    #[serde(default)]
    key: Option<SecretString>,
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
        let settings =
            |server: ToolServer| McpSettings { name: server.name, url: server.url, key: server.key };
        let all: Vec<_> = all.into_iter().map(settings).collect();
        ToolServers::check(&all).map_err(|error| value("mcp_servers", &error.to_string()))?;
        Ok(all)
    }
}
