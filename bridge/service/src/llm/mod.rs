//! Servers of language models as the other party: Ollama, Gemini, and what speaks the interface of `OpenAI`. A chat of
//! core's port in, a bounded and checked answer out; what leaves the house passes the ledger and the budget first.

mod breaker;
mod catalogue;
mod dialect;
mod door;
mod lines;
mod meter;
mod model;
mod queue;
mod server;
mod settings;

pub use catalogue::Duty;
pub use door::{DoorError, Limits, leads_outside};
pub use queue::{LineConfig, QueueConfig};
pub use settings::{KeyError, LlmSettings, SettingsError, read_key};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helix_core::Calendar;
use helix_core::egress::Ledger;
use helix_core::llm::budget::{Amount, Budget, UsageBook};
use helix_core::llm::{LanguageModel, LlmError};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use dialect::Dialect;
use door::Door;
use meter::Spending;
use model::Model;
use queue::{Class, Queue};
use server::Server;

/// How often a server at home is looked at; a look costs it some milliseconds.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How often one outside is: each look is an entry of the ledger.
const LOOK_OUTSIDE_EVERY: Duration = Duration::from_hours(6);
/// … and how often if it was not there the last time.
const LOOK_AGAIN_EVERY: Duration = Duration::from_hours(1);
/// What is under way gets so long to end.
const GRACE: Duration = Duration::from_secs(1);

const SENTENCE_LIMIT: Duration = Duration::from_secs(2);
/// A task waits for longer than a sentence takes; then its agent is told to ask again.
const TASK_LIMIT: Duration = Duration::from_secs(30);

/// A server at home has one processor or graphics card for all: whatever works on a task gives way to sentences.
const AT_HOME: QueueConfig = QueueConfig {
    sentences: LineConfig { concurrency: 2, capacity: 6, failfast_timeout: SENTENCE_LIMIT },
    tasks: LineConfig { concurrency: 1, capacity: 16, failfast_timeout: TASK_LIMIT },
    gives_way: true,
};
const OUTSIDE: QueueConfig = QueueConfig {
    sentences: LineConfig { concurrency: 4, capacity: 8, failfast_timeout: SENTENCE_LIMIT },
    tasks: LineConfig { concurrency: 4, capacity: 32, failfast_timeout: TASK_LIMIT },
    gives_way: false,
};

/// What language models need of the rest of Helix.
#[derive(Debug)]
pub struct Parts {
    /// The door to the outside; without it nothing leaves.
    pub ledger: Option<Ledger>,
    /// Where is written down what was spent.
    pub book: Option<Arc<dyn UsageBook>>,
    /// The wall clock.
    pub calendar: Arc<dyn Calendar>,
    /// The monotonic clock.
    pub clock: SystemClock,
}

/// How the model of one duty is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyReport {
    /// What it is asked for.
    pub duty: Duty,
    /// `ollama`, `openai`, `gemini`.
    pub server: &'static str,
    /// The server's host.
    pub host: String,
    /// Whether what it is asked leaves the house.
    pub outside: bool,
    /// The model as it is named.
    pub named: String,
    /// The model that answers; `None` if none does.
    pub in_use: Option<String>,
    /// Whether it can be asked now, and if not, why.
    pub ready: Result<(), String>,
    /// Whether its server has been looked at.
    pub looked: bool,
    /// What a person should know.
    pub warning: Option<String>,
}

/// How all of them are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One per duty that somebody was named for.
    pub duties: Vec<DutyReport>,
    /// Spent on this day.
    pub day: Amount,
    /// Spent in this month.
    pub month: Amount,
    /// What may be spent.
    pub budget: Budget,
}

/// All language models. Costs nothing where none is named.
#[derive(Debug)]
pub struct Models {
    duties: BTreeMap<Duty, Model>,
    servers: Vec<Arc<Server>>,
    spending: Arc<Spending>,
    tasks: TaskTracker,
    told: Mutex<BTreeMap<Duty, String>>,
}

