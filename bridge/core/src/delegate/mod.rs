//! What takes longer than a conversation: a request in, an order for an agent out, and what is said about it until its
//! answer has come back.

mod back;
mod meaning;
mod order;
mod place;
mod talk;
mod words;

pub use back::{Ear, Quiet, QuietError, Way, ears, way};
pub use meaning::{Known, Meaning, Thresholds, meaning, nearest};
pub use order::{DRAFT_LIMIT, Draft, Kind, MEANING_LIMIT, Order, draft, drafted_by};
pub use place::{Minds, Place, Unplaced, place};
pub use talk::{Talk, TalkKind, meant, talk};

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::within;
use crate::llm::LanguageModel;
use crate::pipeline::Request;
use crate::reply::{Reply, Sentence};
use crate::{Clock, EntityId, Language, Pii};

/// Tasks that a conversation looks at: those under way, and the newest that have ended.
pub const TICKETS_MAX: usize = 50;
/// Titles that are said at once: more cannot be kept in mind.
const TITLES_MAX: usize = 4;

/// A task as one talks about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: String,
    /// The kind of agent.
    pub kind: String,
    /// What it is about, as one says it.
    pub title: Pii<String>,
    /// How far it is.
    pub stage: Stage,
    /// The satellite that it was asked for at.
    pub satellite: Option<EntityId>,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has begun it.
    Waiting,
    /// It is worked on.
    Working,
    /// There is an answer.
    Answered,
    /// It ended without one.
    Failed,
    /// Somebody took it back.
    Cancelled,
}

impl Stage {
    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Waiting | Self::Working => true,
            Self::Answered | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// Why an order is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// Too many tasks are under way.
    #[error("too many tasks are under way; try again in {} s", retry_after.as_secs())]
    Full {
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// Nobody here can do it; the sentence says why, and what would make it possible.
    #[error("{}", .0.key())]
    Unable(Sentence),
    /// It could not be written down.
    #[error("{0}")]
    Unkept(String),
}

/// Who takes orders. What was taken is durable before it completes, and will end.
pub trait Desk: fmt::Debug + Send + Sync + 'static {
    /// The kinds of agents that there are.
    fn kinds(&self) -> &[Kind];

    /// Which kind of agent is meant by the words of an order that no rule knows. The future may be dropped;
    /// [`MEANING_LIMIT`] is the caller's to keep.
    fn meaning<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Meaning>;

    /// Takes an order; the id of its task. The same order twice is one task.
    fn take<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<String, DeskError>>;

    /// The tasks under way and the newest that have ended, newest first, at most [`TICKETS_MAX`].
    fn tickets(&self) -> BoxFuture<'_, Result<Vec<Ticket>, DeskError>>;

    /// What an agent told last of a task that it works on, or what is said of one that has ended.
    fn words<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Pii<String>>, DeskError>>;

    /// Ends a task; false if it had ended already.
    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, DeskError>>;
}

/// What becomes of a request: an order by its words, [`improved`], or a question. `completed` tells that it was asked before.
pub async fn ordered<C: Clock>(
    desk: &dyn Desk,
    model: Option<&dyn LanguageModel>,
    clock: &C,
    request: &Request,
    completed: bool,
) -> Draft {
    match draft(request.text.expose(), &request.language, &request.caller, desk.kinds(), completed) {
        Draft::Order(order) => improved(desk, model, clock, order, completed).await,
        ask @ Draft::Ask(_) => ask,
    }
}

/// The order for the kind of agent that is meant by it: by its words, else by what is like them, else as a model would have
/// it, if there is one and it answers in time.
pub async fn improved<C: Clock>(
    desk: &dyn Desk,
    model: Option<&dyn LanguageModel>,
    clock: &C,
    order: Order,
    completed: bool,
) -> Draft {
    let begun = clock.now();
    let meaning = if order.named {
        Meaning::Unknown
    } else {
        within(clock, MEANING_LIMIT, desk.meaning(&order)).await.unwrap_or(Meaning::Unknown)
    };
    let offered = match meaning {
        Meaning::Sure(kind) => return Draft::Order(Order { kind, ..order }),
        // Yes or no: this kind, or the one that takes everything.
        Meaning::Maybe(kind) => {
            let fits = |known: &&Kind| known.name == kind || known.name == order.kind;
            desk.kinds().iter().filter(fits).cloned().collect()
        }
        Meaning::Unknown => desk.kinds().to_vec(),
    };
    let Some(model) = model else { return Draft::Order(order) };
    let left = DRAFT_LIMIT.saturating_sub(clock.now().saturating_sub(begun));
    let drafting = drafted_by(model, order.clone(), &offered, completed);
    within(clock, left, drafting).await.unwrap_or(Draft::Order(order))
}

