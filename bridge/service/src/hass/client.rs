//! The handle that everybody holds: implements core's [`Home`] and answers requests while connected.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use helix_core::act::Action;
use helix_core::home::{Caller, EntityState, Execution, HomeError, Match, Registry};
use helix_core::{AreaId, DeviceId, EntityId, Home, Language};
use helix_hass::config::Config;
use helix_hass::conversation::{BUILT_IN_AGENT, Debug, Process};
use helix_hass::service::{CallService, ServiceTarget};
use helix_hass::{Command, Request, RequestError, States};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};

use super::link::Ask;
use super::matcher;
use super::registry::{Places, Rows};

/// Callers that have less time set a tighter limit of their own.
const DRY_RUN_WITHIN: Duration = Duration::from_secs(5);
/// Carrying out may take as long as the slowest device.
const PROCESS_WITHIN: Duration = Duration::from_secs(8);
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// What Home Assistant says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeFacts {
    /// Such as `2026.11.0`.
    pub version: String,
    /// The language of the home, a BCP 47 tag.
    pub language: String,
    /// The country, ISO 3166, if it is set.
    pub country: Option<String>,
    /// What people call the home.
    pub location_name: String,
    /// An IANA name.
    pub time_zone: String,
    /// Whether its temperatures are in degrees Fahrenheit.
    pub fahrenheit: bool,
}

impl From<Config> for HomeFacts {
    fn from(config: Config) -> Self {
        let Config { version, language, country, location_name, time_zone, unit_system, .. } = config;
        let fahrenheit = unit_system.is_fahrenheit();
        Self { version, language, country, location_name, time_zone, fahrenheit }
    }
}

/// How the connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStatus {
    /// Nothing can be asked, and why. [`HomeError::Starting`] also while the home is being read.
    Down(HomeError),
    /// The home is known.
    Up {
        /// What Home Assistant says about itself.
        facts: HomeFacts,
        /// `Err`: the dry run has an unknown shape, so nothing may act; the rest works.
        matcher: Result<(), String>,
    },
}

/// The only satellite that is listening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningSatellite {
    /// `assist_satellite.…`.
    pub entity: EntityId,
    /// Its device.
    pub device: Option<DeviceId>,
    /// The area of the entity, else of the device.
    pub area: Option<AreaId>,
}

/// A Home Assistant that a [`Connector`](super::Connector) keeps connected. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HomeAssistant {
    shared: Arc<Shared>,
}

/// What the connection writes and the handles read.
#[derive(Debug)]
pub(super) struct Shared {
    /// The address that is shown in messages.
    pub(super) url: String,
    pub(super) status: watch::Sender<LinkStatus>,
    pub(super) revision: watch::Sender<u64>,
    states: RwLock<States>,
    known: RwLock<Known>,
    asks: RwLock<Option<mpsc::Sender<Ask>>>,
}

#[derive(Debug, Default)]
struct Known {
    registry: Arc<Registry>,
    places: Arc<Places>,
}

impl Shared {
    pub(super) fn new(url: String) -> Self {
        let down = LinkStatus::Down(HomeError::NotConnected { url: url.clone() });
        Self {
            url,
            status: watch::Sender::new(down),
            revision: watch::Sender::new(0),
            states: RwLock::default(),
            known: RwLock::default(),
            asks: RwLock::default(),
        }
    }

    /// Applies an event of the state subscription; `fresh` says that it is the first one of a connection.
    /// Tells whether names came, went or changed.
    pub(super) fn apply_states(&self, event: &str, fresh: bool) -> Result<bool, serde_json::Error> {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        let applied = if fresh {
            let mut anew = States::default();
            let applied = anew.apply(event)?;
            *states = anew;
            applied
        } else {
            states.apply(event)?
        };
        drop(states);
        self.revision.send_modify(|revision| *revision += 1);
        Ok(applied.renamed)
    }

    /// Replaces the registry; tells how many entities are exposed if it is another one than before.
    pub(super) fn learn(&self, rows: &Rows) -> Option<usize> {
        let registry = rows.registry(&self.states.read().unwrap_or_else(PoisonError::into_inner));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.places = Arc::new(rows.places());
        let is_new = *known.registry != registry;
        let exposed = registry.entities.values().filter(|entity| entity.exposed).count();
        known.registry = Arc::new(registry);
        drop(known);
        if is_new {
            // Whoever waits for a change of the home looks again.
            self.revision.send_modify(|revision| *revision += 1);
        }
        is_new.then_some(exposed)
    }

