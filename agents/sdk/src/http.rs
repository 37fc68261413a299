//! A plugin on another machine: HTTP with a token in, the same tools out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use helix_contract::plugin::MESSAGE_LEN_MAX;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use crate::{Plugin, PluginError};

/// The shortest token that keeps anybody out.
const TOKEN_LEN_MIN: usize = 16;

impl Plugin {
    /// Serves whoever shows the token at `/mcp`, until the process is interrupted. Only for a network that nobody reads along
    /// in: what is said is not encrypted.
    ///
    /// # Errors
    /// [`PluginError::Token`], [`PluginError::Port`].
    pub async fn serve_http(self, listener: TcpListener, token: &str) -> Result<(), PluginError> {
        if token.chars().count() < TOKEN_LEN_MIN {
            return Err(PluginError::Token(TOKEN_LEN_MIN));
        }
        self.begin();
        // Without sessions: nothing is kept for somebody who does not come back. Any name of the host will do, because a page
        // that was made to ask here has no token.
        let mut config = StreamableHttpServerConfig::default().disable_allowed_hosts();
        config.legacy_session_mode = false;
        config.json_response = true;
        config.max_request_body_bytes = MESSAGE_LEN_MAX;
        let service: StreamableHttpService<Self, NeverSessionManager> =
            StreamableHttpService::new(move || Ok(self.clone()), Arc::default(), config);
        let expected: Arc<str> = format!("Bearer {token}").into();
        let router = Router::new().nest_service("/mcp", service).layer(from_fn_with_state(expected, guarded));
        let interrupted = async { drop(tokio::signal::ctrl_c().await) };
        Ok(axum::serve(listener, router).with_graceful_shutdown(interrupted).await?)
    }
}

async fn guarded(State(expected): State<Arc<str>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(AUTHORIZATION).map_or(&[][..], |shown| shown.as_bytes());
    if bool::from(shown.ct_eq(expected.as_bytes())) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}
