//! Keeps Helix registered in Home Assistant: after each connect, until somebody takes it out.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use helix_core::home::HomeError;
use helix_wyoming::describe::Info;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::offer;
use super::speech::Speech;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::hass::register::{Address, Offer, RegisterError, Registered, Registrar};
use crate::hass::{Connector, HassConfig, HomeAssistant, LinkStatus};
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
    registrar: Registrar,
    prefer: bool,
    info: watch::Sender<Arc<Info>>,
    state: Mutex<State>,
}

impl Registration {
    pub(super) fn new(config: &Config, parts: Parts, registrar: Registrar) -> Self {
        let Parts { home, speech, espeak, info } = parts;
        let prefer = config.prefer_pipeline;
        Self { home, speech, espeak, registrar, prefer, info, state: Mutex::new(State::Waiting) }
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
        let removed = self.registrar.unregister().await?;
        *self.state() = State::Withdrawn;
        Ok(removed.iter().map(ToString::to_string).collect())
    }

    /// What is registered, or what is wrong.
    pub(super) fn describe(&self) -> Result<String, String> {
        match &*self.state() {
            State::Waiting => Err("not registered yet: waiting for Home Assistant".into()),
            State::Registered(text) => Ok(text.clone()),
            State::Failed(why) => Err(why.clone()),
            State::Withdrawn => Err("unregistered; a restart of Helix registers it again".into()),
        }
    }

    /// How the connection to Home Assistant is.
    pub(super) fn describe_home(&self) -> Result<String, String> {
        describe_home(&self.home)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt; true if all is right now.
    async fn once(&self) -> bool {
        let registered = self.register().await;
        let (state, done) = match registered {
            Ok(registered) => {
                let changed: Vec<_> = registered.changed.iter().map(ToString::to_string).collect();
                tracing::info!(
                    changed = changed.join(", "),
                    preferred = registered.preferred,
                    "registered as a voice pipeline"
                );
                (State::Registered(describe(&registered)), true)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "not registered");
                (State::Failed(error.to_string()), false)
            }
        };
        *self.state() = state;
        done
    }

    async fn register(&self) -> Result<Registered, RegisterError> {
        let voice = if self.registrar.has_other_tts().await? { None } else { self.espeak.as_ref() };
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
        self.registrar.register(&offer, self.prefer).await
    }
}

fn describe(registered: &Registered) -> String {
    let preferred = if registered.preferred { ", the preferred one" } else { "" };
    format!("registered as the voice pipeline Helix{preferred}")
}

/// Version and place of the home, or why commands may not act.
pub(super) fn describe_home(home: &HomeAssistant) -> Result<String, String> {
    match &*home.status().borrow() {
        LinkStatus::Up { facts, matcher: Ok(()) } => {
            Ok(format!("Home Assistant {}, language {}", facts.version, facts.language))
        }
        LinkStatus::Up { matcher: Err(why), .. } => Err(HomeError::MatcherChanged(why.clone()).to_string()),
        LinkStatus::Down(error) => Err(error.to_string()),
    }
}

pub(super) fn record(data_dir: &Path) -> PathBuf {
    data_dir.join("registration.json")
}

/// The address of this machine on the way to Home Assistant; nothing is sent.
fn own_host(home: &HassConfig) -> String {
    let url = home.shown_url();
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let target = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let route = || {
        let target = target.to_socket_addrs().ok()?.next()?;
        let socket = UdpSocket::bind(if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).ok()?;
        socket.connect(target).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    route().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string()
}

/// Where Home Assistant reaches the Wyoming port: as configured, else on the way that this machine reaches it.
pub(super) fn address(config: &Config, home: &HassConfig, port: u16) -> Address {
    Address { host: config.advertise.clone().unwrap_or_else(|| own_host(home)), port }
}

/// Takes out of Home Assistant what Helix put in, while no bridge runs.
///
/// # Errors
/// Home Assistant cannot be reached or refuses.
pub async fn unregister(config: &Config) -> anyhow::Result<Vec<String>> {
    let home_config = config.home.clone().context("no Home Assistant is configured")?;
    let (clock, cancel, tasks) = (SystemClock::start(), CancellationToken::new(), TaskTracker::new());
    let (connector, home) = Connector::new(home_config.clone(), clock.clone());
    tasks.spawn(connector.run(cancel.clone()));
    tasks.close();
    let removed = match tokio::time::timeout(CONNECT_LIMIT, home.ready()).await {
        Ok(Ok(_)) => {
            let address = address(config, &home_config, config.listen.port());
            let registrar = Registrar::new(&home_config, home, clock, address, record(&config.data_dir))?;
            registrar.unregister().await?
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => bail!("Home Assistant did not become ready within 20 s; is it running?"),
    };
    cancel.cancel();
    tasks.wait().await;
    Ok(removed.iter().map(ToString::to_string).collect())
}