/// Takes an order and says so, once it is durable.
pub async fn take(desk: &dyn Desk, order: &Order) -> Reply {
    let sentence = match desk.take(order).await {
        Ok(_) => Sentence::TaskTaken,
        Err(DeskError::Full { retry_after }) => {
            Sentence::TaskFull { minutes: retry_after.as_secs().div_ceil(60).max(1).to_string() }
        }
        Err(DeskError::Unable(sentence)) => sentence,
        Err(DeskError::Unkept(error)) => {
            tracing::error!(%error, "a task could not be kept");
            Sentence::TaskUnkept
        }
    };
    Reply::say(&sentence, &order.language)
}

/// Asks what is missing: in a model's words, or in Helix's own.
pub fn ask(question: Option<String>, language: &Language) -> Reply {
    let asked = Reply::say(&Sentence::TaskWhat, language);
    match question {
        Some(text) => Reply { text, ..asked },
        None => asked,
    }
}

/// Answers what was said about tasks; `None` if it is about something else after all.
pub async fn answer(
    desk: &dyn Desk,
    talk: &Talk,
    satellite: Option<&EntityId>,
    language: &Language,
) -> Option<Reply> {
    let tickets = match desk.tickets().await {
        Ok(tickets) => tickets,
        Err(error) => {
            tracing::error!(%error, "the tasks cannot be read");
            return talk.names_a_task.then(|| Reply::say(&Sentence::TaskUnkept, language));
        }
    };
    let say = |sentence: &Sentence| Some(Reply::say(sentence, language));
    let open: Vec<_> = tickets.iter().filter(|ticket| ticket.stage.is_open()).collect();
    if talk.kind == TalkKind::List {
        return say(&listed(&open));
    }
    let among = match talk.kind {
        TalkKind::Cancel => open,
        TalkKind::Status | TalkKind::Find | TalkKind::List => tickets.iter().collect(),
    };
    match (meant(talk, &among, satellite).as_slice(), talk.kind) {
        ([], _) if talk.names_a_task => say(&Sentence::TaskUnknown),
        ([], _) | ([_, ..], TalkKind::List) => None,
        ([ticket], TalkKind::Cancel) => Some(cancelled(desk, ticket, language).await),
        ([ticket, ..], TalkKind::Status | TalkKind::Find) => Some(told(desk, ticket, language).await),
        (several, TalkKind::Cancel) => say(&Sentence::TaskWhich { names: titles(several) }),
    }
}

async fn cancelled(desk: &dyn Desk, ticket: &Ticket, language: &Language) -> Reply {
    let title = ticket.title.expose().clone();
    match desk.cancel(&ticket.id).await {
        Ok(true) => Reply::say(&Sentence::TaskCancelled { title }, language),
        Ok(false) => Reply::say(&Sentence::TaskOver { title }, language),
        Err(error) => {
            tracing::error!(%error, "a task could not be cancelled");
            Reply::say(&Sentence::TaskUnkept, language)
        }
    }
}

/// What is said about one task.
async fn told(desk: &dyn Desk, ticket: &Ticket, language: &Language) -> Reply {
    let words = match desk.words(&ticket.id).await {
        Ok(words) => words.map(Pii::into_inner),
        Err(error) => {
            tracing::error!(%error, "a task cannot be read");
            return Reply::say(&Sentence::TaskUnkept, language);
        }
    };
    let title = ticket.title.expose().clone();
    let sentence = match (ticket.stage, words) {
        (Stage::Answered | Stage::Failed, Some(words)) => return Reply::done(words),
        (Stage::Working, Some(step)) => Sentence::TaskStep { title, step },
        (Stage::Working, None) => Sentence::TaskWorking { title },
        (Stage::Waiting, _) => Sentence::TaskWaiting { title },
        (Stage::Answered | Stage::Failed, None) | (Stage::Cancelled, _) => Sentence::TaskOver { title },
    };
    Reply::say(&sentence, language)
}

fn listed(open: &[&Ticket]) -> Sentence {
    if open.is_empty() { Sentence::TaskNone } else { Sentence::TaskList { names: titles(open) } }
}

fn titles(tickets: &[&Ticket]) -> String {
    let more = if tickets.len() > TITLES_MAX { " …" } else { "" };
    let titles: Vec<_> =
        tickets.iter().take(TITLES_MAX).map(|ticket| ticket.title.expose().as_str()).collect();
    titles.join(", ") + more
}

#[cfg(test)]
mod tests;
