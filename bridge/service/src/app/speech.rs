//! The speech engine of the bridge: chooses the model, downloads it where it is missing, then hands over to the engine.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use helix_core::transcribe::{DecodeRequest, RecognizeError, Transcript};
use helix_core::{Language, Recognizer};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{Config, SpeechEngine};
use crate::hass::HomeAssistant;
use crate::model::{Catalogue, Cpu, Hub, HubLimits, ModelFolder, Progress, default_model, pull, verify};
use crate::speech::{Engine, EngineConfig};

/// A download that failed is tried again after this time.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// The engine, once it is known which one.
#[derive(Debug)]
pub(super) struct Speech {
    engine: OnceLock<Engine>,
    languages: SetOnce<Option<Vec<String>>>,
    /// Why there is none yet, and what to do.
    missing: Mutex<RecognizeError>,
}

impl Speech {
    pub(super) fn new() -> Self {
        Self {
            engine: OnceLock::new(),
            languages: SetOnce::new(),
            missing: Mutex::new(RecognizeError::Loading),
        }
    }

    /// Brings an engine up, whatever it takes; ends once it runs or is cancelled.
    pub(super) async fn bring_up(
        self: Arc<Self>,
        config: Config,
        home: HomeAssistant,
        cancel: CancellationToken,
    ) {
        let work = async {
            let language = match &config.speech {
                SpeechEngine::Child { model: None, .. } => known_language(&config, &home).await,
                SpeechEngine::Child { model: Some(_), .. } | SpeechEngine::External { .. } => {
                    Language::english()
                }
            };
            match model_choice(&config, &language) {
                Some(model) => self.model_there(&config, &model).await,
                None => _ = self.languages.set(None),
            }
            let _ = self.engine.set(Engine::start(engine_config(&config, &language), SystemClock::start()));
        };
        cancel.run_until_cancelled(work).await;
    }

    /// The languages that the engine will understand, as soon as its model is chosen; `None` is all of Whisper's.
    pub(super) async fn languages(&self) -> Option<Vec<String>> {
        self.languages.wait().await.clone()
    }

    /// Whether an engine is on its way.
    pub(super) fn is_starting(&self) -> bool {
        match self.engine.get() {
            Some(engine) => engine.is_loading(),
            None => *self.missing.lock().unwrap_or_else(PoisonError::into_inner) == RecognizeError::Loading,
        }
    }

    /// What it is, or what is wrong and what to do.
    pub(super) fn describe(&self) -> Result<String, String> {
        match self.engine.get() {
            Some(engine) => engine.describe(),
            None => Err(self.missing.lock().unwrap_or_else(PoisonError::into_inner).to_string()),
        }
    }

    pub(super) async fn stop(&self) {
        if let Some(engine) = self.engine.get() {
            engine.stop().await;
        }
    }

    /// Waits until the model is on disk, downloading it where it is one of the catalogue.
    async fn model_there(&self, config: &Config, model: &ModelChoice) {
        let (name, path) = (&model.name, &model.path);
        let english_only = verify(path).map_or_else(|_| name.contains(".en"), |shape| shape.english_only());
        let _ = self.languages.set(english_only.then(|| vec!["en".to_owned()]));
        let mut told = None;
        while let Some(missing) = model.missing() {
            let fetched = if model.is_path() { Err(missing) } else { fetch(config, name).await };
            let Err(why) = fetched else { continue };
            *self.missing.lock().unwrap_or_else(PoisonError::into_inner) =
                RecognizeError::Unavailable(why.clone());
            if told.as_ref() != Some(&why) {
                tracing::error!(model = name, why, "there is no speech model");
                told = Some(why);
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

impl Recognizer for Speech {
    async fn transcribe(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        match self.engine.get() {
            Some(engine) => engine.transcribe(request).await,
            None => Err(self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}

/// The engine that the configuration means, for speech of this language.
pub fn engine_config(config: &Config, language: &Language) -> EngineConfig {
    match &config.speech {
        SpeechEngine::Child { model, threads, stt_dir } => {
            let choice = chosen(config, model.as_deref(), language);
            EngineConfig::Child { model_path: choice.path, threads: *threads, stt_dir: stt_dir.clone() }
        }
        SpeechEngine::External { host, port } => EngineConfig::External { host: host.clone(), port: *port },
    }
}

/// The model that is configured, or that suits the language and this processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// Its name in the catalogue, or a path.
    pub name: String,
    /// Where its file is or would be.
    pub path: PathBuf,
    /// Whether a person chose it.
    pub configured: bool,
}

impl ModelChoice {
    /// What to do if its file is not there; `None` if it is.
    pub fn missing(&self) -> Option<String> {
        let name = &self.name;
        if self.path.exists() {
            return None;
        }
        Some(match Catalogue::builtin().find(name) {
            _ if self.is_path() => format!(
                "The speech model file {name} is not there. Correct `model`, or leave it out for the default model."
            ),
            Ok(_) => {
                format!(
                    "The speech model {name} is not downloaded yet. Download it: `helix model pull {name}`."
                )
            }
            Err(unknown) => unknown.to_string(),
        })
    }

    fn is_path(&self) -> bool {
        self.name.contains('/')
    }
}

/// The model for speech of this language; `None` if another server does the work.
pub fn model_choice(config: &Config, language: &Language) -> Option<ModelChoice> {
    match &config.speech {
        SpeechEngine::Child { model, .. } => Some(chosen(config, model.as_deref(), language)),
        SpeechEngine::External { .. } => None,
    }
}

fn chosen(config: &Config, model: Option<&str>, language: &Language) -> ModelChoice {
    let name = model.unwrap_or_else(|| default_model(language, Cpu::detect())).to_owned();
    let path = ModelFolder::new(&config.data_dir).resolve(&name);
    ModelChoice { name, path, configured: model.is_some() }
}

/// The configured language, else that of the home, which may have to be waited for.
async fn known_language(config: &Config, home: &HomeAssistant) -> Language {
    if let Some(language) = &config.language {
        return language.clone();
    }
    let mut status = home.status();
    loop {
        if let Some(language) = super::language_of(home) {
            return language;
        }
        if status.changed().await.is_err() {
            return Language::english();
        }
    }
}

async fn fetch(config: &Config, name: &str) -> Result<(), String> {
    let failed = |error: &dyn std::error::Error| error.to_string();
    let model = Catalogue::builtin().find(name).map_err(|error| failed(&error))?;
    let hub = Hub::open(config.model_hub.as_deref(), HubLimits::default()).map_err(|error| failed(&error))?;
    let mut told = 0;
    let mut tell = |progress: Progress| match progress {
        Progress::Downloading { done, total, .. } => {
            let tenths = done * 10 / total.max(1);
            if tenths > told {
                told = tenths;
                tracing::info!(model = name, percent = tenths * 10, "downloading the speech model");
            }
        }
        Progress::Retrying { attempt, why, .. } => {
            tracing::warn!(model = name, attempt, why, "the download failed");
        }
        Progress::Resuming { .. } | Progress::Checking => {}
    };
    let folder = ModelFolder::new(&config.data_dir);
    pull(model, &folder, &hub, &SystemClock::start(), &mut tell).await.map_err(|error| failed(&error))?;
    Ok(())
}
