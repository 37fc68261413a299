//! Registration without a person's help: our Wyoming port becomes an entry of Home Assistant, and the entry
//! a voice pipeline. Doing it again changes nothing.

mod agent;
mod entry;
mod pipeline;
mod record;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use helix_core::home::HomeError;

pub use self::agent::AgentOffer;
use self::record::Record;
use super::HassConfig;
use super::client::HomeAssistant;
use super::rest::{Rest, RestError};
use super::supervisor::Supervisor;
use crate::clock::SystemClock;

/// The name of our programs in the answer to `describe`; Home Assistant makes entity names of it.
pub const PROGRAM: &str = "helix";

/// Where our Wyoming port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// How Home Assistant reaches us. Ignored under Supervisor, which knows.
    pub host: String,
    /// Our Wyoming port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What our Wyoming port offers. It must be listening: Home Assistant asks it to describe itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The languages of speech to text.
    pub asr_languages: BTreeSet<String>,
    /// The languages of our agent.
    pub handle_languages: BTreeSet<String>,
    /// Whether we offer a voice.
    pub voice: bool,
}

/// How we are registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The configuration entry.
    pub entry: String,
    /// The pipeline.
    pub pipeline: String,
    /// Whether it is the one that is used where none is named.
    pub preferred: bool,
    /// What had to be done; empty when all was right already.
    pub changed: Vec<Change>,
}

/// One change in Home Assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The entry of an old address was removed.
    EntryRemoved,
    /// The entry was added.
    EntryAdded,
    /// The entry was loaded anew, because languages are read only then.
    EntryReloaded,
    /// The pipeline was created.
    PipelineCreated,
    /// The pipeline was brought up to date.
    PipelineUpdated,
    /// The pipeline became the preferred one.
    PipelinePreferred,
    /// The pipeline was removed.
    PipelineRemoved,
    /// Another pipeline is the preferred one again.
    PreferenceReturned,
    /// The Supervisor's message was taken back.
    DiscoveryRemoved,
    /// The entry of the second agent was added.
    AgentAdded,
    /// The entry of the second agent was loaded anew, because it did not work.
    AgentReloaded,
    /// The entry of the second agent was removed: switched off, or made with another address or secret.
    AgentRemoved,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EntryRemoved => "entry removed",
            Self::EntryAdded => "entry added",
            Self::EntryReloaded => "entry reloaded",
            Self::PipelineCreated => "pipeline created",
            Self::PipelineUpdated => "pipeline updated",
            Self::PipelinePreferred => "pipeline preferred",
            Self::PipelineRemoved => "pipeline removed",
            Self::PreferenceReturned => "preference given back",
            Self::DiscoveryRemoved => "discovery message removed",
            Self::AgentAdded => "second agent's entry added",
            Self::AgentReloaded => "second agent's entry reloaded",
            Self::AgentRemoved => "second agent's entry removed",
        })
    }
}

/// Why we are not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Home Assistant's WebSocket.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Home Assistant's or the Supervisor's REST API.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// Home Assistant cannot reach our port.
    #[error(
        "Home Assistant cannot reach Helix at {address}. Open that port for it, or set the address under which it reaches this machine"
    )]
    PortUnreachable {
        /// Host and port.
        address: String,
    },
    /// The flow of the Wyoming integration ended otherwise.
    #[error(
        "Home Assistant did not add Helix ({reason}). Add the Wyoming integration by hand with {address}"
    )]
    FlowEnded {
        /// Home Assistant's code.
        reason: String,
        /// Host and port.
        address: String,
    },
    /// The Supervisor's message led to nothing.
    #[error(
        "Home Assistant has not offered to add Helix. If it was ignored under Settings, Devices & services, stop ignoring it there"
    )]
    NotOffered,
    /// Home Assistant cannot reach the second agent, or was not let in.
    #[error(
        "Home Assistant cannot use the second agent at {address} ({reason}). Let it reach that port; if the log says that somebody was turned away, set second_agent_from to that address"
    )]
    AgentUnreachable {
        /// Host and port.
        address: String,
        /// What Home Assistant said, such as `cannot_connect`.
        reason: String,
    },
    /// The flow of the Ollama integration ended otherwise.
    #[error(
        "Home Assistant did not add the second agent ({reason}). Remove what is left of it under Settings, Devices & services, Ollama"
    )]
    AgentFlowEnded {
        /// Home Assistant's code.
        reason: String,
    },
    /// A person switched the second agent's entry off.
    #[error(
        "The second agent is disabled in Home Assistant. Enable it under Settings, Devices & services, Ollama, or set second_agent to false"
    )]
    AgentDisabled,
    /// A person switched the entry off.
    #[error("Helix is disabled in Home Assistant. Enable it under Settings, Devices & services, Wyoming")]
    Disabled,
    /// The entry is there, but Home Assistant could not load it.
    #[error(
        "Home Assistant has not loaded Helix (state {state}). Reload it under Settings, Devices & services, Wyoming"
    )]
    NotLoaded {
        /// Home Assistant's name of the state.
        state: String,
    },
    /// What was registered could not be written down.
    #[error("{path} cannot be read or written: {source}. Make room and see that the folder belongs to Helix")]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RegisterError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Home(error) => error.code(),
            Self::Rest(_) => "register-rest-failed",
            Self::PortUnreachable { .. } => "register-port-unreachable",
            Self::FlowEnded { .. } => "register-flow-ended",
            Self::NotOffered => "register-not-offered",
            Self::AgentUnreachable { .. } => "register-agent-unreachable",
            Self::AgentFlowEnded { .. } => "register-agent-flow-ended",
            Self::AgentDisabled => "register-agent-disabled",
            Self::Disabled => "register-disabled",
            Self::NotLoaded { .. } => "register-not-loaded",
            Self::Record { .. } => "register-record-failed",
        }
    }
}

