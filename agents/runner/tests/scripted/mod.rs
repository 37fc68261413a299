//! A bridge with a script: hands out what the test queues, and remembers what it was told.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use helix_contract::api::{
    AssignmentV1, GaveBackV1, KeepAnswerV1, KeepRequestV1, LeaseRequestV1, ReturnRequestV1, TaskAttempt, path,
};
use helix_contract::{TaskResultV1, V1, Wire, decode, encode};
use helix_runner::{Bridge, Dialer};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) const RUNNER_TOKEN: &str = "the-runners-token";

/// What the bridge was told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) queue: VecDeque<AssignmentV1>,
    pub(crate) stop: BTreeSet<TaskAttempt>,
    pub(crate) leased: Vec<TaskAttempt>,
    pub(crate) kept: Vec<Vec<TaskAttempt>>,
    pub(crate) returned: Vec<ReturnRequestV1>,
    pub(crate) results: Vec<TaskResultV1>,
    /// What was asked in the name of a task, with its token.
    pub(crate) asked: Vec<(String, String)>,
    given: Vec<AssignmentV1>,
}

#[derive(Clone)]
struct Shared(Arc<watch::Sender<Heard>>);

/// A scripted bridge on a Unix socket. Ends with its value.
pub(crate) struct ScriptedBridge {
    folder: tempfile::TempDir,
    shared: Shared,
    server: Mutex<JoinSet<()>>,
}

impl ScriptedBridge {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), RUNNER_TOKEN).expect("a token");
        let (sender, _) = watch::channel(Heard::default());
        let bridge = Self { folder, shared: Shared(Arc::new(sender)), server: Mutex::default() };
        bridge.comes_back();
        bridge
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("bridge.sock")
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    pub(crate) fn bridge(&self) -> Bridge {
        let dialer = Dialer::new(self.address().parse().expect("an address"), None).expect("no TLS");
        Bridge::new(dialer, self.token_file(), "kitchen".parse().expect("a name"))
    }

    /// Breaks every connection and answers nobody.
    pub(crate) async fn goes_away(&self) {
        let mut server = std::mem::take(&mut *self.server.lock().expect("not poisoned"));
        server.shutdown().await;
        std::fs::remove_file(self.socket()).expect("the socket was there");
    }

    /// Answers there too, until it goes away; the port.
    pub(crate) async fn listens_at(&self, host: &str) -> u16 {
        let listener = TcpListener::bind((host, 0)).await.expect("an address of this machine");
        let port = listener.local_addr().expect("a port").port();
        let app = self.app();
        self.server.lock().expect("not poisoned").spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        port
    }

    /// As if a runner had leased it.
    pub(crate) fn gives(&self, assignment: &AssignmentV1) {
        self.shared.0.send_modify(|heard| heard.given.push(assignment.clone()));
    }

    fn app(&self) -> axum::Router {
        axum::Router::new()
            .route(path::LEASE, post(lease))
            .route(path::KEEP, post(keep))
            .route(path::RETURN, post(give_back))
            .route(path::TASK, get(task))
            .route(path::RESULT, put(result))
            .fallback(other)
            .with_state(self.shared.clone())
    }

    pub(crate) fn comes_back(&self) {
        let listener = UnixListener::bind(self.socket()).expect("a socket");
        let app = self.app();
        self.server.lock().expect("not poisoned").spawn(async move {
            // Each connection in a set of its own, so that they break with the server.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = hyper_util::service::TowerToHyperService::new(app.clone());
                connections.spawn(async move {
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
    }

    pub(crate) fn queues(&self, assignment: AssignmentV1) {
        self.shared.0.send_modify(|heard| heard.queue.push_back(assignment));
    }

    pub(crate) fn stops(&self, of: TaskAttempt) {
        self.shared.0.send_modify(|heard| {
            heard.stop.insert(of);
        });
    }

    pub(crate) fn heard<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.shared.0.borrow())
    }

    /// Waits until what was heard is so.
    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&Heard) -> bool) {
        let mut heard = self.shared.0.subscribe();
        let waited = tokio::time::timeout(Duration::from_mins(1), heard.wait_for(|heard| so(heard))).await;
        assert!(waited.is_ok(), "not within a minute: {what}; heard {:?}", self.shared.0.borrow());
    }
}

