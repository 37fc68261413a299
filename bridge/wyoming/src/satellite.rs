//! What passes between Home Assistant and a satellite: pipelines, wake words, voice activity, timers.

use serde::{Deserialize, Serialize};

use crate::event::kinds;

kinds! {
    RunSatellite = "run-satellite",
    PauseSatellite = "pause-satellite",
    SatelliteConnected = "satellite-connected",
    SatelliteDisconnected = "satellite-disconnected",
    StreamingStarted = "streaming-started",
    StreamingStopped = "streaming-stopped",
    RunPipeline = "run-pipeline",
    Detect = "detect",
    Detection = "detection",
    NotDetected = "not-detected",
    VoiceStarted = "voice-started",
    VoiceStopped = "voice-stopped",
    Played = "played",
    TimerStarted = "timer-started",
    TimerUpdated = "timer-updated",
    TimerCancelled = "timer-cancelled",
    TimerFinished = "timer-finished",
}

/// Home Assistant is ready to run pipelines for this satellite.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunSatellite {}

/// Home Assistant is not ready, or the satellite was muted there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PauseSatellite {}

/// The satellite reached its server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SatelliteConnected {}

/// The satellite lost its server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SatelliteDisconnected {}

/// The satellite started to send audio.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamingStarted {}

/// The satellite stopped sending audio.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamingStopped {}

/// A stage of Home Assistant's pipeline, in Wyoming's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PipelineStage {
    /// Wake word.
    Wake,
    /// Speech to text.
    Asr,
    /// Recognition of the intent.
    Intent,
    /// Handling of the sentence.
    Handle,
    /// Text to speech.
    Tts,
}

/// The satellite asks for a run; the audio follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPipeline {
    /// The first stage; Home Assistant 2026.11 accepts `wake`, `asr` and `tts`.
    pub start_stage: PipelineStage,
    /// The last stage.
    pub end_stage: PipelineStage,
    /// Whether the next run starts by itself.
    #[serde(default)]
    pub restart_on_end: bool,
    /// The wake word that was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word_name: Option<String>,
    /// The wake words to listen for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word_names: Option<Vec<String>>,
    /// The text to speak when the run starts at `tts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce_text: Option<String>,
}

/// Asks for wake words in the audio that follows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detect {
    /// The wake words; none means any.
    #[serde(default)]
    pub names: Option<Vec<String>>,
}

/// A wake word was heard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detection {
    /// The wake word.
    #[serde(default)]
    pub name: Option<String>,
    /// Milliseconds, of the audio chunk.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// The audio ended without a wake word.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NotDetected {}

/// Speech began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VoiceStarted {
    /// Milliseconds since the start of the audio.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// Speech ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VoiceStopped {
    /// Milliseconds since the start of the audio.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// The satellite has played what it was sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Played {}

/// A timer was set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimerStarted {
    /// Home Assistant's id of the timer.
    pub id: String,
    /// How long it runs, seconds.
    pub total_seconds: u64,
    /// The name that the user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hours that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_hours: Option<u64>,
    /// Minutes that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_minutes: Option<u64>,
    /// Seconds that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<u64>,
}

/// A timer was paused, resumed, lengthened or shortened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimerUpdated {
    /// Home Assistant's id of the timer.
    pub id: String,
    /// Whether it runs.
    pub is_active: bool,
    /// What is left, seconds.
    pub total_seconds: u64,
}

/// A timer was cancelled.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimerCancelled {
    /// Home Assistant's id of the timer.
    pub id: String,
}

/// A timer ran out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimerFinished {
    /// Home Assistant's id of the timer.
    pub id: String,
}
