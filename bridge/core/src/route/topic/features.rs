//! The features of a sentence: words, pairs of words, pieces of words, and the cues of the language.

use super::cues::Cues;
use crate::Language;
use crate::route::linear::{Feature, bucket};
use crate::route::words::normalize;

/// The pieces of words, letters.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;

/// How strongly all features of a kind count together.
const WORDS: f32 = 1.0;
const LETTERS: f32 = 1.0;
const CUES: f32 = 1.0;

/// The features of `text` for the topic model.
pub fn features(text: &str, language: &Language) -> Vec<Feature> {
    of_normalized(&normalize(text), language)
}

pub(super) fn of_normalized(text: &str, language: &Language) -> Vec<Feature> {
    let mut features = even(words(text), WORDS);
    features.extend(even(pieces(text), LETTERS));
    features.extend(even(cues(text, language), CUES));
    features
}

/// Features of one kind: as many as there are, they count the same together.
fn even(mut buckets: Vec<u32>, together: f32) -> Vec<Feature> {
    buckets.sort_unstable();
    buckets.dedup();
    let each = together / (buckets.len().max(1) as f32).sqrt();
    buckets.into_iter().map(|bucket| (bucket, each)).collect()
}

fn words(text: &str) -> Vec<u32> {
    let words: Vec<&str> = std::iter::once("^").chain(text.split(' ')).chain(std::iter::once("$")).collect();
    let ones = words[1..words.len() - 1].iter().map(|word| bucket("w", word));
    let twos = words.windows(2).map(|two| bucket("ww", &two.join(" ")));
    let threes = words.windows(3).take(2).map(|three| bucket("www", &three.join(" ")));
    ones.chain(twos).chain(threes).collect()
}

fn pieces(text: &str) -> Vec<u32> {
    let mut buckets = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = format!("<{word}>").chars().collect();
        for len in PIECES {
            buckets.extend(letters.windows(len).map(|piece| bucket("c", &String::from_iter(piece))));
        }
    }
    buckets
}

fn cues(text: &str, language: &Language) -> Vec<u32> {
    let (found, first) = Cues::of(language).found(text);
    let mut buckets = vec![bucket("l", &language.primary()), bucket("n", length(text))];
    for (at, cue) in found.iter().enumerate() {
        buckets.push(bucket("q", cue));
        buckets.extend(found[at + 1..].iter().map(|other| bucket("qq", &format!("{cue} {other}"))));
    }
    buckets.push(bucket("q1", first.unwrap_or("none")));
    buckets.push(bucket("qn", &format!("{} {}", first.unwrap_or("none"), length(text))));
    buckets.push(bucket("qa", &found.join(" ")));
    buckets
}

fn length(text: &str) -> &'static str {
    match text.split(' ').count() {
        0 | 1 => "1",
        2 => "2",
        3 | 4 => "4",
        5..=7 => "7",
        8..=12 => "12",
        _ => "more",
    }
}
