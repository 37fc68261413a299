//! A tool server made with the same crate's other half, and a ledger that a test reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use helix_core::egress::{Egress, EgressLog, EgressOutcome};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The key that no text may ever hold.
pub(crate) const KEY: &str = "mcp-very-secret-80614";

pub(crate) fn tls() {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// What left, word for word.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn left(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl EgressLog for Notes {
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>> {
        self.0.lock().expect("no panic").push(egress.body.expose().clone());
        Box::pin(async { Ok("1".to_owned()) })
    }

    fn close<'a>(&'a self, _: &'a str, _: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// Its tools: one that adds, one that shouts, one that talks too long, one that fails, some of odd form.
#[derive(Debug, Clone)]
struct Tools(Arc<AtomicUsize>);

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let any = || object(&json!({ "type": "object" }));
        let long = "x".repeat(20_000);
        let reads = |tool: Tool| tool.annotate(ToolAnnotations::new().read_only(true));
        let mut tools = [
            Tool::new("sum", "Adds two numbers", any()),
            Tool::new("Shout Loud!", "Says it loud", any()),
            Tool::new("talk", "Talks on and on ".repeat(500), any()),
            Tool::new("fail", "Fails", any()),
            Tool::new("n".repeat(300), "Has a long name", any()),
            Tool::new(
                "schema",
                "Has a long schema",
                object(&json!({ "type": "object", "description": long })),
            ),
        ]
        .map(reads)
        .to_vec();
        tools.push(Tool::new("wipe", "Wipes", any()));
        Ok(ListToolsResult { tools, ..ListToolsResult::default() })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let input = request.arguments.unwrap_or_default();
        let words = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        let number = |key: &str| {
            let wrong = || ErrorData::invalid_params(format!("{key} is no number"), None);
            input.get(key).and_then(Value::as_i64).ok_or_else(wrong)
        };
        let result = match &*request.name {
            "sum" => words((number("a")? + number("b")?).to_string()),
            "Shout Loud!" => {
                let said = input.get("words").and_then(Value::as_str).unwrap_or_default();
                CallToolResult::structured(json!({ "words": said.to_uppercase() }))
            }
            "talk" => words("word ".repeat(50_000)),
            "wipe" => words("wiped".to_owned()),
            "fail" => CallToolResult::error(vec![ContentBlock::text("the disk is full")]),
            other => return Err(ErrorData::invalid_params(format!("no tool {other}"), None)),
        };
        Ok(result.into())
    }
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) url: String,
    port: u16,
    calls: Arc<AtomicUsize>,
    ending: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Starts one on loopback, at `port` if one is given. It answers nobody without [`KEY`].
    pub(crate) async fn start(port: Option<u16>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or_default())).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (calls, ending, tasks) =
            (Arc::new(AtomicUsize::new(0)), CancellationToken::new(), TaskTracker::new());
        let mut config = StreamableHttpServerConfig::default();
        config.cancellation_token = ending.clone();
        let counted = Arc::clone(&calls);
        let service: StreamableHttpService<Tools, LocalSessionManager> =
            StreamableHttpService::new(move || Ok(Tools(Arc::clone(&counted))), Arc::default(), config);
        let router = axum::Router::new().nest_service("/mcp", service).layer(from_fn(guarded));
        let ended = ending.clone().cancelled_owned();
        tasks.spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(ended).await;
            assert!(served.is_ok(), "{served:?}");
        });
        Self { url: format!("http://127.0.0.1:{port}/mcp"), port, calls, ending, tasks }
    }

    /// How many tools were called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Ends it; its port is free then.
    pub(crate) async fn stop(self) -> u16 {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.port
    }
}

async fn guarded(request: Request, next: Next) -> Response {
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if given == Some(format!("Bearer {KEY}").as_str()) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}
