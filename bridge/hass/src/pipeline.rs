//! Voice pipelines and the engines they are made of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Command;

/// The settings of a pipeline; all keys are required when it is created or updated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineSettings {
    /// The name shown to people.
    pub name: String,
    /// The language of the pipeline.
    pub language: String,
    /// An agent, such as `conversation.helix`.
    pub conversation_engine: String,
    /// One of the agent's languages.
    pub conversation_language: String,
    /// A speech-to-text engine.
    pub stt_engine: Option<String>,
    /// One of its languages.
    pub stt_language: Option<String>,
    /// A text-to-speech engine.
    pub tts_engine: Option<String>,
    /// One of its languages.
    pub tts_language: Option<String>,
    /// One of its voices; absent: its default.
    pub tts_voice: Option<String>,
    /// A wake word engine; for satellites that stream all the time.
    pub wake_word_entity: Option<String>,
    /// One of its wake words.
    pub wake_word_id: Option<String>,
    /// Whether Home Assistant's own matcher goes first.
    #[serde(default)]
    pub prefer_local_intents: bool,
    /// The sound for "done" in the same room; left out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_media_id: Option<String>,
}

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pipeline {
    /// A ULID.
    pub id: String,
    /// Its settings.
    #[serde(flatten)]
    pub settings: PipelineSettings,
}

/// `assist_pipeline/pipeline/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListPipelines {}

/// The answer to [`ListPipelines`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pipelines {
    /// All pipelines.
    pub pipelines: Vec<Pipeline>,
    /// The one that is used where none is named.
    #[serde(default)]
    pub preferred_pipeline: Option<String>,
}

impl Command for ListPipelines {
    const TYPE: &'static str = "assist_pipeline/pipeline/list";
    type Answer = Pipelines;
}

/// `assist_pipeline/pipeline/create`.
#[derive(Debug, Clone, Serialize)]
pub struct CreatePipeline {
    /// Its settings.
    #[serde(flatten)]
    pub settings: PipelineSettings,
}

impl Command for CreatePipeline {
    const TYPE: &'static str = "assist_pipeline/pipeline/create";
    type Answer = Pipeline;
}

/// `assist_pipeline/pipeline/update`.
#[derive(Debug, Clone, Serialize)]
pub struct UpdatePipeline {
    /// Which.
    pub pipeline_id: String,
    /// All its settings.
    #[serde(flatten)]
    pub settings: PipelineSettings,
}

impl Command for UpdatePipeline {
    const TYPE: &'static str = "assist_pipeline/pipeline/update";
    type Answer = Value;
}

/// `assist_pipeline/pipeline/delete`.
#[derive(Debug, Clone, Serialize)]
pub struct DeletePipeline {
    /// Which.
    pub pipeline_id: String,
}

impl Command for DeletePipeline {
    const TYPE: &'static str = "assist_pipeline/pipeline/delete";
    type Answer = Value;
}

/// `assist_pipeline/pipeline/set_preferred`.
#[derive(Debug, Clone, Serialize)]
pub struct PreferPipeline {
    /// Which.
    pub pipeline_id: String,
}

impl Command for PreferPipeline {
    const TYPE: &'static str = "assist_pipeline/pipeline/set_preferred";
    type Answer = Value;
}

/// `tts/engine/list`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListTtsEngines {
    /// Reduces the languages of each engine to those that fit, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Command for ListTtsEngines {
    const TYPE: &'static str = "tts/engine/list";
    type Answer = Engines;
}

/// `stt/engine/list`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListSttEngines {
    /// Reduces the languages of each engine to those that fit, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Command for ListSttEngines {
    const TYPE: &'static str = "stt/engine/list";
    type Answer = Engines;
}

/// The engines of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Engines {
    /// All of them.
    pub providers: Vec<Engine>,
}

/// A speech-to-text or text-to-speech engine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Engine {
    /// An entity id, or the name of an old provider.
    pub engine_id: String,
    /// Its languages.
    #[serde(default)]
    pub supported_languages: Vec<String>,
    /// Whether an entity of the same integration replaces it.
    #[serde(default)]
    pub deprecated: bool,
}
