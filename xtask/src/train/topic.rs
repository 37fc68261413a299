//! Trains the model that tells which route a sentence is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use helix_core::Language;
use helix_core::route::Route;
use helix_core::route::linear::{Feature, bucket, digest};
use helix_core::route::topic::{self, CLASSES, features};

use super::linear::{Example, Fitted, Settings, calibrate, fit};
use super::{Corpus, root};

const WEIGHTS: &str = "bridge/core/src/route/topic/weights.bin";
const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];

const SETTINGS: Settings =
    Settings { classes: CLASSES.len(), buckets: 1 << 16, epochs: 6, step: 0.1, decay: 1e-4 };

/// How much a sentence of CLINC150 counts beside one of ours: there are far more of them.
const CLINC_WEIGHT: f32 = 0.3;

/// What CLINC150 calls sentences of none of its intents. Each is of its own kind, so that it counts in full.
pub(crate) const OUT_OF_SCOPE: &str = "oos";

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
    for (text, route, intent) in clinc("train")? {
        let weight = if intent == OUT_OF_SCOPE { 1.0 } else { CLINC_WEIGHT };
        sentences.push(Sentence { language: Language::english(), text, route, weight });
    }
    let judged = judged_by()?;
    sentences.retain(|sentence| !judged.contains(&plain(&sentence.text)));
    Ok(sentences)
}

/// Shorter sentences are few: "stop" is in every set.
const JUDGED_WORDS_MIN: usize = 3;

/// The sentences of the own test sets, which nothing may be trained on.
fn judged_by() -> Result<BTreeSet<String>> {
    let mut judged = BTreeSet::new();
    for tag in ["en", "de"] {
        let path = format!("tests/testdata/routes/{tag}.yaml");
        let text = fs::read_to_string(root().join(&path)).context(path)?;
        judged.extend(text.lines().filter_map(|line| line.strip_prefix("- sentence: ")).map(plain));
    }
    judged.retain(|text| text.split(' ').count() >= JUDGED_WORDS_MIN);
    Ok(judged)
}

/// The words alone, to compare sentences.
fn plain(text: &str) -> String {
    let words = text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A split of CLINC150, its intents mapped to routes: sentence, route, intent.
pub(crate) fn clinc(split: &str) -> Result<Vec<(String, Route, String)>> {
    let folder = root().join("tests/testdata/clinc150");
    let mapping = fs::read_to_string(folder.join("routes.toml")).context("routes.toml")?;
    let mapping: BTreeMap<String, Vec<String>> = toml::from_str(&mapping).context("routes.toml")?;
    let mut routes = BTreeMap::new();
    for (route, intents) in mapping {
        for intent in intents {
            routes.insert(intent, named(&route)?);
        }
    }
    let text = fs::read_to_string(folder.join(format!("{split}.txt"))).context(split.to_owned())?;
    let mut sentences = Vec::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(intent) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let route = *routes.get(intent).with_context(|| format!("{intent} has no route"))?;
            section = Some((route, intent));
        } else {
            let (route, intent) = section.context("a sentence before any intent")?;
            sentences.push((line.to_owned(), route, intent.to_owned()));
        }
    }
    Ok(sentences)
}

fn named(word: &str) -> Result<Route> {
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

/// Of so many sentences the features of one go into the digest: enough to see that they are made differently.
const FEATURES_EVERY: usize = 50;

/// Everything that decides the weights: sentences with their labels and features, and how they are fitted.
fn digest_of(sentences: &[Sentence]) -> u64 {
    let mut parts = vec![format!("{SETTINGS:?} {CLINC_WEIGHT} {ASIDE}")];
    for (at, Sentence { language, text, route, .. }) in sentences.iter().enumerate() {
        parts.push(format!("{language} {} {text}", route.as_str()));
        if at % FEATURES_EVERY == 0 {
            parts.extend(
                features(text, language).iter().map(|(bucket, strength)| format!("{bucket} {strength}")),
            );
        }
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

/// A plain linear model over single words, fitted to the same sentences: what ours has to beat.
#[derive(Debug)]
pub(crate) struct Baseline(Fitted);

impl Baseline {
    pub(crate) fn fit() -> Result<Self> {
        let examples = sentences()?.into_iter().map(|sentence| Example {
            features: single_words(&sentence.text),
            class: class_of(sentence.route),
            weight: sentence.weight,
        });
        Ok(Self(fit(&examples.collect::<Vec<_>>(), &SETTINGS)))
    }

    /// The likeliest route of a sentence.
    pub(crate) fn best(&self, text: &str) -> Route {
        CLASSES[best(&self.0.scores(&single_words(text)))]
    }
}

fn single_words(text: &str) -> Vec<Feature> {
    let words: BTreeSet<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let each = 1.0 / (words.len().max(1) as f32).sqrt();
    words.iter().map(|word| (bucket("w", word), each)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentence_that_it_is_judged_by_is_trained_on() {
        let judged = judged_by().expect("there");
        let trained = sentences().expect("valid data");
        assert!(
            judged.len() > 700 && trained.iter().all(|sentence| !judged.contains(&plain(&sentence.text)))
        );
    }

    #[test]
    fn the_weights_belong_to_the_data() {
        run(true).expect("cargo xtask train topic");
    }
}
