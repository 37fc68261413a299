//! Decides about sentences for `helix route`: connects to Home Assistant, asks, explains; has no way to act.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use helix_core::delay::{BookError, DelayBook, DelayedCommand, NewCommand, State, Talk, answer, plan, talk};
use helix_core::delegate::{self, TalkKind};
use helix_core::draft::{FIRST_WORDS_LIMIT, Help, reconsidered};
use helix_core::home::Caller;
use helix_core::llm::LanguageModel;
use helix_core::pipeline::{Background, Request, consider};
use helix_core::reply::{Reply, RunError};
use helix_core::route::dimension::Source;
use helix_core::route::{Decision, Gate, Judgement, Matrix, Route};
use helix_core::shortcut::ShortcutBook;
use helix_core::{Clock, Home, Language, Pii};

use super::later::now_at;
use super::models::open_models;
use super::own_language;
use super::visit::Visit;
use super::waited::{Asked, Waited};
use super::work::LookedDesk;
use crate::clock::SystemCalendar;
use crate::config::Config;
use crate::store::{ShortcutTable, Store, StoreError};

/// A connected Home Assistant that is only asked.
#[derive(Debug)]
pub struct Explainer {
    visit: Visit,
    language: Language,
    matrix: Matrix,
    store: Option<Store>,
    router: Arc<dyn LanguageModel>,
    shortcuts: Option<ShortcutTable>,
    desk: LookedDesk,
}

/// A decision and how it came about.
#[derive(Debug)]
pub struct Explained {
    /// The decision.
    pub decision: Decision,
    /// What Helix would say itself; empty if Home Assistant would speak.
    pub reply: String,
    /// In words, why.
    pub reason: String,
    /// What an agent would be given: its kind, and what it is about.
    pub task: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// How much of it Home Assistant had to do with it.
    pub asked: Asked,
}

