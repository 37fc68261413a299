//! One layer of the configuration: the same keys in the app's options, in `helix.toml` and as `HELIX_<KEY>`.

mod llm;
mod registry;
mod web;

use std::path::{Path, PathBuf};

use helix_core::Language;
use helix_core::delegate::Quiet;
use helix_core::dialogue::Pin;
use helix_core::egress::Cloud;
use helix_core::listen::Patience;
use helix_core::route::Matrix;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError, Environment, SecondAgent, SpeechEngine, Tasks, WYOMING_PORT, base_dir};
use crate::hass::{HassConfig, SupervisorConfig};

macro_rules! layer {
    ($($key:ident: $kind:ty,)+) => {
        /// Every key that a person can set; all optional.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Layer {
            $(#[serde(default)] $key: Option<$kind>,)+
        }

        impl Layer {
            const KEYS: &[&str] = &[$(stringify!($key)),+];

            /// This layer's values, and those of `below` where it has none.
            pub(super) fn over(self, below: Self) -> Self {
                Self { $($key: self.$key.or(below.$key)),+ }
            }
        }
    };
}

layer! {
    ha_url: String,
    ha_token: String,
    language: String,
    model: String,
    model_hub: String,
    threads: u8,
    stt_dir: PathBuf,
    asr_host: String,
    asr_port: u16,
    denoise: bool,
    patience: PatienceName,
    complete_ms: u32,
    plain_ms: u32,
    dangling_ms: u32,
    listen: std::net::SocketAddr,
    advertise: String,
    prefer_pipeline: bool,
    second_agent: bool,
    second_agent_listen: std::net::SocketAddr,
    second_agent_from: std::net::IpAddr,
    runs_max: u8,
    matrix: PathBuf,
    pin: SecretString,
    data_dir: PathBuf,
    log_level: String,
    metrics_listen: std::net::SocketAddr,
    cloud: Cloud,
    ledger_days: u16,
    ollama_url: String,
    router_model: String,
    local_model: String,
    cloud_model: String,
    embed_model: String,
    openai_url: String,
    openai_key: SecretString,
    openai_key_file: PathBuf,
    gemini_key: SecretString,
    gemini_key_file: PathBuf,
    cloud_tokens_day: u64,
    cloud_tokens_month: u64,
    cloud_usd_day: f64,
    cloud_usd_month: f64,
    searxng_url: String,
    tavily_key: SecretString,
    tavily_key_file: PathBuf,
    mcp_servers: Vec<web::ToolServer>,
    tasks_listen: std::net::SocketAddr,
    tasks_database: SecretString,
    runner_token_file: PathBuf,
    runner: bool,
    agents_dir: PathBuf,
    registry: String,
    registry_pull: String,
    registry_user: String,
    registry_password: SecretString,
    registry_password_file: PathBuf,
    quiet_hours: String,
    notify: String,
}

/// Keys whose values appear in no complaint.
const SECRETS: [&str; 10] = [
    "ha_token",
    "pin",
    "openai_key",
    "gemini_key",
    "tasks_database",
    "tavily_key",
    "mcp_servers",
    "key",
    "env",
    "registry_password",
];

/// How long the ledger keeps what left the house, unless set.
const LEDGER_DAYS: u16 = 90;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PatienceName {
    Quick,
    #[default]
    Normal,
    Patient,
}

impl Layer {
    /// The app's options: an unknown key is only a warning, because the Supervisor keeps keys of older versions.
    pub(super) fn from_options(
        path: &Path,
        text: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let invalid = |reason: String| ConfigError::Invalid { path: path.to_owned(), reason };
        let mut options: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        options.retain(|key, value| {
            let known = Self::KEYS.contains(&key.as_str());
            if !known {
                warnings.push(format!(
                    "the option `{key}` is not known and was ignored; remove it from the app's options"
                ));
            }
            known && !value.is_null() && value != ""
        });
        let mut merged = Self::default();
        for (key, value) in options {
            let one = serde_json::json!({ key.as_str(): value });
            let layer: Self = serde_json::from_value(one).map_err(|error| {
                invalid(format!("the option `{key}`: {}", told(&key, &error.to_string())))
            })?;
            merged = layer.over(merged);
        }
        Ok(merged)
    }

