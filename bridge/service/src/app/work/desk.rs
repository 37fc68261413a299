//! Takes orders: an order of core in, a durable task out; tasks as one talks about them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_contract::{
    AgentRef, Class, DefinitionV1, HomeScope, Limits, ModelRole, Scope, TaskId, TaskSpecV1, V1, WebScope,
};
use helix_core::delegate::{
    Desk, DeskError, Kind, Meaning, Minds, Order, Place, Stage, TICKETS_MAX, Ticket, Unplaced, place,
};
use helix_core::egress::{Cloud, Privacy};
use helix_core::llm::{LanguageModel, LlmError};
use helix_core::reply::Sentence;
use helix_core::{Calendar, EntityId, Language, Pii};
use jiff::{SignedDuration, Timestamp};

use super::catalogue::{Catalogue, Current};
use super::meaning::Meanings;
use crate::deliver::{TITLE, outcome_in_words, title_of};
use crate::gateway::Gateway;
use crate::hass::HomeAssistant;
use crate::llm::Models;
use crate::tasks::{Cancelled, Origin, State, Task, TaskBook, TaskError, Which};

/// Money for models outside, millionths of a US dollar.
const MONEY_MICROS: u64 = 500_000;
/// The same words at the same place within this time are the same order: two satellites heard them, or somebody was
/// impatient.
const SAME_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// A runner that did not ask for so long is away. One that waits asks anew every half minute.
const AWAY_AFTER: Duration = Duration::from_secs(90);

/// Who takes orders.
#[derive(Debug)]
pub(crate) struct TaskDesk {
    pub(super) book: TaskBook,
    pub(super) gateway: Gateway,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) models: Arc<Models>,
    pub(super) home: HomeAssistant,
    pub(super) permitted: Cloud,
    pub(super) calendar: Arc<dyn Calendar>,
    /// Whether the bridge has a runner of its own.
    pub(super) runs_here: bool,
    /// What the kinds of agents are for.
    pub(super) meanings: Arc<Meanings>,
}

impl Desk for TaskDesk {
    fn kinds(&self) -> &[Kind] {
        self.catalogue.kinds()
    }

    fn meaning<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Meaning> {
        Box::pin(self.meanings.of(order))
    }

    fn take<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<String, DeskError>> {
        Box::pin(self.take_order(order))
    }

    fn tickets(&self) -> BoxFuture<'_, Result<Vec<Ticket>, DeskError>> {
        Box::pin(async {
            let limit = u32::try_from(TICKETS_MAX).unwrap_or(u32::MAX);
            let tasks = self.book.list(Which::All, limit).await.map_err(|error| unkept(&error))?;
            Ok(tasks.iter().map(ticket).collect())
        })
    }

    fn words<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Pii<String>>, DeskError>> {
        Box::pin(async move {
            let Ok(id) = id.parse::<TaskId>() else { return Ok(None) };
            let task = self.book.get(&id).await.map_err(|error| unkept(&error))?;
            match task {
                Some(task) => self.words_of(&task).await.map_err(|error| unkept(&error)),
                None => Ok(None),
            }
        })
    }

    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, DeskError>> {
        Box::pin(async move {
            let Ok(task) = id.parse::<TaskId>() else { return Ok(false) };
            let cancelled = self.gateway.cancel(&task).await.map_err(|error| unkept(&error))?;
            Ok(matches!(cancelled, Cancelled::Now))
        })
    }
}

impl TaskDesk {
    async fn take_order(&self, order: &Order) -> Result<String, DeskError> {
        if !self.runs_here && self.gateway.runners().iter().all(|runner| runner.ago > AWAY_AFTER) {
            return Err(DeskError::Unable(Sentence::TaskNoRunner));
        }
        let kind = self.catalogue.for_tasks(&order.kind).await;
        let Some(kind) = kind.map_err(|error| DeskError::Unkept(error.to_string()))? else {
            return Err(DeskError::Unkept(format!("there is no agent {}", order.kind)));
        };
        let thought_about =
            placed(&self.models, self.permitted, order, &kind.definition).map_err(DeskError::Unable)?;
        let (now, origin) = (self.calendar.now(), self.origin(order));
        if let Some(known) = self.said_before(order, &origin, now).await? {
            return Ok(known.to_string());
        }
        self.catalogue.keep(&kind).await.map_err(|error| DeskError::Unkept(error.to_string()))?;
        let spec = spec(order, &kind, thought_about, now);
        match self.book.accept(&spec, &origin, now).await {
            Ok(_) => self.gateway.accepted(),
            Err(TaskError::QueueFull { retry_after, .. }) => return Err(DeskError::Full { retry_after }),
            Err(error) => return Err(unkept(&error)),
        }
        Ok(spec.id.to_string())
    }

