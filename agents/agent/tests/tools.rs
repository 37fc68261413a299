//! What the tools answer, and what they make of what a model may write.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use helix_agent::{Setting, TOOLS, ToolError, tool};
use helix_contract::ToolName;
use serde_json::{Value, json};

fn ask(name: &str, input: &Value) -> Result<Value, ToolError> {
    let now = noon();
    tool(name).expect("a tool").call(input, &Setting { now, stop: &|| false })
}

fn noon() -> jiff::Zoned {
    "2026-11-21T12:00[Europe/Berlin]".parse().unwrap()
}

fn calculate(expression: &str) -> Result<Value, ToolError> {
    ask("calculate", &json!({ "expression": expression }))
}

#[test]
fn every_tool_has_a_name_that_a_definition_can_name_and_a_schema() {
    for tool in TOOLS {
        assert!(tool.name().parse::<ToolName>().is_ok(), "{}", tool.name());
        assert!(tool.description().len() > 20);
        let schema = tool.input_schema();
        assert!(schema["properties"].is_object() || schema["oneOf"].is_array(), "{schema}");
    }
    assert!(tool("web_search").is_none());
}

#[test]
fn arithmetic_is_exact_or_says_that_it_is_not() {
    let cases = [
        ("2 + 2 * 3", "8", true),
        ("0.1 + 0.2", "0.3", true),
        ("17.5% of 89.99", "15.74825", true),
        ("80 + 15%", "80.15", true),
        ("10!", "3628800", true),
        ("7 mod 3", "1", true),
        ("1/3 to 4 dp", "0.3333", false),
        ("2 h 30 min in minutes", "150 minutes", true),
        ("6 × 7 − 2", "40", true),
    ];
    for (expression, result, exact) in cases {
        assert_eq!(
            calculate(expression).unwrap(),
            json!({ "result": result, "exact": exact }),
            "{expression}"
        );
    }
}

#[test]
fn units_are_converted_and_what_does_not_fit_is_said() {
    let convert =
        |value: f64, from: &str, to: &str| ask("convert", &json!({ "value": value, "from": from, "to": to }));
    let cases = [
        (100.0, "km/h", "mph", "62.1371192237 mph"),
        (20.0, "°C", "°F", "68 °F"),
        (-40.0, "°C", "°F", "-40 °F"),
        (2.5, "cups", "ml", "591.47059125 ml"),
        (10.0, "inch", "cm", "25.4 cm"),
        (5.0, "TB", "GiB", "4656.612873077392578125 GiB"),
        (0.000_000_1, "m", "nm", "100 nm"),
    ];
    for (value, from, to, result) in cases {
        assert_eq!(convert(value, from, to).unwrap()["result"], result, "{value} {from}");
    }
    let error = convert(5.0, "kg", "m").unwrap_err();
    assert!(error.code() == "tool-no-result" && error.to_string().contains("incompatible"), "{error}");
    for (from, to) in [("EUR", "USD"), ("parrots", "m")] {
        assert_eq!(convert(1.0, from, to).unwrap_err().code(), "tool-no-result", "{from}");
    }
    assert_eq!(convert(1.0, "", "m").unwrap_err().code(), "tool-input");
    assert_eq!(convert(1.0, "m", "5").unwrap_err().code(), "tool-input");
}

#[test]
fn what_a_model_should_not_write_is_refused_in_words() {
    let cases = [
        ("", "empty"),
        ("2,5 + 1", "write 2500.5"),
        ("2 << 1000000000000", "has no meaning here"),
        (r"(\x.x x)(\x.x x)", "has no meaning here"),
        ("f = x: f x; f 1", "has no meaning here"),
        ("1\n2", "has no meaning here"),
        ("2d610", "dice"),
        ("roll d6", "dice"),
    ];
    for (expression, words) in cases {
        let error = calculate(expression).unwrap_err();
        assert!(error.code() == "tool-input" && error.to_string().contains(words), "{expression}: {error}");
    }
    assert!(calculate(&"1+".repeat(200)).unwrap_err().to_string().contains("take it in steps"));
    for expression in ["1/0", "x", "today", "2 +"] {
        assert_eq!(calculate(expression).unwrap_err().code(), "tool-no-result", "{expression}");
    }
    for input in [json!({}), json!(null), json!({ "expression": 2 }), json!({ "expression": "1", "x": 1 })] {
        assert_eq!(ask("calculate", &input).unwrap_err().code(), "tool-input", "{input}");
    }
}

