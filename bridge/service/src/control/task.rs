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
    /// Something is to be done with the images of agents.
    Images(ImagesAsk),
}

/// What is to be done with the images of agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "images")]
pub enum ImagesAsk {
    /// New tasks get an earlier form of an agent.
    Rollback {
        /// The agent.
        name: String,
        /// The beginning of the digest of a definition or an image; `None`: the form before the current one.
        digest: Option<String>,
    },
    /// Makes the image of an agent.
    Build {
        /// The agent.
        name: String,
    },
    /// An agent's image stays however long nobody uses it, or goes as others do.
    Pin {
        /// The agent.
        name: String,
        /// Whether it stays.
        pinned: bool,
    },
    /// Removes what nobody used.
    Collect {
        /// Only says what would be done.
        dry_run: bool,
    },
    /// Removes the images of an agent.
    Remove {
        /// The agent.
        name: String,
        /// Only says what would be done.
        dry_run: bool,
    },
}

/// One form of an agent, and its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormRow {
    /// The digest of its definition.
    pub definition: String,
    /// The name by which its image is run; none if there is none.
    pub image: Option<String>,
    /// `candidate`, `current`, `previous`, `kept`, `unfit`, `deleting` or `gone`.
    pub standing: String,
    /// Whether it was taken back.
    pub taken_back: bool,
    /// Whether a person wants its image to stay.
    pub pinned: bool,
    /// When the last of its tasks ended, RFC 3339.
    pub last_used: String,
    /// Tasks that ended with an answer.
    pub successes: u32,
    /// Tasks that it failed.
    pub failures: u32,
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
    /// Its forms that did well once, the newest first.
    #[serde(default)]
    pub forms: Vec<FormRow>,
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
