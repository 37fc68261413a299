//! How private a sentence is said to be: the own labelled sets of eight languages in, what would be taken for less
//! private than it is out. The class decides where a request may be sent. Neither Home Assistant nor a network is needed.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use helix_core::Language;
use helix_core::route::dimension::Privacy;
use helix_core::route::topic::privacy;
use helix_tests::sets::{LANGUAGES, read};
use serde::Deserialize;

use super::Findings;
use super::report::folded;
use crate::figure::{Figure, rounded};

const GROUP: &str = "privacy";
/// The classes from what everybody may know to what never leaves.
const CLASSES: [Privacy; 4] = [Privacy::Public, Privacy::Home, Privacy::Personal, Privacy::Others];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    sentence: String,
    class: String,
}

struct Judged {
    language: &'static str,
    sentence: String,
    /// Places in [`CLASSES`].
    expected: usize,
    found: usize,
}

pub(super) fn run() -> Result<Findings> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        all.extend(judged(language)?);
    }
    Ok(Findings { group: GROUP, figures: figures(&all), details: details(&all), whole: true })
}

fn judged(language: &'static str) -> Result<Vec<Judged>> {
    let spoken = Language::parse(language).context("a language tag")?;
    let judge = |Labelled { sentence, class }: Labelled| {
        let expected = CLASSES.iter().position(|of| of.as_str() == class);
        let expected = expected.with_context(|| format!("{class} is no class: {sentence}"))?;
        let found = privacy(&sentence, &spoken);
        let found = CLASSES.iter().position(|of| *of == found).context("a class")?;
        Ok(Judged { language, sentence, expected, found })
    };
    read::<Vec<Labelled>>(&format!("privacy/{language}.yaml"))?.into_iter().map(judge).collect()
}

fn figures(all: &[Judged]) -> Vec<Figure> {
    let of = |is_so: fn(&&Judged) -> bool| all.iter().filter(is_so).collect::<Vec<_>>();
    let (most_private, others) = (of(|one| one.expected == 3), of(|one| one.expected < 3));
    let kept = most_private.iter().filter(|one| one.found == 3).count();
    let overcautious = others.iter().filter(|one| one.found == 3).count();
    let exposed = all.iter().filter(|one| one.found < one.expected).count();
    let share = |count: usize, of: usize| rounded(100.0 * count as f64 / of.max(1) as f64, 1);
    let figure = |name: &str, value, n| Figure::reported(format!("{GROUP}.{name}"), value, "%", n);
    vec![
        figure("P3.recall", share(kept, most_private.len()), most_private.len()),
        figure("P3.taken-for-it", share(overcautious, others.len()), others.len()),
        figure("taken-for-less-private", share(exposed, all.len()), all.len()),
    ]
}

const INTRODUCTION: &str = "How private a sentence is by its words: `tests/testdata/privacy`. P0 is public, P1 about the home, P2 about the \
    speaker, P3 about other persons, health, money, children or secrets: P3 never leaves the house. Words are told by lists, in doubt the more \
    private class; what a list does not know is a miss, so somebody who allows requests to leave should know these numbers. Overheard speech \
    never leaves, whatever its class.\n\n";

fn details(all: &[Judged]) -> String {
    let mut text =
        format!("{INTRODUCTION}| expected | P0 | P1 | P2 | P3 |\n| --- | ---: | ---: | ---: | ---: |\n");
    for (expected, class) in CLASSES.iter().enumerate() {
        let count =
            |found: usize| all.iter().filter(|one| (one.expected, one.found) == (expected, found)).count();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            class.as_str(),
            count(0),
            count(1),
            count(2),
            count(3)
        );
    }
    let less = |one: &&Judged| one.found < one.expected;
    let line = |one: &Judged| {
        let (language, sentence) = (one.language, &one.sentence);
        format!(
            "{language}: \"{sentence}\": {} instead of {}",
            CLASSES[one.found].as_str(),
            CLASSES[one.expected].as_str()
        )
    };
    let misses: Vec<String> = all.iter().filter(less).map(line).collect();
    let _ = write!(text, "\n{}", folded("taken for less private than it is", &misses));
    text
}
