//! A gateway that runs over a database in a folder of its own, with a clock that can be set.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use helix::gateway::{Gateway, GatewayServer, Listen, Minds, Parts, SOCKET_NAME, Settings};
use helix::metrics::Metrics;
use helix::store::Store;
use helix::tasks::{Origin, TaskBook};
use helix_contract::api::{AssignmentV1, TaskAttempt};
use helix_contract::{
    AgentRef, Attempt, Class, Limits, ModelRole, Outcome, Place, Scope, TaskId, TaskResultV1, TaskSpecV1,
    Usage, V1,
};
use helix_core::Calendar;
use jiff::{SignedDuration, Timestamp};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::Client;
use crate::parts::{Berlin, Mind, Shelf, definition};

/// The machine's clock, set so many seconds ahead.
#[derive(Debug, Default)]
pub(crate) struct Hands(AtomicI64);

impl Calendar for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A running gateway. Dropped, it ends as in a crash.
pub(crate) struct House {
    pub(crate) folder: PathBuf,
    pub(crate) clock: Arc<Hands>,
    pub(crate) gateway: Gateway,
    pub(crate) book: TaskBook,
    pub(crate) mind: Arc<Mind>,
    pub(crate) cloud: Arc<Mind>,
    pub(crate) shelf: Arc<Shelf>,
    store: Store,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    running: TaskTracker,
}

impl House {
    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, Settings::default()).await
    }

    pub(crate) async fn with(name: &str, settings: Settings) -> Self {
        let folder = std::env::temp_dir().join(format!("helix-gateway-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self::open(folder, Arc::default(), settings).await
    }

    async fn open(folder: PathBuf, clock: Arc<Hands>, settings: Settings) -> Self {
        let store = Store::open(&folder, clock.clone()).await.unwrap();
        let book = TaskBook::in_store(store.clone());
        let (mind, cloud, shelf) = <(Arc<Mind>, Arc<Mind>, Arc<Shelf>)>::default();
        let parts = Parts {
            book: book.clone(),
            definitions: Arc::new(Berlin),
            home: Arc::new(Berlin),
            minds: Minds { router: mind.clone(), local: mind.clone(), cloud: cloud.clone() },
            tools: shelf.clone(),
            calendar: clock.clone(),
        };
        let listen = Listen {
            data_dir: folder.clone(),
            address: Some(([127, 0, 0, 1], 0).into()),
            runner_token: None,
        };
        let server = GatewayServer::bind(&listen, parts, settings, Metrics::default()).await.unwrap();
        let (gateway, address) = (server.gateway(), server.address().unwrap());
        let (stop, running) = (CancellationToken::new(), TaskTracker::new());
        running.spawn(server.run(stop.clone()));
        running.close();
        Self { folder, clock, gateway, book, mind, cloud, shelf, store, address, stop, running }
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            book: self.book.clone(),
            definitions: Arc::new(Berlin),
            home: Arc::new(Berlin),
            minds: Minds { router: self.mind.clone(), local: self.mind.clone(), cloud: self.cloud.clone() },
            tools: self.shelf.clone(),
            calendar: self.clock.clone(),
        }
    }

    pub(crate) fn listen(&self) -> Listen {
        Listen { data_dir: self.folder.clone(), address: Some(self.address), runner_token: None }
    }

    /// Stops the gateway and starts it again on what it has written down.
    pub(crate) async fn again(self) -> Self {
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        self.stop().await;
        Self::open(folder, clock, Settings::default()).await
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(10), self.running.wait()).await.expect("it ends");
        self.store.close().await;
    }

    /// So many seconds later, by the clock.
    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn unix(&self, token: &str) -> Client {
        Client::new(UnixStream::connect(self.folder.join(SOCKET_NAME)).await.unwrap(), token)
    }

    pub(crate) async fn tcp(&self, token: &str) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap(), token)
    }

    pub(crate) fn runner_token(&self) -> String {
        std::fs::read_to_string(self.folder.join("runner.token")).unwrap()
    }

    pub(crate) async fn runner(&self) -> Client {
        self.unix(&self.runner_token()).await
    }

    /// The agent of an assignment.
    pub(crate) async fn agent(&self, assignment: &AssignmentV1) -> Client {
        self.unix(assignment.token.as_deref().expect("a token")).await
    }

    /// Accepts a task and tells the gateway so.
    pub(crate) async fn accept(&self, spec: &TaskSpecV1) {
        self.book.accept(spec, &Origin::default(), self.now()).await.unwrap();
        self.gateway.accepted();
    }

    /// A task with two attempts and an hour.
    pub(crate) fn spec(&self, name: &str) -> TaskSpecV1 {
        let limits = Limits {
            deadline: self.now() + SignedDuration::from_hours(1),
            attempts: 2,
            tokens: 10_000,
            money_micros: 0,
            tool_calls: 10,
        };
        TaskSpecV1 {
            version: V1,
            id: TaskId::derive(&[name]),
            agent: AgentRef {
                name: "research".parse().unwrap(),
                definition: definition(ModelRole::Agent).digest().unwrap(),
                image: None,
            },
            instruction: format!("{name}: find the best heat pump"),
            language: "en".into(),
            inputs: serde_json::Map::new(),
            tools: Vec::new(),
            scope: Scope::default(),
            place: Place::Local,
            limits,
            class: Class::Interactive,
            output_schema: None,
        }
    }

    /// A task that a runner has.
    pub(crate) async fn under_way(&self, name: &str) -> AssignmentV1 {
        self.begun(&self.spec(name)).await
    }

    /// This task, which a runner has.
    pub(crate) async fn begun(&self, spec: &TaskSpecV1) -> AssignmentV1 {
        self.accept(spec).await;
        self.runner().await.lease("box", 0).await.expect("a task")
    }

    /// A later attempt of a task whose runner has lost it.
    pub(crate) async fn begun_anew(&self, told: &AssignmentV1) -> AssignmentV1 {
        let mut runner = self.runner().await;
        assert!(runner.give_back(of(told), None).await);
        runner.lease("box", 0).await.expect("again")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn of(assignment: &AssignmentV1) -> TaskAttempt {
    TaskAttempt { task: assignment.spec.id.clone(), attempt: assignment.attempt }
}

pub(crate) fn result(task: &TaskId, attempt: Attempt, outcome: Outcome) -> TaskResultV1 {
    TaskResultV1 { version: V1, task: task.clone(), attempt, outcome, usage: Usage::default() }
}

pub(crate) fn done(of: &TaskAttempt) -> TaskResultV1 {
    let outcome = Outcome::Done {
        spoken: "The quiet one.".into(),
        text: String::new(),
        sources: Vec::new(),
        not_found: Vec::new(),
        output: None,
    };
    result(&of.task, of.attempt, outcome)
}
