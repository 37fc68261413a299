//! When something is to happen: a sentence and the moment in, the sentence without its time and the due time out.

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, ToSpan, Zoned};

use super::keys::{Key, tokens};
use super::pattern::{begins, longest};
use super::words::{Day, Part, Words};
use crate::Language;

/// A command can be put off by so many days at most.
pub const DELAY_DAYS_MAX: i64 = 7;

/// When a sentence wants something done.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// At this moment, in the time zone of the home.
    At(Zoned),
    /// At a moment that has passed.
    Past,
    /// Later than [`DELAY_DAYS_MAX`].
    TooFar,
    /// On a day or part of a day, without a time.
    Vague,
}

/// A sentence taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// The words without the time, as they were written.
    pub rest: String,
    /// When.
    pub when: When,
}

/// Takes the only time expression out of a sentence.
///
/// `now` is the moment in the time zone of the home; `names` are names of things, inside of which no time is looked
/// for. `None` if there is no time, more than one, or one that belongs to only a part of the sentence.
pub fn timed<'a>(
    text: &str,
    language: &Language,
    now: &Zoned,
    names: impl Iterator<Item = &'a str>,
) -> Option<Timed> {
    let words = Words::of(language)?;
    let tokens = tokens(text);
    let keys: Vec<Key> = tokens.iter().flat_map(|token| token.keys.iter().cloned()).collect();
    let mut parts = Expression::find(&keys, words)?;
    parts.leave_out(&named_spans(&keys, names));
    let when = parts.when(now)?;
    if parts.spans().any(|span| is_joined(&keys, span, words)) {
        return None;
    }
    let mut at = 0;
    let mut rest = Vec::new();
    for token in &tokens {
        let own = at..at + token.keys.len();
        at = own.end;
        let taken = own.clone().filter(|key| parts.spans().any(|span| span.contains(key))).count();
        if taken == 0 {
            rest.push(token.text);
        } else if taken < own.len() {
            return None;
        }
    }
    let rest = rest.join(" ");
    let rest = rest.trim_matches(|c: char| c.is_whitespace() || c == ',').to_owned();
    (!rest.is_empty()).then_some(Timed { rest, when })
}

/// How a due time is told, such as "tomorrow at 07:00".
pub fn told(due: &Zoned, now: &Zoned, language: &Language) -> String {
    let time = due.strftime("%H:%M").to_string();
    let Some(words) = Words::of(language).or_else(|| Words::of(&Language::english())) else { return time };
    let say = &words.say;
    let days = now.date().until(due.date()).map_or(0, |span| span.get_days());
    let template = match days {
        0 => &say.today,
        1 => &say.tomorrow,
        _ => &say.later,
    };
    let weekday = usize::try_from(due.weekday().to_monday_zero_offset()).unwrap_or(0);
    template.replace("{time}", &time).replace("{weekday}", &say.weekdays[weekday])
}

type Span = std::ops::Range<usize>;

/// Where the names stand.
fn named_spans<'a>(keys: &[Key], names: impl Iterator<Item = &'a str>) -> Vec<Span> {
    let spans = names.flat_map(|name| {
        let name = super::keys::keys(name);
        let starts = 0..(keys.len() + 1).saturating_sub(name.len().max(1));
        starts
            .filter(|at| !name.is_empty() && keys[*at..].starts_with(&name))
            .map(|at| at..at + name.len())
            .collect::<Vec<_>>()
    });
    spans.collect()
}

/// A time beside "and" belongs to one of two commands.
fn is_joined(keys: &[Key], span: &Span, words: &Words) -> bool {
    let after = begins(&keys[span.end..], &words.joining).is_some();
    let ends = |phrase: &Vec<Key>| !phrase.is_empty() && keys[..span.start].ends_with(phrase);
    after || words.joining.iter().any(ends)
}

/// A time of the clock, in minutes from the beginning of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OClock {
    minutes: i64,
    /// Whether twelve hours later may be meant as well.
    is_open: bool,
}

