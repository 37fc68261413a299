//! The second agent: an entry of the Ollama integration with one agent, and a pipeline of its own.

use helix_core::Clock;
use helix_hass::conversation::ListAgents;
use helix_hass::entries::{Entry, ListEntries, ListSubentries, RenameEntry};
use helix_hass::pipeline::ListPipelines;
use helix_hass::registry::ListEntities;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::entry::{ENTITIES_WITHIN, LOADED, LOOK_EVERY, title};
use super::pipeline::{Plan, own_pipeline};
use super::record::{AgentRecord, Record};
use super::{Address, Change, Offer, RegisterError, Registrar};
use crate::hass::rest::{FlowStep, SubentryStep};

const DOMAIN: &str = "ollama";
/// The kind of a part of the entry that is an agent.
const AGENT: &str = "conversation";
/// The name of the agent and of a new pipeline; people may change both.
const NAME: &str = "Helix (streaming)";
/// Rounds of earlier words that Home Assistant sends along. The last answer carries the conversation's mark;
/// more would only send what people said again and again.
const HISTORY: u32 = 1;

/// The second agent as Home Assistant has to know it.
#[derive(Debug, Clone)]
pub struct AgentOffer {
    /// Where it listens.
    pub port: u16,
    /// The first part of its path.
    pub secret: SecretString,
    /// The only model.
    pub model: &'static str,
    /// What Home Assistant renders and sends with each sentence.
    pub prompt: &'static str,
}

impl AgentOffer {
    fn url(&self, address: &Address) -> String {
        format!("http://{address}/{}", self.secret.expose_secret())
    }

