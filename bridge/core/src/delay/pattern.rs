//! Patterns with places for numbers and times: keys of a sentence in, what stands at those places out.

use super::keys::{Key, keys};
use super::words::{Phrase, Unit, Words};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Word(Key),
    Hour,
    Minute,
    Time,
    Amount,
}

/// A phrase with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

/// What stood at the places of a pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) hour: u32,
    pub(super) minute: u32,
    /// Whether the hour can only be meant on the clock of 24 hours.
    pub(super) is_exact: bool,
    /// A length of time in seconds, and in days.
    pub(super) seconds: i64,
    pub(super) days: i64,
}

impl Pattern {
    /// Parses `half past {hour}`; the files are compiled in and tested.
    pub(super) fn parse(text: &str) -> Self {
        let piece = |key: Key| match &key {
            Key::Word(word) if word == "{hour}" => Piece::Hour,
            Key::Word(word) if word == "{minute}" => Piece::Minute,
            Key::Word(word) if word == "{time}" => Piece::Time,
            Key::Word(word) if word == "{amount}" => Piece::Amount,
            Key::Word(_) | Key::Number(_) | Key::Time(..) => Piece::Word(key),
        };
        Self(keys(text).into_iter().map(piece).collect())
    }

    /// Matches the beginning of `keys`; how many of them, and what was found.
    pub(super) fn at(&self, keys: &[Key], words: &Words) -> Option<(usize, Found)> {
        let (mut end, mut found) = (0, Found::default());
        for piece in &self.0 {
            let rest = &keys[end..];
            end += match piece {
                Piece::Word(word) => (rest.first() == Some(word)).then_some(1)?,
                Piece::Hour => {
                    let (len, hour) = number(rest, &words.hours, 24)?;
                    found.hour = hour;
                    len
                }
                Piece::Minute => {
                    let (len, minute) = number(rest, &words.numbers, 59)?;
                    found.minute = minute;
                    len
                }
                Piece::Time => {
                    let Some(&Key::Time(hour, minute, zero)) = rest.first() else { return None };
                    (found.hour, found.minute, found.is_exact) = (hour, minute, zero);
                    1
                }
                Piece::Amount => {
                    let (len, seconds, days) = amounts(rest, words)?;
                    (found.seconds, found.days) = (seconds, days);
                    len
                }
            };
        }
        Some((end, found))
    }
}

/// The longest phrase of `list` at the beginning of `keys`.
pub(super) fn longest<'a, T>(keys: &[Key], list: &'a [(Phrase, T)]) -> Option<(usize, &'a T)> {
    let begins = list.iter().filter(|(phrase, _)| !phrase.is_empty() && keys.starts_with(phrase));
    begins.map(|(phrase, value)| (phrase.len(), value)).max_by_key(|(len, _)| *len)
}

/// How many keys the longest of these phrases takes at the beginning of `keys`.
pub(super) fn begins(keys: &[Key], list: &[Phrase]) -> Option<usize> {
    list.iter().filter(|phrase| !phrase.is_empty() && keys.starts_with(phrase)).map(Vec::len).max()
}

fn number(keys: &[Key], words: &[(Phrase, u32)], max: u32) -> Option<(usize, u32)> {
    if let Some(Key::Number(number)) = keys.first() {
        return (*number <= max).then_some((1, *number));
    }
    let fits = words.iter().filter(|(phrase, number)| *number <= max && keys.starts_with(phrase));
    fits.map(|(phrase, number)| (phrase.len(), *number)).max_by_key(|(len, _)| *len)
}

/// The most that can be asked in one length, of any unit: a week in minutes is 10,080.
const COUNT_MAX: u32 = 20_000;

/// One length, or two joined ("one hour and ten minutes"): keys, seconds, days.
fn amounts(keys: &[Key], words: &Words) -> Option<(usize, i64, i64)> {
    let (len, seconds, days) = amount(keys, words)?;
    let joined = begins(&keys[len..], &words.and).unwrap_or(0);
    Some(match amount(&keys[len + joined..], words) {
        // "An hour and ten minutes", never "ten minutes an hour".
        Some((more, smaller, 0)) if days > 0 || smaller < seconds => {
            (len + joined + more, seconds + smaller, days)
        }
        Some(_) | None => (len, seconds, days),
    })
}

fn amount(keys: &[Key], words: &Words) -> Option<(usize, i64, i64)> {
    let named = longest(keys, &words.amounts).map(|(len, minutes)| (len, minutes * 60, 0));
    named.into_iter().chain(counted(keys, words)).max_by_key(|(len, ..)| *len)
}

fn counted(keys: &[Key], words: &Words) -> Option<(usize, i64, i64)> {
    let one = begins(keys, &words.one).map(|len| (len, 1));
    let (mut end, count) =
        number(keys, &words.numbers, COUNT_MAX).into_iter().chain(one).max_by_key(|(len, _)| *len)?;
    let before = begins(&keys[end..], &words.half_before);
    end += before.unwrap_or(0);
    let (len, unit) = longest(&keys[end..], &words.units)?;
    end += len;
    let after = if before.is_none() { begins(&keys[end..], &words.half_after) } else { None };
    end += after.unwrap_or(0);
    let has_half = before.is_some() || after.is_some();
    match *unit {
        Unit::Seconds(each) => Some((end, i64::from(count) * each + if has_half { each / 2 } else { 0 }, 0)),
        Unit::Days(each) if !has_half => Some((end, 0, i64::from(count) * each)),
        Unit::Days(_) => None,
    }
}
