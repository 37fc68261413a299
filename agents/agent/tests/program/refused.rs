//! A bridge that says no, later, or nothing.

use std::net::TcpListener;

use helix_contract::{Failure, Outcome};
use serde_json::{Value, json};

use crate::scripted::{Agent, Line, TOKEN, assignment, found, thought};

fn answer() -> Value {
    thought(&json!({ "spoken": "Yes.", "text": "", "not_found": [] }), 1)
}

#[test]
fn whoever_is_told_that_it_is_over_stops_and_asks_nothing_more() {
    let calls = ["GET /v1/task", "POST /v1/task/events", "POST /v1/task/chat", "PUT /v1/task/result"];
    for over in calls {
        let (agent, mut line) = Agent::at_work();
        loop {
            let asked = line.next().expect("a call").line;
            match asked.as_str() {
                asked if asked == over => break line.refuse(410, "", "task-over"),
                "GET /v1/task" => line.say(&assignment(&[], |_| {})),
                "POST /v1/task/chat" => line.say(&answer()),
                _ => line.answer(204, "", ""),
            }
        }
        assert!(line.next().is_none(), "after {over}");
        assert_eq!(agent.end().0, Some(0), "{over}");
    }
}

#[test]
fn how_it_ends_says_whether_another_attempt_is_worth_it() {
    let (agent, mut line) = Agent::at_work();
    line.next();
    line.refuse(401, "", "token-wrong");
    let (code, log) = agent.end();
    assert!(code == Some(77) && !log.contains(TOKEN), "{code:?} {log}");

    let (agent, mut line) = Agent::at_work();
    line.next();
    line.say(&json!({ "version": 2 }));
    assert_eq!(agent.end().0, Some(65));

    let (agent, mut line) = Agent::at_work();
    line.next();
    drop(line);
    assert_eq!(agent.end().0, Some(10));

    let mut nowhere = Agent::command();
    let (code, log) = Agent::start(nowhere.env("HELIX_BRIDGE", "https://example.org")).end();
    assert!(code == Some(64) && log.contains("http://HOST:PORT"), "{code:?} {log}");
}

