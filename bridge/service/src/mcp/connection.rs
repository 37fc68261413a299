//! One conversation with a server over HTTP, from its first greeting to its end.

use std::time::Duration;

use helix_contract::Name;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Url, redirect};
use rmcp::model::{CallToolRequestParams, CallToolResult, Tool};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::answer::beginning;
use super::{McpError, McpSettings};

/// To greet each other and to list tools.
const GREETING: Duration = Duration::from_secs(10);
/// For one call.
pub(super) const CALL: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(3);
/// The longest event of a server, bytes.
const EVENT_MAX: usize = 1 << 20;
/// More pages of tools are not asked for.
const PAGES_MAX: usize = 4;

/// Where a server is and how it is asked.
#[derive(Debug, Clone)]
pub(super) struct Way {
    client: Client,
    url: Url,
    name: Name,
}

/// A conversation that has begun.
#[derive(Debug)]
pub(super) struct Connection {
    service: RunningService<RoleClient, ()>,
    name: Name,
}

impl Way {
    pub(super) fn new(settings: &McpSettings, is_local: bool, url: Url) -> Result<Self, McpError> {
        let name = settings.name.clone();
        let bad = |reason| McpError::Address { server: settings.name.clone(), reason };
        let headers =
            headers(settings.key.as_ref()).ok_or_else(|| bad("its key holds characters that no key has"))?;
        let builder = Client::builder()
            .user_agent(concat!("helix/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .default_headers(headers);
        let builder = if is_local { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|_| bad("no connection can be made in this process"))?;
        Ok(Self { client, url, name })
    }

    /// Begins a conversation.
    pub(super) async fn connect(&self) -> Result<Connection, McpError> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        config.max_sse_event_size = EVENT_MAX;
        let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
        let late = McpError::Timeout { server: self.name.clone(), limit: GREETING };
        let greeted = timeout(GREETING, rmcp::serve_client((), transport)).await.map_err(|_| late)?;
        let service = greeted.map_err(|error| {
            tracing::debug!(server = %self.name, %error, "a tool server did not greet back");
            McpError::Unreachable { server: self.name.clone(), reason: innermost(&error) }
        })?;
        Ok(Connection { service, name: self.name.clone() })
    }
}

impl Connection {
    /// All its tools, as far as they are listed on a few pages.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>, McpError> {
        let listing = async {
            let mut tools = Vec::new();
            let mut cursor = None;
            for _ in 0..PAGES_MAX {
                let asked = cursor
                    .take()
                    .map(|cursor| rmcp::model::PaginatedRequestParams::default().with_cursor(Some(cursor)));
                let page = self.service.list_tools(asked).await.map_err(|error| self.broke(&error))?;
                tools.extend(page.tools);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            Ok(tools)
        };
        let late = McpError::Timeout { server: self.name.clone(), limit: GREETING };
        timeout(GREETING, listing).await.unwrap_or(Err(late))
    }

    /// Calls a tool, once.
    pub(super) async fn call(
        &self,
        tool: &str,
        input: Map<String, Value>,
    ) -> Result<CallToolResult, McpError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(input);
        let late = McpError::Timeout { server: self.name.clone(), limit: CALL };
        let calling = self.service.call_tool(params);
        timeout(CALL, calling).await.map_err(|_| late)?.map_err(|error| self.broke(&error))
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.service.is_closed()
    }

    fn broke(&self, error: &ServiceError) -> McpError {
        tracing::debug!(server = %self.name, %error, "a tool server broke off");
        if let ServiceError::McpError(said) = error {
            return McpError::Failed { message: beginning(&said.message, 1024).to_owned() };
        }
        McpError::BrokeOff { server: self.name.clone(), reason: innermost(error) }
    }
}

fn headers(key: Option<&SecretString>) -> Option<HeaderMap> {
    let Some(key) = key else { return Some(HeaderMap::new()) };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim())).ok()?;
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// The innermost cause; it names no address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.contains("://") { "no connection".to_owned() } else { beginning(&text, 200).to_owned() }
}
