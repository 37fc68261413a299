//! The bridge as an agent sees it: a request in, a message of the contract or the reason why there is none out. What is
//! read has a limit, and so has every wait.

use std::io;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use helix_contract::api::RefusalV1;
use helix_contract::{Wire, WireError, decode, encode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::pipe::Pipe;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the first answer may take, when no deadline is known yet.
const FIRST: Duration = Duration::from_secs(30);
/// How long after the deadline the bridge may still say something.
const GRACE: Duration = Duration::from_secs(10);
/// Before a request is repeated: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How often an answer that tells of a broken bridge is not believed.
const BROKEN_MAX: u32 = 3;
/// The longest that is waited because the bridge says so; it may say so again.
const LATER_MAX: Duration = Duration::from_mins(1);
/// What the bridge does not expect back before is not to be had: nobody has set it up.
const FOR_LONG: Duration = LATER_MAX;
/// How long what is away is waited for, unless a task can do without.
const PATIENCE: Duration = Duration::from_mins(5);
/// Heads of answers, bytes.
const HEAD_LEN_MAX: usize = 64 * 1024;

/// Where the bridge is.
pub(crate) enum Way {
    /// At the other end of standard input and output; there is no second connection.
    Pipe(Option<Pipe>),
    /// At `host:port`.
    Address(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The task has ended, or is somebody else's.
    #[error("the task has ended")]
    Over,
    /// The connection broke, and there is no other.
    #[error("the bridge cannot be reached: {0}")]
    Lost(String),
    /// The token is wrong, or has run out.
    #[error("the bridge refuses the token")]
    Token,
    /// The bridge says no.
    #[error("the bridge refuses ({status}, {code})")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its code.
        code: String,
        /// What it says.
        message: String,
    },
    /// What is asked of the bridge is not to be had, within the deadline or at all.
    #[error("the bridge has no answer ({status}, {code})")]
    Unavailable {
        /// The last status.
        status: StatusCode,
        /// Its code.
        code: String,
    },
    /// The answer is no message of the contract.
    #[error("the answer of the bridge cannot be read: {0}")]
    Unreadable(String),
    /// This side may not send that.
    #[error("this cannot be told: {0}")]
    Unsendable(WireError),
    /// The deadline passed without an answer.
    #[error("the bridge does not answer")]
    Silent,
}

/// The bridge.
pub(crate) struct Bridge {
    way: Way,
    token: String,
    link: Option<Link>,
    pub(crate) clock: Clock,
    deadline: Option<Timestamp>,
    patience: Duration,
}

struct Link {
    requests: SendRequest<Full<Bytes>>,
    _connection: JoinSet<()>,
}

/// An answer, whole.
struct Answer {
    status: StatusCode,
    /// When it asks to be asked again.
    later: Option<Duration>,
    body: Bytes,
}

impl Bridge {
    pub(crate) fn new(way: Way, token: String, clock: Clock) -> Self {
        Self { way, token, link: None, clock, deadline: None, patience: PATIENCE }
    }

    /// From now on with this token.
    pub(crate) fn show(&mut self, token: String) {
        self.token = token;
    }

    /// Nothing is waited for much longer than until `deadline`.
    pub(crate) fn until(&mut self, deadline: Timestamp) {
        self.deadline = Some(deadline);
    }

    /// What is away is waited for only that long.
    pub(crate) fn wait_at_most(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Asks for `path`; nothing if the bridge has nothing to say (204).
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn ask<T: Wire>(&mut self, path: &str) -> Result<Option<T>, CallError> {
        let answer = self.call(Method::GET, path, Bytes::new(), T::LEN_MAX).await?;
        read(&answer)
    }

    /// Tells `message`, and has its answer; nothing if the bridge has nothing to say (204).
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn post<Q: Wire, T: Wire>(
        &mut self,
        path: &str,
        message: &Q,
    ) -> Result<Option<T>, CallError> {
        let body = encode(message).map_err(CallError::Unsendable)?;
        let answer = self.call(Method::POST, path, body.into(), T::LEN_MAX).await?;
        read(&answer)
    }

    /// Tells `message`.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn tell(
        &mut self,
        method: Method,
        path: &str,
        message: &impl Wire,
    ) -> Result<(), CallError> {
        let body = encode(message).map_err(CallError::Unsendable)?;
        self.call(method, path, body.into(), RefusalV1::LEN_MAX).await.map(drop)
    }

    /// One request until it has an answer: whoever loses one asks again.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        max: usize,
    ) -> Result<Answer, CallError> {
        let limit = self.deadline.map_or(FIRST, |deadline| self.clock.until(deadline)) + GRACE;
        let begun = self.clock.elapsed();
        let (mut pause, mut broken) = (PAUSE.0, 0);
        loop {
            let waited = self.clock.elapsed().saturating_sub(begun);
            let left = limit.saturating_sub(waited);
            let once = self.once(method.clone(), path, body.clone(), max);
            let answer = match timeout(left, once).await.map_err(|_| CallError::Silent)? {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => Some(answer),
                Err(CallError::Lost(_)) if matches!(self.way, Way::Address(_)) && left > pause => None,
                Err(error) => return Err(error),
            };
            let later = match answer {
                Some(answer) => {
                    broken += u32::from(answer.is_broken());
                    let patience = self.patience.min(limit).saturating_sub(waited);
                    let is_enough = broken >= BROKEN_MAX || left < pause;
                    answer.when(is_enough, left, patience)?
                }
                None => Duration::ZERO,
            };
            sleep(later.max(pause)).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn once(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        max: usize,
    ) -> Result<Answer, CallError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.way.host())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| CallError::Unreadable(error.to_string()))?;
        let mut link = match self.link.take() {
            Some(link) if link.requests.is_ready() => link,
            Some(_) | None => self.way.connect().await.map_err(|error| CallError::Lost(error.to_string()))?,
        };
        link.requests.ready().await.map_err(|error| CallError::Lost(error.to_string()))?;
        let response = link.requests.send_request(request).await.map_err(|error| lost(&error))?;
        if let Some(now) = date(response.headers()) {
            self.clock.set(now);
        }
        let answer = whole(response, max).await?;
        self.link = Some(link);
        Ok(answer)
    }
}

