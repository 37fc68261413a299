//! Tool servers: a real one on loopback, that a test can stop, start anew and have answer anything.

mod kit;
mod place;
mod program;

use std::collections::BTreeSet;
use std::path::Path;

use helix::mcp::{Calling, Looked, McpError, McpSettings, McpTransport, ToolServers};
use helix_contract::{Name, ToolName};
use helix_core::egress::{Cloud, Ledger, Privacy, Purpose};
use helix_core::llm::Origin;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use place::{KEY, Notes, Running};

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn tool(text: &str) -> ToolName {
    text.parse().expect("a tool")
}

fn settings(url: &str) -> McpSettings {
    let transport = McpTransport::Http { url: url.to_owned(), key: Some(SecretString::from(KEY)) };
    McpSettings { name: name("my-nas"), transport, may_change: false }
}

fn input(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

async fn call(servers: &ToolServers, asked: &str, value: Value) -> Result<Value, McpError> {
    let (allowed, origin) = ([name("my-nas")], origin(Privacy::Public));
    let calling = Calling { servers: &allowed, origin: &origin, knows_home: false };
    servers.call(&tool(asked), input(&value), calling).await
}

async fn tools(servers: &ToolServers) -> BTreeSet<String> {
    let (allowed, origin) = ([name("my-nas")], origin(Privacy::Public));
    let calling = Calling { servers: &allowed, origin: &origin, knows_home: false };
    servers.tools(calling).await.into_iter().map(|tool| tool.name.to_string()).collect()
}

fn origin(privacy: Privacy) -> Origin {
    Origin::addressed(Purpose::Task, privacy, None)
}

fn servers(url: &str) -> ToolServers {
    place::tls();
    opened(&settings(url), None)
}

fn opened(settings: &McpSettings, ledger: Option<&Ledger>) -> ToolServers {
    ToolServers::new(std::slice::from_ref(settings), ledger, Path::new("/nowhere")).expect("settings")
}

#[tokio::test]
async fn the_tools_of_a_server_are_offered_under_names_of_ours_and_called() {
    let server = Running::start(None).await;
    let servers = servers(&server.url);
    let offered = tools(&servers).await;
    assert!(offered.contains("mcp_my_nas_sum"), "{offered:?}");
    assert!(offered.iter().any(|name| name.starts_with("mcp_my_nas_shout_loud_")), "{offered:?}");
    assert_eq!(offered.len(), 5, "what has too long a schema is not offered: {offered:?}");
    let sum = call(&servers, "mcp_my_nas_sum", json!({ "a": 2, "b": 40 })).await;
    assert_eq!(sum, Ok(json!({ "text": "42", "cut": false })));
    let shout = offered.iter().find(|name| name.contains("shout")).expect("there").clone();
    assert_eq!(call(&servers, &shout, json!({ "words": "hi" })).await, Ok(json!({ "words": "HI" })));
}

#[tokio::test]
async fn a_tool_that_does_not_say_that_it_only_reads_is_offered_only_where_the_entry_says_so() {
    let server = Running::start(None).await;
    let servers = servers(&server.url);
    let refused = call(&servers, "mcp_my_nas_wipe", json!({})).await;
    assert_eq!(refused, Err(McpError::MayChange { tool: tool("mcp_my_nas_wipe") }));
    assert_eq!(server.calls(), 0);
    let looked = servers.look(&origin(Privacy::Public)).await;
    assert_eq!(looked, [(name("my-nas"), Ok(Looked { tools: 5, withheld: 1, lacking: Vec::new() }))]);
    let allowed = opened(&McpSettings { may_change: true, ..settings(&server.url) }, None);
    assert_eq!(call(&allowed, "mcp_my_nas_wipe", json!({})).await.expect("called")["text"], "wiped");
}

#[tokio::test]
async fn a_tool_is_called_without_a_list_before_it() {
    let server = Running::start(None).await;
    let sum = call(&servers(&server.url), "mcp_my_nas_sum", json!({ "a": 1, "b": 1 })).await;
    assert_eq!(sum.expect("called")["text"], "2");
}

#[tokio::test]
async fn what_a_tool_says_is_bounded_and_its_failure_is_told() {
    let server = Running::start(None).await;
    let servers = servers(&server.url);
    let long = call(&servers, "mcp_my_nas_talk", json!({})).await.expect("cut");
    assert!(long["cut"] == json!(true) && long["text"].as_str().is_some_and(|text| text.len() <= 64 * 1024));
    let failed = call(&servers, "mcp_my_nas_fail", json!({})).await;
    assert_eq!(failed, Err(McpError::Failed { message: "the disk is full".into() }));
    let wrong = call(&servers, "mcp_my_nas_sum", json!({ "a": "x" })).await;
    assert!(matches!(wrong, Err(McpError::Failed { .. })), "{wrong:?}");
    let missing = call(&servers, "mcp_my_nas_nothing", json!({})).await;
    assert_eq!(missing, Err(McpError::NoTool { tool: tool("mcp_my_nas_nothing") }));
}

#[tokio::test]
async fn a_server_that_was_away_is_connected_anew() {
    let server = Running::start(None).await;
    let servers = servers(&server.url);
    assert!(call(&servers, "mcp_my_nas_sum", json!({ "a": 1, "b": 1 })).await.is_ok());
    let port = server.stop().await;
    let error = call(&servers, "mcp_my_nas_sum", json!({ "a": 1, "b": 1 })).await.expect_err("away");
    assert!(matches!(error, McpError::BrokeOff { .. } | McpError::Unreachable { .. }), "{error}");
    assert!(tools(&servers).await.is_empty());
    let _again = Running::start(Some(port)).await;
    assert_eq!(tools(&servers).await.len(), 5);
    assert!(call(&servers, "mcp_my_nas_sum", json!({ "a": 1, "b": 1 })).await.is_ok());
}

#[tokio::test]
async fn a_task_reaches_only_the_servers_of_its_scope() {
    let server = Running::start(None).await;
    let servers = servers(&server.url);
    let origin = origin(Privacy::Public);
    let calling = Calling { servers: &[name("other")], origin: &origin, knows_home: false };
    assert!(servers.tools(calling).await.is_empty());
    let refused = servers.call(&tool("mcp_my_nas_sum"), input(&json!({ "a": 1, "b": 1 })), calling).await;
    assert_eq!(refused, Err(McpError::OutOfScope { server: name("my-nas") }));
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn the_key_goes_in_a_header_and_a_wrong_one_is_refused() {
    let server = Running::start(None).await;
    place::tls();
    let transport = McpTransport::Http { url: server.url.clone(), key: None };
    let servers = opened(&McpSettings { transport, ..settings(&server.url) }, None);
    let looked = servers.look(&origin(Privacy::Public)).await;
    assert!(matches!(looked[0].1, Err(McpError::Unreachable { .. })), "{looked:?}");
    assert!(!format!("{:?}", settings(&server.url)).contains(KEY));
}

#[tokio::test]
async fn a_server_outside_is_asked_only_after_the_ledger_has_it() {
    place::tls();
    let notes = std::sync::Arc::new(Notes::default());
    let outside = settings("https://tools.example.com/mcp");
    for (cloud, privacy, knows_home) in [
        (Cloud::Off, Privacy::Public, false),
        (Cloud::Public, Privacy::Public, true),
        (Cloud::Personal, Privacy::Others, false),
    ] {
        let ledger = Ledger::new(notes.clone(), cloud);
        let servers = opened(&outside, Some(&ledger));
        let (allowed, origin) = ([name("my-nas")], origin(privacy));
        let calling = Calling { servers: &allowed, origin: &origin, knows_home };
        let error =
            servers.call(&tool("mcp_my_nas_sum"), Map::new(), calling).await.expect_err("refused or away");
        assert!(matches!(error, McpError::Denied(_) | McpError::Unreachable { .. }), "{error}");
    }
    assert!(notes.left().iter().all(|text| text == "tools/list"), "no call left: {:?}", notes.left());
    for bad in ["http://tools.example.com/mcp", "ftp://nas/", "nas:8080", "", "https://a:b@nas/mcp"] {
        let refused = ToolServers::check(&[settings(bad)]);
        assert!(matches!(refused, Err(McpError::Settings { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_nonsense_or_nothing_breaks_nothing() {
    let nonsense = wiremock::MockServer::start().await;
    let answer = wiremock::ResponseTemplate::new(200).set_body_raw("x".repeat(100_000), "application/json");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&nonsense).await;
    for url in [nonsense.uri(), "http://127.0.0.1:9/mcp".to_owned()] {
        let servers = servers(&url);
        assert!(tools(&servers).await.is_empty());
        assert!(call(&servers, "mcp_my_nas_sum", json!({})).await.is_err());
    }
}
