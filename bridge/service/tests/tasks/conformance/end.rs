//! Ending: results, failures, cancelling, deadlines, the clock.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use helix::tasks::{
    Accepted, Cancelled, Change, Filter, Finished, GivenBack, Renewed, Returned, State, TaskError, Which,
};
use helix_contract::{Attempt, Failure, TaskId};

use crate::bench::{Bench, accepted, at, done, failed, leased, origin, spec};

pub(crate) async fn a_result_that_is_told_three_times_counts_once(bench: &impl Bench) {
    let book = bench.open().await;
    for name in ["in turn", "at once"] {
        let id = accepted(&book, name).await.id;
        let attempt = leased(&book, 0).await.unwrap().attempt;
        let told = (0..3).map(|_| {
            let (book, result) = (book.clone(), done(&id, attempt));
            async move { book.finish(&result, at(1)).await.unwrap() }
        });
        let mut finished = Vec::new();
        if name == "at once" {
            finished = join_all(told).await;
        } else {
            for one in told {
                finished.push(one.await);
            }
        }
        let counted = finished.iter().filter(|finished| **finished == Finished::Counted).count();
        let duplicates = finished.iter().filter(|finished| **finished == Finished::Duplicate).count();
        assert_eq!((counted, duplicates), (1, 2), "{name}");
        assert_eq!(book.result(&id).await.unwrap().unwrap(), done(&id, attempt));
    }
    assert_eq!(book.deliveries_due(at(2), 10).await.unwrap().len(), 2);
}

pub(crate) async fn a_result_for_nobody_is_refused(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    let nobody = TaskId::derive(&["nobody"]);
    for attempt in [0, 1, u64::MAX] {
        let finished = book.finish(&done(&id, Attempt(attempt)), at(1)).await.unwrap();
        assert_eq!(finished, Finished::Unknown, "{attempt}");
    }
    assert_eq!(book.finish(&done(&nobody, Attempt(1)), at(1)).await.unwrap(), Finished::Unknown);
    assert_eq!(book.renew(&nobody, Attempt(1), at(1), at(2)).await.unwrap(), Renewed::Lost);
    assert_eq!(book.cancel(&nobody, at(1)).await.unwrap(), Cancelled::Unknown);
    let mut empty = done(&id, Attempt(1));
    if let helix_contract::Outcome::Done { spoken, .. } = &mut empty.outcome {
        spoken.clear();
    }
    assert!(matches!(book.finish(&empty, at(1)).await, Err(TaskError::Wire(_))));
    assert_eq!(book.get(&id).await.unwrap().unwrap().state, State::Queued);
}

pub(crate) async fn a_task_that_was_cancelled_takes_no_result_and_tells_nobody(bench: &impl Bench) {
    let book = bench.open().await;
    let [id, waiting] = [accepted(&book, "one").await.id, accepted(&book, "two").await.id];
    let filter = Filter { task: Some(id.clone()), ..Filter::default() };
    let attempt = book.lease("worker", &filter, at(0), at(30)).await.unwrap().unwrap().attempt;
    for task in [&id, &waiting] {
        assert_eq!(book.cancel(task, at(1)).await.unwrap(), Cancelled::Now);
        assert_eq!(book.cancel(task, at(2)).await.unwrap(), Cancelled::Ended(State::Cancelled));
    }
    let ended = Renewed::Ended(State::Cancelled);
    assert_eq!(book.renew(&id, attempt, at(3), at(33)).await.unwrap(), ended);
    let finished = book.finish(&done(&id, attempt), at(4)).await.unwrap();
    assert_eq!(finished, Finished::Ended(State::Cancelled));
    assert!(leased(&book, 5).await.is_none());
    assert!(book.sweep(at(9999)).await.unwrap().is_empty());
    assert!(book.deliveries_due(at(9999), 10).await.unwrap().is_empty());
    assert!(book.result(&id).await.unwrap().is_none());
}

pub(crate) async fn a_failure_that_may_pass_is_tried_again_until_no_attempt_is_left(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    let first = leased(&book, 0).await.unwrap().attempt;
    let again = Finished::Again(at(12));
    for _ in 0..2 {
        let told = book.finish(&failed(&id, first, Failure::Unavailable), at(10)).await.unwrap();
        assert_eq!(told, again, "telling it twice is telling it once");
    }
    assert!(leased(&book, 11).await.is_none(), "there is a pause");
    let second = leased(&book, 12).await.unwrap().attempt;
    let given = book.give_back(&id, second, Returned::Failed(Failure::Unavailable), at(13)).await.unwrap();
    assert_eq!(given, GivenBack::Failed);
    let given = book.give_back(&id, second, Returned::Failed(Failure::Unavailable), at(13)).await.unwrap();
    assert_eq!(given, GivenBack::Ended(State::Failed));
    let hopeless = accepted(&book, "hopeless").await.id;
    let attempt = leased(&book, 14).await.unwrap().attempt;
    let told = book.finish(&failed(&hopeless, attempt, Failure::Impossible), at(15)).await.unwrap();
    assert_eq!(told, Finished::Counted);
    let due = book.deliveries_due(at(16), 10).await.unwrap();
    let told: Vec<_> = due
        .iter()
        .map(|due| (&due.task.spec.id, due.task.code.as_deref().unwrap(), due.result.is_some()))
        .collect();
    assert_eq!(told, [(&id, "task-unavailable", false), (&hopeless, "task-impossible", true)]);
}

