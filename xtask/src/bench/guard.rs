//! The speech-act guard alone: a sentence in eight languages in, its speech act out.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use helix_core::Language;
use helix_core::route::read;
use helix_tests::time::now;
use serde::Deserialize;

use crate::figure::{Figure, Series, ms, rounded};
use crate::train::root;

const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];
const SETS: [&str; 2] = ["must-act", "must-not-act"];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often each sentence is read
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[derive(Deserialize)]
struct Case {
    sentence: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let sentences = sentences()?;
    let mut taken = Vec::new();
    for round in 0..=arguments.rounds {
        for (text, language) in &sentences {
            let took = took(text, language);
            // The first round reads the word lists.
            if round > 0 {
                taken.push(ms(took));
            }
        }
    }
    let taken = Series::new(taken);
    eprintln!("{}", taken.line("speech act of a sentence"));
    Ok(vec![Figure {
        name: "guard p95".into(),
        value: rounded(taken.p95(), 3),
        unit: "ms",
        peer: None,
        ratio: None,
        n: taken.len(),
        goal: "< 1 ms",
        holds: Some(taken.p95() < 1.0),
    }])
}

fn took(text: &str, language: &Language) -> Duration {
    let begin = now();
    std::hint::black_box(read(std::hint::black_box(text), language));
    now().saturating_sub(begin)
}

fn sentences() -> Result<Vec<(String, Language)>> {
    let mut sentences = Vec::new();
    for (tag, set) in LANGUAGES.into_iter().flat_map(|tag| SETS.map(|set| (tag, set))) {
        let path = format!("tests/testdata/{set}/{tag}.yaml");
        let text = fs::read_to_string(root().join(&path)).context(path.clone())?;
        let cases: Vec<Case> = serde_yaml_ng::from_str(&text).context(path)?;
        let language = Language::parse(tag).context("a language tag")?;
        sentences.extend(cases.into_iter().map(|case| (case.sentence, language.clone())));
    }
    Ok(sentences)
}