impl Explainer {
    /// Connects and waits until the home is known.
    ///
    /// # Errors
    /// The home cannot be reached or refuses; the text says what to do.
    pub async fn connect(config: &Config, limit: Duration) -> anyhow::Result<Self> {
        let visit = Visit::begin(config, limit).await?;
        let language = own_language(config.language.as_ref(), visit.home());
        let store = match Store::visit(&config.data_dir, Arc::new(SystemCalendar)).await {
            Ok(store) => Some(store),
            Err(StoreError::Absent { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let models = open_models(&config.llm, store.as_ref(), visit.clock().clone())?;
        models.look_at(false).await;
        let shortcuts = store.as_ref().map(Store::shortcuts);
        let (matrix, router) = (config.matrix.clone(), models.router());
        let desk = LookedDesk::new(config, models)?;
        Ok(Self { visit, language, matrix, store, router, shortcuts, desk })
    }

    /// Decides about one sentence.
    ///
    /// # Errors
    /// The language or the area is unknown, or Home Assistant does not answer.
    pub async fn explain(
        &self,
        text: &str,
        language: Option<&str>,
        area: Option<&str>,
        source: Source,
    ) -> anyhow::Result<Explained> {
        let language = match language {
            Some(tag) => Language::parse(tag).with_context(|| format!("`{tag}` is not a language tag"))?,
            None => self.language.clone(),
        };
        let caller = match area {
            Some(area) => self.caller_in(area)?,
            None => Caller::default(),
        };
        let request = Request { text: Pii::new(text.to_owned()), language: language.clone(), caller, source };
        let home = Waited::new(self.visit.home().clone(), self.visit.clock().clone());
        let start = self.visit.clock().now();
        let explained = |decision, reply, reason, task| Explained {
            decision,
            reply,
            reason,
            task,
            took: self.visit.clock().now().saturating_sub(start),
            asked: home.asked(),
        };
        if let Some((route, said, about)) = self.known_before(&request).await? {
            let mut decision = consider(&request, &home, &self.matrix).await?;
            decision.judgement =
                Judgement { route, gate: Gate::Control, asked: Vec::new(), scores: Vec::new() };
            decision.actions.clear();
            let reason = format!("{}: it is about {about}, which is known before any gate", said.code);
            return Ok(explained(decision, said.text, reason, None));
        }
        let decision = self.decide(&request, &home).await?;
        if decision.route() == Route::Delegate {
            let (said, task) = self.ordered(&request).await;
            let reason = format!("{} at the gate `{}`", said.code, decision.gate().as_str());
            return Ok(explained(decision, said.text, reason, task));
        }
        let sentence = decision.refusal.as_ref();
        let reply = sentence.map(|sentence| Reply::say(sentence, &language).text).unwrap_or_default();
        let reason = match (decision.gate(), sentence) {
            (Gate::Source, _) => "passive speech never acts and is never answered".to_owned(),
            (gate, Some(sentence)) => format!("{} at the gate `{}`", sentence.key(), gate.as_str()),
            (gate, None) => format!("passed at the gate `{}`", gate.as_str()),
        };
        Ok(explained(decision, reply, reason, None))
    }

    /// What would be said about tasks or about commands for later, and about which of them it is.
    async fn known_before(&self, request: &Request) -> anyhow::Result<Option<(Route, Reply, &'static str)>> {
        if let Some((route, reply)) = self.about_tasks(request).await {
            return Ok(Some((route, reply, "tasks")));
        }
        Ok(self.about_plans(request).await?.map(|(route, reply)| (route, reply, "commands for later")))
    }

    /// What would be said to an order of a task, and the order if one would be taken.
    async fn ordered(&self, request: &Request) -> (Reply, Option<String>) {
        let desk = &self.desk;
        match delegate::ordered(desk, Some(&*self.router), self.visit.clock(), request, false).await {
            delegate::Draft::Order(order) => {
                let task = format!("{}: {}", order.kind, order.title.expose());
                (delegate::take(desk, &order).await, Some(task))
            }
            delegate::Draft::Ask(question) => (delegate::ask(question, &request.language), None),
        }
    }

    /// What would be said about tasks; `None` if it is about none.
    async fn about_tasks(&self, request: &Request) -> Option<(Route, Reply)> {
        if request.source == Source::Passive {
            return None;
        }
        let talk = delegate::talk(request.text.expose(), &request.language, false)?;
        let reply = delegate::answer(&self.desk, &talk, None, &request.language).await?;
        let route = match talk.kind {
            TalkKind::Status | TalkKind::List | TalkKind::Find => Route::Answer,
            TalkKind::Cancel => Route::Control,
        };
        Some((route, reply))
    }

    /// What would be said about commands for later, and what would happen to them; `None` if it is about none.
    async fn about_plans(&self, request: &Request) -> anyhow::Result<Option<(Route, Reply)>> {
        let Some(talk) = talk(request.text.expose(), &request.language) else { return Ok(None) };
        let Some(now) = now_at(self.visit.home(), &SystemCalendar) else { return Ok(None) };
        let waiting = match &self.store {
            Some(store) => store.delayed().waiting().await.context("what is planned cannot be read")?,
            None => Vec::new(),
        };
        let Some(reply) = answer(request, &now, Some(&Looked(waiting))).await else { return Ok(None) };
        let route = match talk {
            Talk::List => Route::Answer,
            Talk::Cancel(_) | Talk::CancelAll => Route::Control,
        };
        Ok(Some((route, reply)))
    }

    async fn decide(&self, request: &Request, home: &impl Home) -> Result<Decision, RunError> {
        if let Some(now) = now_at(self.visit.home(), &SystemCalendar)
            && let Some(plan) = plan(request, &now, home, &self.matrix).await?
        {
            return Ok(plan.decision);
        }
        let decision = consider(request, home, &self.matrix).await?;
        let shortcuts = self.shortcuts.as_ref().map(|table| table as &dyn ShortcutBook);
        let help = Help { model: &*self.router, shortcuts, limit: FIRST_WORDS_LIMIT };
        let (background, clock) = (Background::default(), self.visit.clock());
        Ok(reconsidered(decision, help, &background, request, home, clock, &self.matrix).await)
    }

    fn caller_in(&self, wanted: &str) -> anyhow::Result<Caller> {
        let registry = self.visit.home().registry()?;
        let is_it = |name: &str| name.eq_ignore_ascii_case(wanted);
        let mut areas = registry.areas.values();
        let area = areas
            .find(|area| {
                is_it(area.id.as_str()) || is_it(&area.name) || area.aliases.iter().any(|a| is_it(a))
            })
            .with_context(|| format!("Home Assistant has no area called `{wanted}`"))?;
        let device =
            registry.device_areas.iter().find(|(_, of)| **of == area.id).map(|(device, _)| device.clone());
        let device = device.with_context(|| format!("no device of Home Assistant is in {}", area.name))?;
        Ok(Caller { device: Some(device), satellite: None })
    }
}

/// The commands that wait, looked at: what would be written is not.
#[derive(Debug)]
struct Looked(Vec<DelayedCommand>);

impl DelayBook for Looked {
    fn add<'a>(&'a self, _: &'a NewCommand) -> BoxFuture<'a, Result<String, BookError>> {
        Box::pin(async { Err(BookError("an explanation keeps nothing".to_owned())) })
    }
    fn waiting(&self) -> BoxFuture<'_, Result<Vec<DelayedCommand>, BookError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
    fn begin<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        Box::pin(async { Ok(false) })
    }
    fn end<'a>(&'a self, _: &'a str, _: State, _: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        Box::pin(async { Ok(true) })
    }
    fn interrupt_running(&self) -> BoxFuture<'_, Result<u64, BookError>> {
        Box::pin(async { Ok(0) })
    }
}
