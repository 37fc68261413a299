//! The linear model beside the rules: the clauses of a sentence in, how likely each speech act is out.

use std::sync::LazyLock;

use super::SpeechAct;
use super::lexicon::Lexicon;
use super::sentence::{Clause, clauses};
use crate::Language;
use crate::route::linear::{Feature, Linear, bucket};

/// The speech acts in the order of the model's classes.
pub const CLASSES: [SpeechAct; 10] = [
    SpeechAct::Command,
    SpeechAct::Negated,
    SpeechAct::Question,
    SpeechAct::Reported,
    SpeechAct::Elsewhere,
    SpeechAct::Statement,
    SpeechAct::Conditional,
    SpeechAct::Deferred,
    SpeechAct::Wish,
    SpeechAct::Reminder,
];

/// The pieces of words, letters.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;

static MODEL: LazyLock<Linear<'static>> = LazyLock::new(|| {
    Linear::parse(include_bytes!("weights.bin")).expect("weights are compiled in and tested")
});

/// The features of `text` for the model; those of different languages have nothing in common.
pub fn features(text: &str, language: &Language) -> Vec<Feature> {
    match Lexicon::of(language) {
        Some(lexicon) => {
            let clauses = clauses(text, lexicon.elision).into_iter();
            of_clauses(&clauses.map(|clause| lexicon.bare(clause)).collect::<Vec<_>>(), lexicon, language)
        }
        None => Vec::new(),
    }
}

/// The digest of the data that the weights were trained on; `cargo xtask train --check` compares it.
pub fn digest() -> u64 {
    MODEL.digest()
}

/// The likeliest speech act, and how likely it is that this is a command.
pub(super) fn judge(bare: &[Clause], lexicon: &Lexicon, language: &Language) -> (SpeechAct, f32) {
    let probabilities = MODEL.probabilities(&of_clauses(bare, lexicon, language));
    let judged = CLASSES.into_iter().zip(probabilities.iter().copied());
    let best =
        judged.max_by(|one, other| one.1.total_cmp(&other.1)).map_or(SpeechAct::Command, |(act, _)| act);
    (best, probabilities.first().copied().unwrap_or(1.0))
}

fn of_clauses(clauses: &[Clause], lexicon: &Lexicon, language: &Language) -> Vec<Feature> {
    let tag = language.primary();
    let of = |kind: &str, text: &str| bucket(kind, &format!("{tag} {text}"));
    let words: Vec<&str> = clauses.iter().flat_map(|c| &c.words).map(|word| word.text.as_str()).collect();
    let mut order = vec![of("b", "")];
    order.extend(words.iter().map(|word| of("w", word)));
    order.extend(words.windows(2).map(|two| of("ww", &two.join(" "))));
    order.extend(words.windows(3).take(2).map(|three| of("www", &three.join(" "))));
    order.extend(words.first().map(|word| of("first", word)));
    order.extend(words.last().map(|word| of("last", word)));
    if clauses.iter().any(|clause| clause.asks && !lexicon.is_order(&clause.words)) {
        order.push(of("asks", ""));
    }
    order.extend(
        clauses.iter().flat_map(|c| &c.words).filter(|w| w.after_comma).map(|w| of("comma", &w.text)),
    );
    let mut features = even(order);
    features.extend(even(words.iter().flat_map(|word| pieces(word)).map(|piece| of("c", &piece)).collect()));
    features
}

fn pieces(word: &str) -> Vec<String> {
    let letters: Vec<char> = std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')).collect();
    PIECES.flat_map(|len| letters.windows(len).map(String::from_iter).collect::<Vec<_>>()).collect()
}

/// Features of one kind: as many as there are, they count the same together.
fn even(mut buckets: Vec<u32>) -> Vec<Feature> {
    buckets.sort_unstable();
    buckets.dedup();
    let each = 1.0 / (buckets.len().max(1) as f32).sqrt();
    buckets.into_iter().map(|bucket| (bucket, each)).collect()
}
