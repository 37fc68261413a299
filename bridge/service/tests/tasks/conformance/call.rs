//! Calls of agents, and keeping.

use helix::tasks::{Asked, Begun, Cost, Limit};
use helix_contract::api::{TaskAttempt, ToolAnswerV1, ToolOutcome};
use helix_contract::{Attempt, Digest, TaskId, V1, encode};
use serde_json::json;

use crate::bench::{Bench, accepted, at, leased};

fn of(task: &TaskId, attempt: u64) -> TaskAttempt {
    TaskAttempt { task: task.clone(), attempt: Attempt(attempt) }
}

fn asked(seq: u64, what: &str) -> Asked {
    let tool = Some(("web_search".parse().unwrap(), json!({ "query": format!("{what} \u{0}") })));
    Asked { seq, request: Digest::of(what.as_bytes()), tool }
}

fn most(tokens: u64) -> Cost {
    Cost { tokens_in: tokens, tokens_out: 0, micros: 0, tool_calls: 1 }
}

fn answer(text: &str) -> String {
    let outcome = ToolOutcome::Answered { output: json!(text), sources: Vec::new() };
    String::from_utf8(encode(&ToolAnswerV1 { version: V1, outcome }).unwrap()).unwrap()
}

pub(crate) async fn a_call_is_answered_once_and_what_it_may_take_is_set_aside_before(bench: &impl Bench) {
    let book = bench.open().await;
    let task = accepted(&book, "one").await.id;
    assert_eq!(
        book.begin_call(&of(&task, 1), &asked(0, "a"), most(9)).await.unwrap(),
        Begun::Over,
        "not begun"
    );
    leased(&book, 1).await.unwrap();
    let go = Begun::Go(Cost::default());
    assert_eq!(book.begin_call(&of(&task, 1), &asked(0, "a"), most(400)).await.unwrap(), go);
    assert_eq!(book.taken(&task).await.unwrap(), most(400));
    assert_eq!(book.tool_calls(&task).await.unwrap()[0].outcome, None);
    let cost = Cost { tokens_in: 20, tokens_out: 5, micros: 0, tool_calls: 1 };
    let text = answer("found \u{0} it");
    book.end_call(&task, &asked(0, "a"), (most(400), cost), Some(&text)).await.unwrap();
    // As another process sees it, told twice.
    let book = bench.open().await;
    book.end_call(&task, &asked(0, "a"), (cost, cost), Some(&answer("another"))).await.unwrap();
    assert_eq!(book.taken(&task).await.unwrap(), cost);
    let again = book.begin_call(&of(&task, 1), &asked(0, "a"), most(10_000)).await.unwrap();
    assert_eq!(again, Begun::Known(text), "also where nothing is left");
    assert_eq!(book.begin_call(&of(&task, 1), &asked(0, "b"), most(1)).await.unwrap(), Begun::Other);
    assert_eq!(book.begin_call(&of(&task, 1), &asked(1, "b"), most(1)).await.unwrap(), Begun::Go(cost));
    let called = book.tool_calls(&task).await.unwrap();
    assert_eq!((called.len(), &called[0].input), (2, &json!({ "query": "a \u{0}" })));
    assert_eq!(book.begin_call(&of(&task, 2), &asked(2, "c"), most(1)).await.unwrap(), Begun::Over);
}

pub(crate) async fn no_call_takes_more_than_the_limits_of_its_task(bench: &impl Bench) {
    let book = bench.open().await;
    let task = accepted(&book, "one").await.id;
    leased(&book, 1).await.unwrap();
    let begin = async |seq, cost| book.begin_call(&of(&task, 1), &asked(seq, "a"), cost).await.unwrap();
    assert_eq!(begin(0, most(1001)).await, Begun::Spent(Limit::Tokens));
    assert_eq!(begin(0, Cost { micros: 1, ..most(1) }).await, Begun::Spent(Limit::Money));
    assert_eq!(begin(0, Cost { tool_calls: 11, ..most(1) }).await, Begun::Spent(Limit::ToolCalls));
    assert_eq!(book.taken(&task).await.unwrap(), Cost::default(), "nothing was set aside");
    let both = futures_util::future::join_all((0..4).map(|seq| begin(seq, most(400)))).await;
    let went = both.iter().filter(|begun| matches!(begun, Begun::Go(_))).count();
    assert_eq!(went, 2, "together they take no more: {both:?}");
}