    pub(super) fn open(&self, asks: Option<mpsc::Sender<Ask>>) {
        *self.asks.write().unwrap_or_else(PoisonError::into_inner) = asks;
    }

    fn not_connected(&self) -> HomeError {
        HomeError::NotConnected { url: self.url.clone() }
    }
}

impl HomeAssistant {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How the connection is, and a signal when that changes.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.shared.status.subscribe()
    }

    /// Waits until the home is known.
    ///
    /// # Errors
    /// The refusal that trying again will not cure, such as a wrong token; or `None` if the connector is gone.
    pub async fn ready(&self) -> Result<HomeFacts, HomeError> {
        let mut status = self.status();
        let settled = status
            .wait_for(|status| match status {
                LinkStatus::Up { .. } => true,
                LinkStatus::Down(error) => !error.is_retryable(),
            })
            .await;
        match settled.as_deref() {
            Ok(LinkStatus::Up { facts, .. }) => Ok(facts.clone()),
            Ok(LinkStatus::Down(error)) => Err(error.clone()),
            Err(_) => Err(self.shared.not_connected()),
        }
    }

    /// What Home Assistant says about itself.
    ///
    /// # Errors
    /// As the status says.
    pub fn config(&self) -> Result<HomeFacts, HomeError> {
        match &*self.shared.status.borrow() {
            LinkStatus::Up { facts, .. } => Ok(facts.clone()),
            LinkStatus::Down(error) => Err(error.clone()),
        }
    }

    /// Sends any request, an object with a `type`, and waits up to 10 s for its result.
    ///
    /// # Errors
    /// At once when the connection is down; [`HomeError::Rejected`] with Home Assistant's words.
    pub async fn request(&self, request: Value) -> Result<Value, HomeError> {
        self.config()?;
        let request = Request::try_from(request).map_err(|error| HomeError::Rejected {
            code: "invalid_format".into(),
            message: error.to_string(),
        })?;
        let answer = self.ask(request, REQUEST_WITHIN).await?;
        serde_json::from_str(answer.get()).map_err(|error| unreadable(&error))
    }

    /// Sends a typed command and waits up to 10 s for its answer.
    ///
    /// # Errors
    /// As [`HomeAssistant::request`]; code `unknown_shape` if the answer cannot be read.
    pub async fn command<C: Command>(&self, command: C) -> Result<C::Answer, HomeError> {
        self.config()?;
        self.command_within(command, REQUEST_WITHIN).await
    }

    /// The satellite that is listening, if there is exactly one.
    pub fn listening_satellite(&self) -> Option<ListeningSatellite> {
        self.config().ok()?;
        let states = self.shared.states.read().unwrap_or_else(PoisonError::into_inner);
        let mut listening = states
            .iter()
            .filter(|(id, state)| id.starts_with("assist_satellite.") && state.state == "listening")
            .map(|(id, _)| id);
        let entity = match (listening.next(), listening.next()) {
            (Some(only), None) => EntityId::from(only),
            (None | Some(_), _) => return None,
        };
        drop(listening);
        drop(states);
        let known = self.shared.known.read().unwrap_or_else(PoisonError::into_inner);
        let row = known.registry.entities.get(&entity);
        let device = row.and_then(|row| row.device.clone());
        let area = row.and_then(|row| row.area.clone());
        Some(ListeningSatellite { entity, device, area })
    }

    /// The satellite of a device, if it has one.
    pub fn satellite_of(&self, device: &DeviceId) -> Option<EntityId> {
        let known = self.shared.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_its_own = |id: &EntityId, of: Option<&DeviceId>| {
            id.as_str().starts_with("assist_satellite.") && of == Some(device)
        };
        let mut entities = known.registry.entities.iter();
        entities.find(|(id, entity)| is_its_own(id, entity.device.as_ref())).map(|(id, _)| id.clone())
    }

    /// Like [`HomeAssistant::command`], also while the home is still being read.
    pub(super) async fn command_within<C: Command>(
        &self,
        command: C,
        limit: Duration,
    ) -> Result<C::Answer, HomeError> {
        let answer = self.ask(command.into(), limit).await?;
        C::read(&answer).map_err(|error| unreadable(&error))
    }

    /// Subscribes for the connection's own use; the result is the answer to the subscription.
    pub(super) async fn subscribe(
        &self,
        request: Request,
        topic: super::link::Topic,
    ) -> Result<(), HomeError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Ask { request, limit: REQUEST_WITHIN, topic: Some(topic), reply }).await?;
        self.answered(answer).await.map(drop)
    }

    async fn ask(&self, request: Request, limit: Duration) -> Result<Box<RawValue>, HomeError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Ask { request, limit, topic: None, reply }).await?;
        self.answered(answer).await
    }

    /// Waits for a place in the queue only while the connection lives: its end drops the queue.
    async fn enqueue(&self, ask: Ask) -> Result<(), HomeError> {
        let asks = self.shared.asks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let asks = asks.ok_or_else(|| self.shared.not_connected())?;
        asks.send(ask).await.map_err(|_| self.shared.not_connected())
    }

    async fn answered(
        &self,
        answer: oneshot::Receiver<Result<Box<RawValue>, RequestError>>,
    ) -> Result<Box<RawValue>, HomeError> {
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RequestError::Rejected { code, message })) => Err(HomeError::Rejected { code, message }),
            Ok(Err(RequestError::Timeout { limit_ms })) => Err(HomeError::Timeout { limit_ms }),
            Err(_) => Err(self.shared.not_connected()),
        }
    }

    /// `Err` unless commands may act.
    fn may_act(&self) -> Result<(), HomeError> {
        match &*self.shared.status.borrow() {
            LinkStatus::Up { matcher: Ok(()), .. } => Ok(()),
            LinkStatus::Up { matcher: Err(why), .. } => Err(HomeError::MatcherChanged(why.clone())),
            LinkStatus::Down(error) => Err(error.clone()),
        }
    }

    fn places(&self) -> Arc<Places> {
        Arc::clone(&self.shared.known.read().unwrap_or_else(PoisonError::into_inner).places)
    }

    pub(super) async fn debug(
        &self,
        sentences: Vec<String>,
        language: &str,
        device_id: Option<String>,
    ) -> Result<Vec<Match>, HomeError> {
        let count = sentences.len();
        let command = Debug { sentences, language: language.to_owned(), device_id };
        let answer = self.ask(command.into(), DRY_RUN_WITHIN).await?;
        let answer = Debug::read(&answer).map_err(|error| HomeError::MatcherChanged(error.to_string()))?;
        if answer.results.len() != count {
            return Err(HomeError::MatcherChanged(format!(
                "{} answers for {count} sentences",
                answer.results.len()
            )));
        }
        answer.results.into_iter().map(matcher::read).collect()
    }
}

