//! The server: a request below the secret path in, lines of JSON out; everything else is refused in few words.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use helix_core::Calendar;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Answers;
use super::chat::{self, Asked, ChatError, is_model};
use super::door::Door;
use super::peers::Peers;
use super::secret::SecretPath;
use super::words::Words;
use crate::clock::{SystemCalendar, SystemClock};
use crate::metrics::Metrics;

/// How long clients may take to read that the server is being stopped.
const FAREWELL: Duration = Duration::from_millis(500);

/// Bounds of a [`Server`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Connections at once, one request each.
    pub connections_max: usize,
    /// Sentences answered at once.
    pub runs_max: usize,
    /// The longest request, bytes. Home Assistant may send the description of some hundred tools.
    pub body_len_max: usize,
    /// How long a request may take to come in.
    pub read_limit: Duration,
    /// How long an answer may take: longer than through Wyoming, because people are told to wait.
    pub respond_limit: Duration,
    /// How long a connection may last.
    pub stay_limit: Duration,
    /// How long open runs may go on once the server is being stopped.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 32,
            runs_max: 8,
            body_len_max: 1 << 20,
            read_limit: Duration::from_secs(5),
            respond_limit: Duration::from_secs(25),
            stay_limit: Duration::from_secs(40),
            grace: Duration::from_secs(2),
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error(
    "the second agent cannot listen on {address}: {source}; set another address or port with `second_agent_listen`"
)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// A bound server; [`Server::run`] serves.
pub struct Server<A> {
    listener: TcpListener,
    address: SocketAddr,
    answers: Arc<A>,
    secret: SecretPath,
    peers: Peers,
    settings: Settings,
    metrics: Metrics,
}

impl<A: Answers> Server<A> {
    /// Takes the port.
    ///
    /// # Errors
    /// It is taken, or the address is not one of this machine.
    pub async fn bind(
        address: SocketAddr,
        answers: Arc<A>,
        (secret, peers): (SecretPath, Peers),
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, answers, secret, peers, settings, metrics })
    }

    /// The address that is listened on; tells the port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled. Open runs have [`Settings::grace`] to be answered and are told
    /// [`Answers::stopping_text`] after it.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, address: _, answers, secret, peers, settings, metrics } = self;
        let ending = CancellationToken::new();
        let door = Door {
            listener,
            peers,
            places: Arc::new(Semaphore::new(settings.connections_max)),
            stay_limit: settings.stay_limit,
            clock: SystemClock::start(),
            metrics: metrics.clone(),
            named: None,
        };
        let runs = Arc::new(Semaphore::new(settings.runs_max));
        let desk = Desk { answers, secret, settings, metrics, runs, ending: ending.clone() };
        let router = Router::new().fallback(serve::<A>).with_state(Arc::new(desk));
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(door, router).with_graceful_shutdown(stopped).into_future();
        let farewell = async {
            stop.cancelled().await;
            sleep(settings.grace).await;
            ending.cancel();
            sleep(FAREWELL).await;
        };
        tokio::select! {
            served = serving => if let Err(error) = served {
                tracing::error!(%error, "the second agent ended; restart Helix");
            },
            () = farewell => {}
        }
    }
}

impl<A> std::fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What all requests share.
struct Desk<A> {
    answers: Arc<A>,
    secret: SecretPath,
    settings: Settings,
    metrics: Metrics,
    runs: Arc<Semaphore>,
    /// The grace period is over: open runs are ended.
    ending: CancellationToken,
}

/// Why a request is not served. Nothing of the request is repeated: the texts stand in Home Assistant's log.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("not found")]
    NotFound,
    #[error("the request is too long, or it broke off")]
    TooLong,
    #[error("the request came too slowly")]
    TooSlow,
    #[error(transparent)]
    Chat(#[from] ChatError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::Chat(ChatError::NoSuchModel) => StatusCode::NOT_FOUND,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Chat(ChatError::Shape | ChatError::NobodySpoke | ChatError::TooMany) => {
                StatusCode::BAD_REQUEST
            }
            Self::Chat(ChatError::NoMark) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "path",
            Self::TooLong => "length",
            Self::TooSlow => "slow",
            Self::Chat(_) => "content",
        }
    }
}

async fn serve<A: Answers>(State(desk): State<Arc<Desk<A>>>, request: Request) -> Response {
    let served = route(&desk, request).await;
    let mut response = served.unwrap_or_else(|refusal| {
        desk.metrics.count("bridge_agent_refusals_total", &[("code", refusal.code())]);
        (refusal.status(), Json(json!({"error": refusal.to_string()}))).into_response()
    });
    // One request for each connection: so the time that a connection may last bounds everything.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn route<A: Answers>(desk: &Arc<Desk<A>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/'));
    let (_, path) = path.filter(|(secret, _)| desk.secret.is(secret)).ok_or(Refusal::NotFound)?;
    match (&head.method, path) {
        (&Method::GET | &Method::HEAD, "api/tags") => Ok(Json(chat::models()).into_response()),
        (&Method::GET | &Method::HEAD, "api/version") => {
            Ok(Json(json!({"version": env!("CARGO_PKG_VERSION")})).into_response())
        }
        (&Method::POST, "api/show") => {
            let named: Named = serde_json::from_slice(&read(desk, &head.headers, body).await?)
                .map_err(|_| ChatError::Shape)?;
            let is_ours = named.model.or(named.name).is_some_and(|name| is_model(&name));
            if is_ours { Ok(Json(chat::model()).into_response()) } else { Err(ChatError::NoSuchModel.into()) }
        }
        (&Method::POST, "api/chat") => {
            let asked = chat::read(&read(desk, &head.headers, body).await?)?;
            Ok(answer(desk, asked).await)
        }
        _ => Err(Refusal::NotFound),
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

/// The body of a request, if it is short enough and comes in time.
async fn read<A>(desk: &Desk<A>, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let len_max = desk.settings.body_len_max;
    let announced = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|len| len > len_max) {
        return Err(Refusal::TooLong);
    }
    let body = timeout(desk.settings.read_limit, to_bytes(body, len_max)).await;
    body.map_err(|_| Refusal::TooSlow)?.map_err(|_| Refusal::TooLong)
}

async fn answer<A: Answers>(desk: &Arc<Desk<A>>, asked: Asked) -> Response {
    let Asked { conversation, stream, .. } = asked.clone();
    let place = Arc::clone(&desk.runs).try_acquire_owned().ok();
    let (words, said) = Words::new();
    let run = Box::pin(in_time(Arc::clone(desk), asked, place, words));
    if !stream {
        let words = run.await;
        return Json(chat::whole(&words, &conversation, SystemCalendar.now())).into_response();
    }
    let body = Body::from_stream(said.before(run, conversation));
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

/// The answer to a sentence, or why there is none; always in time.
async fn in_time<A: Answers>(
    desk: Arc<Desk<A>>,
    asked: Asked,
    place: Option<OwnedSemaphorePermit>,
    words: Words,
) -> String {
    let (language, answers) = (asked.language.clone(), &desk.answers);
    let Some(_place) = place else {
        desk.metrics.count("bridge_agent_refusals_total", &[("code", "busy")]);
        return answers.busy_text(language.as_ref());
    };
    tokio::select! {
        biased;
        answered = timeout(desk.settings.respond_limit, answers.answer(asked, &words)) => {
            answered.unwrap_or_else(|_| {
                tracing::warn!(code = "respond-timeout", "a sentence was not answered in time");
                answers.rescue_text(language.as_ref())
            })
        }
        () = desk.ending.cancelled() => answers.stopping_text(language.as_ref()),
    }
}
