//! Questions to a language model.

use std::time::Duration;

use helix::tasks::Origin;
use helix_contract::api::{
    AssignmentV1, ChatAnswerV1, ChatCall, ChatMessage, ChatRequestV1, Speaker, ToolSpec, path,
};
use helix_contract::{ModelRole, Place, TaskSpecV1, Usage, V1, encode};
use helix_core::egress::{Denied, Privacy};
use helix_core::llm::budget::Price;
use helix_core::llm::{Ended, LlmError, Role, ToolCall};
use serde_json::json;

use crate::client::{Back, Client};
use crate::house::{House, of};
use crate::parts::{answer, definition};

fn message(by: Speaker, text: &str) -> ChatMessage {
    ChatMessage { by, text: text.into(), calls: Vec::new() }
}

fn request(seq: u64, text: &str) -> ChatRequestV1 {
    ChatRequestV1 {
        version: V1,
        seq,
        messages: vec![message(Speaker::User, text)],
        tools: Vec::new(),
        schema: None,
        output_max: 500,
    }
}

async fn chat(agent: &mut Client, seq: u64, text: &str) -> Back {
    agent.post(path::CHAT, &request(seq, text)).await
}

#[tokio::test]
async fn what_the_definition_says_comes_first_then_what_was_said() {
    let house = House::new("first").await;
    let mut agent = house.agent(&house.under_way("one").await).await;
    let mut said = answer("", 700, 30);
    let call = ToolCall {
        id: "c1".into(),
        name: "web_search".into(),
        arguments: json!({ "query": "pumps" }).as_object().unwrap().clone(),
        signature: Some("thought".into()),
    };
    (said.calls, said.ended) = (vec![call.clone()], Ended::Length);
    house.mind.will_say(Ok(said));
    let calls = vec![ChatCall {
        id: "c0".into(),
        tool: "web_search".into(),
        input: serde_json::Map::new(),
        signature: None,
    }];
    let mut asked = request(0, "Find one.");
    asked.messages.push(ChatMessage { calls: calls.clone(), ..message(Speaker::Model, "") });
    asked.messages.push(ChatMessage { calls, ..message(Speaker::Tool, "nothing found") });
    asked.messages.push(message(Speaker::Model, "Hm."));
    asked.tools = vec![ToolSpec {
        name: "web_search".parse().unwrap(),
        description: "Searches.".into(),
        input: json!({ "type": "object" }),
    }];
    asked.schema = Some(json!({ "type": "object" }));
    let told: ChatAnswerV1 = agent.post(path::CHAT, &asked).await.message();
    assert_eq!(
        (told.cut, told.calls[0].tool.as_str(), told.calls[0].signature.as_deref()),
        (true, "web_search", Some("thought"))
    );
    assert_eq!(told.usage, Usage { tokens_in: 700, tokens_out: 30, tool_calls: 0 });
    let heard = house.mind.asked.lock().unwrap()[0].clone();
    assert_eq!(heard.system.expose(), "Look for several sources.");
    let texts: Vec<_> = heard.messages.iter().map(|message| message.text.expose().as_str()).collect();
    assert_eq!(texts, ["Which pump?", "The quiet one.", "Find one.", "", "nothing found", "Hm."]);
    assert!(matches!(&heard.messages[3].role, Role::Caller(calls) if calls[0].id == "c0"));
    assert!(matches!(&heard.messages[4].role, Role::Tool(call) if call.name == "web_search"));
    assert_eq!(
        (heard.schema, heard.tools[0].name.as_str(), heard.output_max),
        (asked.schema, "web_search", 500)
    );
    let orphan = ChatRequestV1 { messages: vec![message(Speaker::Tool, "x")], ..request(1, "") };
    assert_eq!(agent.post(path::CHAT, &orphan).await.refused(), (422, "chat-unanswered".into()));
    house.stop().await;
}