/// The pieces of a time expression and where they stand.
#[derive(Debug, Default)]
struct Expression {
    length: Vec<(Span, (i64, i64))>,
    clock: Vec<(Span, OClock)>,
    day: Vec<(Span, Day)>,
    part: Vec<(Span, Part)>,
}

impl Expression {
    /// Finds the pieces from left to right, the longest first; `None` if there are none.
    fn find(keys: &[Key], words: &Words) -> Option<Self> {
        let (mut found, mut at) = (Self::default(), 0);
        while at < keys.len() {
            at += found.take(&keys[at..], at, words).unwrap_or(1);
        }
        found.drop_loose_parts();
        let is_empty = found.spans().next().is_none();
        (!is_empty).then_some(found)
    }

    /// Takes the longest piece at the beginning of `keys`; how many keys it has.
    fn take(&mut self, keys: &[Key], at: usize, words: &Words) -> Option<usize> {
        let length = words.durations.iter().filter_map(|pattern| pattern.at(keys, words));
        let length =
            length.max_by_key(|(len, _)| *len).map(|(len, found)| (len, (found.seconds, found.days)));
        let clock = clock(keys, words);
        let day = longest(keys, &words.days);
        let part = longest(keys, &words.parts);
        let lens = [length.map(|l| l.0), clock.map(|c| c.0), day.map(|d| d.0), part.map(|p| p.0)];
        let len = lens.into_iter().flatten().max()?;
        let span = at..at + len;
        if let Some((_, length)) = length.filter(|found| found.0 == len) {
            self.length.push((span, length));
        } else if let Some((_, clock)) = clock.filter(|found| found.0 == len) {
            self.clock.push((span, clock));
        } else if let Some((_, part)) = part.filter(|found| found.0 == len) {
            self.part.push((span, *part));
        } else if let Some((_, day)) = day {
            self.day.push((span, *day));
        }
        Some(len)
    }

    /// "Morning" is a part of the day beside a clock or a day, and a word like any other elsewhere.
    fn drop_loose_parts(&mut self) {
        let others: Vec<_> =
            self.clock.iter().map(|c| c.0.clone()).chain(self.day.iter().map(|d| d.0.clone())).collect();
        let beside =
            |span: &Span| others.iter().any(|other| other.end == span.start || span.end == other.start);
        self.part.retain(|(span, part)| part.day.is_some() || beside(span));
    }

    /// Drops what stands inside of a name.
    fn leave_out(&mut self, names: &[Span]) {
        let outside = |span: &Span| !names.iter().any(|name| span.start < name.end && name.start < span.end);
        self.length.retain(|piece| outside(&piece.0));
        self.clock.retain(|piece| outside(&piece.0));
        self.day.retain(|piece| outside(&piece.0));
        self.part.retain(|piece| outside(&piece.0));
        self.drop_loose_parts();
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        let (length, clock) = (self.length.iter().map(|l| &l.0), self.clock.iter().map(|c| &c.0));
        length.chain(clock).chain(self.day.iter().map(|d| &d.0)).chain(self.part.iter().map(|p| &p.0))
    }

    /// The moment; `None` if the pieces do not make exactly one.
    fn when(&self, now: &Zoned) -> Option<When> {
        let latest = now.checked_add(DELAY_DAYS_MAX.days()).ok()?;
        let due = match (
            self.length.as_slice(),
            self.clock.as_slice(),
            self.day.as_slice(),
            self.part.as_slice(),
        ) {
            ([(_, (seconds, days))], [], [], []) => {
                let later = now.checked_add(days.days()).ok()?;
                later.checked_add(SignedDuration::from_secs(*seconds)).ok()
            }
            ([], [(_, clock)], day, part) if day.len() <= 1 && part.len() <= 1 => {
                let (day, part) = (day.first().map(|d| d.1), part.first().map(|p| p.1));
                let next = moments(*clock, day, part, now)?.into_iter().filter(|moment| moment > now).min();
                if next.is_none() {
                    return Some(When::Past);
                }
                next
            }
            ([], [], [_], [] | [_]) | ([], [], [], [_]) => return Some(When::Vague),
            _ => return None,
        };
        Some(match due {
            Some(due) if due > latest => When::TooFar,
            Some(due) if due > *now => When::At(due),
            Some(_) => When::Past,
            None => When::TooFar,
        })
    }
}

