//! Our entry of the Wyoming integration: found, added, replaced, reloaded, removed.

use std::collections::BTreeSet;
use std::time::Duration;

use helix_core::Clock;
use helix_hass::conversation::ListAgents;
use helix_hass::entries::{Entry, Flow, ListEntries, ListFlows, RenameEntry, WyomingInfo};
use helix_hass::pipeline::{Engine, ListSttEngines, ListTtsEngines};
use helix_hass::registry::ListEntities;
use serde_json::json;

use super::record::Record;
use super::{Address, Change, Offer, PROGRAM, RegisterError, Registrar};
use crate::hass::rest::FlowStep;
use crate::hass::supervisor::Supervisor;

const DOMAIN: &str = "wyoming";
/// An entry that the Supervisor's message led to.
const FROM_SUPERVISOR: &str = "hassio";
pub(super) const LOADED: &str = "loaded";
/// The Supervisor's message travels by way of Home Assistant, which asks the Supervisor back.
const OFFERED_WITHIN: Duration = Duration::from_secs(15);
/// Home Assistant makes entities after it has answered that the entry is there.
pub(super) const ENTITIES_WITHIN: Duration = Duration::from_secs(30);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Who we are to Home Assistant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) address: Address,
    /// The name of the app; only under Supervisor.
    pub(super) app: Option<String>,
}

/// The voices of the home.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Voices {
    /// The engines that are loaded now, with their languages.
    pub(super) loaded: Vec<Engine>,
    /// Engines of others that are registered; one may be missing now only because its server starts slowly.
    pub(super) foreign: BTreeSet<String>,
}

/// The entities of our entry that exist now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Engines {
    pub(super) stt: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) tts: Option<String>,
    /// The languages that Home Assistant believes we know; read once, when the entry was loaded.
    asr_languages: BTreeSet<String>,
    handle_languages: BTreeSet<String>,
}

impl Engines {
    /// The same with another agent.
    pub(super) fn with_agent(self, conversation: Option<String>) -> Self {
        Self { conversation, ..self }
    }

    fn are(&self, offer: &Offer) -> bool {
        self.stt.is_some() != offer.asr_languages.is_empty()
            && self.conversation.is_some()
            && self.tts.is_some() == offer.voice
            && self.asr_languages == offer.asr_languages
            && self.handle_languages == offer.handle_languages
    }
}

impl Registrar {
    /// Makes sure that there is one loaded entry with our present address and languages; gives its id.
    pub(super) async fn ensure_entry(
        &self,
        offer: &Offer,
        record: &mut Record,
        changed: &mut Vec<Change>,
    ) -> Result<String, RegisterError> {
        let ours = self.identity().await?;
        let address = &ours.address;
        if let Some(supervisor) = &self.supervisor {
            // Before an old entry is removed: Home Assistant then offers us again with what this message says.
            record.discovery = Some(supervisor.discover_wyoming(&address.host, address.port).await?);
        }
        let mut own = self.find_own(&ours, record).await?;
        if let Some(entry) = &own
            && !self.is_usable(entry, address, offer, record, changed).await?
        {
            self.rest.remove_entry(&entry.entry_id).await?;
            changed.push(Change::EntryRemoved);
            own = None;
        }
        let entry = if let Some(entry) = own {
            entry
        } else {
            let added = self.add(address, record).await?;
            changed.push(Change::EntryAdded);
            added
        };
        record.entry = Some(entry.entry_id.clone());
        record.address = Some(address.to_string());
        self.await_engines(&entry.entry_id, address, offer).await?;
        Ok(entry.entry_id)
    }

    /// How Home Assistant reaches us, and what the Supervisor calls us.
    pub(super) async fn identity(&self) -> Result<Identity, RegisterError> {
        let Some(supervisor) = &self.supervisor else {
            return Ok(Identity { address: self.address.clone(), app: None });
        };
        let app = supervisor.app().await?;
        let address = Address { host: app.hostname, port: self.address.port };
        Ok(Identity { address, app: Some(app.name) })
    }

