//! Which route a sentence is about, by its words alone: the own labelled sets and CLINC150's validation split in, one
//! figure for each promise out. Neither Home Assistant nor a network is needed.

mod confusion;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use helix_core::Language;
use helix_core::route::Route;
use helix_core::route::topic::{CLASSES, Topics, topic};
use serde::Deserialize;

use self::confusion::Confusion;
use super::Findings;
use super::calibration::Calibration;
use super::report::folded;
use crate::figure::{Figure, rounded};
use crate::train::{Baseline, OUT_OF_SCOPE, clinc, root};

const GROUP: &str = "routes";
const LANGUAGES: [&str; 2] = ["en", "de"];
const OWN_GOAL: f64 = 0.93;
const OUT_OF_SCOPE_GOAL: f64 = 0.80;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    sentence: String,
    route: String,
}

/// A sentence that was judged.
struct Judged {
    sentence: String,
    expected: Route,
    topics: Topics,
}

pub(super) fn run() -> Result<Findings> {
    let (mut figures, mut details) = (Vec::new(), INTRODUCTION.to_owned());
    let mut all = Vec::new();
    for tag in LANGUAGES {
        let judged = own_set(tag)?;
        let confusion = confusion_of(&judged);
        let value = confusion.macro_f1();
        let name = format!("own.{tag}.macro-f1");
        figures.push(figure(&name, value, None, judged.len(), ">= 0.93", Some(value >= OWN_GOAL)));
        let _ = write!(
            details,
            "\n### Own set, {tag}\n\n{}\n{}",
            confusion.table(),
            folded(tag, &misses(&judged))
        );
        all.extend(judged);
    }
    let stated = calibration(&all);
    figures.push(figure("own.calibration-error", stated.error(), None, all.len(), "reported", None));
    let _ = write!(details, "\n### How sure, and how often right: own sets\n\n{}", stated.table());
    on_clinc(&mut figures, &mut details)?;
    Ok(Findings { group: GROUP, figures, details, whole: true })
}

const INTRODUCTION: &str = "Which route the words alone speak for, before the home is asked: `tests/testdata/routes` and the validation \
    split of CLINC150, its intents mapped by `tests/testdata/clinc150/routes.toml`. No sentence of three words or more in them was trained on; \
    shorter ones (\"stop\") are in every set. The peer is a plain linear \
    model over single words, fitted in the same run to the same sentences.\n";

fn on_clinc(figures: &mut Vec<Figure>, details: &mut String) -> Result<()> {
    let english = Language::english();
    let sentences = clinc("validation")?;
    let baseline = Baseline::fit()?;
    let (mut judged, mut plain) = (Vec::new(), Confusion::default());
    let (mut outside, mut seen, mut seen_plainly) = (0_usize, 0_usize, 0_usize);
    for (sentence, expected, intent) in sentences {
        let topics = topic(&sentence, &english);
        let by_words = baseline.best(&sentence);
        plain.add(expected, by_words);
        if intent == OUT_OF_SCOPE {
            outside += 1;
            seen += usize::from(topics.best().0 == expected);
            seen_plainly += usize::from(by_words == expected);
        }
        judged.push(Judged { sentence, expected, topics });
    }
    let confusion = confusion_of(&judged);
    let (value, peer) = (confusion.macro_f1(), plain.macro_f1());
    let recall = seen as f64 / outside as f64;
    let plain_recall = seen_plainly as f64 / outside as f64;
    let better = Some(value > peer);
    figures.push(figure(
        "clinc150.macro-f1",
        value,
        Some(peer),
        judged.len(),
        "better than the peer",
        better,
    ));
    let holds = Some(recall >= OUT_OF_SCOPE_GOAL);
    figures.push(figure(
        "clinc150.out-of-scope.recall",
        recall,
        Some(plain_recall),
        outside,
        ">= 0.80",
        holds,
    ));
    let stated = calibration(&judged);
    figures.push(figure("clinc150.calibration-error", stated.error(), None, judged.len(), "reported", None));
    let _ = write!(details, "\n### CLINC150, validation split\n\n{}\n{}", confusion.table(), stated.table());
    Ok(())
}

fn own_set(tag: &str) -> Result<Vec<Judged>> {
    let path = format!("tests/testdata/routes/{tag}.yaml");
    let text = fs::read_to_string(root().join(&path)).context(path.clone())?;
    let labelled: Vec<Labelled> = serde_yaml_ng::from_str(&text).context(path)?;
    let language = Language::parse(tag).context("a language tag")?;
    let judge = |Labelled { sentence, route }| {
        let expected = CLASSES.into_iter().find(|other| other.as_str() == route);
        let expected = expected.with_context(|| format!("{route} is no route: {sentence}"))?;
        Ok(Judged { topics: topic(&sentence, &language), sentence, expected })
    };
    labelled.into_iter().map(judge).collect()
}

fn confusion_of(judged: &[Judged]) -> Confusion {
    let mut confusion = Confusion::default();
    for one in judged {
        confusion.add(one.expected, one.topics.best().0);
    }
    confusion
}

fn misses(judged: &[Judged]) -> Vec<String> {
    let missed = |Judged { sentence, expected, topics }: &Judged| {
        let (found, probability) = topics.best();
        let (is, own) = (found.as_str(), topics.of(*expected));
        let line =
            format!("\"{sentence}\": {is} ({probability:.2}) instead of {} ({own:.2})", expected.as_str());
        (found != *expected).then_some(line)
    };
    judged.iter().filter_map(missed).collect()
}

fn calibration(judged: &[Judged]) -> Calibration {
    let mut calibration = Calibration::default();
    for one in judged {
        let (found, probability) = one.topics.best();
        calibration.add(f64::from(probability), found == one.expected);
    }
    calibration
}

fn figure(
    name: &str,
    value: f64,
    peer: Option<f64>,
    n: usize,
    goal: &'static str,
    holds: Option<bool>,
) -> Figure {
    Figure {
        name: format!("{GROUP}.{name}").into(),
        value: rounded(value, 3),
        unit: "",
        peer: peer.map(|peer| rounded(peer, 3)),
        ratio: peer.map(|peer| rounded(value / peer, 2)),
        n,
        goal,
        holds,
    }
}
