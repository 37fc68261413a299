//! One conversation with a server, over HTTP or with a program, from its first greeting to its end.

use std::path::PathBuf;

use helix_contract::Name;
use helix_contract::plugin::{CALL, COMPLAINT_LEN_MAX, GREETING};
use rmcp::model::{CallToolRequestParams, CallToolResult, Tool};
use rmcp::service::{ClientInitializeError, RoleClient, RunningService, ServiceError};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::answer::beginning;
use super::http::Http;
use super::program::{Running, start};
use super::{McpError, ProgramSettings};

/// More pages of tools are not asked for.
const PAGES_MAX: usize = 4;

/// How a server is reached.
#[derive(Debug)]
pub(super) enum Way {
    Http(Http),
    Program {
        settings: ProgramSettings,
        /// Where its working folder is made.
        folders: PathBuf,
    },
}

/// A conversation that has begun.
#[derive(Debug)]
pub(super) struct Connection {
    service: RunningService<RoleClient, ()>,
    program: Option<Running>,
    name: Name,
}

impl Way {
    /// Begins a conversation.
    pub(super) async fn connect(&self, name: &Name) -> Result<Connection, McpError> {
        let (service, program) = match self {
            Self::Http(http) => (greet(name, rmcp::serve_client((), http.transport())).await?, None),
            Self::Program { settings, folders } => {
                let started = start(name, settings, folders);
                let (transport, running) = started.map_err(|error| McpError::NotStarted {
                    server: name.clone(),
                    reason: error.to_string(),
                })?;
                (greet(name, rmcp::serve_client((), transport)).await?, Some(running))
            }
        };
        Ok(Connection { service, program, name: name.clone() })
    }
}

type Greeted = Result<RunningService<RoleClient, ()>, ClientInitializeError>;

async fn greet(
    name: &Name,
    greeting: impl Future<Output = Greeted>,
) -> Result<RunningService<RoleClient, ()>, McpError> {
    let late = McpError::Timeout { server: name.clone(), limit: GREETING };
    timeout(GREETING, greeting).await.map_err(|_| late)?.map_err(|error| {
        tracing::debug!(server = %name, %error, "a tool server did not greet back");
        McpError::Unreachable { server: name.clone(), reason: innermost(&error) }
    })
}

impl Connection {
    /// All its tools, as far as they are listed on a few pages.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>, McpError> {
        let listing = async {
            let mut tools = Vec::new();
            let mut cursor = None;
            for _ in 0..PAGES_MAX {
                self.asked();
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
        self.asked();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(input);
        let late = McpError::Timeout { server: self.name.clone(), limit: CALL };
        let calling = self.service.call_tool(params);
        timeout(CALL, calling).await.map_err(|_| late)?.map_err(|error| self.broke(&error))
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.service.is_closed()
    }

    fn asked(&self) {
        if let Some(program) = &self.program {
            program.asked();
        }
    }

    fn broke(&self, error: &ServiceError) -> McpError {
        tracing::debug!(server = %self.name, %error, "a tool server broke off");
        if let ServiceError::McpError(said) = error {
            return McpError::Failed { message: beginning(&said.message, COMPLAINT_LEN_MAX).to_owned() };
        }
        McpError::BrokeOff { server: self.name.clone(), reason: innermost(error) }
    }
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
