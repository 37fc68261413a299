//! A second agent that can be registered and has nothing to say.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use helix::agent::{Answers, Asked, MODEL, PROMPT, Peers, SecretPath, Server, Settings, Words};
use helix::hass::register::AgentOffer;
use helix::metrics::Metrics;
use helix_core::Language;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A listening port; it closes when dropped.
#[derive(Debug)]
pub struct Mute {
    /// As Home Assistant has to know it.
    pub offer: AgentOffer,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Nothing;

impl Answers for Nothing {
    async fn answer(&self, _: Asked, _: &Words) -> String {
        String::new()
    }

    fn rescue_text(&self, _: Option<&Language>) -> String {
        String::new()
    }

    fn busy_text(&self, _: Option<&Language>) -> String {
        String::new()
    }

    fn stopping_text(&self, _: Option<&Language>) -> String {
        String::new()
    }
}

impl Mute {
    /// Listens on a free port, with the secret of this folder; `peers` may ask.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(folder: &Path, peers: Peers) -> Result<Self> {
        let secret = SecretPath::kept_in(folder)?;
        let text = secret.text().clone();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (settings, metrics) = (Settings::default(), Metrics::default());
        let server = Server::bind(at, Arc::new(Nothing), (secret, peers), settings, metrics).await?;
        let port = server.address().port();
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(CancellationToken::new()));
        Ok(Self { offer: AgentOffer { port, secret: text, model: MODEL, prompt: PROMPT }, _tasks: tasks })
    }
}
