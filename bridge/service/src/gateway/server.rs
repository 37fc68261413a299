//! The server: connections from the socket and the network in, answers of the contract out; every length, every wait and
//! the number of connections are bounded.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use helix_contract::api::path;
use helix_contract::{Wire, decode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH};
use hyper::http::request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::line::{Line, Owed};
use super::refusal::Refusal;
use super::token::{TokenError, Tokens};
use super::{
    Gateway, GatewayError, Listen, Parts, SOCKET_NAME, Settings, attempt, chat, runner, sweep, tool,
};
use crate::metrics::Metrics;

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest head of a request, bytes; hyper's least.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// The bound server; [`GatewayServer::run`] serves.
#[derive(Debug)]
pub struct GatewayServer {
    socket: UnixListener,
    path: PathBuf,
    network: Option<(TcpListener, SocketAddr)>,
    desk: Arc<Desk>,
}

impl GatewayServer {
    /// Makes the socket in the data folder, takes the port if one is wanted, and makes the secrets that are not there yet.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn bind(
        listen: &Listen,
        parts: Parts,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Self, GatewayError> {
        let tokens = Tokens::kept_in(&listen.data_dir, &listen.runner_token())?;
        let path = listen.data_dir.join(SOCKET_NAME);
        let socket =
            bind_socket(&path).map_err(|source| GatewayError::Socket { path: path.clone(), source })?;
        let network = match listen.address {
            Some(address) => {
                let failed = |source| GatewayError::Address { address, source };
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                Some((listener, address))
            }
            None => None,
        };
        let desk = Arc::new(Desk::new(parts, tokens, settings, metrics));
        Ok(Self { socket, path, network, desk })
    }

    /// The way in for the rest of the bridge.
    pub fn gateway(&self) -> Gateway {
        Gateway::new(Arc::clone(&self.desk))
    }

    /// The address in the network that is listened on; tells the port when port 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.network.as_ref().map(|(_, address)| *address)
    }

    /// Serves until cancelled. Calls that wait are told to come back; what is under way may end within the grace period.
    pub async fn run(self, stop: CancellationToken) {
        let desk = &self.desk;
        let serving = async {
            let from_network = async {
                match &self.network {
                    Some((listener, _)) => accept_network(desk, listener, &stop).await,
                    None => std::future::pending().await,
                }
            };
            tokio::join!(accept_local(desk, &self.socket, &stop), from_network, sweep::run(Arc::clone(desk)));
        };
        stop.run_until_cancelled(serving).await;
        desk.ending.cancel();
        desk.running.close();
        if timeout(desk.settings.grace, desk.running.wait()).await.is_err() {
            tracing::warn!("some calls of agents did not end in time and were dropped");
        }
    }
}

impl Drop for GatewayServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket that nobody serves any more is replaced: who has the data folder has it alone.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    // A runner of another user is let in by the group of the folder, and needs the token in any case.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn accept_local(desk: &Arc<Desk>, listener: &UnixListener, stop: &CancellationToken) {
    let places = Arc::new(Semaphore::new(desk.settings.connections_max));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connected(desk, stream, &places, stop),
            Err(error) => refused(&error).await,
        }
    }
}

/// Has places of its own: whoever floods the port does not keep the runner of this machine out.
async fn accept_network(desk: &Arc<Desk>, listener: &TcpListener, stop: &CancellationToken) {
    let places = Arc::new(Semaphore::new(desk.settings.connections_max));
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.set_nodelay(true).is_ok() => connected(desk, stream, &places, stop),
            Ok(_) => {}
            Err(error) => refused(&error).await,
        }
    }
}

async fn refused(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection of a runner or an agent");
    sleep(ACCEPT_PAUSE).await;
}

/// Serves a connection in the background, if there is a place.
fn connected<S>(desk: &Arc<Desk>, stream: S, places: &Arc<Semaphore>, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        desk.metrics.count("bridge_gateway_refusals_total", &[("code", "busy")]);
        return;
    };
    let (desk, stop) = (Arc::clone(desk), stop.clone());
    desk.clone().running.spawn(async move {
        let _place = place;
        serve(&desk, stream, &stop).await;
    });
}

