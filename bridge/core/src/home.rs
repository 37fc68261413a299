//! Home Assistant as a port: what it is made of, what its matcher would do, what it did.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use crate::act::{Action, IntentKind, kind_of};
use crate::id::FloorId;
use crate::{AreaId, DeviceId, EntityId, Language};

/// An entity of the registry and its exposure to voice; the state is asked separately.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// `domain.object_id`.
    pub id: EntityId,
    /// The name shown to people.
    pub name: String,
    /// Other names that people gave it for voice.
    pub aliases: Vec<String>,
    /// Its own area, else that of its device.
    pub area: Option<AreaId>,
    /// The device it belongs to.
    pub device: Option<DeviceId>,
    /// Home Assistant's device class, such as `garage` or `lock`.
    pub device_class: Option<String>,
    /// Whether the user exposed it to conversation.
    pub exposed: bool,
}

/// An area (room).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// A slug.
    pub id: AreaId,
    /// The name shown to people.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// The floor it lies on.
    pub floor: Option<FloorId>,
}

/// A floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// A slug.
    pub id: FloorId,
    /// The name shown to people.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
}

/// What the home is made of; replaced as a whole when a registry or the exposure changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Registry {
    /// All entities, exposed or not.
    pub entities: BTreeMap<EntityId, Entity>,
    /// All areas.
    pub areas: BTreeMap<AreaId, Area>,
    /// All floors.
    pub floors: BTreeMap<FloorId, Floor>,
    /// The area of each device that has one.
    pub device_areas: BTreeMap<DeviceId, AreaId>,
    /// Whether its thermometers count in degrees Fahrenheit.
    pub fahrenheit: bool,
}

/// The state of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityState {
    /// `on`, `closed`, `21.5`, `unavailable` …
    pub state: String,
    /// Attributes as Home Assistant sends them.
    pub attributes: serde_json::Map<String, Value>,
}

/// Where a sentence comes from. A voice is never a known person, only a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Registry device of the satellite; gives Home Assistant the area.
    pub device: Option<DeviceId>,
    /// Entity of the satellite, `assist_satellite.…`.
    pub satellite: Option<EntityId>,
}

/// Who wrote the sentence that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchSource {
    /// Home Assistant's own sentences.
    Builtin,
    /// The user's custom sentences.
    Custom,
    /// A sentence trigger of an automation: what it will do is not known.
    Trigger,
}

/// What Home Assistant's strict matcher makes of a sentence, without doing anything.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// No sentence template fits.
    None,
    /// A template fits, but a name in it is unknown: slot -> the words heard.
    Unmatched {
        /// Intent name, such as `HassTurnOn`.
        intent: String,
        /// The slots that no entity, area or floor fits.
        unmatched: BTreeMap<String, String>,
    },
    /// A strict match.
    Strict(StrictMatch),
}

/// A sentence that the strict matcher accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct StrictMatch {
    /// Intent name, such as `HassTurnOn`; empty for [`MatchSource::Trigger`].
    pub intent: String,
    /// Slot name -> value.
    pub slots: BTreeMap<String, Value>,
    /// The exposed entities it would act on.
    pub targets: Vec<EntityId>,
    /// Whose sentence it was.
    pub source: MatchSource,
}

impl StrictMatch {
    /// Whether it would act on entities, but finds none.
    pub(crate) fn touches_nothing(&self) -> bool {
        self.targets.is_empty() && kind_of(&self.intent) == Some(IntentKind::Act)
    }
}

/// How Home Assistant ended a processed sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionKind {
    /// It did something.
    ActionDone,
    /// It answered a question.
    QueryAnswer,
    /// It refused; Home Assistant's code, such as `no_valid_targets`.
    Error(String),
}

/// What Home Assistant says that it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// How it ended.
    pub kind: ExecutionKind,
    /// Home Assistant's own sentence for it, in the language of the request.
    pub speech: String,
    /// Entities that it reports as done.
    pub done: Vec<EntityId>,
    /// Entities that it reports as failed.
    pub failed: Vec<EntityId>,
}

impl Execution {
    /// Nothing was asked, so nothing was done.
    pub(crate) fn nothing() -> Self {
        Self { kind: ExecutionKind::ActionDone, speech: String::new(), done: Vec::new(), failed: Vec::new() }
    }