impl Models {
    /// Prepares what the settings name; nobody is asked yet. Needs the process's TLS provider to be installed.
    ///
    /// # Errors
    /// [`DoorError`] for an address that is none.
    pub fn new(settings: &LlmSettings, parts: Parts) -> Result<Self, DoorError> {
        Self::with_limits(settings, parts, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// [`DoorError`] for an address that is none.
    pub fn with_limits(settings: &LlmSettings, parts: Parts, limits: Limits) -> Result<Self, DoorError> {
        let Parts { ledger, book, calendar, clock } = parts;
        let spending = Arc::new(Spending::new(settings.budget, book, calendar));
        let open = |dialect, address: &str, key: Option<&SecretString>| -> Result<_, DoorError> {
            let door = Door::new(dialect, address, key, ledger.clone(), limits)?;
            let queue = Queue::new(if door.is_outside() { OUTSIDE } else { AT_HOME });
            let spending = Arc::clone(&spending);
            Ok(Arc::new(Server::new(door, dialect, queue, clock.clone(), spending, settings.cloud)))
        };
        let mut servers = Vec::new();
        if let Some(address) = &settings.ollama_url {
            servers.push(open(Dialect::Ollama, address, None)?);
        }
        if let Some(address) = &settings.openai_url {
            let address = below_v1(address);
            servers.push(open(Dialect::OpenAi, &address, settings.openai_key.as_ref())?);
        }
        if let Some(key) = &settings.gemini_key {
            servers.push(open(Dialect::Gemini, &settings.gemini_url, Some(key))?);
        }
        let tasks = TaskTracker::new();
        let mut duties = BTreeMap::new();
        for duty in Duty::ALL {
            let Ok(Some((dialect, named))) = settings.place(duty) else { continue };
            let Some(server) = servers.iter().find(|server| server.dialect == dialect) else { continue };
            let (server, tasks) = (Arc::clone(server), tasks.clone());
            duties.insert(duty, Model { duty, class: Class::Sentence, named, server, tasks });
        }
        Ok(Self { duties, servers, spending, tasks, told: Mutex::default() })
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.duties.is_empty()
    }

    /// Understands a sentence that the matcher declined; tasks give way to it.
    pub fn router(&self) -> Arc<dyn LanguageModel> {
        self.of(Duty::Router, Class::Sentence)
    }

    /// The same model, for what a task has to be sorted by.
    pub fn router_for_tasks(&self) -> Arc<dyn LanguageModel> {
        self.of(Duty::Router, Class::Task)
    }

    /// Works on tasks that stay in the house.
    pub fn local_agent(&self) -> Arc<dyn LanguageModel> {
        self.of(Duty::LocalAgent, Class::Task)
    }

    /// Works on tasks for a larger model.
    pub fn cloud_agent(&self) -> Arc<dyn LanguageModel> {
        self.of(Duty::CloudAgent, Class::Task)
    }

    /// Carries out what somebody else asks of a model outside, within the same budget: `most` is set aside first, and
    /// what `work` has cost is counted for `host` and `model`.
    ///
    /// # Errors
    /// [`LlmError`] if the budget has no room for it; then nothing is done.
    pub async fn within_budget<T>(
        &self,
        most: Amount,
        (host, model): (&str, &str),
        work: impl Future<Output = (T, Amount)>,
    ) -> Result<T, LlmError> {
        let mut reserved = self.spending.reserve(most)?;
        let (done, amount) = work.await;
        reserved.has_cost(amount);
        drop(reserved);
        self.spending.write(host, model, amount).await;
        Ok(done)
    }

    /// Makes vectors of texts while somebody waits; none if nobody was named for that.
    pub fn vectors(&self) -> Option<Arc<dyn LanguageModel>> {
        self.duties.contains_key(&Duty::Vectors).then(|| self.of(Duty::Vectors, Class::Sentence))
    }

    /// The model that makes vectors now. Those of two models cannot be compared.
    pub fn vectors_by(&self) -> Option<String> {
        let model = self.duties.get(&Duty::Vectors)?;
        Some(model.server.choose(&model.named).ok()?.model)
    }

    fn of(&self, duty: Duty, class: Class) -> Arc<dyn LanguageModel> {
        match self.duties.get(&duty) {
            Some(model) => Arc::new(Model { class, ..model.clone() }),
            None => Arc::new(()),
        }
    }

    /// Reads what was spent, then looks at the servers until cancelled, and lets what is under way end.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let looking = async {
            self.load_spent().await;
            let mut next_outside = Duration::ZERO;
            let mut passed = Duration::ZERO;
            while !self.is_empty() {
                let outside = passed >= next_outside;
                self.look_at(outside).await;
                if outside {
                    next_outside = passed + self.rest_outside();
                }
                tokio::time::sleep(LOOK_EVERY).await;
                passed += LOOK_EVERY;
            }
        };
        let _ = cancel.run_until_cancelled(looking).await;
        self.tasks.close();
        let _ = tokio::time::timeout(GRACE, self.tasks.wait()).await;
    }