    /// A digest of all that an entry is made with: Home Assistant does not tell it.
    fn shape(&self, address: &Address) -> String {
        let all = [&self.url(address), self.model, self.prompt, &HISTORY.to_string()].join("\n");
        let digest = Sha256::digest(all);
        digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

impl Registrar {
    /// Registers the second agent beside what [`Registrar::register`] has registered, or finds that all is right
    /// already; tells what had to be done.
    ///
    /// # Errors
    /// What is missing, and what to do; calling it again continues where it stopped.
    pub async fn register_agent(
        &self,
        offer: &Offer,
        agent: &AgentOffer,
    ) -> Result<Vec<Change>, RegisterError> {
        let mut record = Record::read(&self.record)?;
        let mut changed = Vec::new();
        let done = self.ensure_agent(offer, agent, &mut record, &mut changed).await;
        // Also after a failure: what has been added already is ours.
        record.write(&self.record)?;
        done.map(|()| changed)
    }

    /// Takes the second agent out of Home Assistant, if it is there; tells what there was.
    ///
    /// # Errors
    /// As [`Registrar::register_agent`].
    pub async fn unregister_agent(&self) -> Result<Vec<Change>, RegisterError> {
        let mut record = Record::read(&self.record)?;
        let mut changed = Vec::new();
        self.remove_agent(&record, &mut changed).await?;
        record.agent = AgentRecord::default();
        record.write(&self.record)?;
        Ok(changed)
    }

    async fn ensure_agent(
        &self,
        offer: &Offer,
        agent: &AgentOffer,
        record: &mut Record,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let address = self.agent_address(agent.port).await?;
        let entry = self.ensure_agent_entry(agent, &address, record, changed).await?;
        let conversation = self.await_agent(&entry, &address).await?;
        let wyoming = record.entry.clone().unwrap_or_default();
        let engines = self.engines(&wyoming).await?.with_agent(Some(conversation));
        let remembered = record.agent.pipeline.as_deref();
        let plan = Plan { name: NAME, remembered, entry_id: &wyoming, engines: &engines, offer };
        let (pipeline, _) = self.put_pipeline(&plan, changed).await?;
        record.agent.pipeline = Some(pipeline);
        Ok(())
    }

    async fn agent_address(&self, port: u16) -> Result<Address, RegisterError> {
        Ok(Address { port, ..self.identity().await?.address })
    }

    /// Makes sure that there is one loaded entry with our present address and secret; gives its id.
    async fn ensure_agent_entry(
        &self,
        agent: &AgentOffer,
        address: &Address,
        record: &mut Record,
        changed: &mut Vec<Change>,
    ) -> Result<String, RegisterError> {
        let shape = agent.shape(address);
        let own = self.find_agent(Some(address), record).await?;
        if own.as_ref().is_some_and(|entry| entry.disabled_by.is_some()) {
            return Err(RegisterError::AgentDisabled);
        }
        let is_right = |entry: &Entry| {
            record.agent.entry.as_ref() == Some(&entry.entry_id)
                && record.agent.shape.as_ref() == Some(&shape)
        };
        let entry_id = match own {
            Some(entry) if is_right(&entry) => {
                if entry.state != LOADED {
                    self.rest.reload_entry(&entry.entry_id).await?;
                    changed.push(Change::AgentReloaded);
                }
                entry.entry_id
            }
            // Whether one that is not remembered has our secret cannot be seen.
            Some(entry) => {
                self.rest.remove_entry(&entry.entry_id).await?;
                changed.push(Change::AgentRemoved);
                self.add_agent_entry(agent, address, changed).await?
            }
            None => self.add_agent_entry(agent, address, changed).await?,
        };
        record.agent.entry = Some(entry_id.clone());
        record.agent.shape = Some(shape);
        let parts = self.home.command(ListSubentries { entry_id: entry_id.clone() }).await?;
        if !parts.iter().any(|part| part.subentry_type == AGENT) {
            self.add_agent_part_in_time(agent, &entry_id, address).await?;
        }
        Ok(entry_id)
    }

    /// Our entry: the one that we remember, else the one with this address in its title.
    async fn find_agent(
        &self,
        address: Option<&Address>,
        record: &Record,
    ) -> Result<Option<Entry>, RegisterError> {
        let entries = self.home.command(ListEntries { domain: DOMAIN.into() }).await?;
        let title = address.map(title);
        let remembered = entries.iter().find(|entry| record.agent.entry.as_ref() == Some(&entry.entry_id));
        let with_title = || entries.iter().find(|entry| title.as_ref() == Some(&entry.title));
        Ok(remembered.or_else(with_title).cloned())
    }

    async fn add_agent_entry(
        &self,
        agent: &AgentOffer,
        address: &Address,
        changed: &mut Vec<Change>,
    ) -> Result<String, RegisterError> {
        let FlowStep::Form { flow_id, .. } = self.rest.start_flow(DOMAIN).await? else {
            return Err(RegisterError::AgentFlowEnded { reason: "no form".into() });
        };
        let answer = json!({"url": agent.url(address)});
        let mut step = self.rest.answer_flow(&flow_id, &answer).await?;
        if let FlowStep::Form { flow_id, .. } = &step {
            // It gives us five seconds, in which a busy Home Assistant also loads its client.
            step = self.rest.answer_flow(flow_id, &answer).await?;
        }
        match step {
            FlowStep::CreateEntry { result } => {
                let entry_id = result.entry_id;
                changed.push(Change::AgentAdded);
                // Home Assistant made a title of the whole address, the secret with it.
                let renamed = RenameEntry { entry_id: entry_id.clone(), title: title(address) };
                self.home.command(renamed).await?;
                Ok(entry_id)
            }
            FlowStep::Form { flow_id, errors, .. } => {
                self.rest.abandon_flow(&flow_id).await?;
                let reason =
                    errors.into_iter().flatten().map(|(_, code)| code).collect::<Vec<_>>().join(", ");
                Err(RegisterError::AgentUnreachable { address: address.to_string(), reason })
            }
            FlowStep::Abort { reason } => Err(RegisterError::AgentFlowEnded { reason }),
        }
    }

    /// Adds the agent to the entry; one that is loaded a little later, as in a busy Home Assistant, is waited for.
    async fn add_agent_part_in_time(
        &self,
        agent: &AgentOffer,
        entry_id: &str,
        address: &Address,
    ) -> Result<(), RegisterError> {
        let until = self.clock.now() + ENTITIES_WITHIN;
        loop {
            match self.add_agent_part(agent, entry_id, address).await {
                Err(RegisterError::AgentUnreachable { .. }) if self.clock.now() < until => {
                    self.clock.sleep(LOOK_EVERY).await;
                }
                done => return done,
            }
        }
    }

    /// Adds the agent to the entry.
    async fn add_agent_part(
        &self,
        agent: &AgentOffer,
        entry_id: &str,
        address: &Address,
    ) -> Result<(), RegisterError> {
        let ended = |reason: &str| match reason {
            "cannot_connect" | "entry_not_loaded" => {
                RegisterError::AgentUnreachable { address: address.to_string(), reason: reason.to_owned() }
            }
            other => RegisterError::AgentFlowEnded { reason: other.to_owned() },
        };
        let flow_id = match self.rest.start_subentry_flow(entry_id, AGENT).await? {
            SubentryStep::Form { flow_id } => flow_id,
            SubentryStep::Abort { reason } => return Err(ended(&reason)),
            SubentryStep::CreateEntry {} | SubentryStep::Progress { .. } => return Err(ended("no form")),
        };
        let answer = json!({
            "name": NAME, "model": agent.model, "prompt": agent.prompt, "max_history": HISTORY,
        });
        match self.rest.answer_subentry_flow(&flow_id, &answer).await? {
            SubentryStep::CreateEntry {} => Ok(()),
            SubentryStep::Abort { reason } => Err(ended(&reason)),
            SubentryStep::Form { .. } | SubentryStep::Progress { .. } => Err(ended("not accepted")),
        }
    }

    /// Waits until the agent is there; gives its entity.
    async fn await_agent(&self, entry_id: &str, address: &Address) -> Result<String, RegisterError> {
        let agent = self.seen_within(ENTITIES_WITHIN, || self.agent_of(entry_id)).await?;
        agent.ok_or_else(|| RegisterError::AgentUnreachable {
            address: address.to_string(),
            reason: "no agent came of it".to_owned(),
        })
    }

    /// The agent of an entry, if it is loaded.
    async fn agent_of(&self, entry_id: &str) -> Result<Option<String>, RegisterError> {
        let rows = self.home.command(ListEntities {}).await?;
        let agents = self.home.command(ListAgents {}).await?.agents;
        let is_own = |id: &str| {
            rows.iter().any(|row| row.entity_id == id && row.config_entry_id.as_deref() == Some(entry_id))
        };
        Ok(agents.into_iter().map(|agent| agent.id).find(|id| is_own(id)))
    }

    pub(super) async fn remove_agent(
        &self,
        record: &Record,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let address = match self.agent_port {
            Some(port) => Some(self.agent_address(port).await?),
            None => None,
        };
        let own = self.find_agent(address.as_ref(), record).await?;
        let conversation = match &own {
            Some(entry) => self.agent_of(&entry.entry_id).await?,
            None => None,
        };
        if conversation.is_some() || record.agent.pipeline.is_some() {
            let wyoming = record.entry.clone().unwrap_or_default();
            let engines = self.engines(&wyoming).await?.with_agent(conversation);
            let listed = self.home.command(ListPipelines {}).await?;
            let pipeline = own_pipeline(&listed, record.agent.pipeline.as_deref(), &engines, NAME);
            self.drop_pipeline(pipeline, &listed, record.pipeline.as_ref(), changed).await?;
        }
        if let Some(entry) = own {
            self.rest.remove_entry(&entry.entry_id).await?;
            changed.push(Change::AgentRemoved);
        }
        Ok(())
    }
}
