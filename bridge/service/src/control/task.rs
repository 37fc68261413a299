//! Tasks and agents as they are shown.

use serde::{Deserialize, Serialize};

/// What a command asks about tasks and agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "task")]
pub enum TaskAsk {
    /// Begins a task.
    Run {
        /// What is to be done.
        words: String,
        /// The kind of agent; `None` chooses by the words.
        kind: Option<String>,
        /// The language of the words; `None`: that of the home.
        language: Option<String>,
    },
    /// The tasks under way, or all that are kept; newest first.
    List {
        /// Also those that have ended.
        all: bool,
    },
    /// One task with everything that is known about it.
    Show {
        /// Its id.
        id: String,
    },
    /// Ends a task.
    Cancel {
        /// Its id.
        id: String,
    },
    /// The kinds of agents.
    Agents,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// The kind of agent.
    pub agent: String,
    /// What it is about.
    pub title: String,
    /// `queued`, `leased`, `done`, `failed`, `cancelled` or `expired`.
    pub state: String,
    /// Why it ended without an answer, a stable word.
    pub code: Option<String>,
    /// Where it may be thought about: `local` or `cloud`.
    pub place: String,
    /// How often it was begun.
    pub begun: u32,
    /// Who has it, or had it last.
    pub worker: Option<String>,
    /// When it was accepted, RFC 3339.
    pub accepted_at: String,
    /// When it has to be done, RFC 3339.
    pub deadline: String,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
    /// The satellite that it was asked for at.
    pub satellite: Option<String>,
    /// What its agent told last; of an ended one, what is said of it.
    pub last: Option<String>,
    /// How far somebody was told of its end: `pending`, `speaking`, `spoken`, `text`, `expired`.
    pub told: Option<String>,
    /// What happened, oldest first; only where one task was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// The whole answer, the contract's `TaskResultV1`; only where one task was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

/// One kind of agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRow {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The digest of its definition.
    pub definition: String,
    /// The model that it needs: `none`, `router` or `agent`.
    pub model: String,
    /// Its tools.
    pub tools: Vec<String>,
    /// What it may see, the contract's `Scope`.
    pub scope: serde_json::Value,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskAnswer {
    /// Tasks.
    Tasks(Vec<TaskRow>),
    /// One task.
    Task(Box<TaskRow>),
    /// The kinds of agents.
    Agents(Vec<AgentRow>),
}
