//! Which servers there are and which models they are asked for: names as a person writes them in, what they mean out.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use helix_core::egress::Cloud;
use helix_core::llm::budget::Budget;
use secrecy::SecretString;

use super::catalogue::{Catalogue, Duty};
use super::dialect::Dialect;
use super::door::leads_outside;

/// Gemini's address.
const GEMINI: &str = "https://generativelanguage.googleapis.com";
/// No key is longer, bytes.
const KEY_LEN_MAX: u64 = 4096;

/// What the configuration says about language models.
#[derive(Debug, Clone)]
pub struct LlmSettings {
    /// An Ollama server.
    pub ollama_url: Option<String>,
    /// A server that speaks the interface of `OpenAI`; its path is that below which `chat/completions` lies.
    pub openai_url: Option<String>,
    /// Its key.
    pub openai_key: Option<SecretString>,
    /// Gemini, or what stands in its place.
    pub gemini_url: String,
    /// Its key; without one it is not asked.
    pub gemini_key: Option<SecretString>,
    /// The models that a person named, `MODEL` or `SERVER/MODEL`.
    pub named: BTreeMap<Duty, String>,
    /// What models outside may cost.
    pub budget: Budget,
    /// What may leave the house.
    pub cloud: Cloud,
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self {
            ollama_url: None,
            openai_url: None,
            openai_key: None,
            gemini_url: GEMINI.to_owned(),
            gemini_key: None,
            named: BTreeMap::new(),
            budget: Budget::default(),
            cloud: Cloud::Off,
        }
    }
}

/// Why the settings cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A duty is for a server that is not configured.
    #[error("{model} needs the server `{server}`; set `{key}` as well")]
    NoServer {
        /// The model as it was named.
        model: String,
        /// The server.
        server: &'static str,
        /// The key of the configuration that would name it.
        key: &'static str,
    },
}

/// A server and the name that its model has there.
pub(super) type Place = (Dialect, String);

const SERVERS: [(Dialect, &str); 3] =
    [(Dialect::Ollama, "ollama_url"), (Dialect::OpenAi, "openai_url"), (Dialect::Gemini, "gemini_key")];

impl LlmSettings {
    fn has(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Ollama => self.ollama_url.is_some(),
            Dialect::OpenAi => self.openai_url.is_some(),
            Dialect::Gemini => self.gemini_key.is_some(),
        }
    }

    /// Who does `duty`; `None` if nobody was named for it.
    ///
    /// # Errors
    /// [`SettingsError::NoServer`].
    pub(super) fn place(&self, duty: Duty) -> Result<Option<Place>, SettingsError> {
        let named = self.named.get(&duty).map(String::as_str);
        let explicit = named.and_then(|named| {
            let (server, model) = named.split_once('/')?;
            let found = SERVERS.iter().find(|(dialect, _)| dialect.as_str() == server)?;
            Some((*found, model))
        });
        if let Some(((dialect, key), model)) = explicit {
            if self.has(dialect) {
                return Ok(Some((dialect, model.to_owned())));
            }
            let server = dialect.as_str();
            return Err(SettingsError::NoServer { model: model.to_owned(), server, key });
        }
        let is_outside = |url: &Option<String>| {
            url.as_deref().is_some_and(|url| leads_outside(url).is_ok_and(|outside| outside))
        };
        if duty == Duty::Vectors && named.is_none() {
            return Ok(None);
        }
        let order = match duty {
            Duty::Router | Duty::LocalAgent | Duty::Vectors => vec![Dialect::Ollama, Dialect::OpenAi],
            Duty::CloudAgent if named.is_some() => vec![Dialect::Gemini, Dialect::OpenAi, Dialect::Ollama],
            Duty::CloudAgent if is_outside(&self.openai_url) => vec![Dialect::Gemini, Dialect::OpenAi],
            Duty::CloudAgent => vec![Dialect::Gemini],
        };
        let model = named.unwrap_or_else(|| Catalogue::built_in().default_model(duty)).to_owned();
        match order.into_iter().find(|dialect| self.has(*dialect)) {
            Some(dialect) => Ok(Some((dialect, model))),
            None if named.is_some() => {
                let (server, key) = if duty == Duty::CloudAgent {
                    ("gemini", "gemini_key")
                } else {
                    ("ollama", "ollama_url")
                };
                Err(SettingsError::NoServer { model, server, key })
            }
            None => Ok(None),
        }
    }

    /// Whether every model that is named has its server.
    ///
    /// # Errors
    /// The key of the configuration, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, SettingsError)> {
        for duty in Duty::ALL {
            self.place(duty).map_err(|error| (duty.key(), error))?;
        }
        Ok(())
    }
}

/// Why a key cannot be read. No text holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}; check its path and permissions")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("{path} can be read by others (mode {mode:03o}); keep it to yourself: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds no key.
    #[error("{path} holds no key; it needs one line with the key and nothing else")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a key from a file that nobody else may read.
///
/// # Errors
/// [`KeyError`].
pub fn read_key(path: &Path) -> Result<SecretString, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let facts = std::fs::metadata(path).map_err(unreadable)?;
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    if !facts.is_file() || facts.len() > KEY_LEN_MAX {
        return Err(KeyError::NoKey { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let key = text.trim();
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(KeyError::NoKey { path: path.to_owned() });
    }
    Ok(key.into())
}
