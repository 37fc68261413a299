//! Rows to tasks and back. What another hand wrote is an error that names the task, never a panic.

use helix_contract::{Attempt, TaskSpecV1, Wire, decode, encode};
use helix_core::egress::Privacy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::TaskError;
use super::rules::{Standing, State};

/// Where a request came from: the answer goes back there. Ids of Home Assistant; no words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The run that it was said in.
    pub run: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// The device of the satellite.
    pub device: Option<String>,
    /// The satellite.
    pub satellite: Option<String>,
    /// The area.
    pub area: Option<String>,
    /// How private the words of the request are; the most private there is where nobody said so.
    #[serde(with = "privacy")]
    pub privacy: Privacy,
    /// Whether the person was asked about letting them leave the house, and said yes.
    pub asked: bool,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            run: None,
            conversation: None,
            device: None,
            satellite: None,
            area: None,
            privacy: Privacy::Others,
            asked: false,
        }
    }
}

/// Privacy by its word; one that nobody knows is the most private.
mod privacy {
    use helix_core::egress::Privacy;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a field so")]
    pub(super) fn serialize<S: Serializer>(privacy: &Privacy, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(privacy.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Privacy, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = [Privacy::Public, Privacy::Home, Privacy::Personal];
        Ok(known.into_iter().find(|privacy| privacy.as_str() == word).unwrap_or(Privacy::Others))
    }
}

/// A task, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What is to be done.
    pub spec: TaskSpecV1,
    /// Where it was asked for.
    pub origin: Origin,
    /// How far it has come.
    pub state: State,
    /// Why it ended, if not by an answer: a stable word.
    pub code: Option<String>,
    /// How often it was begun.
    pub begun: u32,
    /// The highest attempt that was handed out; 0 before the first.
    pub attempt: Attempt,
    /// Who has it, or had it last and did not give it back.
    pub worker: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Until when it is leased.
    pub lease_until: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// All columns of a task but the index ones.
#[derive(sqlx::FromRow)]
pub(super) struct TaskRow {
    pub(super) id: String,
    spec: String,
    pub(super) digest: String,
    origin: String,
    state: String,
    code: Option<String>,
    begun: i64,
    attempts: i64,
    fence: i64,
    pub(super) worker: Option<String>,
    accepted_at: i64,
    ready_at: i64,
    leased_at: Option<i64>,
    lease_until: Option<i64>,
    deadline: i64,
    ended_at: Option<i64>,
}

impl TaskRow {
    pub(super) fn standing(&self) -> Result<Standing, TaskError> {
        let state = State::parse(&self.state);
        Ok(Standing {
            state: state.ok_or_else(|| self.unreadable(format!("its state is {:?}", self.state)))?,
            begun: self.number("begun", self.begun)?,
            attempts: self.number("attempts", self.attempts)?,
            fence: self.number("fence", self.fence)?,
            ready_at: self.ready_at,
            leased_at: self.leased_at,
            lease_until: self.lease_until,
            deadline: self.deadline,
        })
    }

    pub(super) fn spec(&self) -> Result<TaskSpecV1, TaskError> {
        decode(self.spec.as_bytes()).map_err(|error| self.unreadable(error.to_string()))
    }

    pub(super) fn task(&self) -> Result<Task, TaskError> {
        let standing = self.standing()?;
        let origin = serde_json::from_str(&self.origin);
        Ok(Task {
            spec: self.spec()?,
            origin: origin.map_err(|error| self.unreadable(format!("its origin: {error}")))?,
            state: standing.state,
            code: self.code.clone(),
            begun: standing.begun,
            attempt: Attempt(standing.fence),
            worker: self.worker.clone(),
            accepted_at: self.time(self.accepted_at)?,
            lease_until: self.lease_until.map(|at| self.time(at)).transpose()?,
            ended_at: self.ended_at.map(|at| self.time(at)).transpose()?,
        })
    }

    fn number<T: TryFrom<i64>>(&self, name: &str, number: i64) -> Result<T, TaskError> {
        T::try_from(number).map_err(|_| self.unreadable(format!("its {name} is {number}")))
    }

    fn time(&self, at: i64) -> Result<Timestamp, TaskError> {
        Timestamp::from_microsecond(at).map_err(|_| self.unreadable(format!("{at} is no time")))
    }

    fn unreadable(&self, reason: String) -> TaskError {
        unreadable(&self.id, reason)
    }
}

pub(super) fn unreadable(task: &str, reason: impl Into<String>) -> TaskError {
    TaskError::Unreadable { task: task.to_owned(), reason: reason.into() }
}

/// What is readable of `found`; the rest is counted in the log, so that one bad row hides no good one.
pub(super) fn readable<T>(found: impl Iterator<Item = Result<T, TaskError>>) -> Vec<T> {
    let told = |found: Result<T, TaskError>| match found {
        Ok(item) => Some(item),
        Err(error) => {
            tracing::warn!(%error, "a row of the task book is passed over");
            None
        }
    };
    found.filter_map(told).collect()
}

/// A message of the contract as it is kept.
pub(super) fn body_of(message: &impl Wire) -> Result<String, TaskError> {
    // JSON is UTF-8, and has no zero byte that PostgreSQL would refuse: it stands as an escape in it.
    Ok(String::from_utf8_lossy(&encode(message)?).into_owned())
}

pub(super) fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
