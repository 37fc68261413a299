//! `helix ledger`: what left the house, word for word.

use std::process::ExitCode;

use anyhow::Context;
use helix::clock::SystemCalendar;
use helix::store::EgressRow;
use helix_core::Calendar;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Session;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what left since then: `2h`, `3d`, a date such as 2026-11-20, or a point in time
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most this many, the newest last
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let since = match &args.since {
        Some(text) => parse_since(text, SystemCalendar.now())?,
        None => Timestamp::UNIX_EPOCH,
    };
    let rows = match session.store().await? {
        Some(store) => store.egress().list(since.as_microsecond(), args.limit).await?,
        None => Vec::new(),
    };
    if rows.is_empty() {
        session.out.line("nothing has left the local network");
    }
    for row in &rows {
        session.out.object(&json!({
            "id": row.id, "at": shown_utc(row.at), "run": row.run, "host": row.host, "purpose": row.purpose,
            "privacy": row.privacy, "size": row.size, "text": row.body, "outcome": row.outcome,
            "ended_at": row.ended_at.map(shown_utc),
        }));
        session.out.line(describe(row));
    }
    Ok(ExitCode::SUCCESS)
}

/// When, where, why, how private, how long and how it ended; below it the text.
fn describe(row: &EgressRow) -> String {
    let EgressRow { host, purpose, privacy, size, .. } = row;
    let outcome = row.outcome.as_deref().unwrap_or("no outcome noted");
    let at = shown(row.at);
    let text: Vec<_> = row.body.lines().map(|line| format!("    {}", harmless(line))).collect();
    format!("{at}  {host}  {purpose}  {privacy}  {size} bytes  {outcome}\n{}", text.join("\n"))
}

/// Without what would steer a terminal.
fn harmless(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) fn shown_utc(at: i64) -> String {
    timestamp(at).to_string()
}

/// In the time of this machine.
pub(crate) fn shown(at: i64) -> String {
    timestamp(at).to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn parse_since(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(ago) = text.parse::<SignedDuration>() {
        return now.checked_sub(ago).context("that is too long ago");
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()) {
        let ago = SignedDuration::from_hours(days.checked_mul(24).context("that is too long ago")?);
        return now.checked_sub(ago).context("that is too long ago");
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Ok(date.to_zoned(TimeZone::system())?.timestamp());
    }
    text.parse().with_context(|| {
        format!("`{text}` is no time; write it as 2h, 3d, 2026-11-20 or 2026-11-20T18:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_a_date_and_a_moment_are_understood() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let since = |text: &str| parse_since(text, now).expect("understood").to_string();
        assert_eq!(since("2h"), "2026-11-21T10:00:00Z");
        assert_eq!(since("3d"), "2026-11-18T12:00:00Z");
        assert_eq!(since("2026-11-20T18:00:00Z"), "2026-11-20T18:00:00Z");
        assert!(parse_since("yesterday", now).expect_err("unknown").to_string().contains("2026-11-20"));
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
