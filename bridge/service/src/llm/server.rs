//! One server: how it is, whose turn it is, and what goes through its door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helix_core::Clock;
use helix_core::egress::{Cloud, Denied, EgressOutcome, Privacy, Purpose};
use helix_core::llm::budget::{Amount, Price};
use helix_core::llm::{LlmError, Origin, Usage};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::catalogue::{Catalogue, Chosen, NotThere};
use super::dialect::{Abilities, Dialect, Garbled, Listed, Wire, abilities};
use super::door::{Door, Going, outcome};
use super::meter::{Reserved, Spending};
use super::queue::{Class, Queue, Turn};
use crate::clock::SystemClock;

/// How long a look at a server may take.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// Where Ollama passes on what is for its models in the cloud.
const OLLAMA_CLOUD: &str = "ollama.com";

/// What is known from the last look.
#[derive(Debug, Default)]
struct Known {
    listed: Option<Vec<Listed>>,
    abilities: BTreeMap<String, Abilities>,
    looked: Option<Result<(), LlmError>>,
}

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) dialect: Dialect,
    pub(super) door: Door,
    pub(super) queue: Queue,
    pub(super) clock: SystemClock,
    pub(super) spending: Arc<Spending>,
    pub(super) cloud: Cloud,
    breaker: Mutex<Breaker>,
    known: Mutex<Known>,
}

/// What is to be done there.
#[derive(Debug, Clone)]
pub(super) struct Errand<'a> {
    pub(super) model: &'a str,
    pub(super) wire: Wire,
    pub(super) origin: &'a Origin,
    pub(super) limit: Duration,
    pub(super) output_max: u32,
    pub(super) class: Class,
}

/// Leave to run one errand, and what is set aside for it.
#[derive(Debug)]
pub(super) struct Ticket {
    turn: Turn,
    model: String,
    outside: Option<String>,
    price: Price,
    most: Amount,
    reserved: Option<Reserved>,
    limit: Duration,
}

