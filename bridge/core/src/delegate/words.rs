//! The words of tasks, a file per language; see `words/en.toml` for the meaning of each list.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Language;
use crate::language::{PerLanguage, per_language};

/// What is said to agents and about them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) polite: Vec<String>,
    pub(super) kinds: BTreeMap<String, Vec<String>>,
    pub(super) vague: Vec<String>,
    pub(super) list: Vec<String>,
    pub(super) status: Vec<String>,
    pub(super) find: Vec<String>,
    pub(super) cancel: Vec<String>,
    pub(super) tasks: Vec<String>,
    pub(super) it: Vec<String>,
}

static WORDS: PerLanguage<Words> =
    per_language!("words/", |text| toml::from_str(text).expect("word lists are compiled in and tested"));

impl Words {
    /// Those of a language; nobody talks about tasks in one that nobody described.
    pub(super) fn of(language: &Language) -> Option<&'static Self> {
        WORDS.of(language)
    }

    /// The words after a polite beginning ("please", "could you").
    pub(super) fn core<'t>(&self, mut words: &'t [&'t str]) -> &'t [&'t str] {
        while let Some(rest) =
            self.polite.iter().filter_map(|phrase| after(words, phrase)).min_by_key(|rest| rest.len())
        {
            words = rest;
        }
        let is_polite = |word: &&str| self.polite.iter().any(|phrase| phrase == word);
        while let [rest @ .., last] = words
            && is_polite(last)
        {
            words = rest;
        }
        words
    }

    /// What is left when everything that names nothing is taken away.
    pub(super) fn content<'t>(&self, words: &[&'t str]) -> Vec<&'t str> {
        words.iter().filter(|word| !self.vague.iter().any(|vague| vague == *word)).copied().collect()
    }

    /// Whether this word means a task.
    pub(super) fn is_task(&self, word: &str) -> bool {
        self.tasks.iter().any(|stem| match stem.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => word == stem,
        })
    }

    /// Whether all of it only points at something.
    pub(super) fn only_points(&self, words: &[&str]) -> bool {
        words.iter().all(|word| self.it.iter().any(|it| it == word))
    }
}

fn after<'t>(words: &'t [&'t str], phrase: &str) -> Option<&'t [&'t str]> {
    let len = phrase.split(' ').count();
    let fits = words.len() >= len && words.iter().zip(phrase.split(' ')).all(|(word, of)| *word == of);
    fits.then(|| &words[len..])
}

/// What stands for `*` in a pattern that the whole of `words` fits; a pattern without one has no words there.
pub(super) fn fitted<'t>(words: &'t [&'t str], pattern: &str) -> Option<&'t [&'t str]> {
    let of = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let Some((before, behind)) = pattern.split_once('*') else {
        return (of(pattern) == words).then_some(&[]);
    };
    let (before, behind) = (of(before), of(behind));
    let fits = words.len() >= before.len() + behind.len()
        && words.iter().zip(&before).all(|(a, b)| a == b)
        && words.iter().rev().zip(behind.iter().rev()).all(|(a, b)| a == b);
    fits.then(|| &words[before.len()..words.len() - behind.len()])
}

/// The words that stand for `*` in the pattern that fits with the fewest of them.
pub(super) fn best<'t>(words: &'t [&'t str], patterns: &[String]) -> Option<&'t [&'t str]> {
    patterns.iter().filter_map(|pattern| fitted(words, pattern)).min_by_key(|rest| rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::plain_words;

    #[test]
    fn every_word_list_is_normalised_and_none_is_empty() {
        for (language, words) in WORDS.all() {
            let kinds = words.kinds.values();
            let lists = [&words.polite, &words.vague, &words.list, &words.status, &words.find, &words.cancel];
            for list in lists.into_iter().chain([&words.tasks, &words.it]).chain(kinds) {
                assert!(!list.is_empty(), "{language}: an empty list");
                for phrase in list {
                    let plain = phrase.replace('*', " ");
                    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert_eq!(plain_words(&plain), plain, "{language}: {phrase}");
                }
            }
        }
    }

    #[test]
    fn every_language_knows_the_same_kinds() {
        let kinds = |words: &Words| words.kinds.keys().cloned().collect::<Vec<_>>();
        let english = kinds(WORDS.english());
        for (language, words) in WORDS.all() {
            assert_eq!(kinds(words), english, "{language}");
        }
    }

    #[test]
    fn a_star_takes_what_stands_between() {
        let words: Vec<_> = "how is the research going".split(' ').collect();
        assert_eq!(fitted(&words, "how is * going"), Some(&["the", "research"][..]));
        assert_eq!(fitted(&words, "how is * coming"), None);
        assert_eq!(fitted(&words[..2], "how is * going"), None);
        assert_eq!(fitted(&words[..2], "how is"), Some(&[][..]));
    }
}