    fn rest_outside(&self) -> Duration {
        let outside = self.servers.iter().filter(|server| server.door.is_outside());
        let all_there = outside.map(|server| server.looked()).all(|looked| matches!(looked, Some(Ok(()))));
        if all_there { LOOK_OUTSIDE_EVERY } else { LOOK_AGAIN_EVERY }
    }

    /// Reads what was spent in this month before.
    pub async fn load_spent(&self) {
        self.spending.load().await;
    }

    /// Looks at every server once; at those outside only if `outside` is set.
    pub async fn look_at(&self, outside: bool) {
        let looks = self.servers.iter().filter(|server| outside || !server.door.is_outside()).map(|server| {
            let models = self.duties.values().filter(|model| Arc::ptr_eq(&model.server, server));
            let named: Vec<_> = models.map(|model| model.named.clone()).collect();
            async move {
                if !named.is_empty() {
                    server.look(&named).await;
                }
            }
        });
        futures_util::future::join_all(looks).await;
        self.warn();
    }

    /// Tells once what a person should know about each model.
    fn warn(&self) {
        for report in self.report().duties {
            let wrong = report.ready.err().filter(|_| report.looked).or(report.warning);
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let before = told.remove(&report.duty);
            let Some(text) = wrong else { continue };
            if before.as_ref() != Some(&text) {
                tracing::warn!(duty = report.duty.as_str(), model = report.named, "language model: {text}");
            }
            told.insert(report.duty, text);
        }
    }

    /// How everything is, without asking anybody.
    pub fn report(&self) -> Report {
        let (day, month) = self.spending.spent();
        let duties = self.duties.values().map(duty_report).collect();
        Report { duties, day, month, budget: self.spending.budget() }
    }

    /// The models of each server that has been looked at, by its host.
    pub fn listed(&self) -> Vec<(String, Vec<String>)> {
        let listed = |server: &Arc<Server>| Some((server.host().to_owned(), server.listed()?));
        self.servers.iter().filter_map(listed).collect()
    }
}

fn duty_report(model: &Model) -> DutyReport {
    let server = &model.server;
    let chosen = server.choose(&model.named);
    let looked = server.looked();
    let in_use = chosen.as_ref().ok().map(|chosen| chosen.model.clone());
    let asked = in_use.clone().unwrap_or_else(|| model.named.clone());
    let ready = model.ready().and_then(|()| looked.clone().unwrap_or(Ok(())));
    DutyReport {
        duty: model.duty,
        server: server.dialect.as_str(),
        host: server.host().to_owned(),
        outside: server.outside(&asked).is_some(),
        named: model.named.clone(),
        in_use,
        ready: ready.map_err(|error| error.to_string()),
        looked: looked.is_some(),
        warning: chosen.ok().and_then(|chosen| chosen.warning),
    }
}

/// The address below which `chat/completions` lies: servers name it `/v1` unless a path says otherwise.
fn below_v1(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let path = address.split("://").nth(1).and_then(|rest| rest.split_once('/'));
    if path.is_some() { address.to_owned() } else { format!("{address}/v1") }
}
