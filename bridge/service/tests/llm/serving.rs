//! Servers that work: what they have is found, who waits is served in turn, streams are heard as they come.

use std::io::ErrorKind;
use std::time::Duration;

use helix::llm::{Duty, LlmSettings};
use helix_core::Pii;
use helix_core::egress::Privacy;
use helix_core::llm::{LlmError, Tool};
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::place::{chat, models, ollama};

async fn answers(server: &MockServer, at: &str, body: serde_json::Value) {
    let response = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path(at)).respond_with(response).mount(server).await;
}

#[tokio::test]
async fn a_missing_model_is_replaced_by_one_that_is_there_or_named_with_the_command_that_gets_it() {
    let server = MockServer::start().await;
    answers(&server, "/api/tags", json!({ "models": [{ "name": "qwen3:0.6b" }] })).await;
    answers(&server, "/api/show", json!({ "capabilities": ["completion", "tools", "thinking"] })).await;
    answers(
        &server,
        "/api/chat",
        json!({ "model": "qwen3:0.6b", "message": { "content": "Hi" }, "done": true }),
    )
    .await;
    let (models, notes) = models(&ollama(&server.uri()));
    models.look_at(true).await;
    let report = models.report();
    let router = &report.duties[0];
    assert_eq!((router.duty, router.in_use.as_deref()), (Duty::Router, Some("qwen3:0.6b")));
    assert!(router.warning.as_deref().is_some_and(|text| text.contains("is not there")), "{router:?}");
    assert!(models.router().chat(&chat(Privacy::Others)).await.is_ok());
    let error = models.local_agent().ready().expect_err("missing");
    assert!(error.to_string().contains("ollama pull deepseek-r1:8b"), "{error}");
    assert!(notes.left.lock().unwrap().is_empty(), "a server at home needs no ledger");
    let asked = server.received_requests().await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&asked.last().unwrap().body).unwrap();
    assert_eq!(body["think"], false, "the server says that it has silent thoughts");
}

#[tokio::test]
async fn a_model_without_tools_is_not_offered_any() {
    let (models, _) = models(&ollama("http://127.0.0.1:9"));
    let mut asked = chat(Privacy::Home);
    asked.tools.push(Tool { name: "look".into(), description: String::new(), parameters: json!({}) });
    let error = models.local_agent().chat(&asked).await.expect_err("deepseek-r1 has none");
    assert!(matches!(error, LlmError::Unable { .. }), "{error}");
    assert!(!models.local_agent().capabilities().tools && models.router().capabilities().tools);
}

#[tokio::test]
async fn a_server_with_openais_interface_is_asked_below_v1_with_its_key() {
    let server = MockServer::start().await;
    let body =
        json!({ "choices": [{ "message": { "content": "{\"cold\":true}" }, "finish_reason": "stop" }] });
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer sk-1"))
        .and(body_partial_json(json!({ "model": "phi4", "response_format": { "type": "json_schema" } })))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    answers(&server, "/v1/embeddings", json!({ "data": [{ "index": 0, "embedding": [0.5] }] })).await;
    let settings = LlmSettings {
        openai_url: Some(server.uri()),
        openai_key: Some(SecretString::from("sk-1")),
        named: [(Duty::Router, "phi4".to_owned())].into(),
        ..LlmSettings::default()
    };
    let (models, _) = models(&settings);
    let mut asked = chat(Privacy::Home);
    asked.schema = Some(json!({ "type": "object", "required": ["cold"] }));
    let answer = models.router().chat(&asked).await.expect("answered");
    assert_eq!(answer.text.expose(), "{\"cold\":true}");
    let vectors = models.router().embed(&[Pii::new("cold".into())], &asked.origin).await;
    assert_eq!(vectors.expect("vectors"), [[0.5]]);
}

#[tokio::test]
async fn who_finds_the_queue_full_is_told_so_within_its_limit() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    Mock::given(path("/api/chat")).respond_with(slow).mount(&server).await;
    let (models, _) = models(&ollama(&server.uri()));
    let (router, asked) = (models.router(), chat(Privacy::Home));
    let limit = Duration::from_secs(4);
    let all = (0..12).map(|_| tokio::time::timeout(limit, router.chat(&asked)));
    let ended = futures_util::future::join_all(all).await;
    let busy = ended.iter().filter(|ended| matches!(ended, Ok(Err(LlmError::Busy)))).count();
    assert_eq!(busy, 10, "four at once, six after their wait; two are served: {ended:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_named_costs_nothing_and_says_so() {
    let (models, _) = models(&LlmSettings::default());
    assert!(models.is_empty() && models.report().duties.is_empty());
    let asked = chat(Privacy::Home);
    for model in [models.router(), models.local_agent(), models.cloud_agent()] {
        assert_eq!(model.ready(), Err(LlmError::NotConfigured));
        assert_eq!(model.chat(&asked).await, Err(LlmError::NotConfigured));
    }
}

/// Reads a request; its first bytes are enough.
async fn heard(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
    stream
}

async fn say(mut stream: TcpStream, text: &str) {
    let body = json!({"model": "m", "message": {"content": text}, "done": true, "eval_count": 1}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

#[tokio::test]
async fn what_works_on_a_task_is_aborted_for_a_sentence_and_asked_again_after_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (models, _) = models(&ollama(&format!("http://{}", listener.local_addr().unwrap())));
    let (agent, router) = (models.local_agent(), models.router());
    let (task, sentence) = (chat(Privacy::Home), chat(Privacy::Home));
    let spoken = tokio::sync::Notify::new();
    let speaking = async {
        spoken.notified().await;
        router.chat(&sentence).await.expect("answered")
    };
    let server = async {
        let mut thinking = heard(&listener).await;
        spoken.notify_one();
        let spoken = heard(&listener).await;
        let rest = thinking.read_to_end(&mut Vec::new()).await;
        assert!(
            rest.is_ok() || rest.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset),
            "it is let go"
        );
        say(spoken, "the lamp").await;
        say(heard(&listener).await, "the heat pump").await;
    };
    let (task, sentence, ()) = tokio::join!(agent.chat(&task), speaking, server);
    assert_eq!(sentence.text.expose(), "the lamp");
    assert_eq!(task.expect("answered").text.expose(), "the heat pump");
}
