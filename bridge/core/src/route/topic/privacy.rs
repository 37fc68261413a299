//! How private a sentence is: its words in, the class that decides where it may be sent out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::cues::any_in;
use crate::Language;
use crate::route::dimension::Privacy;
use crate::route::words::normalize;

/// The rules of one language; `privacy.toml` says what each list is for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    persons: Vec<String>,
    health: Vec<String>,
    money: Vec<String>,
    children: Vec<String>,
    secrets: Vec<String>,
    speaker: Vec<String>,
    home: Vec<String>,
}

static ALL: LazyLock<BTreeMap<String, Rules>> = LazyLock::new(|| {
    toml::from_str(include_str!("privacy.toml")).expect("the rules are compiled in and tested")
});

/// Digits that follow each other in a telephone, card or account number.
const DIGITS: usize = 6;

/// Classifies a sentence. In doubt it is more private; a language without rules is at least [`Privacy::Personal`].
pub fn privacy(text: &str, language: &Language) -> Privacy {
    if holds_an_address(text) {
        return Privacy::Others;
    }
    let Some(rules) = ALL.get(&language.primary()) else { return Privacy::Personal };
    let text = normalize(text);
    let third = [&rules.persons, &rules.health, &rules.money, &rules.children, &rules.secrets];
    if third.into_iter().any(|words| any_in(&text, words)) {
        Privacy::Others
    } else if any_in(&text, &rules.speaker) {
        Privacy::Personal
    } else if any_in(&text, &rules.home) {
        Privacy::Home
    } else {
        Privacy::Public
    }
}

/// Whether something in it looks like a mail address or a long number.
fn holds_an_address(text: &str) -> bool {
    let mail = text.split_whitespace().any(|word| word.trim_matches('@').contains('@'));
    let mut digits = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => digits += 1,
            ' ' | '-' | '/' | '.' => {}
            _ => digits = 0,
        }
        if digits >= DIGITS {
            return true;
        }
    }
    mail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str, tag: &str) -> Privacy {
        privacy(text, &Language::parse(tag).expect("valid"))
    }

    #[test]
    fn every_language_has_rules_that_are_normalised() {
        for tag in ["en", "de", "nl", "fr", "es", "it", "pl", "cs"] {
            let rules = &ALL[tag];
            let third = [&rules.persons, &rules.health, &rules.money, &rules.children, &rules.secrets];
            for words in third.into_iter().chain([&rules.speaker, &rules.home]) {
                assert!(!words.is_empty(), "{tag}");
                for word in words {
                    let stem = word.strip_suffix('*').unwrap_or(word);
                    assert_eq!(normalize(stem), stem, "{tag}");
                }
            }
        }
    }

    #[test]
    fn other_persons_health_money_and_children_are_the_most_private() {
        for (text, tag) in [
            ("my doctor says i have high blood pressure", "en"),
            ("find a present for my daughter's birthday", "en"),
            ("how much do i still owe the bank", "en"),
            ("meine Schwiegermutter hat Diabetes", "de"),
            ("schreib eine Mail an meinen Chef", "de"),
            ("mon fils a de la fièvre", "fr"),
            ("mi marido tiene cáncer", "es"),
            ("mia moglie è incinta", "it"),
            ("mijn zoon heeft koorts", "nl"),
            ("moja żona jest chora", "pl"),
            ("moje dcera má horečku", "cs"),
            ("write to anna@example.org", "en"),
            ("the number is 0151 234 567", "en"),
        ] {
            assert_eq!(class(text, tag), Privacy::Others, "{text}");
        }
    }

    #[test]
    fn the_speaker_the_home_and_the_world_are_told_apart() {
        assert_eq!(class("remind me of my appointment", "en"), Privacy::Personal);
        assert_eq!(class("is the kitchen window open", "en"), Privacy::Home);
        assert_eq!(class("who won the world cup in 1990", "en"), Privacy::Public);
        assert_eq!(class("vergleiche Wärmepumpen", "de"), Privacy::Public);
    }

    #[test]
    fn a_language_without_rules_is_taken_for_personal() {
        assert_eq!(class("hvad er klokken", "da"), Privacy::Personal);
    }
}
