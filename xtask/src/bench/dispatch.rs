//! A task that is accepted while a runner waits, to the runner's having it: over the gateway's socket, from a real database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::BoxFuture;
use helix::clock::SystemCalendar;
use helix::gateway::{Definitions, GatewayServer, Home, Listen, Minds, Parts, SOCKET_NAME, Settings};
use helix::metrics::Metrics;
use helix::store::Store;
use helix::tasks::{Origin, TaskBook};
use helix_contract::api::{AssignmentV1, path};
use helix_contract::{AgentRef, DefinitionV1, TaskId, TaskSpecV1, decode};
use helix_core::home::{EntityState, HomeError, Registry};
use helix_core::{Calendar, EntityId};
use helix_tests::time::now;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::figure::{Figure, Series, ms, rounded};

/// Until a runner has asked again, and waits.
const PAUSE: Duration = Duration::from_millis(10);
const WARM_UP: usize = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many tasks
    #[arg(long, default_value_t = 1000)]
    tasks: usize,
}

/// One kind of agent, and no home.
#[derive(Debug)]
struct Plain(DefinitionV1);

impl Definitions for Plain {
    fn find<'a>(&'a self, _: &'a AgentRef) -> BoxFuture<'a, Result<Option<DefinitionV1>, String>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }
}

impl Home for Plain {
    fn time_zone(&self) -> String {
        "UTC".to_owned()
    }

    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        Err(HomeError::Starting)
    }

    fn state(&self, _: &EntityId) -> Option<EntityState> {
        None
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let folder = std::env::temp_dir().join(format!("helix-bench-dispatch-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder, arguments.tasks).await;
    std::fs::remove_dir_all(&folder)?;
    let (durable, dispatched) = measured?;
    eprintln!("{}\n{}", durable.line("a task made durable"), dispatched.line("durable, to its runner"));
    let p99 = rounded(dispatched.quantile(0.99), 1);
    let figure = Figure::reported("dispatch.warm.p99".into(), p99, "ms", dispatched.len());
    let accept =
        Figure::reported("dispatch.accept.p50".into(), rounded(durable.p50(), 1), "ms", durable.len());
    Ok(vec![figure.at_most(20.0, "<= 20 ms"), accept])
}

async fn measure(folder: &Path, tasks: usize) -> Result<(Series, Series)> {
    let calendar: Arc<dyn Calendar> = Arc::new(SystemCalendar);
    let store = Store::open(folder, Arc::clone(&calendar)).await?;
    let book = TaskBook::in_store(store.clone());
    let plain = Arc::new(Plain(definition()?));
    let parts = Parts {
        book: book.clone(),
        definitions: Arc::<Plain>::clone(&plain),
        home: plain,
        minds: Minds { router: Arc::new(()), local: Arc::new(()), cloud: Arc::new(()) },
        tools: Arc::new(()),
        calendar: Arc::clone(&calendar),
    };
    let listen = Listen { data_dir: folder.to_owned(), address: None, runner_token: None };
    let server = GatewayServer::bind(&listen, parts, Settings::default(), Metrics::default()).await?;
    let (gateway, stop, running) = (server.gateway(), CancellationToken::new(), TaskTracker::new());
    running.spawn(server.run(stop.clone()));
    let token = std::fs::read_to_string(folder.join("runner.token"))?;
    let stream = UnixStream::connect(folder.join(SOCKET_NAME)).await?;
    let (got, mut arrivals) = mpsc::channel(1);
    running.spawn(stop.clone().run_until_cancelled_owned(runner(stream, token, got)));
    let (mut durable, mut dispatched) = (Vec::new(), Vec::new());
    for nth in 0..WARM_UP + tasks {
        tokio::time::sleep(PAUSE).await;
        let spec = spec(nth, calendar.now())?;
        let begin = now();
        book.accept(&spec, &Origin::default(), calendar.now()).await?;
        let accepted = now();
        gateway.accepted();
        let (at, task): (Duration, TaskId) = arrivals.recv().await.context("the runner has ended")?;
        ensure!(task == spec.id, "another task was leased");
        gateway.cancel(&task).await?;
        if nth >= WARM_UP {
            durable.push(ms(accepted.saturating_sub(begin)));
            dispatched.push(ms(at.saturating_sub(accepted)));
        }
    }
    stop.cancel();
    running.close();
    running.wait().await;
    store.close().await;
    Ok((Series::new(durable), Series::new(dispatched)))
}

/// Asks for one task after the other, on one connection.
async fn runner(mut stream: UnixStream, token: String, got: mpsc::Sender<(Duration, TaskId)>) {
    let body = json!({ "version": 1, "runner": "bench", "wait_ms": 30_000 }).to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        path::LEASE,
        body.len()
    );
    while let Ok(answer) = exchange(&mut stream, &request).await {
        let at = now();
        if let Ok(assignment) = decode::<AssignmentV1>(&answer)
            && got.send((at, assignment.spec.id)).await.is_err()
        {
            return;
        }
    }
}

async fn exchange(stream: &mut UnixStream, request: &str) -> Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    loop {
        ensure!(stream.read_buf(&mut bytes).await? > 0, "the gateway hung up");
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&bytes[..end])?.to_lowercase();
        let len = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let body = end + 4..end + 4 + len.unwrap_or(0);
        match bytes.get(body.clone()) {
            Some(body) => return Ok(body.to_vec()),
            None if body.end > 1 << 20 => bail!("an answer of {} bytes", body.end),
            None => {}
        }
    }
}

fn definition() -> Result<DefinitionV1> {
    let definition = json!({
        "version": 1, "name": "research", "description": "Finds things out.",
        "prompt": "Look it up.".repeat(100), "scope": { "web": "public" },
    });
    Ok(decode(definition.to_string().as_bytes())?)
}

fn spec(nth: usize, now: jiff::Timestamp) -> Result<TaskSpecV1> {
    let deadline = now + jiff::SignedDuration::from_hours(1);
    let spec = json!({
        "version": 1, "id": TaskId::derive(&["bench", &nth.to_string()]),
        "agent": { "name": "research", "definition": definition()?.digest()? },
        "instruction": "Find the best heat pump for a small house.", "language": "en",
        "limits": { "deadline": deadline, "attempts": 2, "tokens": 1000, "money_micros": 0, "tool_calls": 8 },
    });
    Ok(decode(spec.to_string().as_bytes())?)
}
