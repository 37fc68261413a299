//! The second agent as a part of the bridge: the same conversation as through Wyoming, on another way.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use helix_core::Language;
use helix_core::home::Caller;
use helix_core::reply::{Reply, RunError, Sentence};
use tokio_util::sync::CancellationToken;

use super::bridge::Bridge;
use crate::agent::{Answers, Asked, MODEL, Network, PROMPT, Peers, SecretPath, Server, Settings, Words};
use crate::clock::SystemClock;
use crate::config::{Config, SECOND_AGENT_PORT};
use crate::hass::HassConfig;
use crate::hass::register::AgentOffer;
use crate::metrics::Metrics;
use crate::satellite::HandleRequest;

/// Where the Supervisor's own containers are, and the host's end of their network: Home Assistant uses the host's
/// network and comes from there. Apps are in 172.30.33.0/24.
const HASSIO: Network = Network::new(IpAddr::V4(Ipv4Addr::new(172, 30, 32, 0)), 24);

/// The second agent, listening.
pub(super) struct SecondAgent {
    server: Server<Bridge>,
    secret: SecretPath,
}

impl SecondAgent {
    /// As Home Assistant has to know it.
    pub(super) fn offer(&self) -> AgentOffer {
        let port = self.server.address().port();
        AgentOffer { port, secret: self.secret.text().clone(), model: MODEL, prompt: PROMPT }
    }
}

/// Serves until cancelled, if there is a second agent.
pub(super) async fn run(agent: Option<SecondAgent>, cancel: CancellationToken) {
    if let Some(SecondAgent { server, .. }) = agent {
        server.run(cancel).await;
    }
}

/// Opens the port, if there is to be a second agent.
///
/// # Errors
/// The port is taken, or the secret cannot be kept.
pub(super) async fn open(
    config: &Config,
    bridge: Arc<Bridge>,
    metrics: Metrics,
) -> anyhow::Result<Option<SecondAgent>> {
    let Some(home) = config.home.as_ref().filter(|_| config.second_agent.on) else { return Ok(None) };
    let secret = SecretPath::kept_in(&config.data_dir)?;
    let settings = Settings { runs_max: config.runs_max, ..Settings::default() };
    let entrance = (secret.clone(), peers(config, home));
    let server = Server::bind(address(config, home), bridge, entrance, settings, metrics).await?;
    tracing::info!(address = %server.address(), "the second agent listens");
    Ok(Some(SecondAgent { server, secret }))
}

/// Who may ask: this machine, and where Home Assistant is.
fn peers(config: &Config, home: &HassConfig) -> Peers {
    let known = match &home.supervisor {
        Some(_) => Peers::of_this_machine().and(HASSIO),
        None => Peers::of_this_machine().and_host(host_of(home).to_owned(), SystemClock::start()),
    };
    match config.second_agent.from {
        Some(address) => known.and(Network::only(address)),
        None => known,
    }
}

/// Where to listen: on this machine alone if Home Assistant reaches us there.
fn address(config: &Config, home: &HassConfig) -> SocketAddr {
    let reached_at = config.advertise.as_deref().unwrap_or_else(|| host_of(home));
    let is_here = home.supervisor.is_none() && is_loopback(reached_at);
    let ip = if is_here { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    config.second_agent.listen.unwrap_or(SocketAddr::from((ip, SECOND_AGENT_PORT)))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The name or address of Home Assistant's machine.
fn host_of(home: &HassConfig) -> &str {
    let url = home.shown_url();
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    }
}

impl Answers for Bridge {
    async fn answer(&self, asked: Asked, aside: &Words) -> String {
        let Asked { text, language, device, conversation, .. } = asked;
        let language = self.language_or_own(language.as_ref());
        // The same name as through Wyoming: a PIN that this satellite is asked for is masked when it is heard.
        let satellite = device.as_ref().and_then(|device| self.satellite_of(device));
        let caller = Caller { device, satellite };
        let conversation_id = Some(conversation);
        let request = HandleRequest { text, language: Some(language.clone()), conversation_id, caller };
        self.reply(request, language, Some(aside)).await.text
    }

    fn rescue_text(&self, language: Option<&Language>) -> String {
        Reply::rescue(&RunError::TookTooLong, &self.language_or_own(language)).text
    }

    fn busy_text(&self, language: Option<&Language>) -> String {
        Sentence::Busy.text(&self.language_or_own(language))
    }

    fn stopping_text(&self, language: Option<&Language>) -> String {
        Sentence::Stopping.text(&self.language_or_own(language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_home_assistant_is_found_in_its_address() {
        for (url, host) in [
            ("http://homeassistant.local:8123", "homeassistant.local"),
            ("https://hass.example/x", "hass.example"),
            ("http://127.0.0.1:8123", "127.0.0.1"),
            ("http://[::1]:8123", "::1"),
            ("http://me:word@hass:1", "hass"),
        ] {
            let home = HassConfig { url: url.into(), token: "t".into(), supervisor: None };
            assert_eq!(host_of(&home), host);
        }
        assert!(is_loopback("localhost") && is_loopback("127.0.1.1") && is_loopback("::1"));
        assert!(!is_loopback("192.168.1.5") && !is_loopback("homeassistant.local"));
    }
}