pub(crate) async fn what_was_given_back_untouched_costs_no_attempt(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    for turn in 1..=4 {
        let lease = leased(&book, 0).await.unwrap();
        assert_eq!(lease.attempt, Attempt(turn));
        for _ in 0..2 {
            let given = book.give_back(&id, lease.attempt, Returned::Untouched, at(0)).await.unwrap();
            assert_eq!(given, GivenBack::Queued(at(0)));
        }
    }
    assert_eq!(book.get(&id).await.unwrap().unwrap().begun, 0);
}

pub(crate) async fn what_was_given_back_is_not_the_workers_any_more(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    let attempt = leased(&book, 10).await.unwrap().attempt;
    let failed = Returned::Failed(Failure::Unavailable);
    assert_eq!(book.give_back(&id, attempt, failed, at(10)).await.unwrap(), GivenBack::Queued(at(12)));
    // A request that was overtaken, and the same thing said again in other words, also by a clock that went back.
    assert_eq!(book.renew(&id, attempt, at(11), at(41)).await.unwrap(), Renewed::Lost);
    for second in [11, 1, -3600] {
        let given = book.give_back(&id, attempt, Returned::Untouched, at(second)).await.unwrap();
        assert_eq!(given, GivenBack::Queued(at(12)));
    }
    assert_eq!(book.get(&id).await.unwrap().unwrap().begun, 1);
    assert_eq!(leased(&book, 12).await.unwrap().attempt, Attempt(2));
}

pub(crate) async fn a_full_queue_refuses_and_says_when_to_try_again(bench: &impl Bench) {
    let book = bench.open().await.with_room_for(3);
    let accept = |name: String| {
        let book = book.clone();
        async move { book.accept(&spec(&name), &origin(), at(0)).await }
    };
    let at_once = join_all((0..20).map(|number| accept(format!("task {number}")))).await;
    assert_eq!(at_once.iter().filter(|accepted| accepted.is_ok()).count(), 3);
    let error = accept("one more".into()).await.expect_err("full");
    let TaskError::QueueFull { active: 3, retry_after } = &error else { panic!("{error}") };
    assert_eq!(*retry_after, Duration::from_mins(10));
    assert!(error.is_retryable() && error.to_string().contains("try again in 600 s"), "{error}");
    let known = book.list(Which::UnderWay, 1).await.unwrap().remove(0).spec;
    assert_eq!(book.accept(&known, &origin(), at(0)).await.unwrap(), Accepted::Known(State::Queued));
    book.cancel(&known.id, at(1)).await.unwrap();
    accept("one more".into()).await.unwrap();
}

pub(crate) async fn a_deadline_that_passes_ends_a_task_and_somebody_is_told(bench: &impl Bench) {
    let book = bench.open().await;
    let [waits, runs] = [accepted(&book, "waits").await.id, accepted(&book, "runs").await.id];
    let filter = Filter { task: Some(runs.clone()), ..Filter::default() };
    let attempt = book.lease("worker", &filter, at(3590), at(3620)).await.unwrap().unwrap().attempt;
    assert!(book.sweep(at(3599)).await.unwrap().is_empty());
    assert!(leased(&book, 3600).await.is_none());
    let swept: BTreeSet<_> =
        book.sweep(at(3600)).await.unwrap().into_iter().map(|swept| swept.task).collect();
    assert_eq!(swept, BTreeSet::from([waits.clone(), runs.clone()]));
    for id in [&waits, &runs] {
        let task = book.get(id).await.unwrap().unwrap();
        assert_eq!((task.state, task.code.as_deref()), (State::Expired, Some("task-deadline")));
    }
    let late = book.finish(&done(&runs, attempt), at(3601)).await.unwrap();
    assert_eq!(late, Finished::Ended(State::Expired));
    assert_eq!(book.deliveries_due(at(3601), 10).await.unwrap().len(), 2);
    let error = book.accept(&spec("late"), &origin(), at(3600)).await.expect_err("too late");
    assert!(matches!(error, TaskError::TooLate { .. }));
}

pub(crate) async fn a_clock_an_hour_ahead_or_behind_loses_and_doubles_nothing(bench: &impl Bench) {
    let book = bench.open().await;
    let mut long = spec("one");
    long.limits.deadline = at(4 * 3600);
    let id = long.id.clone();
    book.accept(&long, &origin(), at(0)).await.unwrap();
    let first = leased(&book, 0).await.unwrap();
    // An hour ahead: the lease is over, though its worker still works.
    assert_eq!(book.sweep(at(3610)).await.unwrap()[0].change, Change::Requeued);
    let second = leased(&book, 3611).await.unwrap();
    assert_eq!(book.finish(&done(&id, first.attempt), at(3612)).await.unwrap(), Finished::Stale);
    // And back: a worker that died then does not keep its task for an hour.
    assert!(book.sweep(at(20)).await.unwrap().is_empty());
    assert!(leased(&book, 45).await.is_none());
    assert_eq!(book.sweep(at(60)).await.unwrap()[0].change, Change::Failed);
    assert_eq!(
        book.finish(&done(&id, second.attempt), at(61)).await.unwrap(),
        Finished::Ended(State::Failed)
    );
    // What is to be told, or tried again, since before the clock went back is not held for an hour either.
    assert_eq!(book.deliveries_due(at(-3600), 10).await.unwrap().len(), 1);
    let paused = spec("paused");
    book.accept(&paused, &origin(), at(70)).await.unwrap();
    let lease = leased(&book, 70).await.unwrap();
    book.give_back(&paused.id, lease.attempt, Returned::Failed(Failure::Agent), at(70)).await.unwrap();
    assert_eq!(leased(&book, -3530).await.unwrap().spec, paused);
    let counts = book.counts().await.unwrap();
    assert_eq!((counts.leased, counts.failed, counts.untold), (1, 1, 1));
}
