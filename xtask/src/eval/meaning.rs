//! Which kind of agent a request means that no rule knows: own labelled requests and a real model of vectors in, what the
//! thresholds of `bridge/core/src/delegate/meaning.toml` make of them out. Those are chosen by one half of the requests, and
//! judged by the other one.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use helix_core::Language;
use helix_core::delegate::{Known, Meaning, Thresholds, meaning, nearest};
use helix_tests::ollama::Ollama;
use helix_tests::sets::read;
use serde::Deserialize;

use super::Findings;
use super::report::folded;
use crate::figure::{Figure, rounded};

const GROUP: &str = "meaning";
const LANGUAGES: [&str; 2] = ["en", "de"];
/// The thresholds that the table shows.
const TRIED: [f32; 9] = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    kinds: Vec<Labelled>,
    others: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    name: String,
    description: String,
    examples: Vec<String>,
    requests: Vec<String>,
}

/// A request and what is nearest to it.
struct Judged {
    words: String,
    /// None if it means no kind that there is.
    expected: Option<String>,
    found: String,
    near: f32,
    meaning: Meaning,
}

impl Judged {
    fn is_right(&self) -> bool {
        self.expected.as_deref() == Some(&self.found)
    }
}

pub(super) async fn run() -> Result<Findings> {
    let model = Ollama::vectors()?;
    let ollama = Ollama::start("eval-meaning")?;
    let (mut figures, mut details) = (Vec::new(), introduction(&model));
    for language in LANGUAGES {
        let all = judged(&ollama, &model, language).await?;
        let (chosen_by, judged_by) = halves(&all);
        figures.extend(self::figures(language, &judged_by));
        details += &self::details(language, &chosen_by, &judged_by);
    }
    ollama.stop()?;
    Ok(Findings { group: GROUP, figures, details, whole: true })
}

async fn judged(ollama: &Ollama, model: &str, language: &str) -> Result<Vec<Judged>> {
    let set: Set = read(&format!("meaning/{language}.yaml"))?;
    let thresholds = Thresholds::of(model, &Language::parse(language).context("a language tag")?);
    let (mut texts, mut names) = (Vec::new(), Vec::new());
    for kind in &set.kinds {
        for text in std::iter::once(&kind.description).chain(&kind.examples) {
            texts.push(text.clone());
            names.push(kind.name.clone());
        }
    }
    let vectors = ollama.embed(model, &texts).await?;
    ensure!(vectors.len() == texts.len(), "a vector is missing");
    let known: Vec<_> = names.into_iter().zip(vectors).map(|(kind, vector)| Known { kind, vector }).collect();
    let meant = set.kinds.iter().flat_map(|kind| kind.requests.iter().map(|words| (words, Some(&kind.name))));
    let asked: Vec<_> = meant.chain(set.others.iter().map(|words| (words, None))).collect();
    let words: Vec<_> = asked.iter().map(|(words, _)| (*words).clone()).collect();
    let vectors = ollama.embed(model, &words).await?;
    ensure!(vectors.len() == words.len(), "a vector is missing");
    let judge = |((words, expected), vector): ((&String, Option<&String>), Vec<f32>)| {
        let (near, found) = nearest(&vector, &known).unwrap_or_default();
        let meaning = meaning(&vector, &known, thresholds);
        Judged { words: words.clone(), expected: expected.cloned(), found: found.to_owned(), near, meaning }
    };
    Ok(asked.into_iter().zip(vectors).map(judge).collect())
}

/// One half to choose thresholds by, the other one to judge them by.
fn halves(all: &[Judged]) -> (Vec<&Judged>, Vec<&Judged>) {
    let half = |odd: usize| all.iter().skip(odd).step_by(2).collect();
    (half(0), half(1))
}

fn figures(language: &str, all: &[&Judged]) -> Vec<Figure> {
    let count = |is_so: &dyn Fn(&Judged) -> bool| all.iter().filter(|one| is_so(one)).count();
    let is_sure = |one: &Judged| matches!(one.meaning, Meaning::Sure(_));
    let is_meant = |one: &Judged| one.expected.is_some();
    let (sure, meant, others) =
        (count(&is_sure), count(&is_meant), count(&|one: &Judged| one.expected.is_none()));
    let figure = |name: &str, count: usize, of: usize| {
        let value = rounded(100.0 * count as f64 / of.max(1) as f64, 1);
        Figure::reported(format!("{GROUP}.{language}.{name}"), value, "%", of)
    };
    vec![
        figure("sure-and-right", count(&|one| is_sure(one) && one.is_right()), sure),
        figure("found", count(&|one| is_sure(one) && one.is_right()), meant),
        figure("asked-about", count(&|one| matches!(one.meaning, Meaning::Maybe(_)) && is_meant(one)), meant),
        figure("others-taken", count(&|one| is_sure(one) && !is_meant(one)), others),
    ]
}

fn introduction(model: &str) -> String {
    format!(
        "Which kind of agent is meant by words that no rule knows: `tests/testdata/meaning`, with vectors of `{model}` by a \
         real Ollama. What is *sure* goes to that agent, what is *asked about* to a small model first, and all else to the \
         generic one. `found` are requests that went to their agent at once, `others-taken` those that mean none of the \
         kinds and went to one all the same.\n\n"
    )
}

fn details(language: &str, chosen_by: &[&Judged], judged_by: &[&Judged]) -> String {
    let mut text = format!(
        "{language}, the half by which thresholds are chosen:\n\n| from this cosine on | right | wrong |\n| ---: | ---: | ---: |\n"
    );
    for tried in TRIED {
        let taken =
            |right: bool| chosen_by.iter().filter(|one| one.near >= tried && one.is_right() == right).count();
        let _ = writeln!(text, "| {tried} | {} | {} |", taken(true), taken(false));
    }
    let is_wrong = |one: &&&Judged| matches!(one.meaning, Meaning::Sure(_)) && !one.is_right();
    let line = |one: &&Judged| {
        let expected = one.expected.as_deref().unwrap_or("none");
        format!("\"{}\": {} ({:.2}) instead of {expected}", one.words, one.found, one.near)
    };
    let misses: Vec<String> = judged_by.iter().filter(is_wrong).map(line).collect();
    let _ = write!(text, "\n{}\n", folded(&format!("{language}: surely wrong"), &misses));
    text
}