pub(crate) async fn what_was_never_answered_may_be_asked_for_anew(bench: &impl Bench) {
    let book = bench.open().await;
    let task = accepted(&book, "one").await.id;
    leased(&book, 1).await.unwrap();
    book.begin_call(&of(&task, 1), &asked(0, "a"), most(100)).await.unwrap();
    // The process that would have answered is gone, and what it set aside may have been taken.
    let book = bench.open().await;
    let begun = book.begin_call(&of(&task, 1), &asked(0, "b"), most(50)).await.unwrap();
    assert_eq!(begun, Begun::Go(most(100)));
    book.end_call(&task, &asked(0, "a"), (most(100), most(100)), Some(&answer("late"))).await.unwrap();
    assert_eq!(book.tool_calls(&task).await.unwrap()[0].outcome, None, "the answer to another request");
    book.end_call(&task, &asked(0, "b"), (most(50), Cost::default()), None).await.unwrap();
    assert_eq!(book.taken(&task).await.unwrap(), most(100));
    assert!(matches!(book.begin_call(&of(&task, 1), &asked(0, "c"), most(1)).await.unwrap(), Begun::Go(_)));
}

pub(crate) async fn a_runner_keeps_many_tasks_at_once_and_learns_which_it_has_lost(bench: &impl Bench) {
    let book = bench.open().await;
    let mut kept = Vec::new();
    for number in 0..50 {
        let task = accepted(&book, &number.to_string()).await.id;
        leased(&book, 1).await.unwrap();
        kept.push(of(&task, 1));
    }
    let cancelled = kept[7].clone();
    book.cancel(&cancelled.task, at(2)).await.unwrap();
    let strange = of(&TaskId::derive(&["never accepted"]), 1);
    let stale = of(&kept[8].task, 9);
    let all = [kept.clone(), vec![strange.clone(), stale.clone()]].concat();
    assert_eq!(book.keep(&all, at(3), at(33)).await.unwrap(), [cancelled, strange, stale]);
    let until = async |task| book.get(task).await.unwrap().unwrap().lease_until;
    assert_eq!(until(&kept[0].task).await, Some(at(31)), "more than half is left");
    book.keep(&kept, at(20), at(50)).await.unwrap();
    assert_eq!(until(&kept[0].task).await, Some(at(50)));
    // One whose lease ran out is still its runner's, until somebody else has it.
    book.sweep(at(60)).await.unwrap();
    assert_eq!(book.keep(&kept[..1], at(61), at(91)).await.unwrap(), []);
    assert_eq!(until(&kept[0].task).await, Some(at(91)));
}

pub(crate) async fn leases_that_nobody_could_renew_are_extended_and_the_next_due_time_is_known(
    bench: &impl Bench,
) {
    let book = bench.open().await;
    assert_eq!((book.next_due(at(0)).await.unwrap(), book.has_ready(at(0)).await.unwrap()), (None, false));
    let task = accepted(&book, "one").await.id;
    assert_eq!(
        (book.next_due(at(0)).await.unwrap(), book.has_ready(at(0)).await.unwrap()),
        (Some(at(3600)), true)
    );
    leased(&book, 1).await.unwrap();
    assert_eq!(
        (book.next_due(at(1)).await.unwrap(), book.has_ready(at(1)).await.unwrap()),
        (Some(at(31)), false)
    );
    assert_eq!(book.extend_leases(at(100), at(120)).await.unwrap(), 1);
    assert_eq!(book.extend_leases(at(100), at(120)).await.unwrap(), 0);
    assert_eq!(book.sweep(at(101)).await.unwrap(), []);
    assert_eq!(book.next_due(at(101)).await.unwrap(), Some(at(120)));
    book.give_back(
        &task,
        Attempt(1),
        helix::tasks::Returned::Failed(helix_contract::Failure::Agent),
        at(102),
    )
    .await
    .unwrap();
    assert_eq!(
        (book.next_due(at(102)).await.unwrap(), book.has_ready(at(102)).await.unwrap()),
        (Some(at(104)), false)
    );
    assert!(book.has_ready(at(104)).await.unwrap());
}
