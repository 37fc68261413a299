//! What leaves the house: written down before, paid for, with a key that nobody gets to see.

use std::time::Duration;

use helix::llm::{Duty, LlmSettings};
use helix_core::egress::{Cloud, Privacy};
use helix_core::llm::LlmError;
use helix_core::llm::budget::{Amount, Budget};
use jiff::civil::date;
use serde_json::json;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::place::{KEY, chat, gemini, models, ollama, outside};

const GENERATE: &str = "/v1beta/models/gemini-3.5-flash-lite:generateContent";

/// Gemini that answers, and counts 1000 tokens read and 100 written.
async fn cloud() -> MockServer {
    let server = MockServer::start().await;
    let body = json!({
        "candidates": [{ "content": { "parts": [{ "text": "Nobody." }] }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 1000, "candidatesTokenCount": 100 },
    });
    Mock::given(method("POST"))
        .and(path(GENERATE))
        .and(header("x-goog-api-key", KEY))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn what_is_asked_outside_is_in_the_ledger_word_for_word_and_its_price_in_the_book() {
    let server = cloud().await;
    let (models, notes) = models(&gemini(&outside(&server.uri())));
    let answer = models.cloud_agent().chat(&chat(Privacy::Public)).await.expect("answered");
    assert_eq!(answer.text.expose(), "Nobody.");
    let left = notes.left.lock().unwrap().clone();
    let [host, purpose, privacy, body, ended] = &left[0];
    assert_eq!([host, purpose, privacy, ended], ["0.0.0.0", "answer", "P0", "answered"]);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(String::from_utf8(requests[0].body.clone()).unwrap(), *body, "the very text");
    assert!(body.contains("Who won the match?") && !body.contains(KEY));
    assert!(!requests[0].url.as_str().contains(KEY), "the key is in no address");
    let spent = notes.spent.lock().unwrap().clone();
    // 1000 * 0.30 + 100 * 2.50 millionths of a dollar.
    assert_eq!(spent[0].amount, Amount { tokens: 1100, micros: 550 });
    assert_eq!((spent[0].model.as_str(), spent[0].day), ("gemini-3.5-flash-lite", date(2026, 11, 21)));
}

#[tokio::test]
async fn what_may_not_leave_is_not_sent() {
    let server = cloud().await;
    let (allowed, notes) = models(&gemini(&outside(&server.uri())));
    for privacy in [Privacy::Home, Privacy::Personal, Privacy::Others] {
        let error = allowed.cloud_agent().chat(&chat(privacy)).await.expect_err("stays");
        assert!(matches!(error, LlmError::NotPermitted(_)), "{error}");
    }
    let mut passive = chat(Privacy::Public);
    passive.origin.passive = true;
    assert_eq!(allowed.cloud_agent().chat(&passive).await.expect_err("stays").code(), "egress-passive");
    let off = LlmSettings { cloud: Cloud::Off, ..gemini(&outside(&server.uri())) };
    let (forbidden, _) = models(&off);
    assert_eq!(forbidden.cloud_agent().ready().expect_err("off").code(), "egress-not-allowed");
    forbidden.look_at(true).await;
    assert!(notes.left.lock().unwrap().is_empty());
    assert!(server.received_requests().await.unwrap().is_empty(), "not even a look");
}

#[tokio::test]
async fn a_model_at_home_that_is_served_by_a_cloud_is_outside() {
    let settings = LlmSettings {
        named: [(Duty::Router, "gpt-oss:120b-cloud".to_owned())].into(),
        cloud: Cloud::Public,
        ..ollama("http://127.0.0.1:9")
    };
    let (models, notes) = models(&settings);
    models.router().chat(&chat(Privacy::Public)).await.expect_err("nobody serves");
    assert_eq!(notes.left.lock().unwrap()[0][0], "ollama.com");
    let (others, _) = crate::place::models(&settings);
    let error = others.router().chat(&chat(Privacy::Home)).await.expect_err("stays");
    assert_eq!(error.code(), "egress-not-allowed");
    let (models, notes) = crate::place::models(&settings);
    let at_home = models.local_agent().chat(&chat(Privacy::Others)).await.expect_err("nobody serves");
    assert_eq!(at_home.code(), "llm-unreachable", "a model at home may be asked anything");
    assert!(notes.left.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_retired_default_is_answered_by_its_successor_and_a_person_is_told() {
    let server = cloud().await;
    let (models, _) = models(&gemini(&outside(&server.uri())));
    let report = models.report();
    let agent = report.duties.iter().find(|report| report.duty == Duty::CloudAgent).expect("there");
    assert_eq!(agent.named, "gemini-2.5-flash-preview-09-2025");
    assert_eq!((agent.in_use.as_deref(), agent.outside), (Some("gemini-3.5-flash-lite"), true));
    assert!(agent.warning.as_deref().is_some_and(|text| text.contains("2026-11-20")), "{agent:?}");
}

#[tokio::test]
async fn a_budget_that_is_spent_stops_what_is_asked_outside_and_nothing_else() {
    let server = cloud().await;
    let budget = Budget { tokens_day: Some(2000), ..Budget::default() };
    let settings = LlmSettings { budget, ..gemini(&outside(&server.uri())) };
    let (models, notes) = models(&settings);
    let agent = models.cloud_agent();
    agent.chat(&chat(Privacy::Public)).await.expect("within");
    agent.chat(&chat(Privacy::Public)).await.expect("within");
    let error = agent.chat(&chat(Privacy::Public)).await.expect_err("spent");
    assert!(error.to_string().contains("cloud_tokens_day"), "{error}");
    assert_eq!(agent.ready(), Err(error));
    assert_eq!(notes.left.lock().unwrap().len(), 2, "what is not paid for does not leave");
    assert_eq!(models.report().day, Amount { tokens: 2200, micros: 1100 });
}

#[tokio::test]
async fn what_was_spent_before_a_restart_counts() {
    let server = cloud().await;
    let budget = Budget { micros_month: Some(1_000_000), ..Budget::default() };
    let (models, notes) = models(&LlmSettings { budget, ..gemini(&outside(&server.uri())) });
    notes.before.lock().unwrap().push((date(2026, 11, 2), Amount { tokens: 1, micros: 1_000_000 }));
    let cancel = tokio_util::sync::CancellationToken::new();
    let run = models.clone().run(cancel.clone());
    let check = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let error = models.cloud_agent().chat(&chat(Privacy::Public)).await.expect_err("spent");
        cancel.cancel();
        error
    };
    let (error, ()) = tokio::join!(check, run);
    assert!(error.to_string().contains("cloud_usd_month"), "{error}");
}

#[tokio::test]
async fn who_goes_away_leaves_an_entry_and_has_paid_the_most() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;
    let (models, notes) = models(&gemini(&outside(&server.uri())));
    let agent = models.cloud_agent();
    let asked = chat(Privacy::Public);
    let limit = Duration::from_millis(500);
    assert!(tokio::time::timeout(limit, agent.chat(&asked)).await.is_err(), "it is slow");
    let ended = async {
        while notes.left.lock().unwrap()[0][4].is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("written down");
    assert_eq!(notes.left.lock().unwrap()[0][4], "abandoned");
    assert!(notes.spent.lock().unwrap()[0].amount.tokens > 512);
}

#[tokio::test]
async fn a_key_is_printed_nowhere() {
    let server = MockServer::start().await;
    let body = json!({ "error": { "message": format!("bad key {KEY}"), "status": KEY } });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(403).set_body_json(body))
        .mount(&server)
        .await;
    let settings = gemini(&outside(&server.uri()));
    let (models, notes) = models(&settings);
    let error = models.cloud_agent().chat(&chat(Privacy::Public)).await.expect_err("refused");
    assert_eq!(error.code(), "llm-unauthorized");
    let printed = format!("{settings:?} {models:?} {error} {error:?} {:?} {notes:?}", models.report());
    assert!(!printed.contains(KEY), "{printed}");
}
