//! Reads the home after each connect, checks that commands may act, and keeps what was read up to date.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use helix_core::Clock;
use helix_core::clock::within;
use helix_core::home::HomeError;
use helix_hass::config::{CurrentUser, GetConfig};
use helix_hass::conversation::Prepare;
use helix_hass::exposure::ListExposed;
use helix_hass::registry::{
    GetEntities, ListAreas, ListDevices, ListEntities, ListFloors, SubscribeEvents, UPDATE_EVENTS,
};
use helix_hass::states::SubscribeEntities;
use tokio::sync::Notify;

use super::client::{HomeAssistant, LinkStatus, Shared};
use super::link::Topic;
use super::matcher;
use super::registry::Rows;
use crate::clock::SystemClock;

/// How often it is asked whether Home Assistant has started.
const STARTED_EVERY: Duration = Duration::from_millis(250);
/// Changes of registries come in bursts (one event for each entity of a new device).
const SETTLE: Duration = Duration::from_millis(100);
/// The exposure of an entity without a unique id changes without any event.
const EXPOSURE_EVERY: Duration = Duration::from_secs(30);
/// Reading large registries takes long on a small machine.
const READ_WITHIN: Duration = Duration::from_secs(20);
/// Loading the sentences of a language, likewise.
const PREPARE_WITHIN: Duration = Duration::from_mins(1);

/// Lives as long as one connection.
pub(super) struct Upkeep {
    home: HomeAssistant,
    shared: Arc<Shared>,
    clock: SystemClock,
    stale: Arc<Notify>,
    rows: Rows,
}

impl Upkeep {
    pub(super) fn new(
        home: HomeAssistant,
        shared: Arc<Shared>,
        clock: SystemClock,
        stale: Arc<Notify>,
    ) -> Self {
        Self { home, shared, clock, stale, rows: Rows::default() }
    }

    /// Runs until the connection is of no use any more; gives the reason.
    pub(super) async fn run(mut self) -> HomeError {
        let Err(error) = self.bring_up_and_keep().await;
        error
    }

    async fn bring_up_and_keep(&mut self) -> Result<Infallible, HomeError> {
        self.bring_up().await?;
        loop {
            self.await_staleness().await?;
            if let Some(exposed) = self.shared.learn(&self.rows) {
                tracing::debug!(exposed, "the home has changed");
            }
        }
    }

    async fn bring_up(&mut self) -> Result<(), HomeError> {
        self.await_started().await?;
        let user = self.home.command_within(CurrentUser {}, READ_WITHIN).await?;
        if !user.is_admin {
            return Err(HomeError::NotAdmin);
        }
        self.subscribe().await?;
        self.read_all().await?;
        self.publish().await
    }

    async fn await_started(&self) -> Result<(), HomeError> {
        while self.home.command_within(GetConfig {}, READ_WITHIN).await?.state != "RUNNING" {
            self.clock.sleep(STARTED_EVERY).await;
        }
        Ok(())
    }

    /// Subscribes to all that changes, and waits until the states of all entities are known.
    async fn subscribe(&self) -> Result<(), HomeError> {
        for event_type in UPDATE_EVENTS.into_iter().chain(["core_config_updated"]) {
            let events = SubscribeEvents { event_type: event_type.to_owned() };
            self.home.subscribe(events.into(), Topic::Stale).await?;
        }
        let mut revision = self.shared.revision.subscribe();
        revision.mark_unchanged();
        self.home.subscribe(SubscribeEntities {}.into(), Topic::States).await?;
        let limit_ms = u32::try_from(READ_WITHIN.as_millis()).unwrap_or(u32::MAX);
        within(&self.clock, READ_WITHIN, revision.changed())
            .await
            .ok_or(HomeError::Timeout { limit_ms })
            .map(drop)
    }

    async fn read_all(&mut self) -> Result<(), HomeError> {
        self.rows.areas = self.home.command_within(ListAreas {}, READ_WITHIN).await?;
        self.rows.floors = self.home.command_within(ListFloors {}, READ_WITHIN).await?;
        self.rows.devices = self.home.command_within(ListDevices {}, READ_WITHIN).await?;
        self.rows.entities = self.home.command_within(ListEntities {}, READ_WITHIN).await?;
        self.rows.exposed = self.read_exposed().await?;
        self.read_names().await
    }

    async fn read_exposed(&self) -> Result<BTreeSet<String>, HomeError> {
        Ok(self.home.command_within(ListExposed {}, READ_WITHIN).await?.to_conversation().collect())
    }

    /// The list of entities has no aliases. Whole entries are large, so only the exposed ones are read.
    async fn read_names(&mut self) -> Result<(), HomeError> {
        let entity_ids = self.rows.exposed.iter().cloned().collect();
        self.rows.names = self.home.command_within(GetEntities { entity_ids }, READ_WITHIN).await?;
        Ok(())
    }

    /// Publishes what was read, checks the matcher, and says that the home is there.
    async fn publish(&mut self) -> Result<(), HomeError> {
        let facts = self.home.command_within(GetConfig {}, READ_WITHIN).await?;
        self.rows.fahrenheit = facts.unit_system.is_fahrenheit();
        self.shared.learn(&self.rows);
        let language = facts.language.clone();
        // Not every language has sentences; then nothing is matched, which is not our business.
        match self.home.command_within(Prepare { language: language.clone() }, PREPARE_WITHIN).await {
            Ok(_) | Err(HomeError::Rejected { .. }) => {}
            Err(error) => return Err(error),
        }
        let matcher = matcher::self_check(&self.home, &language).await?;
        let exposed = self.rows.exposed.len();
        match &matcher {
            Ok(()) => {
                tracing::info!(version = facts.version, language, exposed, "Home Assistant is connected");
            }
            Err(why) => {
                let version = &facts.version;
                tracing::error!(
                    version,
                    why,
                    "Home Assistant's matcher has changed; nothing can act. Update Helix."
                );
            }
        }
        self.shared.status.send_replace(LinkStatus::Up { facts: facts.into(), matcher });
        Ok(())
    }

    /// Waits until something becomes stale and reads it again.
    async fn await_staleness(&mut self) -> Result<(), HomeError> {
        tokio::select! {
            () = self.stale.notified() => {
                self.clock.sleep(SETTLE).await;
                self.read_all().await?;
                if self.is_reconfigured().await? { self.publish().await } else { Ok(()) }
            }
            () = self.clock.sleep(EXPOSURE_EVERY) => {
                let exposed = self.read_exposed().await?;
                if exposed != self.rows.exposed {
                    self.rows.exposed = exposed;
                    self.read_names().await?;
                }
                Ok(())
            }
        }
    }

    async fn is_reconfigured(&self) -> Result<bool, HomeError> {
        let facts = self.home.command_within(GetConfig {}, READ_WITHIN).await?;
        Ok(self.home.config().is_ok_and(|known| known != facts.into()))
    }
}
