//! Values: digits, number words, percent, degrees, "half", "full".

use std::collections::BTreeSet;

use super::tokens::{Token, fold};
use super::words::Words;

/// What a value is said in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Degrees,
    Kelvin,
}

/// A value as it was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    pub(super) amount: Amount,
    pub(super) unit: Option<Unit>,
    /// Said as a change ("by ten percent", "ten percent brighter").
    pub(super) change: bool,
    /// Said with a word for a goal ("to ten percent"). Both if the word may be either ("di dieci gradi").
    pub(super) goal: bool,
}

impl Value {
    /// The same, where it is known whether "up" or "down" was said: then it is by how much.
    pub(super) fn told(self, directed: bool) -> Self {
        let either = self.change && self.goal;
        Self {
            change: self.change && (directed || !either),
            goal: self.goal && !(directed && either),
            ..self
        }
    }
}

/// How much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    Number(f64),
    Half,
    Most,
    Least,
}

/// The longest run of number words.
const RUN_MAX: usize = 6;
/// A number word alone up to this is an article or a pronoun in some language ("ein", "una", "one").
const ARTICLE_MAX: f64 = 1.0;

/// Every value that begins at the first token, with the number of its tokens.
pub(super) fn values_at(here: &[Token], words: &Words) -> Vec<(usize, Value)> {
    values_behind(None, here, words)
}

/// The same behind a token: "down to | 20 degrees lower" is no change.
pub(super) fn values_behind(before: Option<&Token>, here: &[Token], words: &Words) -> Vec<(usize, Value)> {
    let said = &words.value;
    let is_behind = |list: &[String]| {
        before.is_some_and(|before| list.contains(&before.text) && !words.articles.contains(&before.text))
    };
    let (by, to) = (lengths(here, &said.by), lengths(here, &said.to));
    let mut found = Vec::new();
    for skip in std::iter::once(0).chain(by.union(&to).copied()) {
        // A word that is in both lists is told by what else is said.
        let (change, goal) = match skip {
            0 => (is_behind(&said.by), is_behind(&said.to)),
            _ => (by.contains(&skip), to.contains(&skip)),
        };
        let rest = &here[skip..];
        let value = |amount, unit| Value { amount, unit, change, goal };
        for (list, amount) in
            [(&said.half, Amount::Half), (&said.most, Amount::Most), (&said.least, Amount::Least)]
        {
            let len = longest(rest, list);
            if len > 0 {
                found.push((skip + len, value(amount, None)));
            }
        }
        if let Some((mut len, number, digits)) = number_at(rest, words) {
            let (unit_len, unit) = unit_at(&rest[len..], words);
            len += unit_len;
            if digits || goal || unit.is_some() || number > ARTICLE_MAX {
                // "Two degrees warmer" is no two degrees.
                let compared = !goal && longest(&rest[len..], &said.compared) > 0;
                let number = value(Amount::Number(number), unit);
                found.push((skip + len, Value { change: change || compared, ..number }));
            }
        }
    }
    found
}

fn unit_at(rest: &[Token], words: &Words) -> (usize, Option<Unit>) {
    let said = &words.value;
    let units =
        [(&said.percent, Unit::Percent), (&said.degrees, Unit::Degrees), (&said.kelvin, Unit::Kelvin)];
    let found = units.into_iter().map(|(list, unit)| (longest(rest, list), unit)).max_by_key(|(len, _)| *len);
    found.filter(|(len, _)| *len > 0).map_or((0, None), |(len, unit)| (len, Some(unit)))
}

/// A number in digits or words: tokens, value, whether in digits.
fn number_at(here: &[Token], words: &Words) -> Option<(usize, f64, bool)> {
    let (mut len, mut number, digits) = match here.first()?.text.parse::<f64>() {
        // "inf" and "nan" are numbers to the parser.
        Ok(number) if number.is_finite() => (1, number, true),
        Ok(_) | Err(_) => spoken_at(here, words).map(|(len, number)| (len, f64::from(number), false))?,
    };
    let point = longest(&here[len..], &words.value.point);
    let half = longest(&here[len..], &words.value.and_a_half);
    if point > 0
        && let Some((more, tenths)) = spoken_at(&here[len + point..], words)
        && tenths < 10
    {
        (len, number) = (len + point + more, number + f64::from(tenths) / 10.0);
    } else if half > 0 {
        (len, number) = (len + half, number + 0.5);
    }
    Some((len, number, digits))
}

/// Number words in a row, added up: tokens and value.
fn spoken_at(here: &[Token], words: &Words) -> Option<(usize, u16)> {
    let mut best = None;
    let (mut at, mut sum, mut smallest) = (0, 0_u16, u16::MAX);
    while at < here.len().min(RUN_MAX) {
        let Some((len, number)) = word_at(&here[at..], words) else {
            let joins = best.is_some() && words.number_joiners.contains(&here[at].text);
            if joins && word_at(&here[at + 1..], words).is_some_and(|(_, next)| adds(smallest, next)) {
                at += 1;
                continue;
            }
            break;
        };
        if !adds(smallest, number) {
            break;
        }
        (at, sum, smallest) = (at + len, sum + number, number);
        best = Some((at, sum));
    }
    best
}

