//! Tools in, a server of them over standard input and output out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helix_contract::plugin::{CALL, COMPLAINT_LEN_MAX, MESSAGE_LEN_MAX};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::{ErrorData, ServerHandler};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tracing_subscriber::EnvFilter;

use crate::tool::{Offered, Tool};

/// Calls that are answered at once; a further one is told to come later.
const CALLS_MAX: usize = 16;
/// A tool answers within this time unless said otherwise: before the bridge stops waiting.
const LIMIT: Duration = CALL.saturating_sub(Duration::from_secs(5));

/// A plugin: a name, a version, and tools.
#[derive(Clone)]
#[must_use]
pub struct Plugin {
    name: String,
    version: String,
    tools: BTreeMap<&'static str, Arc<dyn Offered>>,
    limit: Duration,
    calls: Arc<Semaphore>,
}

/// Why a plugin ended.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Who started it does not speak the protocol.
    #[error(
        "nobody speaks the Model Context Protocol here: {0}; a plugin is started by Helix, from an entry of `mcp_servers`"
    )]
    Greeting(String),
    /// It broke down.
    #[error("the plugin broke down: {0}")]
    Broke(String),
    /// The token is too short to keep anybody out.
    #[error("the token has fewer than {0} characters; make a longer one, such as by `openssl rand -hex 24`")]
    Token(usize),
    /// The port cannot be served.
    #[error("the port cannot be served: {0}")]
    Port(#[from] std::io::Error),
}

impl PluginError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Greeting(_) => "plugin-greeting",
            Self::Broke(_) => "plugin-broke",
            Self::Token(_) => "plugin-token",
            Self::Port(_) => "plugin-port",
        }
    }
}

impl Plugin {
    /// A plugin without tools; `env!("CARGO_PKG_VERSION")` is a good version.
    pub fn new(name: &str, version: &str) -> Self {
        let calls = Arc::new(Semaphore::new(CALLS_MAX));
        Self { name: name.into(), version: version.into(), tools: BTreeMap::new(), limit: LIMIT, calls }
    }

    /// The same with one more tool; one of the same name is replaced.
    pub fn with<T: Tool>(mut self, tool: T) -> Self {
        self.tools.insert(T::NAME, Arc::new(tool));
        self
    }

    /// How long a tool may take; 55 s unless said otherwise, and never longer, because the bridge stops waiting.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit.min(LIMIT);
        self
    }

    /// Serves whoever started this program, until it closes standard input. Standard output belongs to the protocol: what the
    /// program has to say goes through `tracing` to standard error, and from there into Helix's log at DEBUG.
    ///
    /// # Errors
    /// [`PluginError::Greeting`], [`PluginError::Broke`].
    pub async fn serve_stdio(self) -> Result<(), PluginError> {
        self.begin();
        let (input, output) = rmcp::transport::stdio_pipes();
        self.serve(input, output).await
    }

    /// Begins to log, and says what is lacking.
    pub(crate) fn begin(&self) {
        // A program that logs in its own way has done so before.
        let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false);
        let _ = log.with_env_filter(EnvFilter::new("info,rmcp=warn")).try_init();
        for (tool, offered) in &self.tools {
            for variable in offered.permissions().lacking() {
                tracing::warn!(
                    tool,
                    variable,
                    "a variable that the tool needs is not set; name it in `env` or `env_files` of the plugin's entry"
                );
            }
        }
    }

    pub(crate) async fn serve(
        self,
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), PluginError> {
        let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MESSAGE_LEN_MAX);
        let greeted = rmcp::serve_server(self, transport).await;
        let service = greeted.map_err(|error| PluginError::Greeting(error.to_string()))?;
        service.waiting().await.map(drop).map_err(|error| PluginError::Broke(error.to_string()))
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} with {:?}", self.name, self.version, self.tools.keys())
    }
}

impl ServerHandler for Plugin {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(self.name.clone(), self.version.clone()))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.values().map(|tool| tool.listed()).collect();
        Ok(ListToolsResult { tools, ..ListToolsResult::default() })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let missing = || ErrorData::invalid_params("there is no such tool", None);
        let tool = self.tools.get(&*request.name).ok_or_else(missing)?;
        let Ok(_at_work) = self.calls.try_acquire() else {
            return Ok(complaint("the plugin is busy; ask again in a moment").into());
        };
        let answered = tool.answer(request.arguments.unwrap_or_default(), self.limit).await;
        let result = match answered {
            Ok(answer) => CallToolResult::structured(answer),
            Err(error) => {
                tracing::info!(tool = %request.name, %error, "a call has no answer");
                complaint(&error.to_string())
            }
        };
        Ok(result.into())
    }
}

fn complaint(text: &str) -> CallToolResult {
    let told = &text[..text.floor_char_boundary(COMPLAINT_LEN_MAX)];
    CallToolResult::error(vec![ContentBlock::text(told)])
}
