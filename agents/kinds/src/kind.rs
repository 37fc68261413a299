//! The files of a kind in, its definition, limits and cases out; or which line of which file is wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use helix_contract::{
    AgentName, DefinitionV1, Example, ModelRole, Scope, ToolName, V1, Wire as _, WireError,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::accept::Case;

/// The longest file of a kind, bytes.
const FILE_LEN_MAX: u64 = 256 * 1024;
/// The most kinds in a folder.
const KINDS_MAX: usize = 64;

/// A kind of agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// What makes the generic agent one of this kind.
    pub definition: DefinitionV1,
    /// What a task of this kind may take, unless somebody says otherwise.
    pub limits: Limits,
    /// What an agent of this kind has to be able to do.
    pub cases: Vec<Case>,
}

/// What a task of a kind may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// From when it is asked to its end, minutes.
    pub minutes: u32,
    /// How often it may be begun, 1 to 5.
    pub attempts: u32,
    /// Tokens of all models, read and written.
    pub tokens: u64,
    /// Calls of tools.
    pub tool_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { minutes: 15, attempts: 3, tokens: 150_000, tool_calls: 24 }
    }
}

/// The files of a kind, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files<'a> {
    /// `agent.toml`.
    pub agent: &'a str,
    /// `prompt.md`.
    pub prompt: &'a str,
    /// `examples.jsonl`.
    pub examples: &'a str,
    /// `accept.jsonl`.
    pub accept: &'a str,
}

/// Why a folder is no kind.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// A folder or a file cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name of the folder is no name of an agent.
    #[error("the folder of a kind has the name of an agent: {0}")]
    Name(#[from] helix_contract::NameError),
    /// `agent.toml` is no TOML of its form.
    #[error("agent.toml of {kind}: {reason}")]
    Agent {
        /// The kind.
        kind: String,
        /// Line and reason.
        reason: String,
    },
    /// A line is no JSON of its form.
    #[error("line {line} of {file} of {kind}: {source}")]
    Line {
        /// The kind.
        kind: String,
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The definition breaks its bounds.
    #[error("{kind}: {source}")]
    Bounds {
        /// The kind.
        kind: String,
        /// Which.
        source: WireError,
    },
    /// There are too many.
    #[error("more than {KINDS_MAX} kinds are in one folder")]
    TooMany,
}

impl KindError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "kind-file",
            Self::Name(_) => "kind-name",
            Self::Agent { .. } => "kind-agent",
            Self::Line { .. } => "kind-line",
            Self::Bounds { .. } => "kind-bounds",
            Self::TooMany => "kind-too-many",
        }
    }
}

/// `agent.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentToml {
    description: String,
    #[serde(default)]
    model: ModelRole,
    #[serde(default)]
    tools: Vec<ToolName>,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    output_schema: Option<Value>,
}

impl Kind {
    /// The kind of this name.
    ///
    /// # Errors
    /// [`KindError`].
    pub fn read(name: AgentName, files: &Files<'_>) -> Result<Self, KindError> {
        let kind = name.to_string();
        let agent: AgentToml = toml::from_str(files.agent)
            .map_err(|error| KindError::Agent { kind: kind.clone(), reason: error.to_string() })?;
        let examples: Vec<Example> = lines(&kind, "examples.jsonl", files.examples)?;
        let definition = DefinitionV1 {
            version: V1,
            name,
            description: agent.description,
            prompt: files.prompt.trim().to_owned(),
            examples,
            tools: agent.tools,
            scope: agent.scope,
            model: agent.model,
            output_schema: agent.output_schema,
        };
        definition.check().map_err(|source| KindError::Bounds { kind: kind.clone(), source })?;
        Ok(Self { definition, limits: agent.limits, cases: lines(&kind, "accept.jsonl", files.accept)? })
    }

    /// The kind that lies in a folder, by the folder's name.
    ///
    /// # Errors
    /// [`KindError`].
    pub fn load(folder: &Path) -> Result<Self, KindError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().parse()?;
        let file = |name: &str| text(&folder.join(name));
        let (agent, prompt) = (file("agent.toml")?, file("prompt.md")?);
        let optional = |name: &str| match file(name) {
            Err(KindError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(String::new())
            }
            read => read,
        };
        let (examples, accept) = (optional("examples.jsonl")?, optional("accept.jsonl")?);
        Self::read(name, &Files { agent: &agent, prompt: &prompt, examples: &examples, accept: &accept })
    }
}

/// The kinds that are part of this program, by their names.
///
/// # Errors
/// [`KindError`]; a test reads all of them.
pub fn built_in() -> Result<Vec<Kind>, KindError> {
    const ALL: &[(&str, Files<'_>)] = &include!(concat!(env!("OUT_DIR"), "/kinds.rs"));
    ALL.iter().map(|(name, files)| Kind::read(name.parse()?, files)).collect()
}

/// Each folder in `folder` that has an `agent.toml`: its kind, or why it is none. One that is wrong spoils no other.
///
/// # Errors
/// [`KindError`] if the folder itself cannot be read, or there are too many in it.
pub fn read_folder(folder: &Path) -> Result<Vec<Result<Kind, KindError>>, KindError> {
    let failed = |source| KindError::File { path: folder.to_owned(), source };
    let mut kinds = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join("agent.toml").is_file() {
            kinds.push(path);
        }
        if kinds.len() > KINDS_MAX {
            return Err(KindError::TooMany);
        }
    }
    kinds.sort();
    Ok(kinds.iter().map(|path| Kind::load(path)).collect())
}

fn text(path: &Path) -> Result<String, KindError> {
    let failed = |source| KindError::File { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let len = file.take(FILE_LEN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if len as u64 > FILE_LEN_MAX { Err(failed(io::ErrorKind::FileTooLarge.into())) } else { Ok(text) }
}

fn lines<T: DeserializeOwned>(kind: &str, file: &'static str, text: &str) -> Result<Vec<T>, KindError> {
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(nth, line)| {
        serde_json::from_str(line).map_err(|source| KindError::Line {
            kind: kind.to_owned(),
            file,
            line: nth + 1,
            source,
        })
    };
    filled.map(read).collect()
}
