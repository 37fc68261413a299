//! People stop to think: forty commands with a pause inside, spoken in real time.
#![allow(clippy::print_stdout, reason = "measured times are shown")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::pipeline::{Pace, Pipeline, Told};
use helix_tests::sound::{VOICES, speech, with_pause};
use serde_json::json;

/// One command with a pause: its two halves, and what is to be on after it (everything named here is off before).
struct Command {
    halves: (&'static str, &'static str),
    on: &'static [&'static str],
}

/// The first half is no command.
const INCOMPLETE: [Command; 10] = [
    Command { halves: ("Turn on", "the kitchen light."), on: &["light.kitchen_light"] },
    Command { halves: ("Turn on the", "bedroom light."), on: &["light.bedroom_light"] },
    Command { halves: ("Could you turn on", "the kitchen light?"), on: &["light.kitchen_light"] },
    Command { halves: ("Please turn on", "the wall light."), on: &["light.wall_light"] },
    Command { halves: ("Turn on the", "ceiling light."), on: &["light.ceiling_light"] },
    Command { halves: ("Turn on the", "kids room fan."), on: &["fan.kids_room_fan"] },
    Command { halves: ("Turn on the", "printer."), on: &["switch.printer"] },
    Command { halves: ("Switch on", "the printer."), on: &["switch.printer"] },
    Command { halves: ("Turn on", "the bedroom light."), on: &["light.bedroom_light"] },
    Command { halves: ("Turn on the", "kitchen light."), on: &["light.kitchen_light"] },
];

/// The first half is itself a command.
const COMPLETE: [Command; 10] = [
    Command {
        halves: ("Turn on the kitchen light", "and close the bedroom blinds."),
        on: &["light.kitchen_light", "cover.bedroom_blinds"],
    },
    Command {
        halves: ("Turn on the living room fan", "and close the bedroom cover."),
        on: &["fan.living_room_fan", "cover.bedroom_blinds"],
    },
    Command {
        halves: ("Turn on the kitchen light", "and turn on the bedroom light."),
        on: &["light.kitchen_light", "light.bedroom_light"],
    },
    Command {
        halves: ("Turn on the bedroom light", "and turn on the printer."),
        on: &["light.bedroom_light", "switch.printer"],
    },
    Command {
        halves: ("Turn on the ceiling light", "and turn on the kettle."),
        on: &["light.ceiling_light", "switch.kettle"],
    },
    Command { halves: ("Turn on the kitchen light", "please."), on: &["light.kitchen_light"] },
    Command { halves: ("Turn on the bedroom light", "please."), on: &["light.bedroom_light"] },
    Command { halves: ("Turn on the ceiling light", "please."), on: &["light.ceiling_light"] },
    Command { halves: ("Turn on the kids room fan", "please."), on: &["fan.kids_room_fan"] },
    Command { halves: ("Turn on the printer", "please."), on: &["switch.printer"] },
];

/// Entities of the commands, and how each is made ready. A cover counts as on when it is closed.
const READY: [(&str, &str); 9] = [
    ("light.kitchen_light", "light.turn_off"),
    ("light.bedroom_light", "light.turn_off"),
    ("light.wall_light", "light.turn_off"),
    ("light.ceiling_light", "light.turn_off"),
    ("fan.kids_room_fan", "fan.turn_off"),
    ("fan.living_room_fan", "fan.turn_off"),
    ("switch.printer", "switch.turn_off"),
    ("switch.kettle", "switch.turn_off"),
    ("cover.bedroom_blinds", "cover.open_cover"),
];

#[derive(Default)]
struct Score {
    exact: usize,
    cut: Vec<String>,
    /// More, or other things, than the whole sentence names.
    beyond: Vec<String>,
    other: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_inside_a_command_does_no_harm() -> Result<()> {
    let home = Home::start("pauses").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let normal = Bridge::start_with(settings.clone()).await?;
    let incomplete = say_all(&home, &INCOMPLETE).await?;
    let complete = say_all(&home, &COMPLETE).await?;
    normal.stop().await?;
    report("normal, incomplete first half", &incomplete);
    report("normal, complete first half", &complete);
    ensure!(incomplete.cut.is_empty(), "cut at an incomplete half: {:?}", incomplete.cut);
    ensure!(incomplete.beyond.is_empty() && complete.beyond.is_empty(), "acted beyond the sentence");

    let patient = Bridge::start_with(settings.with("PATIENCE", "patient")).await?;
    let incomplete = say_all(&home, &INCOMPLETE).await?;
    let complete = say_all(&home, &COMPLETE).await?;
    patient.stop().await?;
    report("patient, incomplete first half", &incomplete);
    report("patient, complete first half", &complete);
    ensure!(incomplete.beyond.is_empty() && complete.beyond.is_empty(), "acted beyond the sentence");
    let exact = incomplete.exact + complete.exact;
    ensure!(exact >= 38, "with patience {exact} of 40 end with exactly the asked state");
    Ok(())
}

fn report(what: &str, score: &Score) {
    println!("{what}: {} of 20 exact, {} cut, {} beyond", score.exact, score.cut.len(), score.beyond.len());
    for line in score.cut.iter().chain(&score.beyond).chain(&score.other) {
        println!("    {line}");
    }
}

/// Each command in both voices, the pauses spread from 0.4 to 0.9 s.
async fn say_all(home: &Home, commands: &[Command]) -> Result<Score> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let mut score = Score::default();
    let spread = commands.len() * VOICES.len() - 1;
    for (n, (command, voice)) in commands.iter().flat_map(|c| VOICES.map(|voice| (c, voice))).enumerate() {
        let pause = Duration::from_millis(400 + u64::try_from(500 * n / spread)?);
        for (entity, ready) in READY {
            home.call(ready, json!({"entity_id": entity})).await?;
        }
        let before = home.movables().await?;
        let sound = with_pause(&speech(voice, command.halves.0)?, pause, &speech(voice, command.halves.1)?);
        let told = pipeline.plays(&sound, Pace::RealTime).await?;
        judge(&mut score, command, &told, &changed(&before, &home.movables().await?), (voice, pause));
    }
    Ok(score)
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    after
        .iter()
        .filter(|(id, state)| before.get(*id) != Some(*state))
        .map(|(i, s)| (i.clone(), s.clone()))
        .collect()
}

fn judge(
    score: &mut Score,
    command: &Command,
    told: &Told,
    changed: &BTreeMap<String, String>,
    (voice, pause): (&str, Duration),
) {
    let (first, second) = command.halves;
    let line = format!(
        "{voice} `{first} … {second}` ({} ms): {:?} -> {:?}",
        pause.as_millis(),
        told.heard,
        told.reply
    );
    let heard = told.heard.as_deref().unwrap_or_default().to_lowercase();
    let words = |text: &str| text.split_whitespace().count();
    let names = |(id, state): (&String, &String)| {
        command.on.contains(&id.as_str()) && (state == "on" || state == "closed")
    };
    if !changed.iter().all(names) {
        score.beyond.push(format!("{line}; changed {changed:?}"));
    } else if changed.len() == command.on.len() {
        score.exact += 1;
    } else if words(&heard) <= words(first) {
        score.cut.push(line);
    } else {
        score.other.push(line);
    }
}
