//! One server: connected when it is needed, again when it broke off, and asked only after what leaves was written down.

use std::collections::BTreeMap;
use std::sync::Arc;

use helix_contract::api::ToolSpec;
use helix_contract::{Name, ToolName};
use helix_core::Pii;
use helix_core::egress::{Denied, Egress, EgressOutcome, Ledger, Permit, Privacy, Purpose, is_local};
use reqwest::Url;
use rmcp::model::Tool;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::answer::{beginning, bounded};
use super::connection::{Connection, Way};
use super::name::offered;
use super::{Calling, McpError, McpSettings};

/// More tools of one server are not offered: no model chooses well among more.
const TOOLS_MAX: usize = 32;
/// The longest description that is passed on, bytes.
const DESCRIPTION_MAX: usize = 1024;
/// A tool whose input needs a longer description is not offered, bytes.
const SCHEMA_MAX: usize = 8 * 1024;

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    name: Name,
    host: String,
    outside: bool,
    way: Way,
    ledger: Option<Ledger>,
    open: Mutex<Open>,
}

/// The address of a server, and whether it lies outside.
pub(super) fn checked(settings: &McpSettings) -> Result<(Url, bool), McpError> {
    let bad = |reason| McpError::Address { server: settings.name.clone(), reason };
    let url = Url::parse(settings.url.trim()).map_err(|_| bad("its address is none"))?;
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() || !url.username().is_empty() {
        return Err(bad("its address is none"));
    }
    let outside = !is_local(host);
    if outside && url.scheme() != "https" {
        return Err(bad("outside of your network it needs https://, so that nobody reads along"));
    }
    Ok((url, outside))
}

/// What is known of a server.
#[derive(Debug, Default)]
struct Open {
    connection: Option<Arc<Connection>>,
    /// The name at the server of each tool that is offered.
    tools: BTreeMap<ToolName, String>,
}

impl Server {
    pub(super) fn new(settings: &McpSettings, ledger: Option<&Ledger>) -> Result<Self, McpError> {
        let (url, outside) = checked(settings)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let way = Way::new(settings, !outside, url)?;
        let (name, ledger) = (settings.name.clone(), ledger.cloned());
        Ok(Self { name, host, outside, way, ledger, open: Mutex::default() })
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Its tools as they are offered.
    pub(super) async fn tools(&self, calling: Calling<'_>) -> Result<Vec<ToolSpec>, McpError> {
        let permit = self.permit(Purpose::Probe, Privacy::Public, "tools/list".to_owned(), calling).await?;
        let listed = self.list().await;
        self.close(permit, listed.as_ref().err()).await;
        listed
    }

    /// A conversation that ended since the last call is begun anew; listing twice does no harm.
    async fn list(&self) -> Result<Vec<ToolSpec>, McpError> {
        let mut open = self.open.lock().await;
        let had_one = open.connection.is_some();
        let mut listed = self.connected(&mut open).await?.tools().await;
        if listed.is_err() && had_one {
            open.connection = None;
            listed = self.connected(&mut open).await?.tools().await;
        }
        if listed.is_err() {
            open.connection = None;
        }
        let listed = listed?;
        let mut specs = Vec::new();
        let mut tools = BTreeMap::new();
        for tool in listed {
            let Some(spec) = self.spec(&tool) else { continue };
            if specs.len() < TOOLS_MAX && !tools.contains_key(&spec.name) {
                tools.insert(spec.name.clone(), tool.name.into_owned());
                specs.push(spec);
            }
        }
        open.tools = tools;
        Ok(specs)
    }

    fn spec(&self, tool: &Tool) -> Option<ToolSpec> {
        let input = Value::Object((*tool.input_schema).clone());
        let name = offered(&self.name, &tool.name);
        let Some(name) = name.filter(|_| input.to_string().len() <= SCHEMA_MAX) else {
            tracing::warn!(server = %self.name, "a tool is not offered: its name or the schema of its input is too long");
            return None;
        };
        let description = tool.description.as_deref().unwrap_or_default();
        Some(ToolSpec { name, description: beginning(description, DESCRIPTION_MAX).to_owned(), input })
    }

    async fn connected(&self, open: &mut Open) -> Result<Arc<Connection>, McpError> {
        if let Some(connection) = open.connection.as_ref().filter(|connection| !connection.is_over()) {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.way.connect().await?);
        open.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Calls a tool. Only the way there is begun anew, never the call.
    pub(super) async fn call(
        &self,
        tool: &ToolName,
        input: Map<String, Value>,
        calling: Calling<'_>,
    ) -> Result<Value, McpError> {
        let (connection, original) = self.find(tool, calling).await?;
        let body = json!({ "tool": original, "input": input }).to_string();
        let permit = self.permit(Purpose::Task, privacy(calling), body, calling).await?;
        let answer = connection.call(&original, input).await;
        if matches!(answer, Err(McpError::BrokeOff { .. } | McpError::Timeout { .. })) {
            self.open.lock().await.connection = None;
        }
        let result =
            answer.and_then(|answer| bounded(answer).map_err(|message| McpError::Failed { message }));
        self.close(permit, result.as_ref().err()).await;
        result
    }

    /// The conversation, and the tool's own name; asks for the list if it is not known yet.
    async fn find(
        &self,
        tool: &ToolName,
        calling: Calling<'_>,
    ) -> Result<(Arc<Connection>, String), McpError> {
        let known = self.open.lock().await.tools.contains_key(tool);
        if !known {
            self.tools(calling).await?;
        }
        let mut open = self.open.lock().await;
        let missing = || McpError::NoTool { tool: tool.clone() };
        let original = open.tools.get(tool).cloned().ok_or_else(missing)?;
        Ok((self.connected(&mut open).await?, original))
    }

    /// Leave to ask, if the server is outside; one at home needs none.
    async fn permit(
        &self,
        purpose: Purpose,
        privacy: Privacy,
        body: String,
        calling: Calling<'_>,
    ) -> Result<Option<Permit>, McpError> {
        if !self.outside {
            return Ok(None);
        }
        let no_ledger = || Denied::Ledger("there is no database".to_owned());
        let ledger = self.ledger.as_ref().ok_or_else(no_ledger)?;
        let origin = calling.origin;
        let egress = Egress {
            run: origin.run.clone(),
            host: self.host.clone(),
            purpose,
            privacy,
            passive: origin.passive,
            asked: origin.asked,
            body: Pii::new(body),
        };
        Ok(Some(ledger.permit(egress).await?))
    }

    async fn close(&self, permit: Option<Permit>, error: Option<&McpError>) {
        let failed = |error: &McpError| EgressOutcome::Failed(error.code().to_owned());
        if let (Some(ledger), Some(permit)) = (&self.ledger, permit) {
            ledger.close(&permit, &error.map_or(EgressOutcome::Answered, failed)).await;
        }
    }
}

/// What may stand in what a task sends.
fn privacy(calling: Calling<'_>) -> Privacy {
    match calling.origin.privacy {
        Privacy::Public if calling.knows_home => Privacy::Home,
        other @ (Privacy::Public | Privacy::Home | Privacy::Personal | Privacy::Others) => other,
    }
}
