//! Several commands in one sentence ("turn on the kitchen light and the bedroom light"): the sentence in, plain
//! commands to ask the matcher about out. The matcher, not this module, says which of them are commands.

use super::words::{Words, normalize};
use crate::Language;
use crate::home::{Match, StrictMatch};

/// Most commands in one sentence.
const PARTS_MAX: usize = 3;
/// Words of the first part that a later part may lean on: "turn on the".
const SHARED_WORDS_MAX: usize = 4;

/// One part of a joined sentence and the plain commands that it may stand for, the likeliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    candidates: Vec<(String, Stance)>,
}

/// Whether a candidate borrows words from the first part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stance {
    Alone,
    Leaning,
}

/// Splits at the words that join; `None` if there are none, or too many.
pub(crate) fn parts(text: &str, language: &Language) -> Option<Vec<Part>> {
    let text = normalize(text);
    let words = Words::of(language);
    let mut pieces: Vec<Vec<&str>> = vec![Vec::new()];
    for word in text.split(' ') {
        if words.joining.iter().any(|joint| joint == word) {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(word);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    let (first, last) = (pieces.first()?.clone(), pieces.last()?.clone());
    if !(2..=PARTS_MAX).contains(&pieces.len()) {
        return None;
    }
    let part = |(at, piece): (usize, &Vec<&str>)| {
        // "The bedroom light" alone is a command to some matchers: on its own a part must say what to do.
        let alone = Some(piece.join(" ")).filter(|alone| words.is_order(alone));
        let mut candidates: Vec<_> = alone.into_iter().map(|alone| (alone, Stance::Alone)).collect();
        if at > 0 {
            let shared = 1..=first.len().min(SHARED_WORDS_MAX);
            let leaning =
                |len: usize| (format!("{} {}", first[..len].join(" "), piece.join(" ")), Stance::Leaning);
            candidates.extend(shared.map(leaning));
        }
        // "schalte das Küchenlicht und das Flurlicht aus": the particle stands at the very end.
        if at + 1 < pieces.len()
            && let Some(particle) = last.last()
        {
            let extended = |(words, stance): &(String, Stance)| (format!("{words} {particle}"), *stance);
            let with_particle: Vec<_> = candidates.iter().map(extended).collect();
            candidates.extend(with_particle);
        }
        Part { candidates }
    };
    Some(pieces.iter().enumerate().map(part).collect())
}

/// All sentences that the matcher has to be asked about, in the order of [`choose`].
pub(crate) fn questions(parts: &[Part]) -> Vec<String> {
    parts.iter().flat_map(|part| part.candidates.iter().map(|(words, _)| words.clone())).collect()
}

/// For each part the first candidate that matched strictly and acts on named entities; `None` if a part has none.
/// A part that leans on the first one must have the first one's intent.
pub(crate) fn choose(parts: Vec<Part>, answers: Vec<Match>) -> Option<Vec<(String, StrictMatch)>> {
    let mut answers = answers.into_iter();
    let mut chosen: Vec<(String, StrictMatch)> = Vec::new();
    for part in parts {
        let intent = chosen.first().map(|(_, first)| first.intent.clone());
        let same = |strict: &StrictMatch| intent.as_ref().is_none_or(|first| *first == strict.intent);
        let mut found = None;
        for ((sentence, stance), answer) in part.candidates.into_iter().zip(answers.by_ref()) {
            let Match::Strict(strict) = answer else { continue };
            let fits = !strict.targets.is_empty() && (stance == Stance::Alone || same(&strict));
            if fits && found.is_none() {
                found = Some((sentence, strict));
            }
        }
        chosen.push(found?);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::EntityId;
    use crate::home::MatchSource;

    fn asked(text: &str) -> Vec<String> {
        questions(&parts(text, &Language::english()).expect("parts"))
    }

    /// Matches "turn on the …" and "close the …" for a light and for blinds.
    fn answer(sentence: &str) -> Match {
        if !sentence.ends_with("light") && !sentence.ends_with("blinds") {
            return Match::None;
        }
        let intent = if sentence.starts_with("turn on the ") || sentence.starts_with("the ") {
            "HassTurnOn"
        } else if sentence.starts_with("turn off the ") || sentence.starts_with("close the ") {
            "HassTurnOff"
        } else {
            return Match::None;
        };
        Match::Strict(StrictMatch {
            intent: intent.into(),
            slots: BTreeMap::new(),
            targets: vec![EntityId::from(sentence)],
            source: MatchSource::Builtin,
        })
    }

    fn chosen(text: &str) -> Option<Vec<String>> {
        let parts = parts(text, &Language::english())?;
        let answers = questions(&parts).iter().map(|sentence| answer(sentence)).collect();
        Some(choose(parts, answers)?.into_iter().map(|(sentence, _)| sentence).collect())
    }

    #[test]
    fn a_second_name_leans_on_the_first_command() {
        let text = "Turn on the kitchen light and the bedroom light.";
        assert_eq!(chosen(text).expect("two"), ["turn on the kitchen light", "turn on the bedroom light"]);
    }

    #[test]
    fn a_name_without_a_verb_never_turns_the_first_command_around() {
        let text = "Turn off the kitchen light and the bedroom light";
        assert_eq!(chosen(text).expect("two"), ["turn off the kitchen light", "turn off the bedroom light"]);
    }

    #[test]
    fn a_second_command_stands_on_its_own() {
        let text = "Turn on the kitchen light and close the blinds";
        assert_eq!(chosen(text).expect("two"), ["turn on the kitchen light", "close the blinds"]);
    }

    #[test]
    fn one_part_that_is_not_understood_stops_all() {
        assert_eq!(chosen("turn on the kitchen light and make coffee"), None);
        assert_eq!(chosen("turn on the kitchen light"), None);
        assert_eq!(chosen("a and b and c and d"), None);
    }

    #[test]
    fn the_number_of_questions_is_bounded() {
        let long = format!("{} and {} and {}", "a ".repeat(50), "b ".repeat(50), "c ".repeat(50));
        assert!(asked(&long).len() <= 2 * PARTS_MAX * (SHARED_WORDS_MAX + 1));
    }

    #[test]
    fn a_german_particle_at_the_end_counts_for_every_part() {
        let german = Language::parse("de").expect("valid");
        let questions =
            questions(&parts("Schalte das Küchenlicht und das Flurlicht aus", &german).expect("parts"));
        assert!(questions.contains(&"schalte das küchenlicht aus".to_owned()), "{questions:?}");
        assert!(questions.contains(&"schalte das flurlicht aus".to_owned()), "{questions:?}");
    }
}
