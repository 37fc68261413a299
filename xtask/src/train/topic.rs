//! Trains the model that tells which route a sentence is about.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use helix_core::Language;
use helix_core::route::Route;
use helix_core::route::linear::digest;
use helix_core::route::topic::{self, CLASSES, features};

use super::linear::{Example, Settings, calibrate, fit};
use super::{Corpus, root};

const WEIGHTS: &str = "bridge/core/src/route/topic/weights.bin";
const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];

const SETTINGS: Settings =
    Settings { classes: CLASSES.len(), buckets: 1 << 16, epochs: 6, step: 0.1, decay: 1e-4 };

/// How much a sentence of CLINC150 counts beside one of ours: there are far more of them.
const CLINC_WEIGHT: f32 = 0.3;

/// One sentence in so many is kept aside to calibrate the probabilities.
const ASIDE: usize = 10;

pub(super) fn run(check: bool) -> Result<()> {
    let sentences = sentences()?;
    let digest = digest_of(&sentences);
    if check {
        ensure!(topic::digest() == digest, "{WEIGHTS} is older than its data: run `cargo xtask train topic`");
        return Ok(());
    }
    let examples: Vec<_> = sentences.iter().map(example).collect();
    let sharpness = sharpness(&examples);
    let model = fit(&examples, &SETTINGS);
    let right = examples.iter().filter(|e| best(&model.scores(&e.features)) == e.class).count();
    let bytes = model.write(digest, sharpness);
    fs::write(root().join(WEIGHTS), &bytes).context(WEIGHTS)?;
    let (sentences, bytes) = (examples.len(), bytes.len());
    eprintln!(
        "{WEIGHTS}: {sentences} sentences, {right} of them learnt, {bytes} bytes, sharpness {sharpness:.2}"
    );
    Ok(())
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
}

struct Sentence {
    language: Language,
    text: String,
    route: Route,
    weight: f32,
}

fn sentences() -> Result<Vec<Sentence>> {
    let mut sentences = Vec::new();
    for tag in LANGUAGES {
        let path = format!("xtask/data/routes/{tag}.txt");
        let text = fs::read_to_string(root().join(&path)).context(path.clone())?;
        for (label, text) in Corpus::parse(&text).context(path)?.0 {
            let language = Language::parse(tag).context("a language tag")?;
            sentences.push(Sentence { language, text, route: named(&label)?, weight: 1.0 });
        }
    }
    for (text, route) in clinc("train")? {
        sentences.push(Sentence { language: Language::english(), text, route, weight: CLINC_WEIGHT });
    }
    Ok(sentences)
}

/// A split of CLINC150, its intents mapped to routes.
pub(crate) fn clinc(split: &str) -> Result<Vec<(String, Route)>> {
    let folder = root().join("tests/testdata/clinc150");
    let mapping = fs::read_to_string(folder.join("routes.toml")).context("routes.toml")?;
    let mapping: BTreeMap<String, Vec<String>> = toml::from_str(&mapping).context("routes.toml")?;
    let mut topics = BTreeMap::new();
    for (route, intents) in mapping {
        for intent in intents {
            topics.insert(intent, named(&route)?);
        }
    }
    let text = fs::read_to_string(folder.join(format!("{split}.txt"))).context(split.to_owned())?;
    let mut sentences = Vec::new();
    let mut topic = None;
    for line in text.lines() {
        if let Some(intent) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            topic = Some(*topics.get(intent).with_context(|| format!("{intent} has no route"))?);
        } else {
            sentences.push((line.to_owned(), topic.context("a sentence before any intent")?));
        }
    }
    Ok(sentences)
}

pub(crate) fn named(word: &str) -> Result<Route> {
    CLASSES.into_iter().find(|route| route.as_str() == word).with_context(|| format!("{word} is no route"))
}

/// The class of a topic in the model.
pub(crate) fn class_of(route: Route) -> usize {
    CLASSES.iter().position(|other| *other == route).unwrap_or(0)
}

fn example(sentence: &Sentence) -> Example {
    Example {
        features: features(&sentence.text, &sentence.language),
        class: class_of(sentence.route),
        weight: sentence.weight,
    }
}

/// Everything that decides the weights: sentences with their labels and features, and how they are fitted.
fn digest_of(sentences: &[Sentence]) -> u64 {
    let mut parts = vec![format!("{SETTINGS:?} {CLINC_WEIGHT} {ASIDE}")];
    for Sentence { language, text, route, .. } in sentences {
        let features = features(text, language).into_iter().fold(0_u64, |sum, (bucket, strength)| {
            sum.wrapping_mul(31).wrapping_add(u64::from(bucket) ^ u64::from(strength.to_bits()))
        });
        parts.push(format!("{language} {} {text} {features:x}", route.as_str()));
    }
    digest(parts.iter().map(String::as_bytes))
}

/// Judged on sentences that the fitting did not see.
fn sharpness(examples: &[Example]) -> f32 {
    let (aside, seen): (Vec<_>, Vec<_>) =
        examples.iter().cloned().enumerate().partition(|(at, _)| at % ASIDE == 0);
    let seen: Vec<_> = seen.into_iter().map(|(_, example)| example).collect();
    let model = fit(&seen, &SETTINGS);
    let judged: Vec<_> = aside.iter().map(|(_, e)| (model.scores(&e.features), e.class)).collect();
    calibrate(&judged)
}