impl Way {
    fn host(&self) -> &str {
        match self {
            Self::Pipe(_) => "bridge",
            Self::Address(address) => address,
        }
    }

    async fn connect(&mut self) -> io::Result<Link> {
        match self {
            Self::Pipe(pipe) => {
                let pipe = pipe.take().ok_or(io::ErrorKind::ConnectionAborted)?;
                handshake(pipe).await
            }
            Self::Address(address) => {
                // Resolved here: the runtime would start a thread for it.
                let addresses: Vec<_> = address.to_socket_addrs()?.collect();
                let stream = timeout(CONNECT, TcpStream::connect(addresses.as_slice())).await??;
                stream.set_nodelay(true)?;
                handshake(stream).await
            }
        }
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Link> {
    let connection = http1::Builder::new().max_buf_size(HEAD_LEN_MAX).handshake(TokioIo::new(stream)).await;
    let (requests, connection) = connection.map_err(io::Error::other)?;
    let mut tasks = JoinSet::new();
    // What breaks it, the request that is under way is told.
    tasks.spawn(async move { drop(connection.await) });
    Ok(Link { requests, _connection: tasks })
}

async fn whole(response: Response<Incoming>, max: usize) -> Result<Answer, CallError> {
    let (head, body) = response.into_parts();
    let max = max.max(RefusalV1::LEN_MAX);
    let body =
        Limited::new(body, max).collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => lost(&error),
            Err(_) => CallError::Unreadable(format!("it has more than {max} bytes")),
        })?;
    let later = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let later = later.map(|seconds| Duration::from_secs(seconds).min(LATER_MAX));
    Ok(Answer { status: head.status, later, body: body.to_bytes() })
}

fn lost(error: &hyper::Error) -> CallError {
    if error.is_parse() {
        CallError::Unreadable(error.to_string())
    } else {
        CallError::Lost(error.to_string())
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|date| date.timestamp())
}

fn read<T: Wire>(answer: &Answer) -> Result<Option<T>, CallError> {
    if answer.status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    decode(&answer.body).map(Some).map_err(|error| CallError::Unreadable(error.to_string()))
}

impl Answer {
    /// When to ask again after an answer that is none.
    ///
    /// # Errors
    /// Never, and why.
    fn when(&self, is_enough: bool, left: Duration, patience: Duration) -> Result<Duration, CallError> {
        let (code, message) = self.refusal();
        let status = self.status;
        let later = self.later.unwrap_or_default();
        let within = match status {
            StatusCode::GONE => return Err(CallError::Over),
            StatusCode::UNAUTHORIZED => return Err(CallError::Token),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => left,
            StatusCode::SERVICE_UNAVAILABLE if later >= FOR_LONG => Duration::ZERO,
            StatusCode::SERVICE_UNAVAILABLE => left.min(patience),
            status if status.is_server_error() => left,
            _ => return Err(CallError::Refused { status, code, message }),
        };
        if !is_enough && later < within {
            Ok(later)
        } else if is_garbled(&code) {
            Err(CallError::Refused { status, code, message })
        } else {
            Err(CallError::Unavailable { status, code })
        }
    }

    /// Whether it does not say when to come again, or will hardly be better then.
    fn is_broken(&self) -> bool {
        self.later.is_none() || is_garbled(&self.refusal().0)
    }

    fn refusal(&self) -> (String, String) {
        decode::<RefusalV1>(&self.body).map_or_else(
            |_| ("no-reason".to_owned(), String::new()),
            |refusal| (refusal.code, refusal.message),
        )
    }
}

/// The model said what was not asked for.
fn is_garbled(code: &str) -> bool {
    ["llm-nonsense", "llm-too-long"].contains(&code)
}