fn said<T: Wire>(message: &T) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], encode(message).expect("a message"))
        .into_response()
}

fn bearer(headers: &HeaderMap) -> &str {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default()
}

async fn lease(State(Shared(shared)): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if bearer(&headers) != RUNNER_TOKEN {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let request: LeaseRequestV1 = decode(&body).expect("a request for a task");
    let mut changes = shared.subscribe();
    let wait = Duration::from_millis(request.wait_ms.into());
    let waited = tokio::time::timeout(wait, changes.wait_for(|heard| !heard.queue.is_empty())).await.is_ok();
    let mut next = None;
    if waited {
        shared.send_modify(|heard| {
            next = heard.queue.pop_front();
            if let Some(assignment) = &next {
                heard.leased.push(of(assignment));
                heard.given.push(assignment.clone());
            }
        });
    }
    next.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |assignment| said(&assignment))
}

async fn keep(State(Shared(shared)): State<Shared>, body: Bytes) -> Response {
    let request: KeepRequestV1 = decode(&body).expect("a request to keep");
    let mut answer = KeepAnswerV1::default();
    shared.send_modify(|heard| {
        answer.stop = request.tasks.iter().filter(|of| heard.stop.contains(of)).cloned().collect();
        heard.kept.push(request.tasks);
    });
    said(&answer)
}

async fn give_back(State(Shared(shared)): State<Shared>, body: Bytes) -> Response {
    let request: ReturnRequestV1 = decode(&body).expect("a task given back");
    shared.send_modify(|heard| heard.returned.push(request));
    said(&GaveBackV1 { version: V1, again: true })
}

async fn task(State(Shared(shared)): State<Shared>, headers: HeaderMap) -> Response {
    let token = bearer(&headers).to_owned();
    shared.send_modify(|heard| heard.asked.push((path::TASK.to_owned(), token.clone())));
    let given = shared.borrow().given.iter().find(|a| a.token.as_deref() == Some(&token)).cloned();
    given.map_or_else(
        || StatusCode::UNAUTHORIZED.into_response(),
        |assignment| said(&AssignmentV1 { token: None, ..assignment }),
    )
}

async fn result(State(Shared(shared)): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let token = bearer(&headers).to_owned();
    let Ok(result) = decode::<TaskResultV1>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    shared.send_modify(|heard| {
        heard.asked.push((path::RESULT.to_owned(), token));
        heard.results.push(result);
    });
    StatusCode::NO_CONTENT.into_response()
}

async fn other(State(Shared(shared)): State<Shared>, headers: HeaderMap, uri: axum::http::Uri) -> Response {
    let token = bearer(&headers).to_owned();
    shared.send_modify(|heard| heard.asked.push((uri.path().to_owned(), token)));
    StatusCode::NO_CONTENT.into_response()
}

pub(crate) fn of(assignment: &AssignmentV1) -> TaskAttempt {
    TaskAttempt { task: assignment.spec.id.clone(), attempt: assignment.attempt }
}

/// An assignment whose token is `token`; two of the same token are of two tasks.
pub(crate) fn assignment(number: u64, token: &str) -> AssignmentV1 {
    // Tests share a machine: each has tasks of its own.
    let own = format!("{} {:?}", std::process::id(), std::thread::current().name());
    let id = helix_contract::TaskId::derive(&[&own, &number.to_string(), token]);
    let definition = serde_json::json!({
        "version": 1, "name": "research", "description": "Looks things up.",
        "prompt": "You look things up.",
    });
    let text = serde_json::json!({
        "version": 1,
        "spec": {
            "version": 1, "id": id, "agent": {"name": "research", "definition": format!("sha256:{}", "0".repeat(64))},
            "instruction": "look it up", "language": "en",
            "limits": {"deadline": "2200-01-01T00:00:00Z", "attempts": 3, "tokens": 1, "money_micros": 0, "tool_calls": 1},
        },
        "attempt": 1, "definition": definition, "time_zone": "Europe/Berlin", "until": "2200-01-01T00:00:00Z",
        "token": token,
    });
    decode(text.to_string().as_bytes()).expect("an assignment")
}
