//! A plugin with a tool for everything that can go wrong, asked over the real protocol.

use std::convert::Infallible;
use std::time::Duration;

use helix_contract::plugin::{ANSWER_LEN_MAX, COMPLAINT_LEN_MAX, INPUT_LEN_MAX};
use helix_sdk::testing::{TestError, TestPlugin};
use helix_sdk::{Permissions, Plugin, PluginError, Tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const TOKEN: &str = "a-token-that-nobody-guesses";

#[derive(Debug, Deserialize, JsonSchema)]
struct Words {
    /// What is to be said.
    words: String,
    /// How often; once if it is not said.
    #[serde(default)]
    times: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Said {
    said: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} is not said here")]
struct Unsaid(String);

struct Say;

impl Tool for Say {
    type Input = Words;
    type Output = Said;
    type Error = Unsaid;
    const NAME: &'static str = "say";
    const DESCRIPTION: &'static str = "Says words as often as wanted.";

    fn permissions(&self) -> Permissions {
        Permissions::reads()
    }

    async fn call(&self, input: Words) -> Result<Said, Unsaid> {
        match input.words.as_str() {
            "a curse" => Err(Unsaid(input.words.repeat(COMPLAINT_LEN_MAX))),
            "panic" => panic!("as it was asked to"),
            "nothing" => std::future::pending().await,
            words => Ok(Said { said: words.repeat(input.times.unwrap_or(1) as usize) }),
        }
    }
}

struct Wipe;

#[derive(Debug, Deserialize, JsonSchema)]
struct Anything {
    depth: u8,
}

impl Tool for Wipe {
    type Input = Anything;
    type Output = String;
    type Error = Infallible;
    const NAME: &'static str = "Wipe-It";
    const DESCRIPTION: &'static str = "Wipes";

    fn permissions(&self) -> Permissions {
        Permissions::changes().key("wipe key").host("https://wipe.example/")
    }

    async fn call(&self, input: Anything) -> Result<String, Infallible> {
        Ok("wiped".repeat(input.depth.into()))
    }
}

fn plugin() -> Plugin {
    Plugin::new("sayer", "1.2.3").with(Say)
}

async fn said(plugin: &TestPlugin, input: Value) -> Result<Value, TestError> {
    plugin.call("say", input).await
}

fn refusal(result: Result<Value, TestError>) -> String {
    match result {
        Err(TestError::Refused(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_is_listed_with_what_a_model_and_the_bridge_need_of_it() {
    let plugin = TestPlugin::start(plugin()).await.expect("started");
    let tools = serde_json::to_value(plugin.tools().await.expect("a list")).expect("JSON");
    let schema = &tools[0]["inputSchema"];
    assert_eq!(
        schema["properties"]["words"],
        json!({ "type": "string", "description": "What is to be said." })
    );
    assert_eq!(schema["required"], json!(["words"]));
    assert_eq!(tools[0]["annotations"]["readOnlyHint"], true);
    assert!(
        tools[0]["outputSchema"]["properties"]["said"].is_object() && !tools.to_string().contains("$ref")
    );
}

#[tokio::test]
async fn a_call_is_answered_or_refused_in_words_and_the_plugin_goes_on() {
    let plugin = TestPlugin::start(plugin().limit(Duration::from_millis(50))).await.expect("started");
    assert_eq!(said(&plugin, json!({ "words": "hi", "times": 2 })).await, Ok(json!({ "said": "hihi" })));
    for (input, told) in [
        (json!({}), "missing field `words`"),
        (json!({ "words": 7 }), "invalid type"),
        (json!({ "words": "x".repeat(INPUT_LEN_MAX) }), "longer"),
        (json!({ "words": "x".repeat(1000), "times": 1000 }), "longer"),
        (json!({ "words": "nothing" }), "did not answer within 50ms"),
        (json!({ "words": "panic" }), "broke down"),
    ] {
        let words = refusal(said(&plugin, input).await);
        assert!(words.contains(told), "{words}");
    }
    let curse = refusal(said(&plugin, json!({ "words": "a curse" })).await);
    assert!(curse.starts_with("a curse") && curse.len() <= COMPLAINT_LEN_MAX, "{}", curse.len());
    assert!(refusal(plugin.call("shout", json!({})).await).contains("no such tool"));
    assert_eq!(said(&plugin, json!([])).await, Err(TestError::NoObject));
    let most = ANSWER_LEN_MAX - json!({ "said": "" }).to_string().len();
    assert!(said(&plugin, json!({ "words": "x", "times": most })).await.is_ok(), "still there");
}

#[tokio::test]
async fn more_calls_than_a_plugin_can_take_are_told_to_come_later() {
    let plugin = TestPlugin::start(plugin().limit(Duration::from_secs(1))).await.expect("started");
    let held = || said(&plugin, json!({ "words": "nothing" }));
    let all = futures_util::future::join_all(std::iter::repeat_with(held).take(20)).await;
    let busy = all.into_iter().map(refusal).filter(|words| words.contains("busy")).count();
    assert_eq!(busy, 4);
}

#[tokio::test]
async fn the_check_passes_a_good_plugin_and_names_everything_that_is_wrong_with_another() {
    TestPlugin::start(plugin()).await.expect("started").check().await.expect("fit");
    let wiping = TestPlugin::start(plugin().with(Wipe)).await.expect("started");
    let unfit = wiping.check().await.expect_err("unfit");
    let told = unfit.to_string();
    for fault in [
        "its name is small letters",
        "its description says",
        "the field depth of its input is not described",
        "its output is no object",
        "the key \"wipe key\"",
        "the host \"https://wipe.example/\"",
    ] {
        assert!(told.contains(&format!("Wipe-It: {fault}")), "{fault}: {told}");
    }
    assert!(matches!(unfit, TestError::Unfit(faults) if faults.len() == 6), "{told}");
    let empty = TestPlugin::start(Plugin::new("nothing", "0")).await.expect("started");
    assert!(empty.check().await.expect_err("unfit").to_string().contains("has 0 tools"));
}

/// One request on a connection of its own: the status, and the rest of the answer.
async fn post(port: u16, token: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: plugin.local\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test]
async fn over_http_only_who_shows_the_token_is_served() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut serving = JoinSet::new();
    serving.spawn(plugin().serve_http(listener, TOKEN));
    let about = json!({ "name": "test", "version": "0" });
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about });
    let greeting = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    for wrong in ["", "a-token", &TOKEN[1..]] {
        assert_eq!(post(port, wrong, &greeting).await.0, 401);
    }
    let (status, answer) = post(port, TOKEN, &greeting).await;
    assert!(status == 200 && answer.contains("\"sayer\"") && answer.contains("1.2.3"), "{answer}");
    let params = json!({ "name": "say", "arguments": { "words": "hi" } });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
    let (status, answer) = post(port, TOKEN, &call).await;
    assert!(status == 200 && answer.contains(r#""structuredContent":{"said":"hi"}"#), "{answer}");
}

#[tokio::test]
async fn a_token_that_keeps_nobody_out_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let refused = plugin().serve_http(listener, "secret").await;
    assert!(matches!(refused, Err(PluginError::Token(16))), "{refused:?}");
}
