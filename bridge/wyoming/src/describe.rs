//! What a server offers: [`Describe`] asks, [`Info`] answers.
//!
//! Home Assistant 2026.11 needs every key of an [`Artifact`], also where its value is null, and takes the first
//! program of each list only.

use serde::{Deserialize, Serialize};

use crate::audio::AudioFormat;
use crate::event::kinds;

kinds! {
    Describe = "describe",
    Info = "info",
    SelectProgram = "select-program",
}

/// Asks for the [`Info`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Describe {}

/// Chooses a program for the rest of the connection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SelectProgram {
    /// Name of the program.
    pub name: String,
}

/// Who made something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attribution {
    /// Who.
    pub name: String,
    /// Where it is from.
    pub url: String,
}

/// What a program, a model, a voice and a satellite have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Artifact {
    /// Name; Home Assistant names entities by it.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// A model that understands or handles some languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Model {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Language tags.
    pub languages: Vec<String>,
}

/// A speech-to-text program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the protocol's flags")]
pub struct AsrProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Its models.
    pub models: Vec<Model>,
    /// Whether transcripts come in pieces; no effect in Home Assistant 2026.11.
    #[serde(default)]
    pub supports_transcript_streaming: bool,
    /// Whether Home Assistant's own voice activity detection must end the audio.
    #[serde(default = "yes")]
    pub requires_external_vad: bool,
    /// Whether satellites should even out the loudness.
    #[serde(default = "yes")]
    pub prefers_auto_gain_enabled: bool,
    /// Whether satellites should suppress noise.
    #[serde(default = "yes")]
    pub prefers_noise_reduction_enabled: bool,
}

/// A conversation agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandleProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Its models.
    pub models: Vec<Model>,
    /// Whether answers come in pieces; no effect in Home Assistant 2026.11.
    #[serde(default)]
    pub supports_handled_streaming: bool,
    /// Whether it acts on the home.
    #[serde(default)]
    pub supports_home_control: bool,
}

/// An intent recogniser.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IntentProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Its models.
    pub models: Vec<Model>,
}

/// One of several speakers of a voice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TtsSpeaker {
    /// Name of the speaker.
    pub name: String,
}

/// A voice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TtsVoice {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Language tags.
    pub languages: Vec<String>,
    /// Its speakers, if it has several.
    #[serde(default)]
    pub speakers: Option<Vec<TtsSpeaker>>,
}

/// A text-to-speech program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TtsProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Its voices.
    pub voices: Vec<TtsVoice>,
    /// Whether it takes texts in pieces; Home Assistant then always sends pieces.
    #[serde(default)]
    pub supports_synthesize_streaming: bool,
}

/// A wake word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WakeModel {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Language tags.
    pub languages: Vec<String>,
    /// What to say.
    pub phrase: Option<String>,
}

/// A wake word program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WakeProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Its wake words.
    pub models: Vec<WakeModel>,
}

/// A microphone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// What it records.
    pub mic_format: AudioFormat,
}

/// A loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SndProgram {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// What it plays.
    pub snd_format: AudioFormat,
}

/// A satellite. Home Assistant loads nothing else from a port that offers one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Satellite {
    /// Name, maker, version.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// The area suggested for its device.
    #[serde(default)]
    pub area: Option<String>,
    /// Whether it finds the end of speech itself.
    #[serde(default)]
    pub has_vad: Option<bool>,
    /// Wake words that it listens for now.
    #[serde(default)]
    pub active_wake_words: Option<Vec<String>>,
    /// How many it can listen for.
    #[serde(default)]
    pub max_active_wake_words: Option<u32>,
    /// Whether a run can be started from afar.
    #[serde(default)]
    pub supports_trigger: Option<bool>,
}

/// Everything that a server offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Info {
    /// Speech to text.
    #[serde(default)]
    pub asr: Vec<AsrProgram>,
    /// Text to speech.
    #[serde(default)]
    pub tts: Vec<TtsProgram>,
    /// Conversation agents.
    #[serde(default)]
    pub handle: Vec<HandleProgram>,
    /// Intent recognisers.
    #[serde(default)]
    pub intent: Vec<IntentProgram>,
    /// Wake words.
    #[serde(default)]
    pub wake: Vec<WakeProgram>,
    /// Microphones.
    #[serde(default)]
    pub mic: Vec<MicProgram>,
    /// Loudspeakers.
    #[serde(default)]
    pub snd: Vec<SndProgram>,
    /// The satellite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellite: Option<Satellite>,
}

fn yes() -> bool {
    true
}
