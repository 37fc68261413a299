//! People stop to think: commands with a pause of 0.4 to 0.9 s inside, spoken in real time. `cargo xtask bench pauses`
//! measures it with forty of them.
#![allow(clippy::print_stdout, reason = "what was understood is shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use helix::clock::SystemClock;
use helix::speech::{Engine, EngineConfig};
use helix_core::transcribe::{DecodeRequest, Priority};
use helix_core::{Language, Recognizer};
use helix_tests::bridge::{Bridge, Settings, stt_folder};
use helix_tests::home::Home;
use helix_tests::peer::bed;
use helix_tests::pipeline::{Pace, Pipeline, Told};
use helix_tests::sound::{VOICES, halves, silence};
use serde_json::json;

/// An entity that the command changes: how it is made ready, and its state after.
type Change = (&'static str, &'static str, &'static str);
/// The two halves of a command, and everything that it changes.
type Command = ((&'static str, &'static str), &'static [Change]);

const KITCHEN_ON: Change = ("light.kitchen_light", "light.turn_off", "on");
const KITCHEN_OFF: Change = ("light.kitchen_light", "light.turn_on", "off");
const BEDROOM_ON: Change = ("light.bedroom_light", "light.turn_off", "on");
const CEILING_ON: Change = ("light.ceiling_light", "light.turn_off", "on");
const WALL_ON: Change = ("light.wall_light", "light.turn_off", "on");
const LIVING_ON: Change = ("light.living_room_light", "light.turn_off", "on");
const HEATER_OFF: Change = ("switch.heater", "switch.turn_on", "off");
const KETTLE_ON: Change = ("switch.kettle", "switch.turn_off", "on");
const BLINDS_CLOSED: Change = ("cover.bedroom_blinds", "cover.open_cover", "closed");
const KIDS_ON: [Change; 2] = [
    ("light.kids_room_light", "light.turn_off", "on"),
    ("light.kids_room_night_light", "light.turn_off", "on"),
];
const LIVING_OFF: [Change; 3] = [
    ("light.living_room_light", "light.turn_on", "off"),
    ("light.floor_lamp", "light.turn_on", "off"),
    ("light.ceiling_light", "light.turn_on", "off"),
];

/// The first half is no command.
const INCOMPLETE: [Command; 17] = [
    (("Could you turn on the", "kitchen light?"), &[KITCHEN_ON]),
    (("Set the bedroom light to", "fifty percent."), &[BEDROOM_ON]),
    (("Please set the wall light to", "purple."), &[WALL_ON]),
    (("Set the living room light to", "blue."), &[LIVING_ON]),
    (("Turn on the lights in the", "kids room please."), &KIDS_ON),
    (("Can you switch off the", "heater?"), &[HEATER_OFF]),
    (("Please switch off the", "heater."), &[HEATER_OFF]),
    (("Turn off the fan in the", "bathroom."), &[("fan.bathroom_fan", "fan.turn_on", "off")]),
    (("Turn off the", "kitchen light."), &[KITCHEN_OFF]),
    (("Please turn on the", "wall light."), &[WALL_ON]),
    (("Close the", "bedroom blinds."), &[BLINDS_CLOSED]),
    (("Please lower the", "kitchen blinds."), &[("cover.kitchen_blinds", "cover.open_cover", "closed")]),
    (("Turn off the", "living room lights."), &LIVING_OFF),
    (("Set the ceiling light to", "purple please."), &[CEILING_ON]),
    (("Turn on the", "kitchen light."), &[KITCHEN_ON]),
    (("Turn on the", "bedroom light."), &[BEDROOM_ON]),
    (("Turn on the", "ceiling light."), &[CEILING_ON]),
];

/// The first half is itself a command.
const COMPLETE: [Command; 13] = [
    (("Turn on the kitchen light", "and close the bedroom blinds."), &[KITCHEN_ON, BLINDS_CLOSED]),
    (("Turn on the kitchen light", "and turn on the bedroom light."), &[KITCHEN_ON, BEDROOM_ON]),
    (("Turn on the bedroom light", "and turn on the kettle."), &[BEDROOM_ON, KETTLE_ON]),
    (("Turn on the ceiling light", "and turn on the kettle."), &[CEILING_ON, KETTLE_ON]),
    (("Close the bedroom blinds", "and turn on the kettle."), &[BLINDS_CLOSED, KETTLE_ON]),
    (("Turn on the kitchen light", "and turn on the kettle."), &[KITCHEN_ON, KETTLE_ON]),
    (("Turn on the bedroom light", "and close the bedroom blinds."), &[BEDROOM_ON, BLINDS_CLOSED]),
    (("Turn on the ceiling light", "and close the bedroom blinds."), &[CEILING_ON, BLINDS_CLOSED]),
    (
        ("Turn on the living room fan", "and close the bedroom blinds."),
        &[("fan.living_room_fan", "fan.turn_off", "on"), BLINDS_CLOSED],
    ),
    (
        ("Turn on the kids room fan", "and close the bedroom blinds."),
        &[("fan.kids_room_fan", "fan.turn_off", "on"), BLINDS_CLOSED],
    ),
    (("Set the ceiling light to purple", "please."), &[CEILING_ON]),
    (("Raise the kitchen blinds", "please."), &[("cover.kitchen_blinds", "cover.close_cover", "open")]),
    (("Turn on the lights in the kids room", "please."), &KIDS_ON),
];

/// How many of each kind; in real time both settings take two minutes.
const EACH: usize = 8;
const PAUSES_MS: [u64; 6] = [400, 500, 600, 700, 800, 900];

struct Spoken {
    command: Command,
    name: String,
    sound: Vec<i16>,
}

#[derive(Default)]
struct Score {
    exact: usize,
    /// Ended before the sentence did.
    cut: Vec<String>,
    /// Changed more, or other things, than the whole sentence names.
    beyond: Vec<String>,
    other: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_inside_a_command_does_no_harm() -> Result<()> {
    let home = Home::start("pauses-inside").await?;
    let incomplete = spoken(&home, &INCOMPLETE).await?;
    let complete = spoken(&home, &COMPLETE).await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());

    let bridge = Bridge::start_with(settings.clone()).await?;
    let incomplete_score = say_all(&home, &incomplete, "normal, incomplete first half").await?;
    let complete_score = say_all(&home, &complete, "normal, complete first half").await?;
    ensure!(incomplete_score.cut.is_empty(), "cut at an incomplete half: {:?}", incomplete_score.cut);
    ensure!(
        incomplete_score.beyond.is_empty() && complete_score.beyond.is_empty(),
        "acted beyond the sentence"
    );

    let port = bridge.port;
    let bridge = bridge.start_again(settings.with("PATIENCE", "patient"), port).await?;
    let incomplete_score = say_all(&home, &incomplete, "patient, incomplete first half").await?;
    let complete_score = say_all(&home, &complete, "patient, complete first half").await?;
    bridge.stop().await?;
    ensure!(
        incomplete_score.beyond.is_empty() && complete_score.beyond.is_empty(),
        "acted beyond the sentence"
    );
    let exact = incomplete_score.exact + complete_score.exact;
    ensure!(exact + 1 >= 2 * EACH, "with patience {exact} of {} end with exactly the asked state", 2 * EACH);
    Ok(())
}

/// Recordings that the model hears right. It completes half a sentence with words of its own: where these make
/// another command, no bridge could know better, and such a recording is left out.
async fn spoken(home: &Home, commands: &[Command]) -> Result<Vec<Spoken>> {
    let stt_dir = Some(tokio::task::spawn_blocking(stt_folder).await??);
    let model_path = bed("../models/whisper-home-test-en/ggml-home-test.en.bin");
    let config = EngineConfig::Child { model_path, threads: None, stt_dir };
    let engine = Engine::start(config, SystemClock::start());
    engine.ready().await?;
    let mut kept = Vec::new();
    for (n, (command, voice)) in commands.iter().flat_map(|c| VOICES.map(|voice| (*c, voice))).enumerate() {
        for turn in 0..PAUSES_MS.len() * usize::from(kept.len() < EACH) {
            let pause_ms = PAUSES_MS[(n + turn) % PAUSES_MS.len()];
            if let Some(sound) = heard_right(home, &engine, command.0, voice, pause_ms).await? {
                let (first, second) = command.0;
                kept.push(Spoken {
                    command,
                    name: format!("{voice} `{first} … {second}` {pause_ms} ms"),
                    sound,
                });
                break;
            }
        }
    }
    engine.stop().await;
    ensure!(kept.len() >= EACH, "only {} of {} are heard right", kept.len(), commands.len() * 2);
    Ok(kept)
}

/// The sound, if the model hears all of it right, and during the pause no other command.
async fn heard_right(
    home: &Home,
    engine: &Engine,
    (first, second): (&str, &str),
    voice: &str,
    pause_ms: u64,
) -> Result<Option<Vec<i16>>> {
    let whole = words(&format!("{first} {second}"));
    let (mut sound, rest) = halves(voice, first, second)?;
    for silence_ms in [100, 200, pause_ms - 300] {
        sound.extend(silence(Duration::from_millis(silence_ms)));
        let heard = decode(engine, &sound).await?;
        let is_beginning = heard.len() < whole.len() && whole.starts_with(&heard);
        if !is_beginning && is_command(home, &heard.join(" ")).await? {
            return Ok(None);
        }
    }
    sound.extend(rest);
    Ok((decode(engine, &sound).await? == whole).then_some(sound))
}

/// Whether Home Assistant itself would do something.
async fn is_command(home: &Home, text: &str) -> Result<bool> {
    let dry_run =
        json!({"type": "conversation/agent/homeassistant/debug", "sentences": [text], "language": "en"});
    Ok(home.socket().ask(dry_run).await?["results"][0]["match"] == true)
}

async fn decode(engine: &Engine, sound: &[i16]) -> Result<Vec<String>> {
    let request =
        DecodeRequest { samples: sound.into(), language: Language::english(), priority: Priority::Final };
    Ok(words(engine.transcribe(request).await?.text.expose()))
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase().replace(['.', '?', '!', ','], "").split_whitespace().map(str::to_owned).collect()
}

async fn say_all(home: &Home, spoken: &[Spoken], title: &str) -> Result<Score> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let mut score = Score::default();
    for one in spoken {
        for (entity, ready, _) in one.command.1 {
            home.call(ready, json!({"entity_id": entity})).await?;
        }
        let before = home.movables().await?;
        let told = pipeline.plays(&one.sound, Pace::RealTime).await?;
        judge(&mut score, one, &told, &changed(&before, &home.movables().await?));
    }
    let Score { exact, cut, beyond, other } = &score;
    println!(
        "{title}: {exact} of {EACH} exact, {} cut, {} beyond, {} other",
        cut.len(),
        beyond.len(),
        other.len()
    );
    for line in cut.iter().chain(beyond).chain(other) {
        println!("    {line}");
    }
    Ok(score)
}

fn changed(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeSet<(String, String)> {
    let differs = |(id, state): &(&String, &String)| before.get(*id) != Some(*state);
    after.iter().filter(differs).map(|(id, state)| (id.clone(), state.clone())).collect()
}

fn judge(score: &mut Score, spoken: &Spoken, told: &Told, changed: &BTreeSet<(String, String)>) {
    let ((first, second), asked) = spoken.command;
    let asked: BTreeSet<_> =
        asked.iter().map(|(id, _, state)| ((*id).to_owned(), (*state).to_owned())).collect();
    let heard = words(told.heard.as_deref().unwrap_or_default());
    let whole = words(&format!("{first} {second}"));
    let line = format!("{}: {} -> {}", spoken.name, heard.join(" "), told.reply);
    if !changed.is_subset(&asked) {
        score.beyond.push(format!("{line}; {changed:?}"));
    } else if *changed == asked {
        score.exact += 1;
    } else if heard.len() < whole.len() && whole.starts_with(&heard) {
        score.cut.push(line);
    } else {
        score.other.push(line);
    }
}