#[test]
fn deep_nesting_breaks_no_stack_and_long_results_are_not_told() {
    for (open, close) in [("(", ")"), ("-", ""), ("sqrt ", ""), ("2^", ""), ("√", ""), ("1/", "")] {
        let depth = 199 / (open.len().max(open.chars().count()) + close.len());
        let expression = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        // It need not have a result; it must come back.
        let _ = calculate(&expression);
    }
    assert!(calculate("10^1999").is_ok());
    assert_eq!(calculate("10^2000").unwrap_err(), ToolError::TooLong { len: 2001 });
}

#[test]
fn what_would_take_for_ever_ends_when_it_is_told_to() {
    for expression in
        ["9^9^9^9", "1000000!", "1e1000000", "2^0.0000001", "(10^9) choose (10^8)", "10^1000000 to roman"]
    {
        let (over, asked) = (AtomicBool::new(false), AtomicU32::new(0));
        let stop = || {
            asked.fetch_add(1, Ordering::Relaxed);
            over.load(Ordering::Relaxed)
        };
        let input = json!({ "expression": expression });
        let answer = std::thread::scope(|threads| {
            threads.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                over.store(true, Ordering::Relaxed);
            });
            tool("calculate").unwrap().call(&input, &Setting { now: noon(), stop: &stop })
        });
        assert_eq!(answer.unwrap_err(), ToolError::Stopped, "{expression}");
        assert!(asked.into_inner() > 1, "{expression}");
    }
}

#[test]
fn dates_are_reckoned_as_a_calendar_does() {
    let add = |to: &str, span: &str| ask("dates", &json!({ "ask": "add", "to": to, "span": span })).unwrap();
    let cases = [
        ("today", "2 weeks 3 days", "2026-12-08", "Tuesday"),
        ("2026-01-31", "1 month", "2026-02-28", "Saturday"),
        ("2028-02-29", "1 year", "2029-02-28", "Wednesday"),
        ("tomorrow", "-1 day", "2026-11-21", "Saturday"),
        ("today", "3 days ago", "2026-11-18", "Wednesday"),
        ("now", "90 minutes", "2026-11-21T13:30:00+01:00[Europe/Berlin]", "Saturday"),
        // The night in which the clock goes back has 25 hours.
        ("2026-10-25", "24 hours", "2026-10-25T23:00:00+01:00[Europe/Berlin]", "Sunday"),
    ];
    for (to, span, result, weekday) in cases {
        assert_eq!(add(to, span), json!({ "result": result, "weekday": weekday }), "{to} + {span}");
    }
    let between =
        |from: &str, to: &str| ask("dates", &json!({ "ask": "between", "from": from, "to": to })).unwrap();
    assert_eq!(between("today", "2026-12-24"), json!({ "span": "1 month 3 days", "days": 33 }));
    assert_eq!(between("2026-12-24", "today")["days"], -33);
    assert_eq!(between("2026-03-28T12:00", "2026-03-29T12:00")["seconds"], 23 * 3600);
    let described = ask("dates", &json!({ "ask": "describe", "moment": "2027-01-01" })).unwrap();
    let expected = json!({
        "date": "2027-01-01", "weekday": "Friday", "week": 53, "year_of_week": 2026, "day_of_year": 1,
        "days_of_month": 31, "leap_year": false,
    });
    assert_eq!(described, expected);
    let zone = json!({ "ask": "in_zone", "moment": "2026-11-21T15:00", "zone": "America/New_York" });
    assert_eq!(ask("dates", &zone).unwrap()["result"], "2026-11-21T09:00:00-05:00[America/New_York]");
    let utc = json!({ "ask": "in_zone", "moment": "2026-11-21T15:00Z", "zone": "Asia/Kathmandu" });
    assert_eq!(ask("dates", &utc).unwrap()["result"], "2026-11-21T20:45:00+05:45[Asia/Kathmandu]");
}

#[test]
fn dates_that_are_none_are_refused_in_words() {
    let cases = [
        (json!({ "ask": "add", "to": "2026-02-30", "span": "1 day" }), "is no moment"),
        (json!({ "ask": "add", "to": "next tuesday", "span": "1 day" }), "is no moment"),
        (json!({ "ask": "add", "to": "today", "span": "soon" }), "write 2 weeks 3 days"),
        (json!({ "ask": "in_zone", "moment": "now", "zone": "Europe/Atlantis" }), "is no time zone"),
        (json!({ "ask": "guess" }), "unknown variant"),
        (json!({ "ask": "describe", "moment": "today", "colour": "red" }), "unknown field"),
    ];
    for (input, words) in cases {
        let error = ask("dates", &input).unwrap_err();
        assert!(error.code() == "tool-input" && error.to_string().contains(words), "{input}: {error}");
    }
    let error = ask("dates", &json!({ "ask": "add", "to": "9999-12-31", "span": "1 day" })).unwrap_err();
    assert_eq!(error.code(), "tool-no-result", "{error}");
}
