//! What an agent asks and tells in the name of its attempt.

use helix::tasks::State;
use helix_contract::api::{AssignmentV1, TaskAttempt, path};
use helix_contract::{Attempt, Failure, Happening, Outcome, TaskEventV1, TaskId, V1};
use serde_json::json;

use crate::house::{House, done, of, result};

fn event(of: &TaskAttempt, seq: u64) -> TaskEventV1 {
    let at = "2001-01-01T00:00:00Z".parse().unwrap();
    TaskEventV1 { version: V1, task: of.task.clone(), attempt: of.attempt, seq, at, what: Happening::Started }
}

#[tokio::test]
async fn an_agent_reads_its_task_tells_how_it_goes_and_ends_it() {
    let house = House::new("agent").await;
    let told = house.under_way("one").await;
    let of = of(&told);
    let mut agent = house.agent(&told).await;
    let task: AssignmentV1 = agent.task().await.message();
    assert_eq!(AssignmentV1 { token: told.token.clone(), ..task.clone() }, told);
    assert_eq!(task.token, None, "it has it already");
    for seq in [0, 1, 1, 0] {
        assert_eq!(agent.post(path::EVENTS, &event(&of, seq)).await.status, 204);
    }
    assert_eq!(house.book.events(&of.task, 9).await.unwrap().len(), 2);
    let mut ends = house.gateway.ends();
    assert_eq!(agent.result(&done(&of)).await.status, 204);
    assert!(ends.has_changed().unwrap(), "who brings the answer back is told");
    ends.mark_unchanged();
    assert_eq!(agent.result(&done(&of)).await.status, 204, "whoever loses an answer asks again");
    assert!(!ends.has_changed().unwrap());
    assert_eq!(house.book.get(&of.task).await.unwrap().unwrap().state, State::Done);
    assert_eq!(agent.post(path::EVENTS, &event(&of, 2)).await.refused(), (410, "task-over".into()));
    house.stop().await;
}

#[tokio::test]
async fn every_call_is_a_sign_of_life() {
    let house = House::new("life").await;
    let told = house.under_way("one").await;
    for _ in 0..6 {
        house.later(15);
        assert_eq!(house.agent(&told).await.task().await.status, 200);
    }
    let task = house.book.get(&told.spec.id).await.unwrap().unwrap();
    assert_eq!((task.attempt, task.state), (told.attempt, State::Leased));
    house.stop().await;
}

#[tokio::test]
async fn a_failure_that_may_pass_is_begun_again_by_whoever_waits() {
    let house = House::new("again").await;
    let told = house.under_way("one").await;
    let outcome = Outcome::Failed { failure: Failure::Unavailable, spoken: "The search is down.".into() };
    let failed = result(&told.spec.id, told.attempt, outcome);
    assert_eq!(house.agent(&told).await.result(&failed).await.status, 204);
    assert_eq!(house.agent(&told).await.result(&failed).await.status, 204);
    let again = house.runner().await.lease("box", 30_000).await.expect("after a pause");
    assert_eq!(again.attempt, Attempt(2));
    house.stop().await;
}

#[tokio::test]
async fn an_output_has_to_follow_the_schema_of_its_task() {
    let house = House::new("schema").await;
    let mut spec = house.spec("one");
    spec.output_schema = Some(json!({ "type": "object", "required": ["price"] }));
    let told = house.begun(&spec).await;
    let mut agent = house.agent(&told).await;
    let with = |output| {
        let mut result = done(&of(&told));
        if let Outcome::Done { output: field, .. } = &mut result.outcome {
            *field = output;
        }
        result
    };
    for wrong in [None, Some(json!("cheap")), Some(json!({ "prize": 1 }))] {
        assert_eq!(agent.result(&with(wrong)).await.refused(), (422, "result-schema".into()));
    }
    assert_eq!(house.book.get(&spec.id).await.unwrap().unwrap().state, State::Leased, "it may try again");
    assert_eq!(agent.result(&with(Some(json!({ "price": 1 })))).await.status, 204);
    house.stop().await;
}

#[tokio::test]
async fn a_token_is_for_one_attempt_of_one_task_and_for_no_runner() {
    let house = House::new("token").await;
    let (one, two) = (house.under_way("one").await, house.under_way("two").await);
    let mut agent = house.agent(&one).await;
    let other = |refused: (u16, String)| assert_eq!(refused, (401, "token-other".into()));
    other(agent.result(&done(&of(&two))).await.refused());
    other(agent.post(path::EVENTS, &event(&of(&two), 0)).await.refused());
    let later = TaskAttempt { attempt: Attempt(2), ..of(&one) };
    other(agent.result(&done(&later)).await.refused());
    agent.token = house.runner_token();
    assert_eq!(agent.task().await.refused(), (401, "token-wrong".into()));
    let mut runner = house.agent(&one).await;
    let lease = runner.ask("POST", path::LEASE, b"{}").await;
    assert_eq!(lease.refused(), (401, "token-wrong".into()));
    assert_eq!(house.book.get(&two.spec.id).await.unwrap().unwrap().state, State::Leased);
    house.stop().await;
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_ends_the_task_in_words_and_one_that_goes_back_ends_nothing() {
    let house = House::new("clock").await;
    let told = house.under_way("one").await;
    house.later(-3600);
    let mut agent = house.agent(&told).await;
    assert_eq!(agent.task().await.status, 200);
    assert_eq!(agent.post(path::EVENTS, &event(&of(&told), 0)).await.status, 204);
    assert_eq!(house.runner().await.keep("box", &[of(&told)]).await, []);
    house.later(2 * 3600);
    let mut ends = house.gateway.ends();
    house.gateway.accepted();
    ends.wait_for(|ends| *ends > 0).await.unwrap();
    assert_eq!(house.book.get(&told.spec.id).await.unwrap().unwrap().state, State::Expired);
    assert_eq!(agent.task().await.refused(), (410, "task-over".into()));
    house.later(3600);
    assert_eq!(agent.task().await.refused(), (401, "token-expired".into()));
    house.stop().await;
}

#[tokio::test]
async fn after_a_restart_of_the_bridge_the_same_token_goes_on() {
    let house = House::new("restart").await;
    let told = house.under_way("one").await;
    assert_eq!(house.agent(&told).await.post(path::EVENTS, &event(&of(&told), 0)).await.status, 204);
    let house = house.again().await;
    let mut agent = house.agent(&told).await;
    assert_eq!(agent.post(path::EVENTS, &event(&of(&told), 1)).await.status, 204);
    assert_eq!(house.book.events(&TaskId::derive(&["one"]), 9).await.unwrap().len(), 2);
    assert_eq!(agent.result(&done(&of(&told))).await.status, 204);
    house.stop().await;
}