/// Puts us into Home Assistant and takes us out again.
#[derive(Debug)]
pub struct Registrar {
    home: HomeAssistant,
    rest: Rest,
    supervisor: Option<Supervisor>,
    clock: SystemClock,
    address: Address,
    /// The file that remembers which entry and which pipeline are ours.
    record: PathBuf,
    /// Where the second agent is, or would be.
    agent_port: Option<u16>,
}

impl Registrar {
    /// `record`: a file of ours that remembers which entry and which pipeline are ours; made when needed.
    ///
    /// # Errors
    /// [`RegisterError::Rest`] if HTTP cannot be used.
    pub fn new(
        config: &HassConfig,
        home: HomeAssistant,
        clock: SystemClock,
        address: Address,
        record: PathBuf,
    ) -> Result<Self, RegisterError> {
        let supervisor = config.supervisor.as_ref().map(Supervisor::new).transpose()?;
        let rest = Rest::new(config)?;
        Ok(Self { home, rest, supervisor, clock, address, record, agent_port: None })
    }

    /// The same, which knows at which port the second agent is, or was: by that its entry is found if the file
    /// that remembers it is lost.
    #[must_use]
    pub fn with_agent_at(self, port: u16) -> Self {
        Self { agent_port: Some(port), ..self }
    }

    /// Registers `offer`, or finds that all is right already. When `prefer` begins to be true, our pipeline
    /// becomes the one that is used where none is named.
    ///
    /// # Errors
    /// What is missing, and what to do; calling it again continues where it stopped.
    pub async fn register(&self, offer: &Offer, prefer: bool) -> Result<Registered, RegisterError> {
        let mut record = Record::read(&self.record)?;
        let mut changed = Vec::new();
        let entry = self.ensure_entry(offer, &mut record, &mut changed).await;
        // Also after a failure: what has been added already is ours.
        record.write(&self.record)?;
        let entry = entry?;
        let pipeline = self.ensure_pipeline(&entry, offer, prefer, &mut record, &mut changed).await;
        record.write(&self.record)?;
        let (pipeline, preferred) = pipeline?;
        Ok(Registered { entry, pipeline, preferred, changed })
    }

    /// Takes everything of ours out of Home Assistant; tells what there was.
    ///
    /// # Errors
    /// As [`Registrar::register`].
    pub async fn unregister(&self) -> Result<Vec<Change>, RegisterError> {
        let record = Record::read(&self.record)?;
        let mut changed = Vec::new();
        self.remove_agent(&record, &mut changed).await?;
        self.remove_pipeline(&record, &mut changed).await?;
        self.remove_entry(&record, &mut changed).await?;
        Record::remove(&self.record)?;
        Ok(changed)
    }

    /// Whether the home can speak without us.
    ///
    /// # Errors
    /// [`RegisterError::Home`].
    pub async fn has_other_tts(&self) -> Result<bool, RegisterError> {
        let record = Record::read(&self.record)?;
        let ours = self.identity().await?;
        let own = self.find_own(&ours, &record).await?.map(|entry| entry.entry_id);
        Ok(!self.voices(own.as_deref(), None).await?.foreign.is_empty())
    }
}
