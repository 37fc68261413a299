//! What people say who stop in the middle: sentences, what they ask for, and how they sound.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::new_folder;
use helix_tests::sound::trimmed;

/// One thing that a sentence asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) entity: &'static str,
    /// The action that makes it ready.
    pub(super) before: &'static str,
    after: &'static str,
}

/// A sentence with the place where the speaker stops.
#[derive(Debug, Clone)]
pub(super) struct Hesitation {
    halves: (String, String),
    pub(super) changes: Vec<Change>,
}

/// Clause, entity, action that makes it ready, state that is asked for.
const CLAUSES: [(&str, &str, &str, &str); 14] = [
    ("turn on the kitchen light", "light.kitchen_light", "light.turn_off", "on"),
    ("turn off the bedroom light", "light.bedroom_light", "light.turn_on", "off"),
    ("turn on the kids room fan", "fan.kids_room_fan", "fan.turn_off", "on"),
    ("turn off the living room fan", "fan.living_room_fan", "fan.turn_on", "off"),
    ("close the bedroom blinds", "cover.bedroom_blinds", "cover.open_cover", "closed"),
    ("turn on the printer", "switch.printer", "switch.turn_off", "on"),
    ("open the living room curtains", "cover.living_room_curtains", "cover.close_cover", "open"),
    ("turn on the bedroom light", "light.bedroom_light", "light.turn_off", "on"),
    ("turn off the kitchen light", "light.kitchen_light", "light.turn_on", "off"),
    ("turn on the ceiling light", "light.ceiling_light", "light.turn_off", "on"),
    ("turn on the living room fan", "fan.living_room_fan", "fan.turn_off", "on"),
    ("turn on the office light", "light.office_light", "light.turn_off", "on"),
    ("turn on the kettle", "switch.kettle", "switch.turn_off", "on"),
    ("turn on the garden fan", "fan.garden_fan", "fan.turn_off", "on"),
];

fn change((_, entity, before, after): (&str, &'static str, &'static str, &'static str)) -> Change {
    Change { entity, before, after }
}

/// Sentences whose first half is no command: every clause, broken off behind each of its words but the last.
pub(super) fn incomplete() -> Vec<Hesitation> {
    let breaks = |clause: &'static str| clause.match_indices(' ').map(|(at, _)| clause.split_at(at));
    // The first place of every clause, then the second one of every clause: many clauses and many places.
    (1..4)
        .flat_map(|place| {
            CLAUSES.into_iter().filter_map(move |clause| {
                let (first, second) = breaks(clause.0).nth(place)?;
                let halves = (capital(first), format!("{}.", second.trim_start()));
                Some(Hesitation { halves, changes: vec![change(clause)] })
            })
        })
        .collect()
}

/// Sentences whose first half is itself a command: two clauses about two things.
pub(super) fn complete() -> Vec<Hesitation> {
    (1..CLAUSES.len())
        .flat_map(|step| (0..CLAUSES.len()).map(move |n| (CLAUSES[n], CLAUSES[(n + step) % CLAUSES.len()])))
        .filter(|(one, other)| one.1 != other.1)
        .map(|(one, other)| Hesitation {
            halves: (capital(one.0), format!("and {}.", other.0)),
            changes: vec![change(one), change(other)],
        })
        .collect()
}

fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

impl Hesitation {
    /// As it is written.
    pub(super) fn sentence(&self) -> String {
        format!("{} {}", self.halves.0, self.halves.1)
    }

    /// The same with the place of the pause.
    pub(super) fn marked(&self) -> String {
        format!("{} … {}", self.halves.0, self.halves.1)
    }

    /// Entity -> state after it.
    pub(super) fn asked(&self) -> BTreeMap<String, String> {
        self.changes.iter().map(|change| (change.entity.to_owned(), change.after.to_owned())).collect()
    }

    /// As espeak-ng says it in one breath, or with the melody of a sentence that goes on after the pause; 16 kHz.
    pub(super) fn spoken(&self, pause: Option<Duration>) -> Result<Vec<i16>> {
        let Some(pause) = pause else { return say(&self.sentence()) };
        let (first, second) = &self.halves;
        let said =
            say(&format!("<speak>{first} <break time=\"{}ms\"/> {second}</speak>", pause.as_millis()))?;
        let said = trimmed(&said);
        ensure!(longest_silence(said) * 2 > pause, "espeak-ng made no pause in {}", self.marked());
        Ok(said.to_vec())
    }
}

fn longest_silence(samples: &[i16]) -> Duration {
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
    let quiet = samples.split(|sample| sample.unsigned_abs() > loudest / 100);
    helix_tests::sound::length_of(quiet.map(<[i16]>::len).max().unwrap_or_default())
}

fn say(text: &str) -> Result<Vec<i16>> {
    let folder = new_folder("hesitation")?;
    let (said, converted) = (folder.join("said.wav"), folder.join("16k.wav"));
    run(Command::new("espeak-ng").args(["-v", "en-us", "-m", "-w"]).arg(&said).arg(text))?;
    let mut sox = Command::new("sox");
    run(sox
        .arg("-D")
        .arg(&said)
        .args(["--rate", "16000", "--bits", "16", "--channels", "1"])
        .arg(&converted))?;
    let samples = hound::WavReader::open(&converted)?.into_samples().collect::<Result<Vec<i16>, _>>();
    std::fs::remove_dir_all(folder)?;
    samples.with_context(|| format!("the sound of `{text}`"))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| {
        format!("{} is missing; install espeak-ng and sox", command.get_program().to_string_lossy())
    })?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
