//! Keeps Helix registered in Home Assistant: after each connect, until somebody takes it out.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use helix_wyoming::describe::Info;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::offer;
use super::speech::Speech;
use super::visit::{Visit, describe_home};
use crate::clock::SystemClock;
use crate::config::{Config, SECOND_AGENT_PORT};
use crate::hass::register::{Address, AgentOffer, Change, Offer, RegisterError, Registered, Registrar};
use crate::hass::{HassConfig, HomeAssistant, LinkStatus};
use crate::satellite::Espeak;

/// A registration that failed is tried again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long `helix unregister` waits for Home Assistant.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
enum State {
    Waiting,
    Registered(String),
    Failed(String),
    Withdrawn,
}

/// What a registration needs from the rest of the bridge.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) home: HomeAssistant,
    pub(super) speech: Arc<Speech>,
    pub(super) espeak: Option<Espeak>,
    pub(super) info: watch::Sender<Arc<Info>>,
}

/// The registration of this bridge.
#[derive(Debug)]
pub(super) struct Registration {
    home: HomeAssistant,
    speech: Arc<Speech>,
    espeak: Option<Espeak>,
    place: Place,
    prefer: bool,
    info: watch::Sender<Arc<Info>>,
    state: Mutex<State>,
    agent_state: Mutex<State>,
}

impl Registration {
    pub(super) fn new(config: &Config, parts: Parts, place: Place) -> Self {
        let Parts { home, speech, espeak, info } = parts;
        let prefer = config.prefer_pipeline;
        let waiting = || Mutex::new(State::Waiting);
        let (state, agent_state) = (waiting(), waiting());
        Self { home, speech, espeak, place, prefer, info, state, agent_state }
    }

    /// Registers after each connect until it is cancelled.
    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let keep = async {
            let mut status = self.home.status();
            while status.wait_for(|status| matches!(status, LinkStatus::Up { .. })).await.is_ok() {
                if matches!(*self.state(), State::Withdrawn) || self.once().await {
                    if status.wait_for(|status| matches!(status, LinkStatus::Down(_))).await.is_err() {
                        return;
                    }
                } else {
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        };
        cancel.run_until_cancelled(keep).await;
    }

    /// Takes everything of Helix out of Home Assistant and does not put it back.
    pub(super) async fn withdraw(&self) -> anyhow::Result<Vec<String>> {
        let removed = self.place.registrar(self.home.clone()).await?.unregister().await?;
        *self.state() = State::Withdrawn;
        *self.agent_state() = State::Withdrawn;
        Ok(removed.iter().map(ToString::to_string).collect())
    }

    /// Whether there was no attempt yet.
    pub(super) fn is_starting(&self) -> bool {
        matches!(*self.state(), State::Waiting)
    }

    /// What is registered, or what is wrong.
    pub(super) fn describe(&self) -> Result<String, String> {
        self.state().describe()
    }

    /// How the second agent is; `None` if there is none.
    pub(super) fn describe_agent(&self) -> Option<Result<String, String>> {
        self.place.agent.as_ref().map(|_| self.agent_state().describe())
    }

    /// Whether there was no attempt yet to register the second agent.
    pub(super) fn is_agent_starting(&self) -> bool {
        matches!(*self.agent_state(), State::Waiting)
    }

    /// How the connection to Home Assistant is.
    pub(super) fn describe_home(&self) -> Result<String, String> {
        describe_home(&self.home)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn agent_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.agent_state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt; true if all is right now.
    async fn once(&self) -> bool {
        let (registrar, offer) = match self.register().await {
            Ok((registrar, offer, registered)) => {
                tracing::info!(
                    changed = named(&registered.changed),
                    preferred = registered.preferred,
                    "registered as a voice pipeline"
                );
                *self.state() = State::Registered(describe(&registered));
                (registrar, offer)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "not registered");
                *self.state() = State::Failed(error.to_string());
                return false;
            }
        };
        let (state, done) = match self.register_agent(&registrar, &offer).await {
            Ok(text) => (State::Registered(text), true),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the second agent is not registered");
                (State::Failed(error.to_string()), false)
            }
        };
        *self.agent_state() = state;
        done
    }