    /// `helix.toml`: an unknown key is an error that names line and key.
    pub(super) fn from_toml(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text)
            .map_err(|error| ConfigError::Invalid { path: path.to_owned(), reason: located(text, &error) })
    }

    /// `HELIX_<KEY>` for every key.
    pub(super) fn from_environment(environment: &impl Environment) -> Result<Self, ConfigError> {
        let mut merged = Self::default();
        for key in Self::KEYS {
            let Some(text) = environment.get(&format!("HELIX_{}", key.to_uppercase())) else { continue };
            let value = match text.as_str() {
                "true" | "false" => toml::Value::Boolean(text == "true"),
                list if list.starts_with('[') => written(list),
                _ => number(&text).unwrap_or_else(|| toml::Value::String(text.clone())),
            };
            let typed = |value| Self::deserialize(toml::Table::from_iter([((*key).to_owned(), value)]));
            let layer = typed(value).or_else(|_| typed(toml::Value::String(text))).map_err(|error| {
                ConfigError::Value {
                    key,
                    reason: format!("HELIX_{}: {}", key.to_uppercase(), plain(error.message())),
                }
            })?;
            merged = layer.over(merged);
        }
        Ok(merged)
    }

    pub(super) fn into_config(
        self,
        environment: &impl Environment,
        warnings: Vec<String>,
    ) -> Result<Config, ConfigError> {
        let supervised = environment.get("SUPERVISOR_TOKEN");
        let data_dir = self.data_dir.clone().unwrap_or_else(|| match supervised {
            Some(_) => "/data".into(),
            None => base_dir(environment, "XDG_DATA_HOME", ".local/share").join("helix"),
        });
        let log_level = self.log_level.clone().unwrap_or_else(|| "info".into());
        let llm = self.llm()?;
        let runs_max = self.runs_max.unwrap_or(8);
        if !(1..=64).contains(&runs_max) {
            return Err(value("runs_max", "between 1 and 64 runs at once are possible"));
        }
        Ok(Config {
            home: self.home(environment)?,
            language: self.language()?,
            patience: self.patience()?,
            denoise: self.denoise.unwrap_or(false),
            listen: self.listen.unwrap_or(([0, 0, 0, 0], WYOMING_PORT).into()),
            advertise: self.advertise.clone(),
            prefer_pipeline: self.prefer_pipeline.unwrap_or(false),
            second_agent: SecondAgent {
                on: self.second_agent.unwrap_or(false),
                listen: self.second_agent_listen,
                from: self.second_agent_from,
            },
            runs_max: usize::from(runs_max),
            metrics_listen: self.metrics_listen,
            model_hub: self.model_hub.clone(),
            search: self.search(&llm)?,
            tool_servers: self.tool_servers()?,
            llm,
            ledger_days: self.ledger_days()?,
            tasks: self.tasks()?,
            matrix: self.matrix.as_deref().map_or_else(|| Ok(Matrix::built_in().clone()), read_matrix)?,
            pin: self.pin()?,
            speech: self.speech()?,
            data_dir,
            log_level,
            warnings,
        })
    }

    fn tasks(&self) -> Result<Tasks, ConfigError> {
        let database = self.tasks_database.clone();
        let is_postgres = |url: &SecretString| {
            ["postgres://", "postgresql://"].iter().any(|start| url.expose_secret().starts_with(start))
        };
        if database.as_ref().is_some_and(|url| !is_postgres(url)) {
            return Err(value("tasks_database", "it looks like postgres://USER:PASSWORD@HOST/DATABASE"));
        }
        let quiet = self.quiet_hours.as_deref().map(str::parse::<Quiet>).transpose();
        let is_action = |action: &String| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            action.strip_prefix("notify.").is_some_and(|name| !name.is_empty() && name.chars().all(plain))
        };
        if self.notify.as_ref().is_some_and(|action| !is_action(action)) {
            return Err(value("notify", "a notify action such as notify.mobile_app_pixel is needed"));
        }
        Ok(Tasks {
            listen: self.tasks_listen,
            database,
            runner_token: self.runner_token_file.clone(),
            here: self.runner.unwrap_or(true),
            agents_dir: self.agents_dir.clone(),
            registry: self.registry()?,
            quiet: quiet.map_err(|error| value("quiet_hours", &error.to_string()))?,
            notify: self.notify.clone(),
        })
    }

    fn home(&self, environment: &impl Environment) -> Result<Option<HassConfig>, ConfigError> {
        if let Some(token) = environment.get("SUPERVISOR_TOKEN") {
            let url = environment.get("HELIX_SUPERVISOR_URL").unwrap_or_else(|| "http://supervisor".into());
            let supervisor = Some(SupervisorConfig { url, token: token.into() });
            return Ok(Some(HassConfig { url: String::new(), token: String::new().into(), supervisor }));
        }
        match (&self.ha_url, &self.ha_token) {
            (Some(url), Some(token)) => {
                let url = url.trim_end_matches('/').to_owned();
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(value(
                        "ha_url",
                        "an address such as http://homeassistant.local:8123 is needed",
                    ));
                }
                Ok(Some(HassConfig { url, token: token.trim().to_owned().into(), supervisor: None }))
            }
            (Some(_), None) => Err(value(
                "ha_token",
                "ha_url is set, but no token. Make a long-lived access token in your Home Assistant profile",
            )),
            (None, Some(_)) => Err(value("ha_url", "ha_token is set, but no address")),
            (None, None) => Ok(None),
        }
    }

    fn pin(&self) -> Result<Option<Pin>, ConfigError> {
        let parse = |pin: &SecretString| Pin::parse(pin).map_err(|error| value("pin", &error.to_string()));
        self.pin.as_ref().map(parse).transpose()
    }

    fn language(&self) -> Result<Option<Language>, ConfigError> {
        let parse = |tag: &String| {
            Language::parse(tag).ok_or_else(|| value("language", "a tag such as en, de or pt-BR is needed"))
        };
        self.language.as_ref().map(parse).transpose()
    }

    fn patience(&self) -> Result<Patience, ConfigError> {
        let named = match self.patience.unwrap_or_default() {
            PatienceName::Quick => Patience::quick(),
            PatienceName::Normal => Patience::normal(),
            PatienceName::Patient => Patience::patient(),
        };
        let limit = |key, set: Option<u32>, default| match set {
            Some(ms) if !(100..=5000).contains(&ms) => {
                Err(value(key, "between 100 and 5000 milliseconds are possible"))
            }
            Some(ms) => Ok(ms),
            None => Ok(default),
        };
        let patience = Patience {
            complete_ms: limit("complete_ms", self.complete_ms, named.complete_ms)?,
            plain_ms: limit("plain_ms", self.plain_ms, named.plain_ms)?,
            dangling_ms: limit("dangling_ms", self.dangling_ms, named.dangling_ms)?,
            ..named
        };
        if patience.complete_ms > patience.plain_ms || patience.plain_ms > patience.dangling_ms {
            return Err(value(
                "patience",
                "complete_ms may not exceed plain_ms, nor plain_ms exceed dangling_ms",
            ));
        }
        Ok(patience)
    }

    fn ledger_days(&self) -> Result<u16, ConfigError> {
        match self.ledger_days.unwrap_or(LEDGER_DAYS) {
            days @ 1..=3650 => Ok(days),
            _ => Err(value("ledger_days", "between 1 and 3650 days are possible")),
        }
    }

    fn speech(self) -> Result<SpeechEngine, ConfigError> {
        match (self.asr_host, self.asr_port) {
            (Some(host), port) => Ok(SpeechEngine::External { host, port: port.unwrap_or(WYOMING_PORT) }),
            (None, Some(_)) => Err(value("asr_host", "asr_port is set, but no asr_host")),
            (None, None) => {
                if self.threads == Some(0) {
                    return Err(value("threads", "at least one thread is needed"));
                }
                Ok(SpeechEngine::Child { model: self.model, threads: self.threads, stt_dir: self.stt_dir })
            }
        }
    }
}

