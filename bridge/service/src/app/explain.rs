//! Decides about sentences for `helix route`: connects to Home Assistant, asks, explains; has no way to act.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use helix_core::delay::{BookError, DelayBook, DelayedCommand, NewCommand, State, Talk, answer, plan, talk};
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
        Ok(Self { visit, language, matrix: config.matrix.clone(), store, router: models.router(), shortcuts })
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
        if let Some((decision, said)) = self.about_plans(&request, &home).await? {
            let took = self.visit.clock().now().saturating_sub(start);
            let reason =
                format!("{}: it is about commands for later, which is known before any gate", said.code);
            return Ok(Explained { decision, reply: said.text, reason, took, asked: home.asked() });
        }
        let decision = self.decide(&request, &home).await?;
        let took = self.visit.clock().now().saturating_sub(start);
        let sentence = decision.refusal.as_ref();
        let reply = sentence.map(|sentence| Reply::say(sentence, &language).text).unwrap_or_default();
        let reason = match (decision.gate(), sentence) {
            (Gate::Source, _) => "passive speech never acts and is never answered".to_owned(),
            (gate, Some(sentence)) => format!("{} at the gate `{}`", sentence.key(), gate.as_str()),
            (gate, None) => format!("passed at the gate `{}`", gate.as_str()),
        };
        Ok(Explained { decision, reply, reason, took, asked: home.asked() })
    }

    /// What would be said about commands for later, and what would happen to them; `None` if it is about none.
    async fn about_plans(
        &self,
        request: &Request,
        home: &impl Home,
    ) -> anyhow::Result<Option<(Decision, Reply)>> {
        let Some(talk) = talk(request.text.expose(), &request.language) else { return Ok(None) };
        let Some(now) = now_at(self.visit.home(), &SystemCalendar) else { return Ok(None) };
        let waiting = match &self.store {
            Some(store) => store.delayed().waiting().await.context("what is planned cannot be read")?,
            None => Vec::new(),
        };
        let Some(reply) = answer(request, &now, Some(&Looked(waiting))).await else { return Ok(None) };
        let mut decision = consider(request, home, &self.matrix).await?;
        let route = match talk {
            Talk::List => Route::Answer,
            Talk::Cancel(_) | Talk::CancelAll => Route::Control,
        };
        decision.judgement = Judgement { route, gate: Gate::Control, asked: Vec::new(), scores: Vec::new() };
        decision.actions.clear();
        Ok(Some((decision, reply)))
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
