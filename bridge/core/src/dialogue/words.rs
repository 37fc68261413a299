//! The words of a conversation, one file per language: an utterance in, whether it is a yes, a number, a choice … out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pin::{LEN_MAX, LEN_MIN};
use crate::Language;
use crate::act::Draft;
use crate::language::{PerLanguage, per_language};
use crate::route::dimension::ControlAsk;
use crate::route::plain_words;

/// Word lists of one language; see `words/en.toml` for the meaning of each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    yes: Vec<String>,
    no: Vec<String>,
    stop: Vec<String>,
    repeat: Vec<String>,
    undo: Vec<String>,
    filler: Vec<String>,
    polite: Vec<String>,
    ordinals: [Vec<String>; 3],
    digits: [Vec<String>; 10],
    last: Vec<String>,
    other: Vec<String>,
    pin: Vec<String>,
    or: String,
    acts: BTreeMap<String, String>,
}

static WORDS: PerLanguage<Words> =
    per_language!("words/", |text| toml::from_str(text).expect("word lists are compiled in and tested"));

/// A yes or a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assent {
    Yes,
    No,
}

/// What an utterance asks of the conversation itself; [`ControlAsk::None`] if one word of it is about anything else.
pub(crate) fn control_of(text: &str, language: &Language) -> ControlAsk {
    let words = Words::of(language);
    let text = plain_words(text);
    if words.is_made_of(&text, &words.undo) {
        ControlAsk::Undo
    } else if words.is_made_of(&text, &words.repeat) {
        ControlAsk::Repeat
    } else if words.is_made_of(&text, &words.stop) {
        ControlAsk::Stop
    } else {
        match words.assent(&text, "") {
            Some(Assent::Yes) => ControlAsk::Yes,
            Some(Assent::No) => ControlAsk::No,
            None => ControlAsk::None,
        }
    }
}

