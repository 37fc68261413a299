//! Beginning: accepted, leased, renewed, late.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use helix::tasks::{
    Accepted, Change, Filter, Finished, GivenBack, Recorded, Renewed, Returned, State, TaskError, Which,
};
use helix_contract::{Attempt, Class, Failure, TaskId};

use crate::bench::{Bench, accepted, at, done, event, leased, origin, spec};

pub(crate) async fn a_task_that_is_handed_in_twice_is_one_task(bench: &impl Bench) {
    let book = bench.open().await;
    let spec = accepted(&book, "one").await;
    assert_eq!(book.accept(&spec, &origin(), at(1)).await.unwrap(), Accepted::Known(State::Queued));
    leased(&book, 2).await.unwrap();
    assert_eq!(book.accept(&spec, &origin(), at(3)).await.unwrap(), Accepted::Known(State::Leased));
    let mut other = spec.clone();
    other.instruction.push('!');
    let error = book.accept(&other, &origin(), at(4)).await.expect_err("another task");
    assert!(matches!(error, TaskError::Conflict { .. }), "{error}");
    assert_eq!(book.get(&spec.id).await.unwrap().unwrap().spec, spec);
    let both = join_all((0..10).map(|_| {
        let (book, spec) = (book.clone(), self::spec("at once"));
        async move { book.accept(&spec, &origin(), at(5)).await.unwrap() }
    }));
    let new = both.await.into_iter().filter(|accepted| *accepted == Accepted::New).count();
    assert_eq!((new, book.list(Which::All, 100).await.unwrap().len()), (1, 2));
}

pub(crate) async fn a_hundred_workers_get_fifty_tasks_once_each(bench: &impl Bench) {
    let book = bench.open().await;
    for number in 0..50 {
        accepted(&book, &format!("task {number}")).await;
    }
    let leases =
        join_all((0..100).map(|worker| {
            let book = book.clone();
            async move {
                book.lease(&format!("worker {worker}"), &Filter::default(), at(1), at(31)).await.unwrap()
            }
        }));
    let leases: Vec<_> = leases.await.into_iter().flatten().collect();
    let tasks: BTreeSet<_> = leases.iter().map(|lease| lease.spec.id.clone()).collect();
    assert!(leases.iter().all(|lease| lease.attempt == Attempt(1)));
    // Who looked while others held all that was left went away with nothing; it is still there.
    let mut rest = 0;
    while leased(&book, 2).await.is_some() {
        rest += 1;
    }
    assert_eq!((tasks.len(), leases.len() + rest), (leases.len(), 50));
}

pub(crate) async fn interactive_tasks_go_first_then_older_ones(bench: &impl Bench) {
    let book = bench.open().await;
    let order = [
        ("old", Class::Background, 0),
        ("a", Class::Interactive, 1),
        ("b", Class::Interactive, 2),
        ("c", Class::Interactive, 2),
    ];
    for (name, class, second) in order {
        let spec = helix_contract::TaskSpecV1 { class, ..spec(name) };
        book.accept(&spec, &origin(), at(second)).await.unwrap();
    }
    let mut got = Vec::new();
    while let Some(lease) = leased(&book, 3).await {
        got.push(lease.spec.id);
    }
    let [old, a, b, c] = order.map(|(name, _, _)| TaskId::derive(&[name]));
    let (b, c) = if b < c { (b, c) } else { (c, b) };
    assert_eq!(got, [a, b, c, old]);
}

pub(crate) async fn a_worker_gets_only_what_it_asked_for(bench: &impl Bench) {
    let book = bench.open().await;
    let first = accepted(&book, "first").await;
    let mut other = spec("other");
    other.agent.name = "plan".parse().unwrap();
    book.accept(&other, &origin(), at(1)).await.unwrap();
    let ask = |agents: &[&str], task: Option<&TaskId>| {
        let agents = agents.iter().map(|name| name.parse().unwrap()).collect();
        let (book, filter) = (book.clone(), Filter { agents, task: task.cloned() });
        async move { book.lease("worker", &filter, at(2), at(32)).await.unwrap().map(|lease| lease.spec.id) }
    };
    assert_eq!(ask(&["compare", "pla"], None).await, None);
    assert_eq!(ask(&["compare", "plan"], None).await, Some(other.id));
    assert_eq!(ask(&[], Some(&TaskId::derive(&["no such"]))).await, None);
    assert_eq!(ask(&["plan"], Some(&first.id)).await, None);
    assert_eq!(ask(&[], Some(&first.id)).await, Some(first.id));
}

pub(crate) async fn a_lease_that_ran_out_is_given_to_another_and_the_old_result_refused(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    let old = leased(&book, 0).await.unwrap();
    assert!(leased(&book, 29).await.is_none());
    let new = leased(&book, 30).await.unwrap();
    assert!(new.attempt > old.attempt);
    assert_eq!(book.renew(&id, old.attempt, at(31), at(61)).await.unwrap(), Renewed::Lost);
    assert_eq!(book.finish(&done(&id, old.attempt), at(31)).await.unwrap(), Finished::Stale);
    assert_eq!(book.record(&event(&id, old.attempt, 0)).await.unwrap(), Recorded::Ignored);
    let given = book.give_back(&id, old.attempt, Returned::Failed(Failure::Agent), at(31)).await.unwrap();
    assert_eq!(given, GivenBack::Stale);
    assert_eq!(book.finish(&done(&id, new.attempt), at(32)).await.unwrap(), Finished::Counted);
    assert_eq!(book.finish(&done(&id, old.attempt), at(33)).await.unwrap(), Finished::Stale);
    assert_eq!(book.result(&id).await.unwrap().unwrap().attempt, new.attempt);
    let last = accepted(&book, "last").await.id;
    leased(&book, 40).await.unwrap();
    leased(&book, 70).await.unwrap();
    assert!(leased(&book, 100).await.is_none(), "no attempt is left");
    let swept = book.sweep(at(100)).await.unwrap();
    assert_eq!(
        swept.iter().map(|swept| (&swept.task, swept.change)).collect::<Vec<_>>(),
        [(&last, Change::Failed)]
    );
    assert_eq!(book.get(&last).await.unwrap().unwrap().code.as_deref(), Some("task-attempts"));
}

pub(crate) async fn a_worker_that_was_late_keeps_its_task_until_another_has_it(bench: &impl Bench) {
    let book = bench.open().await;
    let [one, two] = [accepted(&book, "one").await.id, accepted(&book, "two").await.id];
    let leases = [leased(&book, 0).await.unwrap(), leased(&book, 0).await.unwrap()];
    let swept = book.sweep(at(40)).await.unwrap();
    assert!(swept.len() == 2 && swept.iter().all(|swept| swept.change == Change::Requeued), "{swept:?}");
    assert!(book.sweep(at(40)).await.unwrap().is_empty());
    for lease in &leases {
        let renewed = book.renew(&lease.spec.id, lease.attempt, at(41), at(71)).await.unwrap();
        assert_eq!(renewed, Renewed::Until(at(71)));
    }
    assert!(leased(&book, 42).await.is_none());
    book.sweep(at(80)).await.unwrap();
    for lease in &leases {
        let finished = book.finish(&done(&lease.spec.id, lease.attempt), at(81)).await.unwrap();
        assert_eq!(finished, Finished::Counted);
    }
    assert!(leased(&book, 82).await.is_none());
    for id in [one, two] {
        assert_eq!(book.get(&id).await.unwrap().unwrap().state, State::Done);
    }
}
