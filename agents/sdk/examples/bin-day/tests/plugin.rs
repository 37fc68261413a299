//! The plugin as Helix would meet it.

use std::path::PathBuf;

use chrono::NaiveDate;
use helix_sdk::testing::{TestError, TestPlugin};
use serde_json::{Value, json};

fn candlemas() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 2).expect("a day")
}

async fn asked(calendar: impl Into<PathBuf>, question: Value) -> Result<Value, TestError> {
    let plugin = bin_day::plugin(calendar.into(), candlemas);
    TestPlugin::start(plugin).await?.call("next_collections", question).await
}

async fn refusal(name: &str, text: &str) -> String {
    let file = std::env::temp_dir().join(format!("bin-day-{}-{name}.ics", std::process::id()));
    std::fs::write(&file, text).expect("written");
    let refused = asked(&file, json!({})).await.expect_err("refused");
    std::fs::remove_file(&file).expect("removed");
    refused.to_string()
}

const BINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testdata/bins.ics");

#[tokio::test]
async fn it_is_fit_for_helix() {
    let plugin = TestPlugin::start(bin_day::plugin(BINS.into(), candlemas)).await.expect("started");
    plugin.check().await.expect("fit");
}

#[tokio::test]
async fn the_next_collections_are_told_in_their_order() {
    let answer = asked(BINS, json!({})).await.expect("an answer");
    let told = json!([
        { "date": "2026-02-02", "weekday": "Monday", "in_days": 0, "what": "Refuse" },
        { "date": "2026-02-09", "weekday": "Monday", "in_days": 7, "what": "Organic waste" },
        { "date": "2026-02-13", "weekday": "Friday", "in_days": 11, "what": "Paper" },
    ]);
    assert_eq!((&answer["collections"], &answer["known_until"]), (&told, &json!("2026-03-16")));
    let paper = asked(BINS, json!({ "what": "paper" })).await.expect("an answer");
    assert_eq!(paper["collections"].as_array().map(Vec::len), Some(1));
    let all = asked(BINS, json!({ "days": 60 })).await.expect("an answer");
    assert_eq!(all["collections"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_calendar_that_is_missing_or_none_is_told_of_with_what_to_do() {
    let missing = asked("/nowhere/bins.ics", json!({})).await.expect_err("refused").to_string();
    assert!(missing.contains("/nowhere/bins.ics") && missing.contains("first argument"), "{missing}");
    let none = refusal("none", "<html>Please log in</html>").await;
    assert!(none.contains("no calendar"), "{none}");
    let long = refusal("long", &"x".repeat(2 << 20)).await;
    assert!(long.contains("longer"), "{long}");
    let text = std::fs::read_to_string(BINS).expect("the calendar");
    let repeats =
        refusal("repeats", &text.replace("SUMMARY:Paper", "RRULE:FREQ=WEEKLY\nSUMMARY:Paper")).await;
    assert!(repeats.contains("Paper") && repeats.contains("lists every date"), "{repeats}");
}
