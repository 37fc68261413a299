//! Which kind of agent is meant by words that no rule knows: vectors of the words and of known requests in, a kind out.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;

/// From when on requests mean the same, for one model of vectors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    starts: String,
    /// Primary tags; none stands for all.
    #[serde(default)]
    languages: Vec<String>,
    sure: f32,
    maybe: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Vec<Thresholds>,
}

static ALL: LazyLock<Vec<Thresholds>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("meaning.toml")).expect("thresholds are compiled in and tested");
    file.model
});

impl Thresholds {
    /// Those of a model of vectors for words of a language.
    pub fn of(model: &str, language: &Language) -> &'static Self {
        static NEVER: Thresholds = Thresholds {
            starts: String::new(),
            languages: Vec::new(),
            sure: f32::INFINITY,
            maybe: f32::INFINITY,
        };
        let primary = language.primary();
        let fits = |of: &&Self| {
            model.starts_with(&of.starts) && (of.languages.is_empty() || of.languages.contains(&primary))
        };
        ALL.iter().find(fits).unwrap_or(&NEVER)
    }
}

/// A request that is known, and who takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The kind of agent.
    pub kind: String,
    /// Its vector.
    pub vector: Vec<f32>,
}

/// Which kind of agent is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// This one.
    Sure(String),
    /// Perhaps this one.
    Maybe(String),
    /// None that is known.
    Unknown,
}

/// The kind that is meant, if one is near enough.
pub fn meaning(words: &[f32], known: &[Known], thresholds: &Thresholds) -> Meaning {
    match nearest(words, known) {
        Some((near, kind)) if near >= thresholds.sure => Meaning::Sure(kind.to_owned()),
        Some((near, kind)) if near >= thresholds.maybe => Meaning::Maybe(kind.to_owned()),
        Some(_) | None => Meaning::Unknown,
    }
}

/// The kind of the known request that is nearest, and how near, -1 to 1. A vector of another model, which has another
/// length, is near to nothing.
pub fn nearest<'k>(words: &[f32], known: &'k [Known]) -> Option<(f32, &'k str)> {
    let near = known.iter().filter_map(|known| Some((cosine(words, &known.vector)?, known.kind.as_str())));
    near.max_by(|(a, _), (b, _)| a.total_cmp(b))
}

/// The cosine of two vectors; none if they cannot be compared.
fn cosine(a: &[f32], b: &[f32]) -> Option<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    (a.len() == b.len() && cosine.is_finite()).then_some(cosine as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kind: &str, vector: &[f32]) -> Known {
        Known { kind: kind.into(), vector: vector.into() }
    }

    /// A vector of length 2 whose cosine with the first axis is this.
    fn at(cosine: f32) -> [f32; 2] {
        [cosine, (1.0 - cosine * cosine).sqrt()]
    }

    #[test]
    fn the_nearest_request_decides_and_only_if_it_is_near_enough() {
        let thresholds = Thresholds::of("any model", &Language::english());
        let all = [known("tides", &[2.0, 0.0]), known("plan", &[0.0, 0.5])];
        assert_eq!(meaning(&at(0.9), &all, thresholds), Meaning::Sure("tides".into()));
        assert_eq!(meaning(&at(0.8), &all, thresholds), Meaning::Maybe("tides".into()));
        assert_eq!(meaning(&at(0.7), &all, thresholds), Meaning::Unknown);
        assert_eq!(meaning(&at(0.1), &all, thresholds), Meaning::Sure("plan".into()));
        assert_eq!(meaning(&at(0.9), &[], thresholds), Meaning::Unknown);
    }

    #[test]
    fn vectors_of_another_model_or_of_nothing_are_near_to_nothing() {
        let thresholds = Thresholds::of("any model", &Language::english());
        for vector in [&[1.0, 0.0, 0.0][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[]] {
            assert_eq!(meaning(&[1.0, 0.0], &[known("tides", vector)], thresholds), Meaning::Unknown);
        }
    }

    #[test]
    fn what_a_model_does_not_know_is_judged_as_by_any_other_one() {
        let [english, german] = ["en-GB", "de"].map(|tag| Language::parse(tag).expect("a tag"));
        let any = Thresholds::of("any model", &english);
        assert_ne!(Thresholds::of("all-minilm:22m", &english), any);
        assert_eq!(Thresholds::of("all-minilm:22m", &german), any);
    }

    #[test]
    fn every_model_has_thresholds_and_sure_is_more_than_maybe() {
        let fits_all = |last: &Thresholds| last.starts.is_empty() && last.languages.is_empty();
        assert!(ALL.last().is_some_and(fits_all), "the last one fits all");
        for Thresholds { sure, maybe, .. } in ALL.iter() {
            assert!(0.0 < *maybe && maybe < sure && *sure < 1.0);
        }
    }
}