    /// Our entry: the one that we remember; else the one with our address in its title; else one that a person
    /// or the Supervisor made for us. An entry with another address in its title is that of another Helix.
    pub(super) async fn find_own(
        &self,
        ours: &Identity,
        record: &Record,
    ) -> Result<Option<Entry>, RegisterError> {
        let entries = self.entries().await?;
        let servers = self.home.command(WyomingInfo {}).await?.info;
        let is_made_for_us = |entry: &&Entry| {
            let is_helix = servers.get(&entry.entry_id).map(|server| server.has_program(PROGRAM));
            // An entry that is not loaded has only its title.
            match &ours.app {
                Some(app) => {
                    let is_app = is_helix.unwrap_or(entry.state != LOADED && entry.title == *app);
                    entry.source == FROM_SUPERVISOR && is_app
                }
                None => entry.title == PROGRAM && is_helix.unwrap_or(entry.state != LOADED),
            }
        };
        let remembered = entries.iter().find(|entry| record.entry.as_ref() == Some(&entry.entry_id));
        let with_title = || entries.iter().find(|entry| entry.title == title(&ours.address));
        let made_for_us = || entries.iter().find(is_made_for_us);
        Ok(remembered.or_else(with_title).or_else(made_for_us).cloned())
    }

    async fn entries(&self) -> Result<Vec<Entry>, RegisterError> {
        Ok(self.home.command(ListEntries { domain: DOMAIN.into() }).await?)
    }

    /// Whether an entry leads to us; loads it anew if it does not work, or if Home Assistant believes in other
    /// languages.
    async fn is_usable(
        &self,
        entry: &Entry,
        address: &Address,
        offer: &Offer,
        record: &Record,
        changed: &mut Vec<Change>,
    ) -> Result<bool, RegisterError> {
        let known_address = address_of(entry, record);
        if known_address.is_some_and(|known| known != address.to_string()) {
            return Ok(false);
        }
        if entry.disabled_by.is_some() {
            return Err(RegisterError::Disabled);
        }
        if entry.state == LOADED && self.engines(&entry.entry_id).await?.are(offer) {
            return Ok(true);
        }
        self.rest.reload_entry(&entry.entry_id).await?;
        changed.push(Change::EntryReloaded);
        // An address that is not known is an old one if nobody answers there.
        Ok(known_address.is_some() || self.state_of(&entry.entry_id).await? == LOADED)
    }

    async fn state_of(&self, entry_id: &str) -> Result<String, RegisterError> {
        let entry = self.entries().await?.into_iter().find(|entry| entry.entry_id == entry_id);
        Ok(entry.map_or_else(|| "removed".into(), |entry| entry.state))
    }

    async fn add(&self, address: &Address, record: &Record) -> Result<Entry, RegisterError> {
        let Address { host, port } = address;
        let (flow_id, answer) = match (&self.supervisor, &record.discovery) {
            (Some(_), Some(uuid)) => (self.offered_flow(uuid).await?, json!({})),
            (Some(_), None) | (None, _) => match self.rest.start_flow(DOMAIN).await? {
                FlowStep::Form { flow_id, .. } => (flow_id, json!({"host": host, "port": port})),
                FlowStep::CreateEntry { result } => return Ok(result),
                FlowStep::Abort { reason } => return Err(flow_ended(reason, address)),
            },
        };
        match self.rest.answer_flow(&flow_id, &answer).await? {
            FlowStep::CreateEntry { result } if self.supervisor.is_none() => {
                let entry_id = result.entry_id.clone();
                self.home.command(RenameEntry { entry_id, title: title(address) }).await?;
                Ok(result)
            }
            FlowStep::CreateEntry { result } => Ok(result),
            FlowStep::Form { flow_id, .. } => {
                // The Supervisor's offer stays: it is answered the next time.
                if self.supervisor.is_none() {
                    self.rest.abandon_flow(&flow_id).await?;
                }
                Err(RegisterError::PortUnreachable { address: address.to_string() })
            }
            FlowStep::Abort { reason } => Err(flow_ended(reason, address)),
        }
    }

    /// Waits for the flow that the Supervisor's message starts.
    async fn offered_flow(&self, uuid: &str) -> Result<String, RegisterError> {
        let ours = |flow: &Flow| {
            flow.handler == DOMAIN
                && flow.context.source == FROM_SUPERVISOR
                && flow.context.unique_id.as_deref() == Some(uuid)
        };
        let look = || async { Ok(self.home.command(ListFlows {}).await?.into_iter().find(&ours)) };
        let flow = self.seen_within(OFFERED_WITHIN, look).await?;
        flow.map(|flow| flow.flow_id).ok_or(RegisterError::NotOffered)
    }