    async fn register(&self) -> Result<(Registrar, Offer, Registered), RegisterError> {
        let registrar = self.place.registrar(self.home.clone()).await?;
        let voice = if registrar.has_other_tts().await? { None } else { self.espeak.as_ref() };
        let info = offer::info(self.speech.languages().await, voice);
        let languages = |models: &[helix_wyoming::describe::Model]| {
            models.iter().flat_map(|model| model.languages.iter().cloned()).collect::<Vec<_>>()
        };
        let offer = Offer {
            asr_languages: info.asr.iter().flat_map(|asr| languages(&asr.models)).collect(),
            handle_languages: info.handle.iter().flat_map(|handle| languages(&handle.models)).collect(),
            voice: voice.is_some(),
        };
        self.info.send_replace(Arc::new(info));
        let registered = registrar.register(&offer, self.prefer).await?;
        Ok((registrar, offer, registered))
    }

    /// Registers the second agent, or takes it out if it was switched off.
    async fn register_agent(&self, registrar: &Registrar, offer: &Offer) -> Result<String, RegisterError> {
        let changed = match &self.place.agent {
            Some(agent) => registrar.register_agent(offer, agent).await?,
            None => registrar.unregister_agent().await?,
        };
        if !changed.is_empty() {
            tracing::info!(changed = named(&changed), "the second agent was registered or removed");
        }
        let port = self.place.agent_port;
        Ok(format!("registered as the voice pipeline Helix (streaming), at port {port}"))
    }
}

impl State {
    fn describe(&self) -> Result<String, String> {
        match self {
            Self::Waiting => Err("not registered yet: waiting for Home Assistant".into()),
            Self::Registered(text) => Ok(text.clone()),
            Self::Failed(why) => Err(why.clone()),
            Self::Withdrawn => Err("unregistered; a restart of Helix registers it again".into()),
        }
    }
}

fn named(changed: &[Change]) -> String {
    changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Where our Wyoming port is and where that is written down.
#[derive(Debug)]
pub(super) struct Place {
    home: HassConfig,
    advertise: Option<String>,
    port: u16,
    record: PathBuf,
    /// The second agent, if there is one.
    agent: Option<AgentOffer>,
    /// Where it is, or would be.
    agent_port: u16,
}

impl Place {
    pub(super) fn new(config: &Config, port: u16) -> anyhow::Result<Self> {
        let home = config.home.clone().context("no Home Assistant is configured")?;
        let record = config.data_dir.join("registration.json");
        let agent_port = config.second_agent.listen.map_or(SECOND_AGENT_PORT, |listen| listen.port());
        let advertise = config.advertise.clone();
        Ok(Self { home, advertise, port, record, agent: None, agent_port })
    }

    /// The same with a second agent that listens.
    pub(super) fn with_agent(self, agent: Option<AgentOffer>) -> Self {
        let agent_port = agent.as_ref().map_or(self.agent_port, |agent| agent.port);
        Self { agent, agent_port, ..self }
    }

    /// The address as configured, else on the way that this machine reaches Home Assistant now: names and routes
    /// may not be there yet when the bridge starts.
    async fn registrar(&self, home: HomeAssistant) -> Result<Registrar, RegisterError> {
        let host = match &self.advertise {
            Some(host) => host.clone(),
            None => own_host(&self.home).await,
        };
        let address = Address { host, port: self.port };
        let registrar = Registrar::new(&self.home, home, SystemClock::start(), address, self.record.clone())?;
        Ok(registrar.with_agent_at(self.agent_port))
    }
}

fn describe(registered: &Registered) -> String {
    let preferred = if registered.preferred { ", the preferred one" } else { "" };
    format!("registered as the voice pipeline Helix{preferred}")
}

/// The address of this machine on the way to Home Assistant; nothing is sent.
async fn own_host(home: &HassConfig) -> String {
    let url = home.shown_url();
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let target = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let route = async {
        let target = lookup_host(target).await.ok()?.next()?;
        let socket = UdpSocket::bind(if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await.ok()?;
        socket.connect(target).await.ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    route.await.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string()
}

/// Takes out of Home Assistant what Helix put in, while no bridge runs.
///
/// # Errors
/// Home Assistant cannot be reached or refuses.
pub async fn unregister(config: &Config) -> anyhow::Result<Vec<String>> {
    let visit = Visit::begin(config, CONNECT_LIMIT).await?;
    let place = Place::new(config, config.listen.port())?;
    let removed = place.registrar(visit.home().clone()).await?.unregister().await?;
    Ok(removed.iter().map(ToString::to_string).collect())
}
