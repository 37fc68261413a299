//! Dates and times: a question about the calendar in, its answer out. The calendar is the Gregorian one, weeks are those
//! of ISO 8601.

use jiff::civil::{Date, DateTime};
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::fmt::temporal::DateTimeParser;
use jiff::{Span, Timestamp, Unit, Zoned};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tool::{Setting, Tool, ToolError, read, schema, wrong};
use crate::zone;

/// Reads `2026-11-21T15:00[America/New_York]`.
static ZONED: DateTimeParser = DateTimeParser::new();

/// Answers questions about the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Dates;

/// A moment is `now`, `today`, `tomorrow`, `yesterday`, a date such as `2026-11-21`, or a time such as
/// `2026-11-21T15:00`, which is the person's own, or `2026-11-21T15:00[America/New_York]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// The moment that lies a span after another one
    Add {
        /// A moment
        to: String,
        /// Such as `2 weeks 3 days`, `90 minutes`, `-1 month`, `3 days ago`
        span: String,
    },
    /// How long it is from one moment to another
    Between {
        /// A moment
        from: String,
        /// A moment
        to: String,
    },
    /// Day of the week, number of the week, day of the year, days of the month
    Describe {
        /// A moment
        moment: String,
    },
    /// What time it is elsewhere at a moment
    InZone {
        /// A moment
        moment: String,
        /// Such as `Europe/Berlin`
        zone: String,
    },
}

/// A day, or a point in time.
enum Moment {
    Day(Date),
    Time(Zoned),
}

impl Tool for Dates {
    fn name(&self) -> &'static str {
        "dates"
    }

    fn description(&self) -> &'static str {
        "Answers questions about dates and times: what day it is after a span, how long it is between two, which day of the \
         week a date is, what time it is in another zone."
    }

    fn input_schema(&self) -> Value {
        schema::<Question>()
    }

    fn call(&self, input: &Value, setting: &Setting<'_>) -> Result<Value, ToolError> {
        let now = &setting.now;
        match read(input)? {
            Question::Add { to, span } => Ok(tell(&add(moment(&to, now)?, &span, now)?)),
            Question::Between { from, to } => between(moment(&from, now)?, moment(&to, now)?, now),
            Question::Describe { moment: text } => Ok(describe(moment(&text, now)?.day())),
            Question::InZone { moment: text, zone } => {
                let zone = zone::named(&zone).ok_or_else(|| {
                    wrong(format!("{zone:?} is no time zone; name one such as Europe/Berlin"))
                })?;
                Ok(tell(&Moment::Time(moment(&text, now)?.time(now)?.with_time_zone(zone))))
            }
        }
    }
}

impl Moment {
    fn day(&self) -> Date {
        match self {
            Self::Day(day) => *day,
            Self::Time(time) => time.date(),
        }
    }

    /// A day begins when it does where the person is.
    fn time(self, now: &Zoned) -> Result<Zoned, ToolError> {
        match self {
            Self::Day(day) => day.to_zoned(now.time_zone().clone()).map_err(|error| none(&error)),
            Self::Time(time) => Ok(time),
        }
    }
}

fn moment(text: &str, now: &Zoned) -> Result<Moment, ToolError> {
    let day = |day: Result<Date, jiff::Error>| day.map(Moment::Day).map_err(|error| none(&error));
    match text {
        "now" => return Ok(Moment::Time(now.clone())),
        "today" => return day(Ok(now.date())),
        "tomorrow" => return day(now.date().tomorrow()),
        "yesterday" => return day(now.date().yesterday()),
        _ => {}
    }
    if let Ok(time) = ZONED.parse_zoned_with(&zone::database(), text) {
        return Ok(Moment::Time(time));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Moment::Time(time.to_zoned(now.time_zone().clone())));
    }
    if text.contains([':', 'T'])
        && let Ok(time) = text.parse::<DateTime>()
    {
        return time.to_zoned(now.time_zone().clone()).map(Moment::Time).map_err(|error| none(&error));
    }
    text.parse::<Date>().map(Moment::Day).map_err(|_| {
        wrong(format!("{text:?} is no moment; write 2026-11-21, 2026-11-21T15:00, today or now"))
    })
}

fn add(to: Moment, span: &str, now: &Zoned) -> Result<Moment, ToolError> {
    let no_span = |_| wrong(format!("{span:?} is no span of time; write 2 weeks 3 days"));
    let span: Span = span.parse().map_err(no_span)?;
    let small = [span.get_minutes(), span.get_seconds(), span.get_milliseconds(), span.get_microseconds()];
    let has_time = span.get_hours() != 0 || span.get_nanoseconds() != 0 || small != [0; 4];
    let sum = match to {
        Moment::Day(day) if !has_time => day.checked_add(span).map(Moment::Day),
        to @ (Moment::Day(_) | Moment::Time(_)) => to.time(now)?.checked_add(span).map(Moment::Time),
    };
    sum.map_err(|error| none(&error))
}

fn between(from: Moment, to: Moment, now: &Zoned) -> Result<Value, ToolError> {
    if let (Moment::Day(from), Moment::Day(to)) = (&from, &to) {
        let span = from.until((Unit::Year, *to)).map_err(|error| none(&error))?;
        let days = from.until((Unit::Day, *to)).map_err(|error| none(&error))?.get_days();
        return Ok(json!({ "span": say(&span), "days": days }));
    }
    let (from, to) = (from.time(now)?, to.time(now)?);
    let span = from.until((Unit::Year, &to)).map_err(|error| none(&error))?;
    let seconds = to.timestamp().as_second() - from.timestamp().as_second();
    Ok(json!({ "span": say(&span), "seconds": seconds }))
}

/// `1 month 3 days`.
fn say(span: &Span) -> String {
    let words = SpanPrinter::new().designator(Designator::Verbose);
    words.spacing(Spacing::BetweenUnitsAndDesignators).span_to_string(span)
}

fn tell(moment: &Moment) -> Value {
    let text = match moment {
        Moment::Day(day) => day.to_string(),
        Moment::Time(time) => time.to_string(),
    };
    json!({ "result": text, "weekday": weekday(moment.day()) })
}

fn describe(day: Date) -> Value {
    let week = day.iso_week_date();
    json!({
        "date": day.to_string(),
        "weekday": weekday(day),
        "week": week.week(),
        "year_of_week": week.year(),
        "day_of_year": day.day_of_year(),
        "days_of_month": day.days_in_month(),
        "leap_year": day.in_leap_year(),
    })
}

fn weekday(day: Date) -> String {
    format!("{:?}", day.weekday())
}

fn none(error: &jiff::Error) -> ToolError {
    ToolError::NoResult { reason: error.to_string() }
}