    /// Waits until our engines are there as we offer them.
    async fn await_engines(
        &self,
        entry_id: &str,
        address: &Address,
        offer: &Offer,
    ) -> Result<(), RegisterError> {
        let look = || async { Ok(self.engines(entry_id).await?.are(offer).then_some(())) };
        if self.seen_within(ENTITIES_WITHIN, look).await?.is_some() {
            return Ok(());
        }
        let state = self.state_of(entry_id).await?;
        Err(match state.as_str() {
            "setup_retry" => RegisterError::PortUnreachable { address: address.to_string() },
            _ => RegisterError::NotLoaded { state },
        })
    }

    /// Looks again and again until there is what is looked for; none if there is not in time.
    pub(super) async fn seen_within<T, F>(
        &self,
        limit: Duration,
        look: impl Fn() -> F,
    ) -> Result<Option<T>, RegisterError>
    where
        F: Future<Output = Result<Option<T>, RegisterError>>,
    {
        let until = self.clock.now() + limit;
        loop {
            let seen = look().await?;
            if seen.is_some() || self.clock.now() >= until {
                return Ok(seen);
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// The entities of an entry that exist now.
    pub(super) async fn engines(&self, entry_id: &str) -> Result<Engines, RegisterError> {
        let rows = self.home.command(ListEntities {}).await?;
        let own: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row.config_entry_id.as_deref() == Some(entry_id))
            .map(|row| row.entity_id.as_str())
            .collect();
        let stt = self.home.command(ListSttEngines::default()).await?.providers;
        let stt = stt.into_iter().find(|engine| own.contains(engine.engine_id.as_str()));
        let agents = self.home.command(ListAgents {}).await?.agents;
        let agent = agents.into_iter().find(|agent| own.contains(agent.id.as_str()));
        let tts = self.home.command(ListTtsEngines::default()).await?.providers;
        let tts = tts.into_iter().find(|engine| own.contains(engine.engine_id.as_str()));
        let handle_languages = agent.as_ref().and_then(|agent| agent.supported_languages.as_array());
        Ok(Engines {
            handle_languages: handle_languages
                .map(|tags| tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
            asr_languages: stt.iter().flat_map(|engine| engine.supported_languages.iter().cloned()).collect(),
            stt: stt.map(|engine| engine.engine_id),
            conversation: agent.map(|agent| agent.id),
            tts: tts.map(|engine| engine.engine_id),
        })
    }

    /// The voices of the home, those of `own_entry` apart. With a `language`, the languages of each loaded
    /// engine are reduced to those that fit, best first.
    pub(super) async fn voices(
        &self,
        own_entry: Option<&str>,
        language: Option<String>,
    ) -> Result<Voices, RegisterError> {
        let rows = self.home.command(ListEntities {}).await?;
        let is_own = |id: &str| {
            rows.iter().any(|row| {
                row.entity_id == id && row.config_entry_id.as_deref() == own_entry && own_entry.is_some()
            })
        };
        let engines = self.home.command(ListTtsEngines { language }).await?.providers;
        let loaded: Vec<Engine> = engines.into_iter().filter(|engine| !engine.deprecated).collect();
        let registered =
            rows.iter().filter(|row| row.entity_id.starts_with("tts.") && row.disabled_by.is_none());
        let foreign = registered
            .map(|row| &row.entity_id)
            .chain(loaded.iter().map(|engine| &engine.engine_id))
            .filter(|id| !is_own(id))
            .cloned()
            .collect();
        Ok(Voices { loaded, foreign })
    }

    pub(super) async fn remove_entry(
        &self,
        record: &Record,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let own = self.find_own(&self.identity().await?, record).await?;
        if let (Some(supervisor), Some(uuid)) = (&self.supervisor, &record.discovery) {
            // Before the entry: removing an entry whose message still stands makes Home Assistant offer it again.
            Supervisor::forget(supervisor, uuid).await?;
            changed.push(Change::DiscoveryRemoved);
        }
        if let Some(entry) = own {
            self.rest.remove_entry(&entry.entry_id).await?;
            changed.push(Change::EntryRemoved);
        }
        Ok(())
    }
}

/// Home Assistant does not tell the address of an entry, so the title does; people see it in the list of entries.
pub(super) fn title(address: &Address) -> String {
    format!("Helix ({address})")
}

fn flow_ended(reason: String, address: &Address) -> RegisterError {
    RegisterError::FlowEnded { reason, address: address.to_string() }
}

fn address_of<'a>(entry: &'a Entry, record: &'a Record) -> Option<&'a str> {
    if record.entry.as_ref() == Some(&entry.entry_id) {
        return record.address.as_deref();
    }
    entry.title.strip_prefix("Helix (").and_then(|rest| rest.strip_suffix(')'))
}
