//! Servers that refuse, break off, or never end: each has one error, in bounded time and memory.

use std::time::Duration;

use helix::llm::LlmSettings;
use helix_core::egress::Privacy;
use helix_core::llm::{Answer, LlmError};
use serde_json::json;
use tokio_util::task::TaskTracker;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::place::{chat, gemini, models, ollama, outside, raw};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n";

async fn answered(status: u16, body: &str, header: Option<(&str, &str)>) -> (MockServer, LlmError) {
    let server = MockServer::start().await;
    let mut response = ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json");
    if let Some((name, value)) = header {
        response = response.insert_header(name, value);
    }
    Mock::given(any()).respond_with(response).mount(&server).await;
    let (models, _) = models(&ollama(&server.uri()));
    let error = models.router().chat(&chat(Privacy::Home)).await.expect_err("refused");
    (server, error)
}

/// What streaming from a server that sends `begun`, and then `more` for ever, comes to, and what was heard.
async fn streamed(
    settings: impl Fn(&str) -> LlmSettings,
    begun: &'static str,
    more: Option<&'static [u8]>,
) -> (Result<Answer, LlmError>, String) {
    let tasks = TaskTracker::new();
    let url = raw(&tasks, begun, more).await;
    let (models, _) = models(&settings(&url));
    let mut heard = String::new();
    let router = if models.report().duties.len() == 1 { models.cloud_agent() } else { models.router() };
    let asked = chat(Privacy::Public);
    let mut listen = |piece: &str| heard.push_str(piece);
    let answer = tokio::time::timeout(Duration::from_secs(10), router.stream(&asked, &mut listen)).await;
    let answer = answer.expect("it ends");
    (answer, heard)
}

#[tokio::test]
async fn each_refusal_has_its_own_error_that_says_what_to_do() {
    let (_, error) = answered(401, "{}", None).await;
    assert_eq!((error.code(), error.is_retryable()), ("llm-unauthorized", false));
    let (_, error) = answered(404, r#"{"error":"model 'qwen3:4b-instruct' not found"}"#, None).await;
    assert!(error.to_string().contains("ollama pull qwen3:4b-instruct"), "{error}");
    let (_, error) = answered(404, "<html>nothing here</html>", None).await;
    assert_eq!(error.code(), "llm-rejected");
    let (_, error) = answered(429, "{}", Some(("retry-after", "17"))).await;
    let LlmError::RateLimited { retry_after, .. } = &error else { panic!("{error}") };
    assert!(*retry_after == Some(Duration::from_secs(17)) && error.to_string().contains("17 s"), "{error}");
    let (_, error) = answered(500, r#"{"error":"the runner died"}"#, None).await;
    assert_eq!((error.code(), error.is_retryable()), ("llm-server-failed", true));
    let (_, error) = answered(400, r#"{"error":"registry.ollama.ai/x does not support tools"}"#, None).await;
    assert_eq!(error.code(), "llm-unable");
    let (_, error) = answered(302, "", Some(("location", "http://example.com/"))).await;
    assert_eq!(error.code(), "llm-rejected", "nothing is followed anywhere else");
}

#[tokio::test]
async fn broken_json_and_what_does_not_follow_the_schema_are_nonsense() {
    for body in ["{\"message\":", "", "null", "[]", r#"{"message":{"content":"half"},"done":false}"#] {
        let (_, error) = answered(200, body, None).await;
        assert_eq!(error.code(), "llm-nonsense", "{body}");
    }
    let server = MockServer::start().await;
    let body = json!({ "message": { "content": r#"{"act":"explode"}"# }, "done": true });
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&server).await;
    let (models, _) = models(&ollama(&server.uri()));
    let mut asked = chat(Privacy::Home);
    asked.schema = Some(json!({ "properties": { "act": { "enum": ["on", "off"] } } }));
    let error = models.router().chat(&asked).await.expect_err("nonsense");
    assert!(error.to_string().contains("schema"), "{error}");
}

#[tokio::test]
async fn half_a_stream_is_no_answer_but_what_came_was_heard() {
    let half = concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n",
        "{\"message\":{\"content\":\"It was \"},\"done\":false}\n",
        "{\"message\":{\"content\":\"the"
    );
    let (answer, heard) = streamed(ollama, half, None).await;
    assert_eq!((answer.expect_err("half").code(), heard.as_str()), ("llm-nonsense", "It was "));
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"message\":{\"content\":\"It was \"},\"done\":false}\n";
    let (answer, _) = streamed(ollama, half, None).await;
    assert_eq!(answer.expect_err("half").code(), "llm-nonsense");
    let half = concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"It was\"}]}}]}\n\n"
    );
    let (answer, heard) = streamed(|url| gemini(&outside(url)), half, None).await;
    assert_eq!((answer.expect_err("half").code(), heard.as_str()), ("llm-nonsense", "It was"));
}

#[tokio::test]
async fn an_endless_stream_is_ended_however_it_is_cut() {
    let line = b"{\"message\":{\"content\":\"la \"},\"done\":false}\n";
    let (answer, _) = streamed(ollama, HEAD, Some(line)).await;
    assert_eq!(answer.expect_err("endless").code(), "llm-too-long");
    let (answer, _) = streamed(ollama, HEAD, Some(b"x")).await;
    assert_eq!(answer.expect_err("one endless line").code(), "llm-too-long");
    let (answer, _) = streamed(ollama, HEAD, Some(b"\n")).await;
    assert_eq!(answer.expect_err("nothing but ends").code(), "llm-too-long");
    let (answer, heard) = streamed(|url| gemini(&outside(url)), HEAD, Some(b": still there\n")).await;
    assert_eq!((answer.expect_err("endless").code(), heard.as_str()), ("llm-too-long", ""));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for() {
    let begun = "HTTP/1.1 200 OK\r\n\r\n{\"message\":{\"content\":\"Well\"},\"done\":false}\n";
    let (answer, heard) = streamed(ollama, begun, Some(b"")).await;
    assert_eq!((answer.expect_err("silent").code(), heard.as_str()), ("llm-timeout", "Well"));
}

#[tokio::test]
async fn a_server_that_is_away_costs_one_request_and_the_next_ones_nothing() {
    let (models, _) = models(&ollama("http://127.0.0.1:9"));
    let router = models.router();
    assert_eq!(router.ready(), Ok(()), "nobody has looked yet");
    let error = router.chat(&chat(Privacy::Home)).await.expect_err("away");
    assert_eq!(error.code(), "llm-unreachable");
    assert_eq!(router.ready(), Err(error.clone()));
    assert_eq!(router.chat(&chat(Privacy::Home)).await, Err(error));
}