#[tokio::test]
async fn a_question_is_thought_about_once_and_counted_over_all_attempts() {
    let house = House::new("counted").await;
    let told = house.under_way("one").await;
    let first = chat(&mut house.agent(&told).await, 0, "a").await;
    let again = house.begun_anew(&told).await;
    let mut agent = house.agent(&again).await;
    assert_eq!(chat(&mut agent, 0, "a").await, first);
    assert_eq!(chat(&mut agent, 0, "b").await.refused(), (409, "call-other".into()));
    let second: ChatAnswerV1 = chat(&mut agent, 1, "b").await.message();
    assert_eq!(second.usage, Usage { tokens_in: 200, tokens_out: 20, tool_calls: 0 });
    let house = house.again().await;
    let third: ChatAnswerV1 = chat(&mut house.agent(&again).await, 2, "c").await.message();
    assert_eq!(third.usage.tokens_in, 300);
    house.stop().await;
}

#[tokio::test]
async fn no_more_tokens_are_asked_for_than_are_left() {
    let house = House::new("tokens").await;
    let mut spec = house.spec("one");
    spec.limits.tokens = 700;
    let mut agent = house.agent(&house.begun(&spec).await).await;
    house.mind.will_say(Ok(answer("long", 300, 250)));
    house.mind.will_say(Ok(answer("short", 100, 45)));
    assert_eq!(chat(&mut agent, 0, "a").await.status, 200);
    assert_eq!(chat(&mut agent, 1, "b").await.status, 200);
    let asked: Vec<_> = house.mind.asked.lock().unwrap().iter().map(|chat| chat.output_max).collect();
    assert_eq!(asked[0], 500);
    assert!((16..150).contains(&asked[1]), "what is left without what has to be read: {asked:?}");
    assert_eq!(chat(&mut agent, 2, "c").await.refused(), (403, "limit-tokens".into()));
    assert_eq!(house.mind.asked(), 2);
    house.stop().await;
}

#[tokio::test]
async fn money_is_set_aside_before_a_model_outside_is_asked() {
    let house = House::new("money").await;
    *house.cloud.price.lock().unwrap() = Price { input: 1.0, output: 1.0 };
    let mut spec = TaskSpecV1 { place: Place::Cloud, ..house.spec("one") };
    spec.limits.money_micros = 600;
    let origin = Origin { privacy: Privacy::Public, ..Origin::default() };
    house.book.accept(&spec, &origin, house.now()).await.unwrap();
    let told = house.runner().await.lease("box", 0).await.expect("a task");
    let mut agent = house.agent(&told).await;
    assert_eq!(chat(&mut agent, 0, "a").await.status, 200);
    assert_eq!(house.book.taken(&spec.id).await.unwrap().micros, 110);
    assert_eq!(chat(&mut agent, 1, "b").await.refused(), (403, "limit-money".into()));
    assert_eq!((house.cloud.asked(), house.mind.asked()), (1, 0));
    house.stop().await;
}

/// A task at this place whose words are so private, and about which the person was asked.
async fn placed(house: &House, name: &str, place: Place, privacy: Privacy, asked: bool) -> AssignmentV1 {
    let spec = TaskSpecV1 { place, ..house.spec(name) };
    let origin = Origin { privacy, asked, ..Origin::default() };
    house.book.accept(&spec, &origin, house.now()).await.unwrap();
    house.runner().await.lease("box", 0).await.expect("a task")
}

#[tokio::test]
async fn the_place_and_the_privacy_of_the_task_say_who_is_asked_and_what_may_leave() {
    let house = House::new("place").await;
    let told = placed(&house, "cloud", Place::Cloud, Privacy::Personal, true).await;
    assert_eq!(chat(&mut house.agent(&told).await, 0, "a").await.status, 200);
    assert_eq!(house.cloud.last_origin(), (Privacy::Personal, true));
    let told = placed(&house, "local", Place::Local, Privacy::Public, true).await;
    assert_eq!(chat(&mut house.agent(&told).await, 0, "a").await.status, 200);
    assert_eq!(house.mind.last_origin(), (Privacy::Others, false), "it has to stay, whoever serves it");
    let told = placed(&house, "private", Place::Cloud, Privacy::Others, true).await;
    assert_eq!(chat(&mut house.agent(&told).await, 0, "a").await.status, 200);
    assert_eq!(
        (house.cloud.asked(), house.mind.asked()),
        (1, 2),
        "what never leaves is thought about at home"
    );
    house.cloud.hold(true);
    let told = placed(&house, "offline", Place::Cloud, Privacy::Public, false).await;
    assert_eq!(chat(&mut house.agent(&told).await, 0, "a").await.status, 200);
    assert_eq!((house.cloud.asked(), house.mind.last_origin()), (1, (Privacy::Public, false)));
    house.stop().await;
}