fn unreadable(error: &serde_json::Error) -> HomeError {
    HomeError::Rejected { code: "unknown_shape".into(), message: error.to_string() }
}

impl Home for HomeAssistant {
    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        self.may_act()?;
        Ok(Arc::clone(&self.shared.known.read().unwrap_or_else(PoisonError::into_inner).registry))
    }

    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        let states = self.shared.states.read().unwrap_or_else(PoisonError::into_inner);
        let state = states.get(entity.as_str())?;
        Some(EntityState { state: state.state.clone(), attributes: state.attributes.clone() })
    }

    fn revision(&self) -> u64 {
        *self.shared.revision.borrow()
    }

    async fn changed(&self, seen: u64) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.shared.revision.subscribe().wait_for(|revision| *revision > seen).await;
    }

    async fn dry_run(
        &self,
        sentences: Vec<String>,
        language: &Language,
        caller: &Caller,
    ) -> Result<Vec<Match>, HomeError> {
        self.may_act()?;
        let device = self.places().device_of(caller);
        self.debug(sentences, language.as_str(), device).await
    }

    async fn process(
        &self,
        sentence: String,
        language: &Language,
        caller: &Caller,
    ) -> Result<Execution, HomeError> {
        self.may_act()?;
        let places = self.places();
        let command = Process {
            text: sentence,
            language: language.as_str().to_owned(),
            agent_id: BUILT_IN_AGENT.to_owned(),
            device_id: places.device_of(caller),
            satellite_id: places.satellite_like_its_device(caller),
        };
        Ok(matcher::execution(self.command_within(command, PROCESS_WITHIN).await?.response))
    }

    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        self.may_act()?;
        let (domain, service) =
            action.service().split_once('.').unwrap_or(("homeassistant", action.service()));
        let command = CallService {
            domain: domain.to_owned(),
            service: service.to_owned(),
            service_data: action.data().clone(),
            target: ServiceTarget { entity_id: vec![action.target().to_string()] },
        };
        self.command_within(command, PROCESS_WITHIN).await.map(drop)
    }
}