/// The longest time of the clock at the beginning of `keys`.
fn clock(keys: &[Key], words: &Words) -> Option<(usize, OClock)> {
    let named =
        longest(keys, &words.named).map(|(len, minutes)| (len, OClock { minutes: *minutes, is_open: false }));
    let told = words.clocks.iter().filter_map(|form| {
        let (len, found) = form.said.at(keys, words)?;
        let minute = i64::from(found.minute) * if form.before { -1 } else { 1 };
        let is_open = !found.is_exact && (1..=12).contains(&found.hour);
        Some((len, OClock { minutes: i64::from(found.hour) * 60 + minute + form.shift, is_open }))
    });
    let (len, clock) = told.chain(named).max_by_key(|(len, _)| *len)?;
    // "At seven percent" is no time.
    begins(&keys[len..], &words.not_before).is_none().then_some((len, clock))
}

const DAY_MINUTES: i64 = 24 * 60;

/// The moments at which the clock shows that, passed ones too. `None`: it contradicts itself.
fn moments(clock: OClock, day: Option<Day>, part: Option<Part>, now: &Zoned) -> Option<Vec<Zoned>> {
    let day = match (day, part.and_then(|part| part.day)) {
        (Some(Day::In(given)), Some(own)) if given != own => return None,
        (Some(Day::Weekday(_)), Some(_)) => return None,
        (Some(given), _) => Some(given),
        (None, own) => own.map(Day::In),
    };
    let mut minutes = vec![clock.minutes.rem_euclid(DAY_MINUTES)];
    if clock.minutes == DAY_MINUTES {
        minutes = vec![DAY_MINUTES];
    }
    if clock.is_open {
        minutes.push((clock.minutes + DAY_MINUTES / 2).rem_euclid(DAY_MINUTES));
    }
    if let Some(part) = part {
        let later = minutes.iter().map(|minute| minute + DAY_MINUTES).collect::<Vec<_>>();
        minutes.extend(later);
        minutes.retain(|minute| (part.from * 60..part.to * 60).contains(minute));
        if minutes.is_empty() {
            return None;
        }
    }
    minutes.sort_unstable();
    let dates: Vec<Date> = match day {
        Some(Day::In(days)) => vec![now.date().checked_add(days.days()).ok()?],
        Some(Day::Weekday(wanted)) => weekdays(wanted, now)?,
        None => (-1..=1).filter_map(|days| now.date().checked_add(days.days()).ok()).collect(),
    };
    let on = |date: Date| minutes.iter().filter_map(move |minute| moment(date, *minute, now));
    Some(dates.into_iter().flat_map(on).collect())
}

/// The two dates of a weekday that may be meant: today or in the week that comes.
fn weekdays(wanted: i8, now: &Zoned) -> Option<Vec<Date>> {
    let weekday = Weekday::from_monday_zero_offset(wanted).ok()?;
    let ahead = i64::from(now.weekday().until(weekday));
    let on = |days: i64| now.date().checked_add(days.days()).ok();
    Some(vec![on(ahead)?, on(ahead + 7)?])
}

/// The clock of the home's time zone: a time that a change of the clock leaves out is as much later.
fn moment(date: Date, minutes: i64, now: &Zoned) -> Option<Zoned> {
    let date = date.checked_add((minutes / DAY_MINUTES).days()).ok()?;
    let (hour, minute) = (minutes % DAY_MINUTES / 60, minutes % 60);
    let time = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
    time.to_zoned(now.time_zone().clone()).ok()
}
