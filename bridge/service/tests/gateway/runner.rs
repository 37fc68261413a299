//! Tasks on their way to a runner and back.

use helix::gateway::Settings;
use helix::tasks::State;
use helix_contract::api::{ImageTrouble, TaskAttempt, path};
use helix_contract::{Attempt, Digest, Failure, ModelRole, TaskId, encode};
use std::time::Duration;

use crate::client::wants;
use crate::house::{House, done, of};
use crate::parts::definition;

#[tokio::test]
async fn a_task_that_waits_is_leased_at_once_and_brings_all_that_its_agent_needs() {
    let house = House::new("at-once").await;
    let spec = house.spec("one");
    house.accept(&spec).await;
    let told = house.runner().await.lease("box", 0).await.expect("a task");
    assert_eq!(
        (&told.spec, told.attempt, &told.definition),
        (&spec, Attempt(1), &definition(ModelRole::Agent))
    );
    assert_eq!(told.time_zone, "Europe/Berlin");
    assert!(told.until > house.now());
    assert_eq!(house.runner().await.lease("box", 0).await, None, "it is leased once");
    let task = house.book.get(&spec.id).await.unwrap().unwrap();
    assert_eq!((task.state, task.worker.as_deref()), (State::Leased, Some("box")));
    assert_eq!(house.gateway.runners()[0].name.as_str(), "box");
    house.stop().await;
}

#[tokio::test]
async fn a_runner_that_waits_is_told_as_soon_as_a_task_is_accepted() {
    let house = House::new("wakes").await;
    let mut runner = house.runner().await;
    let (told, ()) = tokio::join!(runner.lease("box", 30_000), async {
        while house.gateway.runners().is_empty() {
            tokio::task::yield_now().await;
        }
        house.accept(&house.spec("one")).await;
    });
    assert_eq!(told.expect("a task").attempt, Attempt(1));
    assert_eq!(runner.lease("box", 10).await, None, "on the same connection, after a while without a task");
    house.stop().await;
}

