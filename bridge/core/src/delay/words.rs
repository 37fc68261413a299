//! The words of time, a file per language; see `words/en.toml` for the meaning of each list.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::keys::{Key, keys};
use super::pattern::Pattern;
use crate::Language;
use crate::language::{PerLanguage, per_language};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    numbers: BTreeMap<String, u32>,
    compound: Vec<String>,
    hours: BTreeMap<String, u32>,
    one: Vec<String>,
    units: Units<Vec<String>>,
    amounts: BTreeMap<String, i64>,
    half_before: Vec<String>,
    half_after: Vec<String>,
    and: Vec<String>,
    durations: Vec<String>,
    at: Vec<String>,
    clocks: Vec<ClockForm>,
    bare: Vec<String>,
    named: BTreeMap<String, i64>,
    days: BTreeMap<String, i64>,
    weekdays: [Vec<String>; 7],
    parts: Vec<PartForm>,
    not_before: Vec<String>,
    joining: Vec<String>,
    say: Say,
    list: Vec<String>,
    cancel: Vec<String>,
    planned: Vec<String>,
    all: Vec<String>,
    fillers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Units<T> {
    second: T,
    minute: T,
    hour: T,
    day: T,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockForm {
    said: String,
    #[serde(default)]
    shift: i64,
    #[serde(default)]
    before: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartForm {
    said: Vec<String>,
    from: i64,
    to: i64,
    day: Option<i64>,
}

/// How a time is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    pub(super) today: String,
    pub(super) tomorrow: String,
    pub(super) later: String,
    pub(super) weekdays: [String; 7],
}

/// A phrase as keys.
pub(super) type Phrase = Vec<Key>;

/// A length of time that has words of its own, or a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds(i64),
    /// Calendar days: as long as the clock says, also when it is changed.
    Days(i64),
}

/// How a time of the clock is read.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) said: Pattern,
    /// Minutes that are added.
    pub(super) shift: i64,
    /// Whether the minutes come before the hour.
    pub(super) before: bool,
}

/// A part of the day, in hours from its beginning; past 24 is after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) day: Option<i64>,
}

/// Which day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// So many days from today.
    In(i64),
    /// The next one of these, from 0 = Monday on.
    Weekday(i8),
}

/// The words of one language, ready to be looked for.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) numbers: Vec<(Phrase, u32)>,
    pub(super) hours: Vec<(Phrase, u32)>,
    pub(super) one: Vec<Phrase>,
    pub(super) units: Vec<(Phrase, Unit)>,
    pub(super) amounts: Vec<(Phrase, i64)>,
    pub(super) half_before: Vec<Phrase>,
    pub(super) half_after: Vec<Phrase>,
    pub(super) and: Vec<Phrase>,
    pub(super) durations: Vec<Pattern>,
    pub(super) clocks: Vec<Clock>,
    pub(super) named: Vec<(Phrase, i64)>,
    pub(super) days: Vec<(Phrase, Day)>,
    pub(super) parts: Vec<(Phrase, Part)>,
    pub(super) not_before: Vec<Phrase>,
    pub(super) joining: Vec<Phrase>,
    pub(super) say: Say,
    pub(super) list: Vec<Phrase>,
    pub(super) cancel: Vec<Phrase>,
    pub(super) planned: Vec<String>,
    pub(super) all: Vec<Phrase>,
    pub(super) fillers: Vec<Phrase>,
}

static WORDS: PerLanguage<Words> = per_language!("words/", |text| {
    Words::from_file(toml::from_str(text).expect("the words of time are compiled in and tested"))
});

impl Words {
    /// `None` for a language without words of time.
    pub(super) fn of(language: &Language) -> Option<&'static Self> {
        WORDS.of(language)
    }

    fn from_file(file: File) -> Self {
        let phrases = |list: &[String]| list.iter().map(|phrase| keys(phrase)).collect::<Vec<_>>();
        let valued =
            |map: &BTreeMap<String, i64>| map.iter().map(|(said, value)| (keys(said), *value)).collect();
        let numbers = file.numbers();
        let days = file.days.iter().map(|(said, day)| (keys(said), Day::In(*day)));
        let weekdays = (0_i8..).zip(&file.weekdays);
        let weekdays =
            weekdays.flat_map(|(day, said)| said.iter().map(move |said| (keys(said), Day::Weekday(day))));
        let part = |form: &PartForm| Part { from: form.from, to: form.to, day: form.day };
        let parts =
            file.parts.iter().flat_map(|form| form.said.iter().map(move |said| (keys(said), part(form))));
        Self {
            hours: file.hours.iter().map(|(said, hour)| (keys(said), *hour)).chain(numbers.clone()).collect(),
            numbers,
            one: phrases(&file.one),
            units: file.units(),
            amounts: valued(&file.amounts),
            half_before: phrases(&file.half_before),
            half_after: phrases(&file.half_after),
            and: phrases(&file.and),
            durations: file.durations.iter().map(|said| Pattern::parse(said)).collect(),
            clocks: file.clocks(),
            named: valued(&file.named),
            days: days.chain(weekdays).collect(),
            parts: parts.collect(),
            not_before: phrases(&file.not_before),
            joining: phrases(&file.joining),
            say: file.say,
            list: phrases(&file.list),
            cancel: phrases(&file.cancel),
            planned: file.planned,
            all: phrases(&file.all),
            fillers: phrases(&file.fillers),
        }
    }
}

impl File {
    /// Every number up to 59.
    fn numbers(&self) -> Vec<(Phrase, u32)> {
        let of = |wanted: u32| {
            self.numbers.iter().filter(move |(_, value)| **value == wanted).map(|(said, _)| said)
        };
        let mut all: Vec<_> = self.numbers.iter().map(|(said, value)| (keys(said), *value)).collect();
        for (tens, ones) in
            [20, 30, 40, 50].into_iter().flat_map(|tens| (1..10).map(move |ones| (tens, ones)))
        {
            for (ten, one) in of(tens).flat_map(|ten| of(ones).map(move |one| (ten, one))) {
                let made =
                    self.compound.iter().map(|form| form.replace("{tens}", ten).replace("{ones}", one));
                all.extend(made.map(|said| (keys(&said), tens + ones)));
            }
        }
        all
    }

    fn units(&self) -> Vec<(Phrase, Unit)> {
        let Units { second, minute, hour, day } = &self.units;
        let units = [
            (second, Unit::Seconds(1)),
            (minute, Unit::Seconds(60)),
            (hour, Unit::Seconds(3600)),
            (day, Unit::Days(1)),
        ];
        units.into_iter().flat_map(|(said, unit)| said.iter().map(move |said| (keys(said), unit))).collect()
    }

    /// Every form of a clock, with each of the words in front of it, or without if it needs none.
    fn clocks(&self) -> Vec<Clock> {
        let with = |at: &str, form: &ClockForm| Clock {
            said: Pattern::parse(&format!("{at} {}", form.said)),
            shift: form.shift,
            before: form.before,
        };
        let bare =
            self.clocks.iter().filter(|form| self.bare.contains(&form.said)).map(|form| with("", form));
        self.clocks.iter().flat_map(|form| self.at.iter().map(|at| with(at, form))).chain(bare).collect()
    }
}