    /// The task of the same words from the same place, if it was taken just now.
    async fn said_before(
        &self,
        order: &Order,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Option<TaskId>, DeskError> {
        let limit = u32::try_from(TICKETS_MAX).unwrap_or(u32::MAX);
        let open = self.book.list(Which::UnderWay, limit).await.map_err(|error| unkept(&error))?;
        let is_same = |task: &Task| {
            task.spec.instruction == *order.words.expose()
                && task.origin == *origin
                && now.duration_since(task.accepted_at).abs() < SAME_WITHIN
        };
        Ok(open.into_iter().find(is_same).map(|task| task.spec.id))
    }

    /// Where the answer goes back to.
    fn origin(&self, order: &Order) -> Origin {
        let device = order.caller.device.as_ref();
        let of_device = || device.and_then(|device| self.home.satellite_of(device));
        let satellite = order.caller.satellite.clone().or_else(of_device);
        Origin {
            conversation: order.conversation.clone(),
            device: device.map(ToString::to_string),
            satellite: satellite.map(|satellite| satellite.to_string()),
            privacy: order.privacy,
            ..Origin::default()
        }
    }

    /// What is said of a task that has ended, else what its agent told last.
    pub(super) async fn words_of(&self, task: &Task) -> Result<Option<Pii<String>>, TaskError> {
        if !task.state.has_ended() {
            return self.last_words(&task.spec.id).await;
        }
        let language = Language::parse(&task.spec.language).unwrap_or_else(Language::english);
        let result = self.book.result(&task.spec.id).await?;
        Ok(Some(Pii::new(outcome_in_words(task, result.as_ref(), &language))))
    }

    /// What its agent told last.
    async fn last_words(&self, task: &TaskId) -> Result<Option<Pii<String>>, TaskError> {
        let events = self.book.events(task, 20).await?;
        let told = events.into_iter().rev().find_map(|event| match event.what {
            helix_contract::Happening::Progress { text, .. } => Some(Pii::new(text)),
            helix_contract::Happening::Started
            | helix_contract::Happening::Called { .. }
            | helix_contract::Happening::Unknown => None,
        });
        Ok(told)
    }
}

/// A task as one talks about it.
fn ticket(task: &Task) -> Ticket {
    Ticket {
        id: task.spec.id.to_string(),
        kind: task.spec.agent.name.to_string(),
        title: Pii::new(title_of(task)),
        stage: stage(task.state),
        satellite: task.origin.satellite.as_deref().map(EntityId::from),
    }
}

/// A state as one talks about it.
pub(super) fn stage(state: State) -> Stage {
    match state {
        State::Queued => Stage::Waiting,
        State::Leased => Stage::Working,
        State::Done => Stage::Answered,
        State::Failed | State::Expired => Stage::Failed,
        State::Cancelled => Stage::Cancelled,
    }
}

/// Where the agent's model may be, or why there is none for it. One that is named but away now is waited for.
pub(super) fn placed(
    models: &Models,
    permitted: Cloud,
    order: &Order,
    definition: &DefinitionV1,
) -> Result<Place, Sentence> {
    match definition.model {
        ModelRole::None => return Ok(Place::Local),
        ModelRole::Router | ModelRole::Agent => {}
    }
    let is_named = |model: &dyn LanguageModel| !matches!(model.ready(), Err(LlmError::NotConfigured));
    let minds = Minds {
        local: is_named(&*models.local_agent()) || is_named(&*models.router()),
        cloud: is_named(&*models.cloud_agent()),
        permitted,
    };
    match place(order.privacy, order.web, minds) {
        Ok(place) => Ok(place),
        // It says what it read, only in plainer words.
        Err(_) if reads_only_the_home(definition) => Ok(Place::Local),
        Err(Unplaced::NoMind) => Err(Sentence::TaskNoModel),
        Err(Unplaced::Private) => Err(Sentence::TaskPrivate),
    }
}

fn spec(order: &Order, kind: &Current, thought_about: Place, now: Timestamp) -> TaskSpecV1 {
    let Current { digest, definition, limits, image } = kind;
    let within = SignedDuration::from_mins(limits.minutes.into());
    let outside = thought_about == Place::Cloud;
    TaskSpecV1 {
        version: V1,
        id: TaskId::derive(&[&uuid::Uuid::now_v7().to_string()]),
        agent: AgentRef { name: definition.name.clone(), definition: *digest, image: image.clone() },
        instruction: order.words.expose().clone(),
        language: order.language.as_str().to_owned(),
        inputs: [(TITLE.to_owned(), order.title.expose().clone().into())].into_iter().collect(),
        tools: definition.tools.clone(),
        scope: narrowed(&definition.scope, order.privacy),
        place: if outside { helix_contract::Place::Cloud } else { helix_contract::Place::Local },
        limits: Limits {
            deadline: now.saturating_add(within).unwrap_or(Timestamp::MAX),
            attempts: limits.attempts,
            tokens: limits.tokens,
            money_micros: if outside { MONEY_MICROS } else { 0 },
            tool_calls: limits.tool_calls,
        },
        class: Class::Interactive,
        output_schema: definition.output_schema.clone(),
    }
}

/// Whether an agent can do its work without a model: it puts the home's states in order.
fn reads_only_the_home(definition: &DefinitionV1) -> bool {
    definition.scope.web == WebScope::None
        && definition.scope.servers.is_empty()
        && definition.tools.iter().any(|tool| tool.as_str() == "home_states")
}

/// Words about others, health or money are not searched for; who reads the web reads nothing of the home.
fn narrowed(scope: &Scope, privacy: Privacy) -> Scope {
    let mut scope = scope.clone();
    if privacy == Privacy::Others {
        scope.web = WebScope::None;
    }
    if scope.web != WebScope::None {
        scope.home = HomeScope::None;
    }
    scope
}

fn unkept(error: &TaskError) -> DeskError {
    DeskError::Unkept(error.to_string())
}