    /// This one and a later one as one; what is said twice is told once.
    pub(crate) fn and(self, later: Self) -> Self {
        let speech = if self.speech == later.speech || later.speech.is_empty() {
            self.speech
        } else {
            format!("{}. {}", self.speech.trim_end_matches('.'), later.speech)
        };
        let both = |mut first: Vec<EntityId>, second: Vec<EntityId>| {
            first.extend(second);
            first
        };
        Self {
            kind: later.kind,
            speech,
            done: both(self.done, later.done),
            failed: both(self.failed, later.failed),
        }
    }
}

/// Why the home cannot be asked or told.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum HomeError {
    /// The socket is down; a reconnect is under way.
    #[error("Home Assistant cannot be reached at {url}")]
    NotConnected {
        /// The address that is tried.
        url: String,
    },
    /// Home Assistant is up, but still starting.
    #[error("Home Assistant is still starting")]
    Starting,
    /// The token is wrong or was revoked.
    #[error("Home Assistant refused the access token")]
    TokenRefused,
    /// The token's user is not an administrator: exposure cannot be read.
    #[error("the access token does not belong to an administrator")]
    NotAdmin,
    /// The version is older than what Helix needs.
    #[error("Home Assistant {found} is too old, {needed} is needed")]
    TooOld {
        /// The version found.
        found: String,
        /// The oldest version that works.
        needed: String,
    },
    /// The dry run no longer has the shape that Helix relies on: nothing may act.
    #[error("Home Assistant's matcher answers in an unknown shape: {0}")]
    MatcherChanged(String),
    /// No answer within the limit of the request.
    #[error("Home Assistant did not answer within {limit_ms} ms")]
    Timeout {
        /// The limit, milliseconds.
        limit_ms: u32,
    },
    /// The request was refused with Home Assistant's own code and message.
    #[error("Home Assistant refused the request ({code}): {message}")]
    Rejected {
        /// Home Assistant's code, such as `unauthorized`.
        code: String,
        /// Home Assistant's message.
        message: String,
    },
}

impl HomeError {
    /// A stable code for logs, metrics and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConnected { .. } => "home-not-connected",
            Self::Starting => "home-starting",
            Self::TokenRefused => "home-token-refused",
            Self::NotAdmin => "home-not-admin",
            Self::TooOld { .. } => "home-too-old",
            Self::MatcherChanged(_) => "home-matcher-changed",
            Self::Timeout { .. } => "home-timeout",
            Self::Rejected { .. } => "home-rejected",
        }
    }

    /// Whether the same request may succeed in a moment.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::Starting | Self::Timeout { .. } => true,
            Self::TokenRefused
            | Self::NotAdmin
            | Self::TooOld { .. }
            | Self::MatcherChanged(_)
            | Self::Rejected { .. } => false,
        }
    }
}

/// A Home Assistant.
pub trait Home: Send + Sync + 'static {
    /// The registry, or why there is none: not connected, refused, or the self-check failed.
    fn registry(&self) -> Result<Arc<Registry>, HomeError>;

    /// The last known state of an entity.
    fn state(&self, entity: &EntityId) -> Option<EntityState>;

    /// A number that grows with every state change; for [`Home::changed`].
    fn revision(&self) -> u64;

    /// Completes as soon as the revision is greater than `seen`.
    fn changed(&self, seen: u64) -> impl Future<Output = ()> + Send;

    /// Asks the strict matcher about some sentences, in order; nothing is executed.
    fn dry_run(
        &self,
        sentences: Vec<String>,
        language: &Language,
        caller: &Caller,
    ) -> impl Future<Output = Result<Vec<Match>, HomeError>> + Send;

    /// Lets Home Assistant's own agent carry out exactly this sentence.
    fn process(
        &self,
        sentence: String,
        language: &Language,
        caller: &Caller,
    ) -> impl Future<Output = Result<Execution, HomeError>> + Send;

    /// Calls a Home Assistant action that was authorised, for what has no sentence.
    fn call(&self, action: &Action) -> impl Future<Output = Result<(), HomeError>> + Send;
}
