//! The words of the canonical reading, a file per language; see `words/en.toml` for the meaning of each list.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::kinds::{Ask, Aspect, Kind, Sense};
use super::lexicon::{Count, Lexicon};
use crate::Language;
use crate::language::{PerLanguage, per_language};

/// The words of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) fillers: Vec<String>,
    pub(super) articles: Vec<String>,
    #[serde(default)]
    pub(super) singular: Vec<String>,
    pub(super) prepositions: Vec<String>,
    pub(super) carriers: Vec<String>,
    pub(super) particles: Particles,
    pub(super) all: Vec<String>,
    pub(super) here: Vec<String>,
    pub(super) except: Vec<String>,
    pub(super) joining: Vec<String>,
    pub(super) again: Vec<String>,
    pub(super) too: Vec<String>,
    pub(super) pronouns: Vec<String>,
    pub(super) elisions: Vec<String>,
    pub(super) clitics: Vec<String>,
    pub(super) misheard: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) other: Vec<String>,
    #[serde(default)]
    pub(super) topics: Vec<String>,
    #[serde(default)]
    pub(super) units: Vec<String>,
    pub(super) lists: Vec<String>,
    #[serde(default)]
    pub(super) before: BTreeMap<String, Vec<String>>,
    pub(super) number_joiners: Vec<String>,
    pub(super) endings: Vec<String>,
    #[serde(default)]
    pub(super) alternations: Vec<(String, String)>,
    pub(super) compounds: Compounds,
    pub(super) sounds: Vec<(String, String)>,
    pub(super) senses: BTreeMap<Sense, Vec<String>>,
    #[serde(default)]
    pub(super) separable: BTreeMap<Sense, Vec<(String, String)>>,
    pub(super) kinds: BTreeMap<Kind, Nouns>,
    pub(super) aspects: BTreeMap<Aspect, Vec<String>>,
    pub(super) value: ValueWords,
    pub(super) numbers: BTreeMap<String, u16>,
    pub(super) colors: BTreeMap<String, Vec<String>>,
    pub(super) whites: BTreeMap<String, Vec<String>>,
    pub(super) template: Vec<Template>,
}

/// Where a word that is a preposition as well is read as a sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Particles {
    /// Right after a carrier, at the end, or in front of another preposition.
    AfterVerb,
    /// At the end, or in front of another preposition.
    Last,
}

/// Whether words may be written in one, and the letters between them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compounds {
    pub(super) allowed: bool,
    pub(super) joints: Vec<String>,
}

/// The nouns of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nouns {
    pub(super) one: Vec<String>,
    pub(super) many: Vec<String>,
}

impl Nouns {
    /// Every noun with its number.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&String, Count)> {
        let one = self.one.iter().map(|noun| {
            let count = if self.many.contains(noun) { Count::Either } else { Count::One };
            (noun, count)
        });
        let many = self.many.iter().filter(|noun| !self.one.contains(noun));
        one.chain(many.map(|noun| (noun, Count::Many)))
    }
}

/// The words around a value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueWords {
    pub(super) to: Vec<String>,
    pub(super) by: Vec<String>,
    pub(super) compared: Vec<String>,
    pub(super) percent: Vec<String>,
    pub(super) degrees: Vec<String>,
    pub(super) kelvin: Vec<String>,
    pub(super) half: Vec<String>,
    pub(super) most: Vec<String>,
    pub(super) least: Vec<String>,
    pub(super) bit: Vec<String>,
    pub(super) point: Vec<String>,
    pub(super) and_a_half: Vec<String>,
}

/// What names the targets in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    Name,
    NameArea,
    Area,
    Floor,
    All,
}

/// Sentences of the matcher for one thing that is asked; empty `kinds` means any.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) ask: Ask,
    pub(super) by: By,
    #[serde(default)]
    pub(super) kinds: Vec<Kind>,
    pub(super) say: Vec<String>,
}

/// The words of one language and how to find them.
#[derive(Debug)]
pub(super) struct Tongue {
    pub(super) words: Words,
    pub(super) lexicon: Lexicon,
}

static TONGUES: PerLanguage<Tongue> = per_language!("words/", |text| {
    let words = toml::from_str(text).expect("word lists are compiled in and tested");
    Tongue { lexicon: Lexicon::new(&words), words }
});

impl Tongue {
    /// The tongue of a language, if there are words of it.
    pub(super) fn of(language: &Language) -> Option<&'static Self> {
        TONGUES.of(language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses_and_its_templates_hold_known_fields_only() {
        for (tag, Tongue { words, .. }) in TONGUES.all() {
            for sentence in words.template.iter().flat_map(|template| &template.say) {
                let bare = ["{name}", "{area}", "{floor}", "{kind}", "{value}"]
                    .iter()
                    .fold(sentence.clone(), |text, field| text.replace(field, ""));
                assert!(!bare.contains(['{', '}']), "{tag}: {sentence}");
            }
        }
    }

    #[test]
    fn every_list_is_in_lower_case() {
        for (_, Tongue { words, .. }) in TONGUES.all() {
            let senses = words.senses.values().flatten();
            let kinds = words.kinds.values().flat_map(|nouns| nouns.one.iter().chain(&nouns.many));
            for phrase in words.fillers.iter().chain(&words.carriers).chain(senses).chain(kinds) {
                assert_eq!(phrase, &phrase.to_lowercase());
            }
        }
    }
}
