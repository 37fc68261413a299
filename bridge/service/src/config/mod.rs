//! The configuration: `/data/options.json` (app), `helix.toml`, `HELIX_*` variables, each over the one before.

mod layer;

use std::path::{Path, PathBuf};

use crate::hass::HassConfig;
use crate::images::RegistrySettings;
use crate::llm::LlmSettings;
use crate::mcp::McpSettings;
use crate::web::search::SearchSettings;
use helix_core::Language;
use helix_core::delegate::Quiet;
use helix_core::dialogue::Pin;
use helix_core::listen::Patience;
use helix_core::route::{Matrix, MatrixError};
use layer::Layer;
use secrecy::SecretString;

/// The port of the Wyoming protocol that Home Assistant's own apps use.
pub const WYOMING_PORT: u16 = 10300;

/// The port of the second agent, unless set.
pub const SECOND_AGENT_PORT: u16 = 10301;

/// The second conversation agent, which streams its answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondAgent {
    /// Whether there is one.
    pub on: bool,
    /// Where it listens; `None`: [`SECOND_AGENT_PORT`] where Home Assistant reaches it.
    pub listen: Option<std::net::SocketAddr>,
    /// Another address than its own that Home Assistant may come from, such as that of a container's gateway.
    pub from: Option<std::net::IpAddr>,
}

/// Tasks that agents carry out elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// An address for runners and agents of other machines; off if `None`.
    pub listen: Option<std::net::SocketAddr>,
    /// The PostgreSQL database that keeps the tasks; `None`: the SQLite file in the data folder.
    pub database: Option<SecretString>,
    /// The file with the runners' token; `None`: one in the data folder. Made if it is not there.
    pub runner_token: Option<PathBuf>,
    /// Whether the bridge carries out tasks itself, by the runner beside it.
    pub here: bool,
    /// Where `helix-runner` and `helix-agent` lie; `None` looks beside `helix`.
    pub agents_dir: Option<PathBuf>,
    /// The registry that keeps images of agents that did well; none keeps none.
    pub registry: Option<RegistrySettings>,
    /// When nothing is said aloud that was not asked for just now.
    pub quiet: Option<Quiet>,
    /// A notify action of Home Assistant by which messages are sent as well, such as `notify.mobile_app_pixel`.
    pub notify: Option<String>,
}

/// Which engine turns speech into text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeechEngine {
    /// The child process with a model: its name in the catalogue, or a path.
    Child {
        /// Model name or path; `None` chooses by language and CPU.
        model: Option<String>,
        /// Decoder threads; `None` chooses.
        threads: Option<u8>,
        /// Where `helix-stt` lies; `None` looks beside `helix`.
        stt_dir: Option<PathBuf>,
    },
    /// Any Wyoming speech-to-text server.
    External {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// The whole configuration, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// Home Assistant; `None` if no address or no token is known.
    pub home: Option<HassConfig>,
    /// Speech to text.
    pub speech: SpeechEngine,
    /// Language of the pipeline; `None` takes Home Assistant's.
    pub language: Option<Language>,
    /// Silence limits.
    pub patience: Patience,
    /// Noise suppression in front of the recogniser.
    pub denoise: bool,
    /// Address of the Wyoming server.
    pub listen: std::net::SocketAddr,
    /// Host name under which Home Assistant reaches the Wyoming server; `None` finds out.
    pub advertise: Option<String>,
    /// Whether the pipeline "Helix" becomes the preferred one.
    pub prefer_pipeline: bool,
    /// The second agent.
    pub second_agent: SecondAgent,
    /// Simultaneous runs.
    pub runs_max: usize,
    /// The decision matrix: the built-in one, or with the user's own over it.
    pub matrix: Matrix,
    /// Asked before what is of the highest risk; a yes is enough if there is none.
    pub pin: Option<Pin>,
    /// Models, socket and what else is kept.
    pub data_dir: PathBuf,
    /// Verbosity: `trace`, `debug`, `info`, `warn`, `error`, or a filter of tracing's syntax.
    pub log_level: String,
    /// A mirror that takes the place of the model hub.
    pub model_hub: Option<String>,
    /// Address of `/metrics`; off if `None`.
    pub metrics_listen: Option<std::net::SocketAddr>,
    /// Language models, what they may cost, and what may leave the local network.
    pub llm: LlmSettings,
    /// Who searches the web for tasks.
    pub search: SearchSettings,
    /// Tool servers that tasks may use.
    pub tool_servers: Vec<McpSettings>,
    /// How long the ledger keeps what left it, days.
    pub ledger_days: u16,
    /// Tasks that agents carry out elsewhere.
    pub tasks: Tasks,
    /// What was strange but not wrong.
    pub warnings: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path} cannot be read: {source}; check its path and permissions")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has a wrong key or value; the text names line and key.
    #[error("{path} is not valid: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, key and what is expected.
        reason: String,
    },
    /// The decision matrix is wrong; the text names file, line and key.
    #[error("the decision matrix is not valid: {0}")]
    Matrix(#[from] MatrixError),
    /// A value does not fit its key.
    #[error("{key} is not valid: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is expected.
        reason: String,
    },
}

/// Reads variables of the environment; a function so that tests need not set any.
pub trait Environment {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

impl Config {
    /// Loads all layers. `file` names the configuration file; else the usual places are looked at.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, line and key.
    pub fn load(file: Option<&Path>, environment: &impl Environment) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let mut merged = Layer::default();
        let supervised = environment.get("SUPERVISOR_TOKEN").is_some();
        if supervised {
            let options = environment.get("HELIX_OPTIONS").unwrap_or_else(|| "/data/options.json".into());
            if let Some(text) = read_if_there(Path::new(&options))? {
                merged = Layer::from_options(Path::new(&options), &text, &mut warnings)?;
            }
        }
        let path = file.map_or_else(|| default_file(supervised, environment), Path::to_owned);
        let text = if file.is_some() { Some(read(&path)?) } else { read_if_there(&path)? };
        if let Some(text) = text {
            merged = Layer::from_toml(&path, &text)?.over(merged);
        }
        merged = Layer::from_environment(environment)?.over(merged);
        merged.into_config(environment, warnings)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn read_if_there(path: &Path) -> Result<Option<String>, ConfigError> {
    match read(path) {
        Ok(text) => Ok(Some(text)),
        Err(ConfigError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn default_file(supervised: bool, environment: &impl Environment) -> PathBuf {
    if let Some(path) = environment.get("HELIX_CONFIG") {
        return path.into();
    }
    if supervised {
        return "/config/helix.toml".into();
    }
    base_dir(environment, "XDG_CONFIG_HOME", ".config").join("helix/helix.toml")
}

fn base_dir(environment: &impl Environment, variable: &str, below_home: &str) -> PathBuf {
    let home = || environment.get("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
    environment.get(variable).map_or_else(|| home().join(below_home), PathBuf::from)
}

#[cfg(test)]
mod tests;