/// Whether a number may follow a larger one: tens by units, hundreds by tens, sixty by twelve.
fn adds(last: u16, next: u16) -> bool {
    last == u16::MAX
        || (last == 100 && next < 100)
        || (last >= 20 && last.is_multiple_of(10) && next < last.min(20))
}

/// One number word, perhaps several written in one ("fünfundzwanzig").
fn word_at(here: &[Token], words: &Words) -> Option<(usize, u16)> {
    let several =
        words.numbers.iter().filter(|(phrase, _)| phrase.contains(' ')).filter_map(|(phrase, number)| {
            let len = longest(here, std::slice::from_ref(phrase));
            (len > 0).then_some((len, *number))
        });
    if let Some(found) = several.max_by_key(|(len, _)| *len) {
        return Some(found);
    }
    let word = &here.first()?.text;
    let known = words.numbers.get(word.as_str()).copied();
    known.or_else(|| written_in_one(&fold(word), words)).map(|number| (1, number))
}

fn written_in_one(word: &str, words: &Words) -> Option<u16> {
    if word.len() < 6 {
        return None;
    }
    words.numbers.iter().filter(|(_, number)| **number > 0).find_map(|(first, number)| {
        let rest = strip_folded(word, first)?;
        let joined = std::iter::once("").chain(words.number_joiners.iter().map(String::as_str));
        joined.filter_map(|joiner| rest.strip_prefix(joiner)).find_map(|rest| {
            let (_, second) = words.numbers.iter().find(|(second, _)| fold(second) == rest)?;
            let (large, small) = ((*number).max(*second), (*number).min(*second));
            (large >= 20 && small < 10 && large.is_multiple_of(10)).then_some(large + small)
        })
    })
}

/// What follows a beginning whose accents do not count.
fn strip_folded<'a>(word: &'a str, beginning: &str) -> Option<&'a str> {
    if beginning.is_ascii() {
        word.strip_prefix(beginning)
    } else {
        word.strip_prefix(fold(beginning).as_str())
    }
}

/// Tokens of the longest of these phrases that stands here; 0 if none does.
pub(super) fn longest(here: &[Token], phrases: &[String]) -> usize {
    lengths(here, phrases).pop_last().unwrap_or(0)
}

/// Tokens of all of these phrases that stand here.
fn lengths(here: &[Token], phrases: &[String]) -> BTreeSet<usize> {
    let len = |phrase: &String| {
        let mut parts = 0;
        for part in phrase.split([' ', '-']) {
            if here.get(parts).is_none_or(|token| token.text != part) {
                return 0;
            }
            parts += 1;
        }
        parts
    };
    phrases.iter().map(len).filter(|len| *len > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use crate::repair::tokens::tokens;
    use crate::repair::words::Tongue;

    fn value(text: &str, tag: &str) -> Option<Value> {
        let words = &Tongue::of(&Language::parse(tag)?)?.words;
        let tokens = tokens(text, &[]);
        values_at(&tokens, words).into_iter().find(|(len, _)| *len == tokens.len()).map(|(_, value)| value)
    }

    fn number(text: &str, tag: &str) -> Option<f64> {
        match value(text, tag)?.amount {
            Amount::Number(number) => Some(number),
            Amount::Half | Amount::Most | Amount::Least => None,
        }
    }

    #[test]
    fn number_words_add_up() {
        assert_eq!(number("to twenty one degrees", "en"), Some(21.0));
        assert_eq!(number("seventy five percent", "en"), Some(75.0));
        assert_eq!(number("one hundred", "en"), None);
        assert_eq!(number("auf fünfundzwanzig prozent", "de"), Some(25.0));
        assert_eq!(number("einundzwanzig komma fünf grad", "de"), Some(21.5));
        assert_eq!(number("twenty one and a half degrees", "en"), Some(21.5));
        assert_eq!(number("60 %", "en"), Some(60.0));
    }

    #[test]
    fn two_numbers_in_a_row_are_not_one() {
        assert_eq!(number("ten twenty percent", "en"), None);
        assert_eq!(number("seven thirty", "en"), None);
    }

    #[test]
    fn words_that_only_a_parser_takes_for_numbers_are_none() {
        for text in ["to inf", "infinity percent", "nan", "to nan percent", "1e999"] {
            assert_eq!(number(text, "en"), None, "{text}");
        }
    }

    #[test]
    fn a_change_is_no_goal() {
        let by = value("by ten percent", "en").expect("a value");
        assert!(by.change && !by.goal);
        assert!(value("to half", "en").expect("a value").goal);
    }
}
