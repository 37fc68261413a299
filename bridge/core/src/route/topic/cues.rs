//! The cues of a language: words that tell what a sentence is about, of the same kinds in every language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;
use crate::language::{PerLanguage, per_language};
use crate::route::words::{begins, holds};

/// Words of one kind; `lamp*` stands for every word that begins so.
type Words = Vec<String>;

/// The cues of one language; `words/en.toml` says what each list is for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cues {
    steering: Words,
    fillers: Words,
    joining: Words,
    kinds: BTreeMap<String, Words>,
}

static ALL: PerLanguage<Cues> =
    per_language!("words/", |text| toml::from_str(text).expect("cues are compiled in and tested"));
static NONE: LazyLock<Cues> = LazyLock::new(Cues::default);

impl Cues {
    pub(super) fn of(language: &Language) -> &'static Self {
        ALL.of(language).unwrap_or(&NONE)
    }

    /// Whether the whole sentence steers the conversation, fillers aside.
    pub(super) fn steers(&self, text: &str) -> bool {
        let text = self.without_fillers(text);
        self.steering.contains(&text)
    }

    /// The kinds of cues in `text`, and the kind that it begins with, fillers aside.
    pub(super) fn found(&self, text: &str) -> (Vec<&str>, Option<&str>) {
        let core = self.without_fillers(text);
        let found = self.kinds.iter().filter(|(_, words)| any_in(text, words));
        let first = self.kinds.iter().filter_map(|(kind, words)| {
            let leading = words.iter().filter(|word| leads(&core, word));
            leading.map(String::len).max().map(|len| (len, kind.as_str()))
        });
        (found.map(|(kind, _)| kind.as_str()).collect(), first.max().map(|(_, kind)| kind))
    }

    /// Whether a cue of this kind stands in the text.
    pub(super) fn holds(&self, text: &str, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(|words| any_in(text, words))
    }

    /// How often a word that joins two requests stands in the text.
    pub(super) fn joints(&self, text: &str) -> usize {
        text.split(' ').filter(|word| self.joining.iter().any(|joint| joint == word)).count()
    }

    /// `text` without the fillers at its ends.
    fn without_fillers(&self, text: &str) -> String {
        let mut rest = text;
        while let Some(shorter) = self.fillers.iter().find_map(|filler| {
            let before = rest.strip_prefix(filler.as_str()).and_then(|after| after.strip_prefix(' '));
            before.or_else(|| rest.strip_suffix(filler.as_str()).and_then(|head| head.strip_suffix(' ')))
        }) {
            rest = shorter;
        }
        rest.to_owned()
    }
}

/// Whether one of the words stands in the text.
pub(super) fn any_in(text: &str, words: &[String]) -> bool {
    words.iter().any(|word| stands_in(text, word))
}

fn stands_in(text: &str, word: &str) -> bool {
    match word.strip_suffix('*') {
        Some(stem) => text.starts_with(stem) || text.contains(&format!(" {stem}")),
        None => holds(text, word),
    }
}

fn leads(text: &str, word: &str) -> bool {
    match word.strip_suffix('*') {
        Some(stem) => text.starts_with(stem),
        None => begins(text, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::words::normalize;

    #[test]
    fn every_language_has_the_same_kinds_of_cues_and_they_are_normalised() {
        let english: Vec<_> = ALL.english().kinds.keys().collect();
        for (language, cues) in ALL.all() {
            assert_eq!(cues.kinds.keys().collect::<Vec<_>>(), english, "{language}");
            let lists = [&cues.steering, &cues.fillers, &cues.joining];
            for word in lists.into_iter().chain(cues.kinds.values()).flatten() {
                let stem = word.strip_suffix('*').unwrap_or(word);
                assert_eq!(normalize(stem), stem, "{language}");
            }
        }
    }

    #[test]
    fn fillers_at_the_ends_do_not_hide_what_steers() {
        let english = Cues::of(&Language::english());
        assert!(english.steers("please stop") && english.steers("okay cancel that please"));
        assert!(!english.steers("stop the music"));
    }

    #[test]
    fn the_longest_cue_at_the_beginning_names_the_kind() {
        let english = Cues::of(&Language::english());
        assert_eq!(english.found("how do i remove rust").1, Some("explain"));
    }
}
