//! One server: connected when it is needed, again when it broke off, and asked only after what leaves was written down.

use std::path::Path;
use std::sync::Arc;

use helix_contract::api::ToolSpec;
use helix_contract::{Name, ToolName};
use helix_core::egress::{Denied, Egress, EgressOutcome, Ledger, Permit, Privacy, Purpose};
use helix_core::{Clock as _, Pii};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::answer::bounded;
use super::connection::{Connection, Way};
use super::http::Http;
use super::offer::{Known, Offer};
use super::rest::Starts;
use super::{Calling, Looked, McpError, McpSettings, McpTransport, program};
use crate::clock::SystemClock;

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    name: Name,
    /// Its host, if it lies outside.
    outside: Option<String>,
    way: Way,
    may_change: bool,
    ledger: Option<Ledger>,
    clock: SystemClock,
    open: Mutex<Open>,
}

/// What is known of a server.
#[derive(Debug, Default)]
struct Open {
    connection: Option<Arc<Connection>>,
    offer: Offer,
    starts: Starts,
}

impl Server {
    pub(super) fn new(
        settings: &McpSettings,
        ledger: Option<&Ledger>,
        folders: &Path,
    ) -> Result<Self, McpError> {
        let bad = |reason| McpError::Settings { server: settings.name.clone(), reason };
        let way = match &settings.transport {
            McpTransport::Http { url, key } => Way::Http(Http::new(url, key.as_ref()).map_err(bad)?),
            McpTransport::Stdio(settings) => {
                program::check(settings).map_err(bad)?;
                Way::Program { settings: settings.clone(), folders: folders.to_owned() }
            }
        };
        let outside = match &way {
            Way::Http(http) => http.outside(),
            Way::Program { .. } => None,
        };
        Ok(Self {
            name: settings.name.clone(),
            outside,
            way,
            may_change: settings.may_change,
            ledger: ledger.cloned(),
            clock: SystemClock::start(),
            open: Mutex::default(),
        })
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Its tools as they are offered.
    pub(super) async fn tools(&self, calling: Calling<'_>) -> Result<Vec<ToolSpec>, McpError> {
        let (outside, body) = (self.outside.as_deref(), "tools/list".to_owned());
        let permit = self.permit(outside, Purpose::Probe, Privacy::Public, body, calling).await?;
        let listed = self.list().await;
        self.close(permit, listed.as_ref().err()).await;
        listed
    }

    /// How it is now.
    pub(super) async fn look(&self, calling: Calling<'_>) -> Result<Looked, McpError> {
        let tools = self.tools(calling).await?.len();
        let open = self.open.lock().await;
        let lacking = match &self.way {
            Way::Http(_) => Vec::new(),
            Way::Program { settings, .. } => {
                open.offer.keys.iter().filter(|key| !settings.env.contains_key(*key)).cloned().collect()
            }
        };
        Ok(Looked { tools, withheld: open.offer.withheld.len(), lacking })
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
        let offer = Offer::new(&self.name, listed?, self.may_change);
        if offer.withheld != open.offer.withheld {
            let withheld: Vec<_> = offer.withheld.iter().map(ToolName::as_str).collect();
            let why = "these tools may change something and are not offered; `may_change = true` in the server's entry allows it";
            tracing::info!(server = %self.name, withheld = withheld.join(" "), "{why}");
        }
        open.offer = offer;
        Ok(open.offer.specs.clone())
    }

    async fn connected(&self, open: &mut Open) -> Result<Arc<Connection>, McpError> {
        if let Some(connection) = open.connection.as_ref().filter(|connection| !connection.is_over()) {
            return Ok(Arc::clone(connection));
        }
        open.connection = None;
        if let Way::Program { .. } = self.way {
            let resting = |rest| McpError::Resting { server: self.name.clone(), rest };
            open.starts.begin(self.clock.now()).map_err(resting)?;
        }
        let connection = Arc::new(self.way.connect(&self.name).await?);
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
        let (connection, known) = self.find(tool, calling).await?;
        let body = json!({ "tool": known.original, "input": input }).to_string();
        let outside = self.outside.as_deref().or(known.outside.as_deref());
        let permit = self.permit(outside, Purpose::Task, privacy(calling), body, calling).await?;
        let answer = connection.call(&known.original, input).await;
        if matches!(answer, Err(McpError::BrokeOff { .. } | McpError::Timeout { .. })) {
            self.open.lock().await.connection = None;
        }
        let result =
            answer.and_then(|answer| bounded(answer).map_err(|message| McpError::Failed { message }));
        self.close(permit, result.as_ref().err()).await;
        result
    }

    /// The conversation, and the tool at the server; asks for the list if it is not known yet.
    async fn find(
        &self,
        tool: &ToolName,
        calling: Calling<'_>,
    ) -> Result<(Arc<Connection>, Known), McpError> {
        let known = self.open.lock().await.offer.known.contains_key(tool);
        if !known {
            self.tools(calling).await?;
        }
        let mut open = self.open.lock().await;
        if open.offer.withheld.contains(tool) {
            return Err(McpError::MayChange { tool: tool.clone() });
        }
        let missing = || McpError::NoTool { tool: tool.clone() };
        let known = open.offer.known.get(tool).cloned().ok_or_else(missing)?;
        Ok((self.connected(&mut open).await?, known))
    }

    /// Leave to ask a host outside; one at home needs none.
    async fn permit(
        &self,
        outside: Option<&str>,
        purpose: Purpose,
        privacy: Privacy,
        body: String,
        calling: Calling<'_>,
    ) -> Result<Option<Permit>, McpError> {
        let Some(host) = outside else { return Ok(None) };
        let no_ledger = || Denied::Ledger("there is no database".to_owned());
        let ledger = self.ledger.as_ref().ok_or_else(no_ledger)?;
        let origin = calling.origin;
        let egress = Egress {
            run: origin.run.clone(),
            host: host.to_owned(),
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