#[tokio::test]
async fn an_agent_without_a_model_gets_none() {
    let house = House::new("no-model").await;
    let mut spec = house.spec("one");
    spec.agent.definition = definition(ModelRole::None).digest().unwrap();
    let mut agent = house.agent(&house.begun(&spec).await).await;
    assert_eq!(chat(&mut agent, 0, "a").await.refused(), (403, "scope-no-model".into()));
    house.stop().await;
}

#[tokio::test]
async fn a_model_that_is_away_is_waited_for_and_one_that_may_not_be_asked_is_not() {
    let house = House::new("model-away").await;
    let mut agent = house.agent(&house.under_way("one").await).await;
    let host = || "nas".to_owned();
    for (error, status, retry_after) in [
        (LlmError::Unreachable { host: host(), reason: "refused".into() }, 503, Some(10)),
        (LlmError::NotConfigured, 503, Some(60)),
        (LlmError::RateLimited { host: host(), retry_after: Some(Duration::from_secs(42)) }, 429, Some(42)),
        (LlmError::Busy, 429, Some(2)),
        (LlmError::NotPermitted(Denied::Private), 403, None),
    ] {
        let code = error.code().to_owned();
        house.mind.will_say(Err(error));
        let back = chat(&mut agent, 0, "a").await;
        assert_eq!((back.refused(), back.retry_after), ((status, code), retry_after));
    }
    let told: ChatAnswerV1 = chat(&mut agent, 0, "a").await.message();
    assert_eq!(told.usage.tokens_in, 100, "what nobody answered has cost nothing");
    house.stop().await;
}

/// Waits until the model is asked.
async fn asked(house: &House) {
    while house.mind.asked() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_that_waits_ends_the_moment_its_attempt_is_over() {
    for how in ["cancelled", "given back", "ended by another result", "expired"] {
        let house = House::new(&format!("over-{}", how.replace(' ', "-"))).await;
        house.mind.hold(true);
        let told = house.under_way("one").await;
        let mut agent = house.agent(&told).await;
        let end = async {
            asked(&house).await;
            match how {
                "cancelled" => drop(house.gateway.cancel(&told.spec.id).await.unwrap()),
                "given back" => drop(house.runner().await.give_back(of(&told), None).await),
                "expired" => {
                    house.later(3700);
                    house.gateway.accepted();
                }
                _ => drop(house.agent(&told).await.result(&crate::house::done(&of(&told))).await),
            }
        };
        let (back, ()) = tokio::join!(chat(&mut agent, 0, "a"), end);
        assert_eq!(back.refused(), (410, "task-over".into()), "{how}");
        assert_eq!(house.gateway.calls(), 0);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_call_goes_on_without_its_connection_and_is_made_once() {
    let house = House::new("goes-on").await;
    house.mind.hold(true);
    let told = house.under_way("one").await;
    let mut gone = house.agent(&told).await;
    gone.send("POST", path::CHAT, &encode(&request(0, "a")).unwrap()).await;
    asked(&house).await;
    drop(gone);
    let mut agent = house.agent(&told).await;
    let back = chat(&mut agent, 0, "a").await;
    assert_eq!((back.refused(), back.retry_after), ((429, "call-under-way".into()), Some(1)));
    house.mind.hold(false);
    let back = loop {
        let back = chat(&mut agent, 0, "a").await;
        if back.status == 200 {
            break back;
        }
    };
    assert_eq!((back.message::<ChatAnswerV1>().text.as_str(), house.mind.asked()), ("All is fine.", 1));
    house.stop().await;
}

#[tokio::test]
async fn a_bridge_that_is_stopped_in_the_middle_of_a_thought_loses_no_task() {
    let house = House::new("thinking").await;
    house.mind.hold(true);
    let told = house.under_way("one").await;
    let mut agent = house.agent(&told).await;
    agent.send("POST", path::CHAT, &encode(&request(0, "a")).unwrap()).await;
    asked(&house).await;
    let house = house.again().await;
    let back = agent.answer().await.expect("an answer");
    assert_eq!(back.refused(), (503, "gateway-stopping".into()));
    assert_eq!(chat(&mut house.agent(&told).await, 0, "a").await.status, 200);
    house.stop().await;
}
