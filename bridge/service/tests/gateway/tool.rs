//! Calls of tools: within the scope, within the limits, once.

use std::sync::atomic::Ordering;

use helix_contract::api::{AssignmentV1, ToolAnswerV1, ToolOutcome, ToolRequestV1, path};
use helix_contract::{HomeScope, Scope, TaskSpecV1, V1, WebScope};
use serde_json::{Value, json};

use crate::client::{Back, Client};
use crate::house::{House, done, of};

/// A task that may read everything.
fn reaching(house: &House, name: &str) -> TaskSpecV1 {
    let names = ["web_search", "home_states", "mcp_files_read", "mcp_other_read"];
    TaskSpecV1 {
        tools: names.map(|name| name.parse().unwrap()).into(),
        scope: Scope { home: HomeScope::All, web: WebScope::Public, servers: vec!["files".parse().unwrap()] },
        ..house.spec(name)
    }
}

fn request(seq: u64, tool: &str, input: Value) -> ToolRequestV1 {
    ToolRequestV1 { version: V1, seq, tool: tool.parse().unwrap(), input }
}

async fn call(agent: &mut Client, seq: u64, tool: &str, input: Value) -> Back {
    agent.post(path::TOOL, &request(seq, tool, input)).await
}

fn output(back: &Back) -> Value {
    match back.message::<ToolAnswerV1>().outcome {
        ToolOutcome::Answered { output, .. } => output,
        ToolOutcome::Failed { code, message } => panic!("{code}: {message}"),
    }
}

fn failure(back: &Back) -> String {
    match back.message::<ToolAnswerV1>().outcome {
        ToolOutcome::Answered { output, .. } => panic!("{output}"),
        ToolOutcome::Failed { code, .. } => code,
    }
}

#[tokio::test]
async fn a_task_calls_what_it_names_and_reaches_and_nothing_else() {
    let house = House::new("scope").await;
    let told = house.begun(&reaching(&house, "one")).await;
    let offered: Vec<_> = told.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(offered, ["web_search", "mcp_files_read", "home_states"]);
    let mut agent = house.agent(&told).await;
    assert_eq!(output(&call(&mut agent, 0, "web_search", json!({})).await)["tool"], "search");
    assert_eq!(output(&call(&mut agent, 1, "mcp_files_read", json!({})).await)["tool"], "files/read");
    for (tool, code) in [
        ("read_page", "scope-tool"),
        ("mcp_files_write", "scope-tool"),
        ("call_service", "scope-tool"),
        ("mcp_other_read", "scope-reach"),
    ] {
        assert_eq!(call(&mut agent, 2, tool, json!({})).await.refused(), (403, code.into()));
    }
    let narrow = TaskSpecV1 { scope: Scope::default(), ..reaching(&house, "two") };
    let told = house.begun(&narrow).await;
    assert_eq!(told.tools, []);
    let mut agent = house.agent(&told).await;
    for tool in ["web_search", "home_states", "mcp_files_read"] {
        assert_eq!(call(&mut agent, 0, tool, json!({})).await.refused(), (403, "scope-reach".into()));
    }
    assert_eq!(house.shelf.called.load(Ordering::Relaxed), 2);
    house.stop().await;
}

#[tokio::test]
async fn the_same_call_is_made_once_also_by_a_later_attempt_and_after_a_restart() {
    let house = House::new("once").await;
    let told = house.begun(&reaching(&house, "one")).await;
    let mut agent = house.agent(&told).await;
    let first = call(&mut agent, 0, "web_search", json!({ "query": "a" })).await;
    assert_eq!(call(&mut agent, 0, "web_search", json!({ "query": "a" })).await, first);
    let other = call(&mut agent, 0, "web_search", json!({ "query": "b" })).await;
    assert_eq!(other.refused(), (409, "call-other".into()));
    let again = house.begun_anew(&told).await;
    let mut later = house.agent(&again).await;
    assert_eq!(call(&mut later, 0, "web_search", json!({ "query": "a" })).await, first);
    let old = call(&mut agent, 0, "web_search", json!({ "query": "a" })).await;
    assert_eq!(old.refused(), (410, "task-over".into()), "it is no more that attempt's task");
    let next = call(&mut later, 1, "web_search", json!({ "query": "b" })).await;
    assert_ne!(next, first);
    assert_eq!(house.shelf.called.load(Ordering::Relaxed), 2);
    let house = house.again().await;
    let mut later = house.agent(&again).await;
    assert_eq!(call(&mut later, 0, "web_search", json!({ "query": "a" })).await, first);
    assert_eq!(call(&mut later, 1, "web_search", json!({ "query": "b" })).await, next);
    assert_eq!(house.shelf.called.load(Ordering::Relaxed), 0, "the new one was not asked");
    assert_eq!(later.result(&done(&of(&again))).await.status, 204);
    let result = house.book.result(&told.spec.id).await.unwrap().unwrap();
    assert_eq!(result.usage.tool_calls, 2, "as the bridge has counted");
    house.stop().await;
}