impl Ticket {
    async fn count(&mut self, cost: Amount, spending: &Spending) {
        if let (Some(mut reserved), Some(host)) = (self.reserved.take(), &self.outside) {
            reserved.has_cost(cost);
            spending.write(host, &self.model, cost).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(super) fn new(
        door: Door,
        dialect: Dialect,
        queue: Queue,
        clock: SystemClock,
        spending: Arc<Spending>,
        cloud: Cloud,
    ) -> Self {
        let (breaker, known) = (Mutex::default(), Mutex::default());
        Self { dialect, door, queue, clock, spending, cloud, breaker, known }
    }

    pub(super) fn host(&self) -> &str {
        self.door.host()
    }

    /// The model that answers for `named` now.
    pub(super) fn choose(&self, named: &str) -> Result<Chosen, LlmError> {
        let listed =
            lock(&self.known).listed.as_ref().filter(|_| self.dialect.lists_all()).map(|all| names(all));
        let chosen = Catalogue::built_in().choose(named, self.spending.today(), listed.as_deref());
        chosen.map_err(|NotThere(model)| LlmError::ModelMissing {
            host: self.host().to_owned(),
            cure: self.dialect.cure(&model),
            model,
        })
    }

    /// What the server has said about a model.
    pub(super) fn abilities(&self, model: &str) -> Option<Abilities> {
        lock(&self.known).abilities.get(model).copied()
    }

    /// The models that it has, if that is known.
    pub(super) fn listed(&self) -> Option<Vec<String>> {
        lock(&self.known).listed.as_ref().map(|all| names(all))
    }

    /// How the last look ended.
    pub(super) fn looked(&self) -> Option<Result<(), LlmError>> {
        lock(&self.known).looked.clone()
    }

    /// The host outside that would read what this model is asked.
    pub(super) fn outside(&self, model: &str) -> Option<String> {
        if self.door.is_outside() {
            return Some(self.host().to_owned());
        }
        if self.dialect != Dialect::Ollama {
            return None;
        }
        let known = lock(&self.known);
        let listed = known.listed.iter().flatten().find(|listed| listed.name == model);
        let remote = listed.and_then(|listed| listed.remote.clone());
        // `gpt-oss:120b-cloud`, `kimi-k2:cloud`: the server at home only passes these on.
        let tag = model.rsplit_once(':').map_or("", |(_, tag)| tag);
        remote.or_else(|| (tag == "cloud" || tag.ends_with("-cloud")).then(|| OLLAMA_CLOUD.to_owned()))
    }

    /// Why this model cannot be asked now, as far as is known without asking it.
    pub(super) fn ready(&self, named: &str) -> Result<(), LlmError> {
        let model = self.choose(named)?.model;
        let outside = self.outside(&model).is_some();
        if outside && self.cloud == Cloud::Off {
            let (needs, is) = (Cloud::Public.as_str(), self.cloud.as_str());
            return Err(Denied::NotAllowed { needs, is }.into());
        }
        if outside {
            drop(self.spending.reserve(Amount { tokens: 1, micros: 1 })?);
        }
        lock(&self.breaker).look(self.clock.now())
    }

    /// Waits for a turn, sets aside what the errand may cost, and lets it go.
    pub(super) async fn begin(
        &self,
        errand: Errand<'_>,
        given_up: &CancellationToken,
    ) -> Result<(Going, Ticket), LlmError> {
        lock(&self.breaker).look(self.clock.now())?;
        let turn = given_up.run_until_cancelled(self.queue.enter(errand.class)).await;
        let turn = turn.unwrap_or(Err(LlmError::Busy))?;
        lock(&self.breaker).enter(self.clock.now())?;
        let Errand { model, wire, origin, limit, output_max, class: _ } = errand;
        let outside = self.outside(model);
        let input = wire.body.as_ref().map_or(0, |body| body.expose().len() as u64 / BYTES_PER_TOKEN + 1);
        let price = Catalogue::built_in().price(model);
        let most = price.of(Usage { input, output: output_max.into() });
        let reserved = outside.is_some().then(|| self.spending.reserve(most)).transpose()?;
        let onwards = outside.as_deref().filter(|_| !self.door.is_outside());
        let going = self.door.permit(wire, origin, onwards).await?;
        let ticket = Ticket { turn, model: model.to_owned(), outside, price, most, reserved, limit };
        Ok((going, ticket))
    }

    /// Ends an errand: with the result of `work`, which says what it has cost, at its limit, or where it is given up. Nothing
    /// comes of it if it gave way to a sentence: it may be begun again.
    pub(super) async fn end<T>(
        &self,
        mut ticket: Ticket,
        going: &Going,
        given_up: &CancellationToken,
        work: impl Future<Output = Result<(T, Usage), LlmError>>,
    ) -> Result<Option<T>, LlmError> {
        let late = LlmError::Timeout { host: self.host().to_owned(), limit: ticket.limit };
        let ended = tokio::select! {
            biased;
            () = given_up.cancelled() => Err(late.clone()),
            () = ticket.turn.is_wanted() => Ok(None),
            ended = timeout(ticket.limit, work) => Ok(Some(ended.unwrap_or(Err(late)))),
        };
        let Ok(Some(result)) = ended else {
            ticket.count(ticket.most, &self.spending).await;
            self.door.close(going, &EgressOutcome::Abandoned).await;
            return ended.map(|_| None);
        };
        lock(&self.breaker).note(self.clock.now(), result.as_ref().err());
        if result.is_ok() {
            lock(&self.known).looked = Some(Ok(()));
        }
        let cost = match &result {
            Ok((_, usage)) if *usage != Usage::default() => ticket.price.of(*usage),
            // Whoever does not say what it cost is taken to have cost the most.
            Ok(_) => ticket.most,
            Err(error) if may_cost(error) => ticket.most,
            Err(_) => Amount::default(),
        };
        ticket.count(cost, &self.spending).await;
        self.door.close(going, &outcome(&result)).await;
        result.map(|(value, _)| Some(value))
    }

    /// Looks whether the server is there, which models it has, and what those of `named` can do.
    pub(super) async fn look(&self, named: &[String]) {
        let listed = self.fetch(self.dialect.list(), |body| self.dialect.listed(body)).await;
        match listed {
            Ok(listed) => {
                lock(&self.breaker).seen();
                let mut known = lock(&self.known);
                known.listed = Some(listed);
                known.looked = Some(Ok(()));
            }
            Err(error) => {
                if matches!(error, LlmError::Unreachable { .. } | LlmError::Unauthorized { .. }) {
                    lock(&self.breaker).note(self.clock.now(), Some(&error));
                }
                lock(&self.known).looked = Some(Err(error));
                return;
            }
        }
        for name in named {
            let Ok(Chosen { model, .. }) = self.choose(name) else { continue };
            let Some(show) = self.dialect.show(&model) else { continue };
            if let Ok(Some(shown)) = self.fetch(show, |body| Ok(abilities(body))).await {
                lock(&self.known).abilities.insert(model, shown);
            }
        }
    }

    /// One small request that carries no words of anybody.
    async fn fetch<T>(&self, wire: Wire, read: impl Fn(&[u8]) -> Result<T, Garbled>) -> Result<T, LlmError> {
        let origin = Origin::addressed(Purpose::Probe, Privacy::Public, None);
        let going = self.door.permit(wire, &origin, None).await?;
        let work = async {
            let response = self.door.send(&going, "").await?;
            let body = self.door.whole(response).await?;
            read(&body).map_err(|garbled| self.garbled(garbled))
        };
        let late = LlmError::Timeout { host: self.host().to_owned(), limit: PROBE_LIMIT };
        let result = timeout(PROBE_LIMIT, work).await.unwrap_or(Err(late));
        self.door.close(&going, &outcome(&result)).await;
        result
    }

    pub(super) fn garbled(&self, garbled: Garbled) -> LlmError {
        let host = self.host().to_owned();
        match garbled {
            Garbled::Nonsense(reason) => LlmError::Nonsense { host, reason },
            Garbled::Failed(said) => {
                tracing::debug!(host, said, "a language model failed");
                LlmError::Server { host, reason: "an error in its answer".to_owned() }
            }
        }
    }
}

/// Few languages have tokens shorter than this: what is set aside is rather too much.
const BYTES_PER_TOKEN: u64 = 3;

/// Whether the model may have worked before this error.
fn may_cost(error: &LlmError) -> bool {
    matches!(error, LlmError::Timeout { .. } | LlmError::Nonsense { .. } | LlmError::TooLong { .. })
}

fn names(all: &[Listed]) -> Vec<String> {
    all.iter().map(|listed| listed.name.clone()).collect()
}
