//! A task that is durable, until its agent asks its model: the real gateway and runner, agents that wait.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use helix::clock::SystemCalendar;
use helix::gateway::{
    Definitions, GatewayServer, Home, Listen, Minds, Parts, RUNNER_TOKEN_NAME, SOCKET_NAME, Settings,
};
use helix::metrics::Metrics;
use helix::store::Store;
use helix::tasks::{Origin as From, TaskBook};
use helix_contract::{
    AgentRef, Class, DefinitionV1, Limits, ModelRole, Place, Scope, TaskId, TaskSpecV1, V1,
};
use helix_core::home::{EntityState, HomeError, Registry};
use helix_core::llm::{Answer, Capabilities, Chat, Ended, LanguageModel, LlmError, Usage};
use helix_core::{Calendar as _, EntityId, Pii};
use helix_tests::time::{now, since};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::figure::{Figure, Series, ms, rounded};

/// Until connections stand and agents wait.
const WARM_UP: usize = 5;
/// Longer than any task.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two tasks: time to replace the agent that was taken.
const GAP: Duration = Duration::from_millis(400);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many tasks
    #[arg(long, default_value_t = 200)]
    tasks: usize,
}

/// One kind of agent, an empty home, and a model that tells when it is asked.
#[derive(Debug)]
struct House {
    asked: mpsc::Sender<Duration>,
}

fn definition() -> Result<DefinitionV1> {
    Ok(DefinitionV1 {
        version: V1,
        name: "research".parse()?,
        description: "Finds things out.".to_owned(),
        prompt: "Look it up.".to_owned(),
        examples: Vec::new(),
        tools: Vec::new(),
        scope: Scope::default(),
        model: ModelRole::Agent,
        output_schema: None,
    })
}

impl Definitions for House {
    fn find<'a>(&'a self, _: &'a AgentRef) -> BoxFuture<'a, Result<Option<DefinitionV1>, String>> {
        Box::pin(async { definition().map(Some).map_err(|error| error.to_string()) })
    }
}

impl Home for House {
    fn time_zone(&self) -> String {
        "Europe/Berlin".to_owned()
    }

    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        Ok(Arc::default())
    }

    fn state(&self, _: &EntityId) -> Option<EntityState> {
        None
    }
}

impl LanguageModel for House {
    fn ready(&self) -> Result<(), LlmError> {
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn chat<'a>(&'a self, _: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        // Only the first question of a task is waited for; the others find the channel full.
        let _ = self.asked.try_send(now());
        Box::pin(async {
            Ok(Answer {
                text: Pii::new("It is found.".to_owned()),
                calls: Vec::new(),
                usage: Usage { input: 1, output: 1 },
                ended: Ended::Stop,
                model: "a model".into(),
            })
        })
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let folder = helix_tests::bridge::new_folder("bench-warm")?;
    let book = TaskBook::in_store(Store::open(&folder, Arc::new(SystemCalendar)).await?);
    let (asked, mut asks) = mpsc::channel(1);
    let house = Arc::new(House { asked });
    let minds = Minds { router: house.clone(), local: house.clone(), cloud: house.clone() };
    let parts = Parts {
        book: book.clone(),
        definitions: house.clone(),
        home: house,
        minds,
        tools: Arc::new(()),
        calendar: Arc::new(SystemCalendar),
    };
    let listen = Listen { data_dir: folder.clone(), address: None, runner_token: None };
    let server = GatewayServer::bind(&listen, parts, Settings::default(), Metrics::default()).await?;
    let gateway = server.gateway();
    let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
    running.spawn(server.run(stop.clone()));
    let mut runner = runner(&folder)?;
    let mut taken = Vec::new();
    for n in 0..WARM_UP + arguments.tasks {
        sleep(GAP).await;
        while asks.try_recv().is_ok() {}
        book.accept(&spec(n)?, &From::default(), SystemCalendar.now()).await?;
        let decided = now();
        gateway.accepted();
        let asked = timeout(LIMIT, asks.recv()).await.context("an agent asks")?.context("a house")?;
        if n >= WARM_UP {
            taken.push(ms(asked.saturating_sub(decided)));
        }
    }
    runner.kill().await?;
    stop.cancel();
    running.join_all().await;
    let series = Series::new(taken);
    eprintln!("{}", series.line("until a waiting agent asks its model"));
    let p99 = Figure::reported(
        "warm.dispatch.p99".to_owned(),
        rounded(series.quantile(0.99), 1),
        "ms",
        series.len(),
    );
    let p50 = Figure::reported("warm.dispatch.p50".to_owned(), rounded(series.p50(), 1), "ms", series.len());
    Ok(vec![p99.at_most(20.0, "<= 20 ms"), p50])
}

fn runner(folder: &Path) -> Result<Child> {
    let mut command = Command::new(helix_tests::agents::runner()?);
    command.arg("run").arg("--bridge").arg(format!("unix:{}", folder.join(SOCKET_NAME).display()));
    command.arg("--token-file").arg(folder.join(RUNNER_TOKEN_NAME));
    command.args([
        "--backend",
        "process",
        "--name",
        "bench",
        "--warm-min",
        "3",
        "--warm-max",
        "6",
        "--state",
    ]);
    command.arg(folder.join("runner")).arg("--agent").arg(helix_tests::agents::agent()?);
    command.env("HELIX_LOG", "warn").stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().context("helix-runner")
}

fn spec(n: usize) -> Result<TaskSpecV1> {
    let limits = Limits {
        deadline: SystemCalendar.now() + Duration::from_mins(10),
        attempts: 2,
        tokens: 10_000,
        money_micros: 0,
        tool_calls: 10,
    };
    let run = format!("{} {:?}", std::process::id(), since(Duration::ZERO));
    Ok(TaskSpecV1 {
        version: V1,
        id: TaskId::derive(&[&run, &n.to_string()]),
        agent: AgentRef { name: "research".parse()?, definition: definition()?.digest()?, image: None },
        instruction: "Find the best heat pump.".to_owned(),
        language: "en".to_owned(),
        inputs: serde_json::Map::new(),
        tools: Vec::new(),
        scope: Scope::default(),
        place: Place::Local,
        limits,
        class: Class::Interactive,
        output_schema: None,
    })
}
