//! Judges what the matcher made of a sentence or its twins against the canonical reading.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ask::Said;
use super::kinds::{Ask, Sense, Setting};
use super::read::{Reading, Step};
use super::twin::Twins;
use crate::EntityId;
use crate::act::ProposedAction;
use crate::home::{Match, StrictMatch};

/// The sentences that say what the reading means, each with its strict match: for every step the first way all of
/// whose sentences match, on exactly its targets and in its direction.
pub fn settled(reading: &Reading, twins: &Twins, answers: Vec<Match>) -> Option<Vec<(String, StrictMatch)>> {
    let mut answers = answers.into_iter();
    let mut chosen = Vec::new();
    for (step, ways) in reading.steps.iter().zip(&twins.ways) {
        let mut found = None;
        for way in ways {
            let matched: Vec<(String, Match)> = way.iter().cloned().zip(answers.by_ref()).collect();
            if found.is_none() {
                found = strict(step, matched);
            }
        }
        chosen.extend(found?);
    }
    Some(chosen)
}

fn strict(step: &Step, matched: Vec<(String, Match)>) -> Option<Vec<(String, StrictMatch)>> {
    let mut all = Vec::new();
    let mut targets = BTreeSet::new();
    for (sentence, answer) in matched {
        let Match::Strict(strict) = answer else { return None };
        let touched = touched(&strict);
        if !does(step, &strict, &touched) {
            return None;
        }
        targets.extend(touched);
        all.push((sentence, strict));
    }
    (targets == step.targets).then_some(all)
}

/// Whether a strict match of the sentence itself means what the reading means, as far as the reading can tell.
pub(super) fn agree(reading: &Reading, strict: &StrictMatch) -> bool {
    reading.steps.iter().all(|step| {
        let inferred = !is_told_plainly(step.ask) && touched(strict) == step.targets;
        inferred || raises(reading, step, strict) || same_meaning(step, strict)
    })
}

/// Whether a single word says this ask wherever it stands. What is asked of music and robots is inferred from the
/// whole sentence ("spiel das Lied ab", "ein Lied weiter"): there the matcher knows better.
fn is_told_plainly(ask: Ask) -> bool {
    match ask {
        Ask::On
        | Ask::Off
        | Ask::Open
        | Ask::Close
        | Ask::Position
        | Ask::Brightness
        | Ask::Color
        | Ask::Temperament
        | Ask::Temperature
        | Ask::Speed
        | Ask::Lock
        | Ask::Unlock => true,
        Ask::Volume
        | Ask::Louder
        | Ask::Quieter
        | Ask::Mute
        | Ask::Unmute
        | Ask::Pause
        | Ask::Resume
        | Ask::Next
        | Ask::Previous
        | Ask::Start
        | Ask::Dock
        | Ask::Clean
        | Ask::Press => false,
    }
}

/// "Turn up the lamp" is on as well as brighter.
fn raises(reading: &Reading, step: &Step, strict: &StrictMatch) -> bool {
    may_raise(step.ask, std::slice::from_ref(&reading.said), strict) && touched(strict) == step.targets
}

/// The same, whatever is meant by it.
pub(super) fn may_raise(ask: Ask, said: &[Said], strict: &StrictMatch) -> bool {
    let more = |said: &Said| {
        said.value.is_none() && !said.senses.iter().any(|sense| matches!(sense, Sense::Darker | Sense::Down))
    };
    ask == Ask::Brightness && strict.intent == "HassTurnOn" && said.iter().all(more)
}

/// Whether anything that can be asked leads to this intent.
pub(super) fn is_known(intent: &str) -> bool {
    intent != "HassClimateSetFanMode"
}

/// Whether a strict match touches exactly the targets of a step, and in its direction.
fn same_meaning(step: &Step, strict: &StrictMatch) -> bool {
    let touched = touched(strict);
    !touched.is_empty() && touched == step.targets && does(step, strict, &touched)
}