impl Words {
    /// The words of this language; English for one that has none.
    pub(super) fn of(language: &Language) -> &'static Self {
        WORDS.of(language).unwrap_or_else(|| WORDS.english())
    }

    /// Whether normalised `text` consists of phrases of `list` and filler, with at least one of the list.
    fn is_made_of(&self, text: &str, list: &[String]) -> bool {
        let made_of = |text: &str| {
            let (named, rest) = self.strip(text, list);
            !named.is_empty() && rest.is_empty()
        };
        made_of(text) || made_of(&self.blunt(text))
    }

    /// `text` without its polite words.
    fn blunt(&self, text: &str) -> String {
        let padded = self
            .polite
            .iter()
            .fold(format!(" {text} "), |text, phrase| text.replace(&format!(" {phrase} "), " "));
        padded.trim().to_owned()
    }

    /// Takes the phrases of `list` out of `text`, and filler: the words of each phrase, and the words that are left.
    fn strip<'t>(&self, text: &'t str, list: &[String]) -> (Vec<Vec<&'t str>>, Vec<&'t str>) {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let (mut at, mut named, mut rest) = (0, Vec::new(), Vec::new());
        while at < words.len() {
            let of_list = longest(&words[at..], list);
            let filler = longest(&words[at..], &self.filler);
            if of_list > 0 && of_list >= filler {
                named.push(words[at..at + of_list].to_vec());
                at += of_list;
            } else if filler > 0 {
                at += filler;
            } else {
                rest.push(words[at]);
                at += 1;
            }
        }
        (named, rest)
    }

    /// A yes or a no to a question about `asked`, whose words may be repeated beside it: "yes, unlock the door".
    /// What was said before confirms nothing: of a sentence that is said twice no phrase is a yes.
    pub(super) fn assent(&self, text: &str, asked: &str) -> Option<Assent> {
        let text = plain_words(text);
        let asked = plain_words(asked);
        let was_said = |word: &str| asked.split(' ').any(|of| of == word);
        let made_of = |list: &[String]| {
            let (named, rest) = self.strip(&text, list);
            // In the order of the question: to "open the front door lock" a "lock the front door" is another act.
            let mut left = asked.split(' ');
            !named.is_empty() && rest.iter().all(|word| left.any(|of| of == *word))
        };
        let means_nothing = |word: &str| self.filler.iter().chain(&self.polite).any(|phrase| phrase == word);
        let is_new = |phrase: &Vec<&str>| phrase.iter().any(|word| !was_said(word) && !means_nothing(word));
        let agrees = || made_of(&self.yes) && self.strip(&text, &self.yes).0.iter().any(is_new);
        let refusals = [self.no.as_slice(), &self.stop].concat();
        // A no anywhere in it outweighs a yes: "yes … no, don't".
        let refuses = refusals.iter().any(|phrase| holds(&text, phrase));
        if made_of(&refusals) {
            Some(Assent::No)
        } else if self.is_made_of(&text, &self.yes) || (agrees() && !refuses) {
            Some(Assent::Yes)
        } else {
            None
        }
    }

    /// Which of `count` things is meant by its place: "the second one", "the last".
    pub(super) fn ordinal(&self, text: &str, count: usize) -> Option<usize> {
        let text = plain_words(text);
        let by_place = self.ordinals.iter().take(count).position(|words| self.is_made_of(&text, words));
        by_place.or_else(|| self.is_made_of(&text, &self.last).then(|| count.checked_sub(1)).flatten())
    }

    /// Whether it is "the other one".
    pub(super) fn is_other(&self, text: &str) -> bool {
        self.is_made_of(&plain_words(text), &self.other)
    }

    /// The words of `text` that say something.
    pub(super) fn content<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.strip(text, &[]).1
    }

    /// The digits of a PIN as they were spoken or typed, one by one or in groups; `None` if there is any other word,
    /// or they are too few or too many.
    pub(super) fn digits(&self, text: &str) -> Option<String> {
        let text = plain_words(text);
        let mut digits = String::new();
        for word in text.split(' ') {
            if is_number(word) {
                digits.push_str(word);
            } else if let Some(digit) = self.digit(word) {
                digits.push(char::from(b'0' + u8::try_from(digit).ok()?));
            } else if !self.pin.iter().chain(&self.filler).any(|w| w == word) {
                return None;
            }
        }
        (LEN_MIN..=LEN_MAX).contains(&digits.len()).then_some(digits)
    }

    /// Whether at least two words of `text` are digits, so that it may hold a part of a PIN.
    pub(super) fn holds_digits(&self, text: &str) -> bool {
        // A number as long as a PIN was two words or more before it was written down.
        let count = |word: &str| match word.len() {
            len if is_number(word) => (len / 2).max(1),
            _ => usize::from(self.digit(word).is_some()),
        };
        plain_words(text).split(' ').map(count).sum::<usize>() >= 2
    }

    fn digit(&self, word: &str) -> Option<usize> {
        self.digits.iter().position(|words| words.iter().any(|w| w == word))
    }

    /// Several names as one would say them: "a, b or c".
    pub(super) fn any_of(&self, names: &[String]) -> String {
        match names {
            [] => String::new(),
            [only] => only.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.or),
        }
    }

    /// What would be done, as it stands in "Shall I …?".
    pub(super) fn act(&self, draft: &Draft, name: &str) -> String {
        let service = draft.service();
        let verb = service.split_once('.').map_or(service, |(_, verb)| verb);
        let other = || self.acts.get("other").map_or("{name}", String::as_str);
        let known = self.acts.get(service).or_else(|| self.acts.get(verb));
        let value = draft.data().values().find_map(spoken_number);
        let template = match (known, &value) {
            (Some(template), None) if template.contains("{value}") => other(),
            (Some(template), _) => template,
            (None, _) => other(),
        };
        template.replace("{name}", name).replace("{value}", value.as_deref().unwrap_or_default())
    }
}

fn spoken_number(value: &serde_json::Value) -> Option<String> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Some(if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.1}") })
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// The length in words of the longest phrase of `list` that `words` begins with.
fn longest(words: &[&str], list: &[String]) -> usize {
    let begins = |phrase: &&String| {
        let mut left = words.iter();
        phrase.split(' ').all(|word| left.next() == Some(&word))
    };
    list.iter().filter(begins).map(|phrase| phrase.split(' ').count()).max().unwrap_or(0)
}

