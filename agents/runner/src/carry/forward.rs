//! Between an agent and the bridge: HTTP requests from an agent's stdout in, answers on its stdin out.
//!
//! The agent has one line for its whole life. Each request is read whole, within limits, and handed on over a connection
//! that is dialled anew when it broke: a bridge that is away is an answer to the agent, 503, and no end of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use helix_contract::api::{RefusalV1, path};
use helix_contract::{TaskResultV1, V1, Wire as _, encode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::backend::AgentStream;
use crate::bridge::Channel;
use crate::clock;

/// The longest request: a result.
const REQUEST_LEN_MAX: usize = TaskResultV1::LEN_MAX + 64 * 1024;
/// What an agent may say in its life, bytes: 64 results.
const SAID_MAX: u64 = 64 * 1024 * 1024;
/// Requests that an agent may ask without a pause, and how long it waits for each further one.
const BURST: u32 = 100;
const PACE: Duration = Duration::from_millis(20);
/// The longest that a model may think about one answer; the task's deadline mostly comes first.
const ANSWER: Duration = Duration::from_mins(15);
/// When an agent asks again if the bridge is away, seconds.
const RETRY_AFTER: &str = "1";

/// Whether the bridge has heard the result, or wants no more of this attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<AtomicBool>);

impl Told {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why a line is no longer served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent closed it, or said what is no HTTP.
    Over,
    /// The agent said more than it may.
    TooMuch,
}

/// An agent's line to the bridge.
#[derive(Debug)]
pub(crate) struct Line {
    stream: AgentStream,
    token: String,
    exchange: Exchange,
}

#[derive(Debug)]
struct Exchange {
    channel: Mutex<Channel>,
    told: Told,
    said: AtomicU64,
    pace: Mutex<Pace>,
}

/// A bucket of requests that fills as time passes.
#[derive(Debug)]
struct Pace {
    /// When the bucket will be full.
    full_at: Instant,
}

impl Pace {
    /// When the next request may go.
    fn next(&mut self, now: Instant) -> Instant {
        self.full_at = self.full_at.max(now) + PACE;
        self.full_at.checked_sub(PACE * BURST).map_or(now, |at| at.max(now))
    }
}

impl Line {
    pub(crate) fn new(stream: AgentStream, token: &str, channel: Channel) -> Self {
        let pace = Mutex::new(Pace { full_at: clock::now() });
        let exchange =
            Exchange { channel: Mutex::new(channel), told: Told::default(), said: AtomicU64::new(0), pace };
        Self { stream, token: token.to_owned(), exchange }
    }

    pub(crate) fn told(&self) -> Told {
        self.exchange.told.clone()
    }

    /// Gives the agent its token and serves it until it says no more.
    pub(crate) async fn serve(mut self) -> Verdict {
        let line = format!("{}\n", self.token);
        let began = async {
            self.stream.stdin.write_all(line.as_bytes()).await?;
            self.stream.stdin.flush().await
        };
        if let Err(error) = began.await {
            tracing::debug!(%error, "an agent does not read its token");
            return Verdict::Over;
        }
        let exchange = &self.exchange;
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(exchange.answer(request).await) });
        let io = TokioIo::new(tokio::io::join(self.stream.stdout, self.stream.stdin));
        let served =
            hyper::server::conn::http1::Builder::new().max_buf_size(64 * 1024).serve_connection(io, service);
        if let Err(error) = served.await {
            tracing::debug!(%error, "an agent's line ended");
        }
        if exchange.said.load(Ordering::Relaxed) > SAID_MAX { Verdict::TooMuch } else { Verdict::Over }
    }
}

impl Exchange {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let wait_until = self.pace.lock().await.next(clock::now());
        sleep_until(wait_until).await;
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, REQUEST_LEN_MAX).collect().await else {
            self.said.fetch_add(REQUEST_LEN_MAX as u64, Ordering::Relaxed);
            return last(refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "runner-too-large",
                "the request is too large",
            ));
        };
        let body = body.to_bytes();
        let said = self.said.fetch_add(body.len() as u64, Ordering::Relaxed) + body.len() as u64;
        if said > SAID_MAX {
            return last(refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "runner-too-much",
                "the agent said too much",
            ));
        }
        let is_result = head.method == Method::PUT && head.uri.path() == path::RESULT;
        let answer = self.hand_on(&head, body).await;
        if answer.status() == StatusCode::GONE || (is_result && answer.status().is_success()) {
            self.told.set();
        }
        answer
    }

    async fn hand_on(&self, head: &hyper::http::request::Parts, body: Bytes) -> Response<Full<Bytes>> {
        let mut channel = self.channel.lock().await;
        let mut request = Request::builder()
            .method(head.method.clone())
            .uri(head.uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, channel.host());
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
            if let Some(value) = head.headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let Ok(request) = request.body(Full::new(body)) else {
            return last(refusal(StatusCode::BAD_REQUEST, "runner-request", "this is no request"));
        };
        match channel.send(request, ANSWER).await {
            Ok(answer) => handed_back(answer),
            Err(error) => {
                tracing::debug!(%error, "an agent's request did not reach the bridge");
                let mut away = refusal(StatusCode::SERVICE_UNAVAILABLE, error.code(), "the bridge is away");
                away.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
                away
            }
        }
    }
}

/// The bridge's answer without what belonged to its connection.
fn handed_back(answer: Response<Bytes>) -> Response<Full<Bytes>> {
    let (head, body) = answer.into_parts();
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = head.status;
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER, header::DATE] {
        if let Some(value) = head.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let refusal = RefusalV1 { version: V1, code: code.to_owned(), message: message.to_owned() };
    let mut answer = Response::new(Full::new(Bytes::from(encode(&refusal).unwrap_or_default())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// An answer after which the line is closed.
fn last(mut answer: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_may_ask_in_a_burst_and_then_at_a_steady_pace() {
        let start = clock::now();
        let mut pace = Pace { full_at: start };
        for _ in 0..BURST {
            assert_eq!(pace.next(start), start);
        }
        assert_eq!(pace.next(start), start + PACE);
        assert_eq!(pace.next(start), start + 2 * PACE);
        let later = start + Duration::from_mins(1);
        assert_eq!(pace.next(later), later);
    }
}