/// The entities that a strict match acts on.
pub(super) fn touched(strict: &StrictMatch) -> BTreeSet<EntityId> {
    ProposedAction::all_of(strict).into_iter().map(|proposed| proposed.target).collect()
}

pub(super) fn does(step: &Step, strict: &StrictMatch, touched: &BTreeSet<EntityId>) -> bool {
    let direction = touched.iter().all(|target| is_intent_of(step.ask, target.domain(), &strict.intent));
    direction && value_fits(step, strict)
}

/// Whether Home Assistant's intent is what is asked of an entity of this domain.
pub(super) fn is_intent_of(ask: Ask, domain: &str, intent: &str) -> bool {
    let opens = matches!(domain, "cover" | "valve");
    match ask {
        Ask::On => intent == "HassTurnOn" && !opens && domain != "lock",
        Ask::Off => intent == "HassTurnOff" && !opens && domain != "lock",
        Ask::Open => matches!(intent, "HassTurnOn" | "HassOpenCover") && opens,
        Ask::Close => matches!(intent, "HassTurnOff" | "HassCloseCover") && opens,
        Ask::Position => intent == "HassSetPosition",
        Ask::Brightness | Ask::Color | Ask::Temperament => intent == "HassLightSet",
        Ask::Temperature => intent == "HassClimateSetTemperature",
        Ask::Volume => intent == "HassSetVolume",
        Ask::Louder | Ask::Quieter => intent == "HassSetVolumeRelative",
        Ask::Mute => intent == "HassMediaPlayerMute",
        Ask::Unmute => intent == "HassMediaPlayerUnmute",
        Ask::Pause => intent == "HassMediaPause",
        Ask::Resume => intent == "HassMediaUnpause",
        Ask::Next => intent == "HassMediaNext",
        Ask::Previous => intent == "HassMediaPrevious",
        Ask::Speed => intent == "HassFanSetSpeed",
        Ask::Start => match domain {
            "vacuum" => intent == "HassVacuumStart",
            "lawn_mower" => intent == "HassLawnMowerStartMowing",
            _ => intent == "HassTurnOn",
        },
        Ask::Dock => matches!(intent, "HassVacuumReturnToBase" | "HassLawnMowerDock"),
        Ask::Clean => intent == "HassVacuumCleanArea",
        Ask::Lock => intent == "HassTurnOn" && domain == "lock",
        Ask::Unlock => intent == "HassTurnOff" && domain == "lock",
        Ask::Press => intent == "HassTurnOn",
    }
}

/// How far a number of the matcher may be from the one that was said.
const VALUE_TOLERANCE: f64 = 0.05;

fn value_fits(step: &Step, strict: &StrictMatch) -> bool {
    let scale = match step.ask.setting() {
        Setting::Number(scale) => scale,
        Setting::VolumeStep => return steps_fit(step, strict.slots.get("volume_step")),
        Setting::Color => return strict.slots.contains_key("color"),
        Setting::Temperament => return strict.slots.contains_key("temperature"),
        Setting::None => return true,
    };
    let said = step.value.as_ref().and_then(|value| value.parse::<f64>().ok());
    let taken = strict.slots.get(scale.slot()).and_then(number);
    said.zip(taken).is_some_and(|(said, taken)| (said - taken).abs() < VALUE_TOLERANCE)
}

fn steps_fit(step: &Step, taken: Option<&Value>) -> bool {
    let by = step.value.as_ref().and_then(|value| value.parse::<f64>().ok());
    let sign = if step.ask == Ask::Louder { 1.0 } else { -1.0 };
    match (taken, by) {
        (Some(Value::String(word)), None) if word == "up" => step.ask == Ask::Louder,
        (Some(Value::String(word)), None) if word == "down" => step.ask == Ask::Quieter,
        (Some(value), Some(by)) => {
            number(value).is_some_and(|taken| (taken - sign * by).abs() < VALUE_TOLERANCE)
        }
        (Some(_) | None, _) => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}
