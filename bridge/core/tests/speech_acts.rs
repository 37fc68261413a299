//! The speech-act guard on what people say, in every language that has such a list: what must act, and what must not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use helix_core::Language;
use helix_core::route::{Reading, SpeechAct, read};
use serde::Deserialize;

const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];

#[derive(Deserialize)]
struct Case {
    sentence: String,
    #[serde(default)]
    action: String,
}

fn cases(kind: &str, language: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/testdata").join(kind);
    let Ok(text) = std::fs::read_to_string(path.join(format!("{language}.yaml"))) else { return Vec::new() };
    serde_yaml_ng::from_str(&text).expect("valid test data")
}

/// The sentences that the guard reads as `wrong` says, and how many there are in all.
fn misses(kind: &str, language: &str, wrong: impl Fn(&Case, Reading) -> bool) -> (Vec<String>, usize) {
    let cases = cases(kind, language);
    let tag = Language::parse(language).expect("a language");
    let readings = cases.iter().map(|case| (case, read(&case.sentence, &tag)));
    let missed = readings.filter(|(case, reading)| wrong(case, *reading));
    (missed.map(|(case, reading)| format!("{}: {reading:?}", case.sentence)).collect(), cases.len())
}

fn report(of: &[(&str, Vec<String>, usize)]) -> String {
    of.iter().fold(String::new(), |mut report, (language, missed, all)| {
        let _ = write!(report, "\n{language}: {} of {all}\n  {}", missed.len(), missed.join("\n  "));
        report
    })
}

#[test]
fn commands_are_hardly_ever_vetoed() {
    let vetoed = |case: &Case, reading: Reading| {
        let stores = reading.act == SpeechAct::Reminder && case.action.starts_with("todo.");
        reading.act != SpeechAct::Command && !stores
    };
    let all = LANGUAGES.map(|language| {
        let (missed, n) = misses("must-act", language, vetoed);
        (language, missed, n)
    });
    assert!(all.iter().all(|(_, missed, n)| missed.len() * 100 <= *n), "{}", report(&all));
}

#[test]
fn what_must_not_act_is_vetoed() {
    let passed = |_: &Case, reading: Reading| reading.act == SpeechAct::Command;
    let all = LANGUAGES.map(|language| {
        let (missed, n) = misses("must-not-act", language, passed);
        (language, missed, n)
    });
    assert!(all.iter().all(|(_, missed, _)| missed.is_empty()), "{}", report(&all));
}

#[derive(Deserialize)]
struct Hard {
    command: Vec<String>,
    other: Vec<String>,
}

#[test]
fn hard_sentences_are_told_apart_in_both_directions() {
    let text = include_str!("../../../tests/testdata/speech-acts.yaml");
    let hard: BTreeMap<String, Hard> = serde_yaml_ng::from_str(text).expect("valid test data");
    assert_eq!(hard.len(), LANGUAGES.len());
    let mut wrong = Vec::new();
    for (tag, Hard { command, other }) in hard {
        let tag = Language::parse(&tag).expect("a language");
        let is_command = |text: &String| read(text, &tag).act == SpeechAct::Command;
        wrong.extend(command.into_iter().filter(|text| !is_command(text)));
        wrong.extend(other.into_iter().filter(is_command));
    }
    assert_eq!(wrong, Vec::<String>::new());
}
