//! The names of agents on a backend.

use std::fmt;
use std::str::FromStr;

use helix_contract::Attempt;
use helix_contract::api::{AssignmentV1, TaskAttempt};

/// The name of an agent on its backend: the same attempt has the same name, so that a second start is none.
///
/// ```
/// use helix_runner::AgentKey;
///
/// let key: AgentKey = "at-t-00112233445566778899-3".parse().unwrap();
/// assert!(matches!(&key, AgentKey::Attempt(of) if of.attempt.0 == 3));
/// assert_eq!(key.to_string(), "at-t-00112233445566778899-3");
/// assert!("at-t-00112233445566778899-03".parse::<AgentKey>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKey {
    /// `at-<task>-<attempt>`.
    Attempt(TaskAttempt),
    /// `aw-<process id of the runner>-<number>`: one that waits for its task.
    Idle {
        /// The runner that started it.
        runner: u32,
        /// Counted by that runner.
        number: u64,
    },
}

/// A text that is no name of an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no name of an agent: it has to be at-<task>-<attempt> or aw-<runner>-<number>")]
pub struct KeyError;

impl AgentKey {
    /// The name of the agent of an assignment.
    pub fn of(assignment: &AssignmentV1) -> Self {
        Self::Attempt(TaskAttempt { task: assignment.spec.id.clone(), attempt: assignment.attempt })
    }
}

impl FromStr for AgentKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (first, last) = text.rsplit_once('-').ok_or(KeyError)?;
        let number = last.parse().map_err(|_| KeyError)?;
        let key = match (first.strip_prefix("at-"), first.strip_prefix("aw-")) {
            (Some(task), _) => Self::Attempt(TaskAttempt {
                task: task.parse().map_err(|_| KeyError)?,
                attempt: Attempt(number),
            }),
            (None, Some(runner)) => Self::Idle { runner: runner.parse().map_err(|_| KeyError)?, number },
            (None, None) => return Err(KeyError),
        };
        // One agent has one name: `03` and `+3` are none.
        if key.to_string() == text { Ok(key) } else { Err(KeyError) }
    }
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(of) => write!(f, "at-{}-{}", of.task, of.attempt.0),
            Self::Idle { runner, number } => write!(f, "aw-{runner}-{number}"),
        }
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
