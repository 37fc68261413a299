//! A connection to Home Assistant for as long as one command takes.

use std::time::Duration;

use anyhow::{Context, bail};
use helix_core::Home;
use helix_core::home::HomeError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::hass::{Connector, HomeAssistant, LinkStatus, advice};

/// A connected Home Assistant; the connection ends when this is dropped.
#[derive(Debug)]
pub struct Visit {
    home: HomeAssistant,
    clock: SystemClock,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Visit {
    /// Connects and waits until the home is known. Only a Home Assistant that is starting is waited for.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub async fn begin(config: &Config, limit: Duration) -> anyhow::Result<Self> {
        let home_config = config.home.clone().context(
            "no Home Assistant is configured. Set ha_url and ha_token in helix.toml, \
             or HELIX_HA_URL and HELIX_HA_TOKEN in the environment",
        )?;
        let (clock, cancel, tasks) = (SystemClock::start(), CancellationToken::new(), TaskTracker::new());
        let (connector, home) = Connector::new(home_config, clock.clone());
        let visit = Self { home, clock, cancel, tasks };
        // Subscribed before the first attempt: the state until then tells nothing.
        let mut status = visit.home.status();
        visit.tasks.spawn(connector.run(visit.cancel.clone()));
        visit.tasks.close();
        let settled = async {
            while status.changed().await.is_ok() {
                match &*status.borrow_and_update() {
                    LinkStatus::Up { .. } => return Ok(()),
                    LinkStatus::Down(HomeError::Starting) => {}
                    LinkStatus::Down(error) => bail!("{}", advice(error)),
                }
            }
            Ok(())
        };
        match tokio::time::timeout(limit, settled).await {
            Ok(settled) => settled?,
            Err(_) => bail!("Home Assistant is still starting after {} s; try again later", limit.as_secs()),
        }
        Ok(visit)
    }

    /// The home.
    pub fn home(&self) -> &HomeAssistant {
        &self.home
    }

    /// The clock of this visit.
    pub(super) fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// Version and language of the home.
    ///
    /// # Errors
    /// The reason why nothing may act, in words.
    pub fn describe(&self) -> Result<String, String> {
        describe_home(&self.home)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.tasks.close();
    }
}

/// Version and language of the home, or why commands may not act.
pub(super) fn describe_home(home: &HomeAssistant) -> Result<String, String> {
    match &*home.status().borrow() {
        LinkStatus::Up { facts, matcher: Ok(()) } => {
            let exposed = home
                .registry()
                .map_or(0, |all| all.entities.values().filter(|entity| entity.exposed).count());
            Ok(format!("{}, language {}, {exposed} entities exposed", facts.version, facts.language))
        }
        LinkStatus::Up { matcher: Err(why), .. } => {
            Err(format!("{}. Update Helix", HomeError::MatcherChanged(why.clone())))
        }
        LinkStatus::Down(error) => Err(advice(error)),
    }
}
