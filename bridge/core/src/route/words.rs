//! The words of a language that routing looks at, as data; unknown languages have none.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;
use crate::language::{PerLanguage, per_language};

/// Word lists of one language; see `words/en.toml` for the meaning of each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(super) dangling: Vec<String>,
    pub(super) opening: Vec<String>,
    pub(super) numbers: Vec<String>,
    pub(super) growing: Vec<String>,
    pub(super) joining: Vec<String>,
}

static WORDS: PerLanguage<Words> =
    per_language!("words/", |text| toml::from_str(text).expect("word lists are compiled in and tested"));
static UNKNOWN: LazyLock<Words> = LazyLock::new(Words::default);

impl Words {
    pub(crate) fn of(language: &Language) -> &'static Self {
        WORDS.of(language).unwrap_or(&UNKNOWN)
    }

    /// Whether the normalised `text` begins as an order does; a language without a list cannot tell and says yes.
    pub(super) fn is_order(&self, text: &str) -> bool {
        self.opening.is_empty() || self.opening.iter().any(|phrase| begins(text, phrase))
    }
}

/// Lower case, typographic apostrophes made plain, punctuation and white space reduced to single spaces.
pub fn normalize(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| match c {
            '\u{2019}' | '\u{2018}' => '\'',
            c if c.is_alphanumeric() || matches!(c, '\'' | '%' | '°') => c,
            _ => ' ',
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `phrase` stands in `text` as whole words; both normalised.
pub(super) fn holds(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        before.is_none_or(|c| c == ' ') && after.is_none_or(|c| c == ' ')
    })
}

/// Whether `text` begins with `phrase` as whole words.
pub(super) fn begins(text: &str, phrase: &str) -> bool {
    text.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether `text` ends with `phrase` as whole words.
pub(super) fn ends(text: &str, phrase: &str) -> bool {
    text.strip_suffix(phrase).is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_list_parses_and_is_normalised() {
        for (_, words) in WORDS.all() {
            let lists = [&words.joining, &words.growing, &words.dangling, &words.opening, &words.numbers];
            for phrase in lists.into_iter().flatten() {
                assert_eq!(&normalize(phrase), phrase);
            }
        }
    }

    #[test]
    fn a_phrase_is_found_only_as_whole_words() {
        assert!(holds("please don't do it", "don't"));
        assert!(!holds("turn on the knot lamp", "not"));
        assert!(begins("how do i", "how") && !begins("however", "how"));
        assert!(ends("turn on the", "the") && !ends("breathe", "the"));
    }
}