fn holds(text: &str, phrase: &str) -> bool {
    format!(" {text} ").contains(&format!(" {phrase} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).expect("valid")
    }

    #[test]
    fn every_file_parses_and_its_words_are_normalised_and_distinct() {
        for (tag, words) in WORDS.all() {
            let lists =
                [&words.yes, &words.no, &words.stop, &words.repeat, &words.undo, &words.filler, &words.pin];
            for phrase in lists.into_iter().flatten() {
                assert_eq!(&plain_words(phrase), phrase, "{tag}");
            }
            for phrase in &words.yes {
                assert!(!words.no.contains(phrase), "{tag}: {phrase} is yes and no");
                assert!(!words.undo.contains(phrase) && !words.stop.contains(phrase), "{tag}: {phrase}");
                assert_eq!(words.assent(phrase, ""), Some(Assent::Yes), "{tag}: {phrase}");
            }
            for phrase in &words.no {
                assert_eq!(words.assent(phrase, ""), Some(Assent::No), "{tag}: {phrase}");
            }
            for phrase in &words.undo {
                assert_eq!(control_of(phrase, &tag), ControlAsk::Undo, "{tag}: {phrase}");
            }
            assert!(words.acts.contains_key("other") && words.acts.contains_key("lock.unlock"), "{tag}");
        }
    }

    #[test]
    fn people_say_yes_and_no_in_many_ways() {
        for (tag, yes, no) in [
            ("en", "Yes, please do it.", "No, thank you!"),
            ("en", "Yeah, unlock the front door", "no don't unlock the front door"),
            ("de", "Ja, mach das bitte.", "Nein, lieber nicht."),
            ("nl", "Ja, doe maar", "Nee, laat maar"),
            ("fr", "Oui, vas-y", "Non, surtout pas"),
            ("es", "Sí, claro", "No, mejor no"),
            ("it", "Sì, fallo pure", "No, lascia stare"),
            ("pl", "Tak, zrób to", "Nie, nie rób tego"),
            ("cs", "Ano, udělej to", "Ne, raději ne"),
        ] {
            let words = Words::of(&language(tag));
            assert_eq!(words.assent(yes, "Unlock the front door"), Some(Assent::Yes), "{yes}");
            assert_eq!(words.assent(no, "Unlock the front door"), Some(Assent::No), "{no}");
        }
        let english = Words::of(&language("en"));
        for neither in ["yes and open the garage", "turn on the light", "yes but no don't", "", "please"] {
            assert_ne!(english.assent(neither, "Unlock the front door"), Some(Assent::Yes), "{neither}");
        }
    }

    #[test]
    fn what_was_said_before_confirms_nothing() {
        for (tag, asked, again) in [
            ("de", "Mach das Garagentor auf", "Mach das Garagentor auf!"),
            ("de", "Mach das Garagentor auf", "Mach mal bitte das Garagentor auf"),
            ("en", "Okay, open the garage", "okay open the garage"),
        ] {
            let words = Words::of(&language(tag));
            assert_eq!(words.assent(again, asked), None, "{again}");
            assert_eq!(words.assent("okay okay", asked), Some(Assent::Yes), "{asked}");
        }
        let german = Words::of(&language("de"));
        for yes in ["Ja, mach das Garagentor auf", "Mach das", "Okay, mach das Garagentor auf"] {
            assert_eq!(german.assent(yes, "Mach das Garagentor auf"), Some(Assent::Yes), "{yes}");
        }
    }

    #[test]
    fn the_words_of_the_question_in_another_order_are_no_yes() {
        let english = Words::of(&language("en"));
        let asked = "open the front door lock";
        assert_eq!(english.assent("okay, lock the front door", asked), None);
        assert_eq!(english.assent("okay, lock the front door", "unlock the front door"), None);
        assert_eq!(english.assent("okay, open the front door lock", asked), Some(Assent::Yes));
    }

    #[test]
    fn a_command_is_no_control_of_the_conversation() {
        let english = language("en");
        for text in
            ["stop the vacuum", "cancel the timer", "undo the curtains", "repeat the song", "yes minister"]
        {
            assert_eq!(control_of(text, &english), ControlAsk::None, "{text}");
        }
        assert_eq!(control_of("Never mind.", &english), ControlAsk::Stop);
        assert_eq!(control_of("Could you say that again, please?", &english), ControlAsk::Repeat);
        assert_eq!(control_of("Mach das bitte rückgängig.", &language("de")), ControlAsk::Undo);
    }

    #[test]
    fn digits_are_read_one_by_one_in_every_language() {
        for (tag, text) in [
            ("en", "My PIN is one two, oh four."),
            ("de", "Die PIN lautet eins zwo null vier"),
            ("nl", "een twee nul vier"),
            ("fr", "un deux zéro quatre"),
            ("es", "uno dos cero cuatro"),
            ("it", "uno due zero quattro"),
            ("pl", "jeden dwa zero cztery"),
            ("cs", "jedna dva nula čtyři"),
            ("cs", "1 2, 04"),
        ] {
            assert_eq!(Words::of(&language(tag)).digits(text).as_deref(), Some("1204"), "{text}");
        }
        assert_eq!(Words::of(&language("en")).digits("turn on light one"), None);
        assert_eq!(Words::of(&language("en")).digits("please"), None);
        for (text, holds) in [("I want it to", false), ("one two three", true), ("1204 or so", true)] {
            let english = Words::of(&language("en"));
            assert_eq!((english.digits(text), english.holds_digits(text)), (None, holds), "{text}");
        }
    }

    #[test]
    fn a_place_in_a_row_names_one_of_several() {
        let english = Words::of(&language("en"));
        assert_eq!(english.ordinal("The second one, please", 3), Some(1));
        assert_eq!(english.ordinal("the last one", 2), Some(1));
        assert_eq!(english.ordinal("the third", 2), None);
        assert_eq!(Words::of(&language("de")).ordinal("die erste", 2), Some(0));
    }
}
