//! Delayed commands as they are kept: from "waiting" over "running" to one of its ends, each step durable before the
//! next one begins.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use crate::act::Action;
use crate::home::Caller;
use crate::{EntityId, Language, Pii};

/// Commands that can wait at once; more are refused in words.
pub const WAITING_MAX: usize = 100;
/// What is later than this was missed: nobody expects it any more.
pub const LATE_MAX: Duration = Duration::from_mins(10);

/// How far a delayed command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its time.
    Waiting,
    /// It is being carried out.
    Running,
    /// It was carried out, and the home followed.
    Done,
    /// It was not carried out, or the home did not follow; the code says why.
    Failed,
    /// Its time passed while it could not be carried out.
    Missed,
    /// Helix ended in the middle: whether it was carried out is not known, and it is not repeated.
    Interrupted,
    /// Somebody cancelled it.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Missed,
        Self::Interrupted,
        Self::Cancelled,
    ];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Missed => "missed",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state called `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What was authorised when the command was said. It authorises nothing later: it is what later may not be exceeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorised {
    /// The Home Assistant action, such as `light.turn_on`.
    pub service: String,
    /// The entity.
    pub target: EntityId,
    /// The action's data.
    pub data: BTreeMap<String, Value>,
}

impl Authorised {
    /// What this action was.
    pub fn of(action: &Action) -> Self {
        Self {
            service: action.service().to_owned(),
            target: action.target().clone(),
            data: action.data().clone(),
        }
    }

    /// Whether this is exactly that action.
    pub fn is(&self, action: &Action) -> bool {
        self.service == action.service() && self.target == *action.target() && self.data == *action.data()
    }
}

/// A command that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCommand {
    /// When it is to be carried out.
    pub due: Timestamp,
    /// The words without the time.
    pub sentence: Pii<String>,
    /// The plain sentences that they mean, in order.
    pub sentences: Vec<String>,
    /// Their language.
    pub language: Language,
    /// Where it was said.
    pub caller: Caller,
    /// What was authorised.
    pub actions: Vec<Authorised>,
}

/// A command that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayedCommand {
    /// A `UUIDv7`.
    pub id: String,
    /// When it is to be carried out.
    pub due: Timestamp,
    /// The words without the time.
    pub sentence: Pii<String>,
    /// The plain sentences that they mean, in order.
    pub sentences: Vec<String>,
    /// Their language.
    pub language: Language,
    /// Where it was said.
    pub caller: Caller,
    /// What was authorised.
    pub actions: Vec<Authorised>,
    /// How far it has come.
    pub state: State,
    /// The stable code of its end.
    pub code: Option<String>,
}

/// Why the book cannot be read or written; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BookError(pub String);

/// Where delayed commands are kept. Every change is durable before it completes.
pub trait DelayBook: fmt::Debug + Send + Sync + 'static {
    /// Keeps a command; its id.
    fn add<'a>(&'a self, command: &'a NewCommand) -> BoxFuture<'a, Result<String, BookError>>;
    /// The commands that wait, the next one first.
    fn waiting(&self) -> BoxFuture<'_, Result<Vec<DelayedCommand>, BookError>>;
    /// Takes a waiting command to "running"; false if it does not wait any more.
    fn begin<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, BookError>>;
    /// Takes a command to its end; false if it has ended already.
    fn end<'a>(&'a self, id: &'a str, end: State, code: &'a str) -> BoxFuture<'a, Result<bool, BookError>>;
    /// Ends what was running when Helix ended; how many there were.
    fn interrupt_running(&self) -> BoxFuture<'_, Result<u64, BookError>>;
}

/// What is to be done about a waiting command now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its time has not come.
    Wait(Duration),
    /// It is due.
    Act,
    /// It is too late.
    Missed,
}

/// What is to be done at `now` about a command that is due at `due`; the clock may have jumped in between.
pub fn step(due: Timestamp, now: Timestamp) -> Step {
    match Duration::try_from(due.duration_since(now)) {
        Ok(ahead) if !ahead.is_zero() => Step::Wait(ahead),
        Err(_) if now.duration_since(due).unsigned_abs() > LATE_MAX => Step::Missed,
        Ok(_) | Err(_) => Step::Act,
    }
}