#[tokio::test]
async fn a_tool_is_told_what_the_task_has_called_before_also_by_an_earlier_attempt() {
    let house = House::new("others").await;
    let told = house.begun(&reaching(&house, "one")).await;
    let mut agent = house.agent(&told).await;
    let alone = call(&mut agent, 3, "web_search", json!({ "query": "a" })).await;
    assert_eq!(output(&alone)["others"], json!([]));
    output(&call(&mut agent, 1, "home_states", json!({})).await);
    let again = house.begun_anew(&told).await;
    let back = call(&mut house.agent(&again).await, 2, "web_search", json!({ "query": "b" })).await;
    assert_eq!(output(&back)["others"], json!([null, "a"]));
    let called = house.book.tool_calls(&told.spec.id).await.unwrap();
    let found: Vec<_> = called.iter().map(|called| (called.seq, called.tool.as_str())).collect();
    assert_eq!(found, [(1, "home_states"), (2, "web_search"), (3, "web_search")]);
    assert!(called.iter().all(|called| called.outcome.is_some()));
    house.stop().await;
}

#[tokio::test]
async fn the_limits_of_calls_and_of_money_count_over_all_attempts() {
    let house = House::new("limits").await;
    let mut spec = reaching(&house, "one");
    (spec.limits.tool_calls, spec.limits.money_micros) = (2, 100);
    let told = house.begun(&spec).await;
    let first = call(&mut house.agent(&told).await, 0, "web_search", json!({ "micros": 30 })).await;
    assert_eq!(output(&first)["left"], 100);
    let again = house.begun_anew(&told).await;
    let mut agent = house.agent(&again).await;
    assert_eq!(output(&call(&mut agent, 1, "web_search", json!({ "micros": 80 })).await)["left"], 70);
    let third = call(&mut agent, 2, "web_search", json!({})).await;
    assert_eq!(third.refused(), (403, "limit-money".into()));
    assert_eq!(
        call(&mut agent, 0, "web_search", json!({ "micros": 30 })).await,
        first,
        "an old answer is free"
    );
    let mut cheap = reaching(&house, "two");
    cheap.limits.tool_calls = 1;
    let mut agent = house.agent(&house.begun(&cheap).await).await;
    output(&call(&mut agent, 0, "home_states", json!({})).await);
    assert_eq!(
        call(&mut agent, 1, "home_states", json!({})).await.refused(),
        (403, "limit-tool-calls".into())
    );
    house.stop().await;
}

#[tokio::test]
async fn a_tool_that_is_away_is_asked_again_later_and_costs_nothing_until_then() {
    let house = House::new("tool-away").await;
    house.shelf.away.store(3, Ordering::Relaxed);
    let mut spec = reaching(&house, "one");
    spec.limits.tool_calls = 1;
    let mut agent = house.agent(&house.begun(&spec).await).await;
    for _ in 0..3 {
        let back = call(&mut agent, 0, "web_search", json!({})).await;
        assert_eq!((back.refused(), back.retry_after), ((503, "search-away".into()), Some(7)));
    }
    assert_eq!(output(&call(&mut agent, 0, "web_search", json!({})).await)["number"], 1);
    house.stop().await;
}

#[tokio::test]
async fn what_is_too_large_for_an_answer_is_a_failure_in_words() {
    let house = House::new("too-large").await;
    let mut agent = house.agent(&house.begun(&reaching(&house, "one")).await).await;
    let back = call(&mut agent, 0, "web_search", json!({ "size": 200_000 })).await;
    assert_eq!(failure(&back), "tool-too-large");
    let long = agent.ask("POST", path::TOOL, &vec![b' '; 70_000]).await;
    assert_eq!(long.refused(), (413, "contract-too-large".into()));
    house.stop().await;
}

#[tokio::test]
async fn the_home_is_read_as_far_as_it_is_exposed_and_within_the_scope() {
    let house = House::new("home").await;
    let names = |back: &Back| -> Vec<String> {
        let output = output(back);
        let entities = output["entities"].as_array().unwrap();
        entities.iter().map(|entity| entity["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut agent = house.agent(&house.begun(&reaching(&house, "all")).await).await;
    let all = call(&mut agent, 0, "home_states", json!({})).await;
    assert_eq!(names(&all), ["Ceiling", "Door", "Thermometer"]);
    assert_eq!(
        names(&call(&mut agent, 1, "home_states", json!({ "area": "küche" })).await),
        ["Ceiling", "Thermometer"]
    );
    assert_eq!(names(&call(&mut agent, 2, "home_states", json!({ "domain": "lock" })).await), ["Door"]);
    assert_eq!(
        failure(&call(&mut agent, 3, "home_states", json!({ "area": "cellar" })).await),
        "home-no-such-area"
    );
    assert_eq!(
        failure(&call(&mut agent, 4, "home_states", json!({ "entity": "camera.x" })).await),
        "tool-input"
    );
    let text = String::from_utf8(all.body).unwrap();
    assert!(text.contains("°C") && !text.contains("sesame") && !text.contains("supported"), "{text}");
    let mut spec = reaching(&house, "hall");
    spec.scope.home = HomeScope::Areas(vec!["hall".into()]);
    let mut agent = house.agent(&house.begun(&spec).await).await;
    assert_eq!(names(&call(&mut agent, 0, "home_states", json!({})).await), ["Door"]);
    assert_eq!(
        failure(&call(&mut agent, 1, "home_states", json!({ "area": "kitchen" })).await),
        "home-no-such-area"
    );
    house.stop().await;
}

#[tokio::test]
async fn a_model_without_tools_gets_none_and_a_task_without_a_home_neither() {
    let house = House::new("no-tools").await;
    let told: AssignmentV1 = house.under_way("one").await;
    assert_eq!(told.tools, []);
    house.stop().await;
}
