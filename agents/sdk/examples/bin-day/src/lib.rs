//! A calendar file in, the next collections of bins out.

use std::path::PathBuf;

use chrono::{Days, NaiveDate};
use helix_sdk::{Permissions, Plugin, Tool};
use icalendar::{Calendar, CalendarComponent, CalendarDateTime, Component, DatePerhapsTime, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A longer file is no calendar of a municipality, bytes.
const FILE_LEN_MAX: u64 = 1 << 20;
/// More collections are not told at once.
const TOLD_MAX: usize = 40;

/// The plugin. `today` is asked at each call.
pub fn plugin(calendar: PathBuf, today: fn() -> NaiveDate) -> Plugin {
    Plugin::new("bin-day", env!("CARGO_PKG_VERSION")).with(NextCollections { calendar, today })
}

struct NextCollections {
    calendar: PathBuf,
    today: fn() -> NaiveDate,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// Only collections whose name has this in it, such as `paper`; all if it is missing.
    #[serde(default)]
    what: Option<String>,
    /// How many days to look ahead, at most 366; 14 if it is missing.
    #[serde(default = "fortnight")]
    days: u16,
}

fn fortnight() -> u16 {
    14
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    today: String,
    collections: Vec<Collection>,
    /// The last day of which the calendar knows something.
    known_until: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Collection {
    date: String,
    weekday: String,
    in_days: i64,
    what: String,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the calendar {path} cannot be read: {source}; its path is the first argument of bin-day")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the calendar is longer than {FILE_LEN_MAX} bytes; download one of a single address and year")]
    TooLong,
    #[error("the file is no calendar: {0}; download it anew, as iCalendar (.ics)")]
    NoCalendar(String),
    #[error(
        "{0:?} repeats by a rule, which bin-day does not know; download a calendar that lists every date"
    )]
    Repeats(String),
}

impl Tool for NextCollections {
    type Input = Question;
    type Output = Answer;
    type Error = Trouble;
    const NAME: &'static str = "next_collections";
    const DESCRIPTION: &'static str = "Tells when which bins (refuse, paper, organic …) are collected at this home, from its municipality's calendar.";

    fn permissions(&self) -> Permissions {
        Permissions::reads()
    }

    async fn call(&self, question: Question) -> Result<Answer, Trouble> {
        let today = (self.today)();
        let until = today.checked_add_days(Days::new(question.days.min(366).into())).unwrap_or(today);
        let wanted = question.what.unwrap_or_default().to_lowercase();
        let dates = dates(&self.read().await?)?;
        let is_wanted = |(date, what): &&(NaiveDate, String)| {
            (today..=until).contains(date) && what.to_lowercase().contains(&wanted)
        };
        let told = |(date, what): &(NaiveDate, String)| Collection {
            date: date.to_string(),
            weekday: date.format("%A").to_string(),
            in_days: (*date - today).num_days(),
            what: what.clone(),
        };
        Ok(Answer {
            today: today.to_string(),
            collections: dates.iter().filter(is_wanted).take(TOLD_MAX).map(told).collect(),
            known_until: dates.last().map(|(date, _)| date.to_string()),
        })
    }
}

impl NextCollections {
    async fn read(&self) -> Result<String, Trouble> {
        let unreadable = |source| Trouble::Unreadable { path: self.calendar.clone(), source };
        if tokio::fs::metadata(&self.calendar).await.map_err(unreadable)?.len() > FILE_LEN_MAX {
            return Err(Trouble::TooLong);
        }
        tokio::fs::read_to_string(&self.calendar).await.map_err(unreadable)
    }
}

/// Every date with what is collected then, in order.
fn dates(text: &str) -> Result<Vec<(NaiveDate, String)>, Trouble> {
    let calendar: Calendar = text.parse().map_err(Trouble::NoCalendar)?;
    let mut dates = Vec::new();
    for component in &calendar.components {
        let CalendarComponent::Event(event) = component else { continue };
        let what = event.get_summary().unwrap_or("collection").to_owned();
        if ["RRULE", "RDATE"].iter().any(|rule| event.property_value(rule).is_some()) {
            return Err(Trouble::Repeats(what));
        }
        dates.extend(day(event).map(|date| (date, what)));
    }
    dates.sort();
    Ok(dates)
}

fn day(event: &Event) -> Option<NaiveDate> {
    Some(match event.get_start()? {
        DatePerhapsTime::Date(date) => date,
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(at)) => at.date(),
        DatePerhapsTime::DateTime(CalendarDateTime::WithTimezone { date_time, .. }) => date_time.date(),
        DatePerhapsTime::DateTime(CalendarDateTime::Utc(at)) => at.with_timezone(&chrono::Local).date_naive(),
    })
}