#[test]
fn who_is_asked_to_come_later_comes_later_and_who_took_a_known_number_takes_the_next() {
    let (agent, mut line) = Agent::at_work();
    line.next();
    line.say(&assignment(&[], |_| {}));
    line.next();
    line.answer(204, "", "");
    assert_eq!(line.next().expect("a chat").body["seq"], 0);
    line.refuse(429, "retry-after: 0\r\n", "model-busy");
    assert_eq!(line.next().expect("the same chat").body["seq"], 0);
    line.refuse(409, "", "task-conflict");
    assert_eq!(line.next().expect("another number").body["seq"], 1);
    line.say(&answer());
    let result = line.next().expect("the result");
    assert_eq!(result.body["outcome"]["spoken"], "Yes.");
    line.answer(204, "", "");
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn without_the_model_that_it_needs_a_task_fails_in_the_language_of_the_person() {
    let (agent, mut line) = Agent::at_work();
    line.next();
    line.say(&assignment(&[], |task| task["spec"]["language"] = json!("de-CH")));
    line.next();
    line.answer(204, "", "");
    let result = loop {
        let asked = line.next().expect("a call");
        match asked.line.as_str() {
            "POST /v1/task/chat" => line.refuse(502, "", "llm-unreachable"),
            _ => break asked.body,
        }
    };
    line.answer(204, "", "");
    assert_eq!(result["outcome"]["failure"], "unavailable");
    assert!(
        result["outcome"]["spoken"].as_str().is_some_and(|spoken| spoken.starts_with("Das Sprachmodell"))
    );
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn a_result_that_is_refused_becomes_an_honest_failure() {
    let (agent, mut line) = Agent::at_work();
    line.next();
    line.say(&assignment(&[], |_| {}));
    line.next();
    line.answer(204, "", "");
    line.next();
    line.say(&answer());
    line.next();
    line.refuse(422, "", "result-schema");
    assert_eq!(line.next().expect("another result").body["outcome"]["failure"], "agent");
    line.answer(204, "", "");
    assert_eq!(agent.end().0, Some(0));
}

/// A token in a file, and the variable that names it.
fn token_file(name: &str, token: &str) -> String {
    let file = format!("{}/token-of-{name}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, format!("{token}\n")).expect("a file");
    file
}

#[test]
fn by_address_an_answer_that_was_lost_is_asked_for_again_under_the_same_number() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let file = token_file("task", TOKEN);
    let mut command = Agent::command();
    let agent = Agent::start(command.env("HELIX_BRIDGE", &address).env("HELIX_TASK_TOKEN_FILE", file));
    let mut line = Line::accept(&listener);
    line.next();
    line.say(&assignment(&[], |_| {}));
    line.next();
    line.answer(204, "", "");
    let first = line.next().expect("a chat");
    line.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"version\": 1, ");
    drop(line);
    let mut line = Line::accept(&listener);
    let second = line.next().expect("the same chat");
    assert_eq!((first.body, second.token.as_str()), (second.body, TOKEN));
    line.say(&answer());
    let Some(result) = line.next() else { panic!("no result") };
    line.answer(204, "", "");
    let result: helix_contract::TaskResultV1 =
        helix_contract::decode(result.body.to_string().as_bytes()).expect("a result");
    assert!(matches!(result.outcome, Outcome::Done { .. }), "{:?}", result.outcome);
    assert!(!matches!(result.outcome, Outcome::Failed { failure: Failure::Agent, .. }));
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn a_worker_leases_its_task_itself_and_speaks_with_the_token_of_that() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let file = token_file("pool", "token-of-the-pool");
    let mut command = Agent::command();
    let agent = Agent::start(command.env("HELIX_BRIDGE", &address).env("HELIX_POOL_TOKEN_FILE", file));
    let mut line = Line::accept(&listener);
    for _ in 0..2 {
        let asked = line.next().expect("a request for a task");
        assert_eq!((asked.line.as_str(), asked.token.as_str()), ("POST /v1/lease", "token-of-the-pool"));
        assert!(asked.body["runner"].as_str().is_some_and(|name| name.starts_with("w-")), "{}", asked.body);
        line.answer(204, "", "");
    }
    line.next();
    line.say(&assignment(&[], |task| task["token"] = json!(TOKEN)));
    let served = line.serve(&Value::Null, |_| answer());
    assert!(served.result.is_some() && served.calls.len() == 1);
    assert_eq!(agent.end().0, Some(0));
}

/// What becomes of a task whose model is always refused so; `tools` are those of the bridge.
fn without_model(tools: &[(&str, Value)], status: u16, headers: &str, code: &str) -> (usize, Value) {
    let (agent, mut line) = Agent::at_work();
    let mut asked_model = 0;
    let result = loop {
        let asked = line.next().expect("a call");
        match asked.line.as_str() {
            "GET /v1/task" => line.say(&assignment(tools, |_| {})),
            "POST /v1/task/chat" => {
                asked_model += 1;
                line.refuse(status, headers, code);
            }
            "POST /v1/task/tool" => line.say(&found(&json!({ "entities": [] }), &[])),
            "PUT /v1/task/result" => break asked.body["outcome"].clone(),
            _ => line.answer(204, "", ""),
        }
    };
    line.answer(204, "", "");
    assert_eq!(agent.end().0, Some(0));
    (asked_model, result)
}

#[test]
fn a_refused_model_is_told_as_what_it_is() {
    let failed = |status, headers, code| {
        let (asked, outcome) = without_model(&[], status, headers, code);
        (asked, outcome["failure"].as_str().expect("a failure").to_owned())
    };
    assert_eq!(failed(503, "retry-after: 60\r\n", "llm-not-configured"), (1, "unavailable".to_owned()));
    assert_eq!(failed(403, "", "limit-tokens"), (1, "limit".to_owned()));
    assert_eq!(failed(403, "", "llm-budget"), (1, "limit".to_owned()));
    assert_eq!(failed(403, "", "scope-no-model"), (1, "impossible".to_owned()));
    assert_eq!(failed(503, "retry-after: 0\r\n", "llm-nonsense"), (3, "agent".to_owned()));
}

#[test]
fn what_needs_no_thought_is_done_without_a_model_at_once() {
    let home = || ("home_states", json!({ "type": "object" }));
    for (status, headers, code) in [
        (503, "retry-after: 10\r\n", "llm-unreachable"),
        (503, "retry-after: 60\r\n", "llm-not-configured"),
        (403, "", "llm-unable"),
    ] {
        let (asked, outcome) = without_model(&[home()], status, headers, code);
        assert_eq!(
            (asked, outcome["spoken"].as_str().map(|spoken| &spoken[..10])),
            (1, Some("Devices: 0")),
            "{code}"
        );
    }
}
