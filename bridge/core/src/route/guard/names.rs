//! Names inside a sentence: the words of a scene called "Guten Morgen" postpone nothing, those of "Never Land lamp"
//! negate nothing. A sentence and the names of the home in, the sentence with the names made opaque out.

use super::lexicon::Lexicon;
use super::sentence::{Clause, Word, clauses};
use crate::home::{Entity, Registry, StrictMatch};

/// Stands for a name: a word that no rule mistakes for another one.
pub(super) const NAME: &str = "§";

/// What the matcher took for the name of the target, a list's item or a message.
pub(crate) fn quoted_in(found: &StrictMatch) -> impl Iterator<Item = String> + '_ {
    ["item", "message", "name"].iter().filter_map(|slot| found.slots.get(*slot)?.as_str().map(str::to_owned))
}

/// The words of `text` as the sentence has them.
pub(super) fn words_of(text: &str, elision: bool) -> Vec<String> {
    clauses(text, elision).into_iter().flat_map(|clause| clause.words).map(|word| word.text).collect()
}

/// Names of things and places that may stand in `text`, the longest first. A person is no thing: "Anna, turn …" is
/// meant for her.
pub(super) fn named_in(text: &str, registry: &Registry, elision: bool) -> Vec<Vec<String>> {
    let text = text.to_lowercase();
    let thing = |entity: &&Entity| !matches!(entity.id.domain(), "person" | "device_tracker");
    let entities = registry.entities.values().filter(thing).map(|e| (&e.name, &e.aliases));
    let areas = registry.areas.values().map(|area| (&area.name, &area.aliases));
    let floors = registry.floors.values().map(|floor| (&floor.name, &floor.aliases));
    let all = entities.chain(areas).chain(floors).flat_map(|(name, more)| std::iter::once(name).chain(more));
    let mut names: Vec<_> = all
        .filter(|name| text.contains(&name.to_lowercase()))
        .map(|name| words_of(name, elision))
        .filter(|words| !words.is_empty())
        .collect();
    names.sort_by_key(|words| std::cmp::Reverse(words.len()));
    names.dedup();
    names
}

/// Makes the first place opaque where `name` stands.
pub(super) fn mask_first(clauses: &mut [Clause], name: &[String]) {
    for clause in clauses {
        if let Some(&at) = places(&clause.words, name).first() {
            return hide(&mut clause.words, at, name.len());
        }
    }
}

/// Makes opaque every name that is no sign of anything itself.
pub(super) fn mask_plain(clauses: &mut [Clause], names: &[Vec<String>], lexicon: &Lexicon) {
    for name in names.iter().filter(|name| !lexicon.is_telling(name)) {
        for clause in &mut *clauses {
            while let Some(&at) = places(&clause.words, name).first() {
                hide(&mut clause.words, at, name.len());
            }
        }
    }
}

/// Makes opaque the names that would be a sign of something else, but only where they are what the order is about:
/// "activate good night", not "turn on the light at night".
pub(super) fn mask_telling(clause: &mut Clause, names: &[Vec<String>], lexicon: &Lexicon) {
    for name in names.iter().filter(|name| lexicon.is_telling(name)) {
        let is_object = |at: &usize| {
            let before = &clause.words[..*at];
            let article = before.last().is_some_and(|word| lexicon.is_article(word));
            (article && name.len() > 1) || (!before.is_empty() && lexicon.is_only_order(before))
        };
        let found = places(&clause.words, name).into_iter().find(is_object);
        if let Some(at) = found {
            hide(&mut clause.words, at, name.len());
        }
    }
}

fn places(words: &[Word], name: &[String]) -> Vec<usize> {
    let same = |part: &[Word]| part.iter().zip(name).all(|(word, part)| word.text == *part);
    let at = words.windows(name.len().max(1)).enumerate().filter(|(_, part)| !name.is_empty() && same(part));
    at.map(|(at, _)| at).collect()
}

fn hide(words: &mut Vec<Word>, at: usize, len: usize) {
    let after_comma = words[at].after_comma;
    words.splice(at..at + len, [Word { text: NAME.to_owned(), after_comma }]);
}
