//! What Helix offers to Home Assistant: the Wyoming `Info` of this configuration and this home.

use helix_wyoming::describe::{
    Artifact, AsrProgram, Attribution, HandleProgram, Info, Model, TtsProgram, TtsVoice,
};

use crate::hass::register::PROGRAM;
use crate::satellite::Espeak;

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The languages of multilingual Whisper models (whisper.cpp 1.8, `g_lang`).
const WHISPER_LANGUAGES: &str = "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no \
    th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so \
    af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue";

/// What is offered: speech in `languages` (`None`: all of Whisper's); `voice` is offered as text-to-speech to a home that has none.
pub(super) fn info(languages: Option<Vec<String>>, voice: Option<&Espeak>) -> Info {
    let all = || WHISPER_LANGUAGES.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let heard = languages.unwrap_or_else(all);
    let asr = AsrProgram {
        artifact: artifact(PROGRAM, "Speech to text that knows when a sentence is over"),
        models: vec![Model { artifact: artifact("whisper", "Whisper"), languages: heard }],
        supports_transcript_streaming: false,
        requires_external_vad: false,
        prefers_auto_gain_enabled: false,
        prefers_noise_reduction_enabled: false,
    };
    let handle = HandleProgram {
        artifact: artifact(PROGRAM, "Does simple commands at once"),
        models: vec![Model { artifact: artifact(PROGRAM, "Helix"), languages: all() }],
        supports_handled_streaming: false,
        supports_home_control: true,
    };
    let tts = |espeak: &Espeak| TtsProgram {
        artifact: artifact("espeak-ng", "A plain voice, so that a home without another one is not mute"),
        voices: vec![TtsVoice {
            artifact: artifact("espeak-ng", "espeak-ng"),
            languages: espeak.languages().map(str::to_owned).collect(),
            speakers: None,
        }],
        supports_synthesize_streaming: false,
    };
    Info {
        asr: vec![asr],
        handle: vec![handle],
        tts: voice.map(tts).into_iter().collect(),
        ..Info::default()
    }
}

fn artifact(name: &str, description: &str) -> Artifact {
    Artifact {
        name: name.to_owned(),
        attribution: Attribution { name: "Helix".into(), url: REPOSITORY.to_owned() },
        installed: true,
        description: Some(description.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").into()),
    }
}