async fn serve<S>(desk: &Arc<Desk>, stream: S, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let owed = Arc::new(Owed::default());
    let line = Line::new(stream, Arc::clone(&owed), desk.settings.write_limit);
    let service = service_fn(|request| {
        let (desk, owed) = (Arc::clone(desk), Arc::clone(&owed));
        async move { Ok::<_, std::convert::Infallible>(answer(&desk, &owed, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(desk.settings.idle_limit)
        .max_buf_size(HEAD_LEN_MAX)
        .serve_connection(TokioIo::new(line), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = &mut connection => told(ended),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            told(connection.await);
        }
    }
}

fn told(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of a runner or an agent broke off");
    }
}

async fn answer(desk: &Arc<Desk>, owed: &Owed, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let answered = route(desk, owed, &head, body).await;
    answered.unwrap_or_else(|refusal| {
        desk.metrics.count("bridge_gateway_refusals_total", &[("code", refusal.code())]);
        tracing::debug!(path = head.uri.path(), %refusal, "a runner or an agent was refused");
        refusal.response()
    })
}

async fn route(
    desk: &Arc<Desk>,
    owed: &Owed,
    head: &request::Parts,
    body: Incoming,
) -> Result<Answer, Refusal> {
    let of_runner = || desk.tokens.check_runner(bearer(head)?);
    let of_attempt = || desk.tokens.attempt(bearer(head)?, desk.now());
    match (&head.method, head.uri.path()) {
        (&Method::POST, path::LEASE) => {
            of_runner()?;
            runner::lease(desk, owed, read(desk, head, body).await?).await
        }
        (&Method::POST, path::KEEP) => {
            of_runner()?;
            runner::keep(desk, read(desk, head, body).await?).await
        }
        (&Method::POST, path::RETURN) => {
            of_runner()?;
            runner::give_back(desk, read(desk, head, body).await?).await
        }
        (&Method::GET, path::TASK) => attempt::task(desk, &of_attempt()?).await,
        (&Method::POST, path::EVENTS) => {
            let of = of_attempt()?;
            attempt::event(desk, &of, read(desk, head, body).await?).await
        }
        (&Method::POST, path::CHAT) => {
            let of = of_attempt()?;
            chat::chat(desk, of, read(desk, head, body).await?).await
        }
        (&Method::POST, path::TOOL) => {
            let of = of_attempt()?;
            tool::call(desk, of, read(desk, head, body).await?).await
        }
        (&Method::PUT, path::RESULT) => {
            let of = of_attempt()?;
            attempt::result(desk, &of, read(desk, head, body).await?).await
        }
        _ => Err(Refusal::NotFound),
    }
}

/// The token of a request.
fn bearer(head: &request::Parts) -> Result<&str, TokenError> {
    let value = head.headers.get(AUTHORIZATION).ok_or(TokenError::Missing)?;
    let text = value.to_str().map_err(|_| TokenError::Wrong)?;
    text.strip_prefix("Bearer ").ok_or(TokenError::Missing)
}

/// The message of a request, if it is short enough and comes in time.
async fn read<T: Wire>(desk: &Desk, head: &request::Parts, body: Incoming) -> Result<T, Refusal> {
    let too_large = || Refusal::TooLarge { max: T::LEN_MAX };
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|len| len > T::LEN_MAX) {
        return Err(too_large());
    }
    let body = timeout(desk.settings.read_limit, Limited::new(body, T::LEN_MAX).collect()).await;
    let body = body.map_err(|_| Refusal::BrokenOff)?;
    let body =
        body.map_err(|error| if error.is::<LengthLimitError>() { too_large() } else { Refusal::BrokenOff })?;
    decode(&body.to_bytes()).map_err(Refusal::from)
}