#[tokio::test]
async fn two_runners_of_one_name_share_the_tasks_and_double_none() {
    let house = House::new("namesakes").await;
    let (mut one, mut other) = (house.runner().await, house.tcp(&house.runner_token()).await);
    for number in 0..20 {
        house.accept(&house.spec(&number.to_string())).await;
    }
    let mut got = Vec::new();
    for _ in 0..10 {
        let (a, b) = tokio::join!(one.lease("twin", 1000), other.lease("twin", 1000));
        got.extend([a.expect("a task").spec.id, b.expect("a task").spec.id]);
    }
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 20);
    assert_eq!(house.gateway.runners().len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn a_runner_that_goes_away_while_it_waits_takes_no_task_along() {
    let house = House::new("goes").await;
    let body = encode(&wants("gone", 30_000)).unwrap();
    let mut gone = house.runner().await;
    gone.send("POST", path::LEASE, &body).await;
    while house.gateway.runners().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(gone);
    let spec = house.spec("one");
    house.accept(&spec).await;
    let told = house.runner().await.lease("box", 30_000).await.expect("the task");
    assert_eq!(told.spec.id, spec.id);
    let task = house.book.get(&spec.id).await.unwrap().unwrap();
    assert_eq!(task.begun, 1, "what nobody received counts as no attempt");
    house.stop().await;
}

#[tokio::test]
async fn runners_that_ask_and_do_not_listen_cost_a_task_no_attempt() {
    let house = House::new("deaf").await;
    let spec = house.spec("one");
    house.accept(&spec).await;
    let body = encode(&wants("deaf", 0)).unwrap();
    for _ in 0..20 {
        house.runner().await.send("POST", path::LEASE, &body).await;
        house.tcp(&house.runner_token()).await.send("POST", path::LEASE, &body).await;
    }
    let told = house.runner().await.lease("box", 30_000).await.expect("the task");
    let task = house.book.get(&spec.id).await.unwrap().unwrap();
    assert_eq!((task.attempt, task.begun, task.worker.as_deref()), (told.attempt, 1, Some("box")));
    house.stop().await;
}

#[tokio::test]
async fn what_was_given_back_comes_again_after_its_pause_and_nobody_has_to_ask_for_it() {
    let house = House::new("given-back").await;
    let first = house.under_way("one").await;
    assert!(house.runner().await.give_back(of(&first), None).await);
    let second = house.runner().await.lease("box", 0).await.expect("at once: it was not begun");
    assert!(house.runner().await.give_back(of(&second), Some(Failure::Agent)).await);
    assert!(house.runner().await.give_back(of(&second), Some(Failure::Agent)).await, "said twice");
    let mut runner = house.runner().await;
    assert_eq!(runner.lease("box", 0).await, None, "it has a pause");
    let third = runner.lease("box", 30_000).await.expect("after the pause");
    assert_eq!(third.attempt, Attempt(3));
    assert!(!runner.give_back(of(&third), Some(Failure::Agent)).await, "no attempt is left");
    let task = house.book.get(&first.spec.id).await.unwrap().unwrap();
    assert_eq!((task.state, task.code.as_deref()), (State::Failed, Some("task-agent")));
    assert!(!runner.give_back(of(&first), None).await, "somebody else has had it");
    house.stop().await;
}

#[tokio::test]
async fn a_runner_keeps_what_it_has_and_is_told_what_to_stop() {
    let house = House::new("keeps").await;
    let (kept, cancelled, again) =
        (house.under_way("a").await, house.under_way("b").await, house.under_way("c").await);
    let mut runner = house.runner().await;
    house.gateway.cancel(&cancelled.spec.id).await.unwrap();
    runner.give_back(of(&again), None).await;
    let unknown = TaskAttempt { task: TaskId::derive(&["nobody's"]), attempt: Attempt(1) };
    let all = [of(&kept), of(&cancelled), of(&again), unknown.clone()];
    assert_eq!(runner.keep("box", &all).await, [of(&cancelled), of(&again), unknown]);
    let book = house.book.clone();
    let until = async |task| book.get(task).await.unwrap().unwrap().lease_until.unwrap();
    let before = until(&kept.spec.id).await;
    assert_eq!(before, kept.until, "more than half is left: nothing is written");
    house.later(11);
    assert_eq!(runner.keep("box", &[of(&kept)]).await, []);
    assert!(until(&kept.spec.id).await > before);
    house.stop().await;
}

#[tokio::test]
async fn a_runner_that_died_loses_its_task_to_another_one() {
    let settings = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let house = House::with("died", settings).await;
    let first = house.under_way("one").await;
    let second = house.runner().await.lease("other", 30_000).await.expect("after the lease");
    assert_eq!((second.spec.id, second.attempt), (first.spec.id.clone(), Attempt(2)));
    let mut late = house.unix(first.token.as_deref().unwrap()).await;
    assert_eq!(late.result(&done(&of(&first))).await.refused(), (410, "task-over".into()));
    assert_eq!(late.task().await.refused(), (410, "task-over".into()));
    house.stop().await;
}

#[tokio::test]
async fn a_task_whose_agent_nobody_knows_ends_and_holds_no_other_up() {
    let house = House::new("unknown").await;
    let mut unknown = house.spec("unknown");
    unknown.agent.definition = Digest::of(b"of another helix");
    house.accept(&unknown).await;
    let told = house.under_way("known").await;
    assert_eq!(told.spec.id, TaskId::derive(&["known"]));
    let task = house.book.get(&unknown.id).await.unwrap().unwrap();
    assert_eq!((task.state, task.code.as_deref()), (State::Failed, Some("task-impossible")));
    house.stop().await;
}

#[tokio::test]
async fn a_bridge_that_was_away_takes_no_task_from_those_who_still_have_it() {
    let house = House::new("away").await;
    let told = house.under_way("one").await;
    house.later(40);
    let house = house.again().await;
    let mut runner = house.runner().await;
    assert_eq!(runner.lease("thief", 500).await, None);
    assert_eq!(runner.keep("box", &[of(&told)]).await, []);
    let mut agent = house.agent(&told).await;
    assert_eq!(agent.result(&done(&of(&told))).await.status, 204);
    assert_eq!(house.book.get(&told.spec.id).await.unwrap().unwrap().state, State::Done);
    house.stop().await;
}

#[tokio::test]
async fn a_bridge_that_is_stopped_sends_those_who_wait_away_to_come_back() {
    let house = House::new("stopped").await;
    let mut runner = house.runner().await;
    runner.send("POST", path::LEASE, &encode(&wants("box", 30_000)).unwrap()).await;
    while house.gateway.runners().is_empty() {
        tokio::task::yield_now().await;
    }
    house.stop().await;
    let back = runner.answer().await.expect("an answer");
    assert_eq!((back.refused(), back.retry_after), ((503, "gateway-stopping".into()), Some(2)));
}

#[tokio::test]
async fn an_image_that_cannot_be_started_costs_no_attempt_and_the_generic_one_takes_its_place() {
    let house = House::new("image").await;
    let image = "registry.local/agent-research@sha256:11";
    for (name, trouble) in [
        ("missing", ImageTrouble::Missing),
        ("unfit", ImageTrouble::Unfit),
        ("refused", ImageTrouble::Refused),
    ] {
        let mut spec = house.spec(name);
        spec.agent.image = Some(image.into());
        let first = house.begun(&spec).await;
        assert_eq!(first.spec.agent.image.as_deref(), Some(image));
        let mut runner = house.runner().await;
        assert!(runner.give_back_image(of(&first), trouble).await);
        let second = runner.lease("box", 0).await.expect("at once");
        assert_eq!((second.spec.agent.image.as_deref(), &second.definition), (None, &first.definition));
        let task = house.book.get(&spec.id).await.unwrap().unwrap();
        assert_eq!((task.begun, task.spec.agent.image.as_deref()), (1, Some(image)));
        // Without an image to blame it is a failure like any other.
        assert!(runner.give_back_image(of(&second), trouble).await);
        assert_eq!(runner.lease("box", 0).await, None, "it has a pause");
        house.gateway.cancel(&spec.id).await.unwrap();
    }
    house.stop().await;
}

#[tokio::test]
async fn an_agent_that_broke_is_begun_anew_from_the_generic_image() {
    let house = House::new("image-broke").await;
    let mut spec = house.spec("broke");
    spec.agent.image = Some("registry.local/agent-research@sha256:11".into());
    let first = house.begun(&spec).await;
    let mut runner = house.runner().await;
    assert!(runner.give_back(of(&first), Some(Failure::Agent)).await);
    let second = runner.lease("box", 30_000).await.expect("after its pause");
    assert_eq!(second.spec.agent.image, None);
    house.stop().await;
}