/// A list as it stands in `helix.toml`; a text that only begins like one is itself.
fn written(text: &str) -> toml::Value {
    let table: Option<toml::Table> = toml::from_str(&format!("list = {text}")).ok();
    let list = table.and_then(|mut table| table.remove("list"));
    list.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// A whole number, or one with a point.
fn number(text: &str) -> Option<toml::Value> {
    let whole = text.parse().map(toml::Value::Integer);
    whole.or_else(|_| text.parse().map(toml::Value::Float)).ok()
}

/// Line, key and complaint. The line itself is not shown: a PIN may stand in it, under a misspelt key too.
fn located(text: &str, error: &toml::de::Error) -> String {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let number = before.matches('\n').count() + 1;
    let line = text[start..].lines().next().unwrap_or_default();
    match line.split_once('=') {
        Some((key, _)) => {
            let key = key.trim().trim_matches(['"', '\'']);
            format!("line {number}, `{key}`: {}", told(key, error.message()))
        }
        None => format!("line {number}: {}", plain(error.message())),
    }
}

/// The parsers' complaint about the value of a key; that of a secret is not repeated.
fn told(key: &str, complaint: &str) -> String {
    let repeats = complaint.starts_with("invalid type") || complaint.starts_with("invalid value");
    if SECRETS.contains(&key) && repeats {
        "a text in quotation marks is needed".into()
    } else {
        plain(complaint)
    }
}

/// The parsers' complaint without the names of this program's types.
fn plain(complaint: &str) -> String {
    let types = [("u8", "0 to 255"), ("u16", "0 to 65535"), ("u32", "0 up"), ("u64", "0 up")];
    let complaint = complaint
        .replace("string or map", "a word in quotation marks")
        .replace("expected f64", "expected a number");
    types.iter().fold(complaint.trim_end().to_owned(), |text, (name, range)| {
        text.replace(&format!("expected {name}"), &format!("expected a whole number from {range}"))
    })
}

/// The user's own decision matrix, over the built-in one.
fn read_matrix(path: &Path) -> Result<Matrix, ConfigError> {
    let text = super::read(path)?;
    Ok(Matrix::over_built_in(&text, path)?)
}

fn value(key: &'static str, reason: &str) -> ConfigError {
    ConfigError::Value { key, reason: reason.to_owned() }
}
