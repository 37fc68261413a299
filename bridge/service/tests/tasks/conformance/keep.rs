//! Keeping: events, news, rows of another hand, retention, a restart.

use futures_util::future::join_all;
use helix::tasks::{Cancelled, Change, Finished, How, NewsState, Recorded, State, TaskError, Which};
use helix_contract::{Attempt, TaskId};

use crate::bench::{Bench, accepted, at, done, event, leased, origin, soon, spec};

pub(crate) async fn events_are_kept_once_and_only_of_the_current_attempt(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    assert_eq!(book.record(&event(&id, Attempt(0), 0)).await.unwrap(), Recorded::Ignored);
    let attempt = leased(&book, 0).await.unwrap().attempt;
    for seq in 0..3 {
        assert_eq!(book.record(&event(&id, attempt, seq)).await.unwrap(), Recorded::New);
        assert_eq!(book.record(&event(&id, attempt, seq)).await.unwrap(), Recorded::Known);
    }
    assert_eq!(book.record(&event(&id, attempt, 1000)).await.unwrap(), Recorded::Ignored);
    let told: Vec<_> = book.events(&id, 2).await.unwrap().into_iter().map(|event| event.seq).collect();
    assert_eq!(told, [1, 2]);
    book.finish(&done(&id, attempt), at(1)).await.unwrap();
    assert_eq!(book.record(&event(&id, attempt, 3)).await.unwrap(), Recorded::Ignored);
}

pub(crate) async fn an_answer_is_spoken_once_and_one_that_was_cut_off_is_text(bench: &impl Bench) {
    let book = bench.open().await;
    let mut ids = Vec::new();
    for (second, name) in (0..).zip(["spoken", "cut off", "quiet"]) {
        let id = accepted(&book, name).await.id;
        let attempt = leased(&book, 0).await.unwrap().attempt;
        book.finish(&done(&id, attempt), at(second)).await.unwrap();
        ids.push(id);
    }
    let [spoken, cut_off, quiet] = [&ids[0], &ids[1], &ids[2]];
    let begun = join_all((0..10).map(|_| book.begin_speaking(spoken, at(5), at(35)))).await;
    assert_eq!(begun.into_iter().filter(|begun| *begun.as_ref().unwrap()).count(), 1);
    assert!(book.spoken(spoken, at(6)).await.unwrap());
    assert!(book.begin_speaking(cut_off, at(7), at(37)).await.unwrap());
    assert_eq!(book.deliveries_due(at(8), 10).await.unwrap().len(), 1, "the quiet one alone");
    assert!(book.as_text(quiet, at(8)).await.unwrap());
    drop(book);
    let book = bench.open().await;
    assert_eq!(book.interrupt_speaking(at(9)).await.unwrap(), 1);
    let due = book.deliveries_due(at(9), 10).await.unwrap();
    assert_eq!((due.len(), &due[0].task.spec.id, due[0].how), (1, cut_off, How::TextOnly));
    assert_eq!(due[0].result.as_ref().unwrap(), &done(cut_off, Attempt(1)));
    assert_eq!(due[0].task.origin, origin());
    assert!(!book.begin_speaking(cut_off, at(10), at(40)).await.unwrap());
    assert!(book.as_text(cut_off, at(10)).await.unwrap());
    assert!(!book.spoken(cut_off, at(11)).await.unwrap());
    assert!(book.deliveries_due(at(9999), 10).await.unwrap().is_empty());
    for (id, news) in [(spoken, NewsState::Spoken), (cut_off, NewsState::Text), (quiet, NewsState::Text)] {
        assert_eq!(book.news(id).await.unwrap(), Some(news));
    }
}

pub(crate) async fn an_answer_waits_while_it_is_held_and_expires(bench: &impl Bench) {
    let book = bench.open().await;
    let id = accepted(&book, "one").await.id;
    let attempt = leased(&book, 0).await.unwrap().attempt;
    book.finish(&done(&id, attempt), at(1)).await.unwrap();
    assert!(book.hold(&id, at(2), at(60)).await.unwrap());
    assert!(book.deliveries_due(at(59), 10).await.unwrap().is_empty());
    assert_eq!(book.deliveries_due(at(60), 10).await.unwrap()[0].how, How::Any);
    assert!(book.sweep(at(86_400)).await.unwrap().is_empty());
    let swept = book.sweep(at(86_401)).await.unwrap();
    assert_eq!((swept[0].change, &swept[0].task), (Change::Untold, &id));
    assert!(!book.begin_speaking(&id, at(86_402), at(86_432)).await.unwrap());
    assert_eq!(book.news(&id).await.unwrap(), Some(NewsState::Expired));
}

pub(crate) async fn what_a_later_helix_wrote_ends_in_words_and_holds_nobody_up(bench: &impl Bench) {
    let book = bench.open().await;
    for name in ["future", "broken", "miscounted"] {
        accepted(&book, name).await;
    }
    bench.run("UPDATE task SET spec = replace(spec, '\"version\":1', '\"version\":2') WHERE spec LIKE '%future%'").await;
    bench.run("UPDATE task SET begun = -1 WHERE spec LIKE '%miscounted%'").await;
    bench.run("UPDATE task SET spec = '{' WHERE spec LIKE '%broken%'").await;
    let good = spec("good");
    book.accept(&good, &origin(), at(9)).await.unwrap();
    let future = TaskId::derive(&["future"]);
    let error = book.get(&future).await.expect_err("of a later version");
    assert!(
        matches!(&error, TaskError::Unreadable { .. }) && error.to_string().contains("version 2"),
        "{error}"
    );
    assert_eq!(book.list(Which::All, 10).await.unwrap().len(), 1);
    assert_eq!(leased(&book, 10).await.unwrap().spec, good);
    let counts = book.counts().await.unwrap();
    assert_eq!((counts.leased, counts.failed, counts.untold), (1, 3, 3));
    assert_eq!(book.cancel(&future, at(11)).await.unwrap(), Cancelled::Ended(State::Failed));
    book.finish(&done(&good.id, Attempt(1)), at(12)).await.unwrap();
    let due = book.deliveries_due(at(13), 2).await.unwrap();
    assert_eq!(due.into_iter().map(|due| due.task.spec).collect::<Vec<_>>(), [good]);
}

pub(crate) async fn what_nobody_can_read_ends_at_its_deadline_and_holds_no_other_up(bench: &impl Bench) {
    let book = bench.open().await;
    let [miscounted, good] = [accepted(&book, "miscounted").await.id, accepted(&book, "good").await.id];
    bench.run("UPDATE task SET begun = -1 WHERE spec LIKE '%miscounted%'").await;
    assert!(book.sweep(at(3599)).await.unwrap().is_empty());
    let swept = book.sweep(at(3600)).await.unwrap();
    let changes = swept.iter().map(|swept| (&swept.task, swept.change)).collect::<Vec<_>>();
    let mut expected = [(&miscounted, Change::Failed), (&good, Change::Expired)];
    expected.sort_by_key(|(task, _)| (*task).clone());
    assert_eq!(changes, expected);
}

pub(crate) async fn what_ended_long_ago_is_forgotten_once_somebody_was_told(bench: &impl Bench) {
    let book = bench.open().await;
    let mut ids = Vec::new();
    for name in ["told", "untold", "under way"] {
        let id = accepted(&book, name).await.id;
        let attempt = leased(&book, 0).await.unwrap().attempt;
        book.record(&event(&id, attempt, 0)).await.unwrap();
        if name != "under way" {
            book.finish(&done(&id, attempt), at(1)).await.unwrap();
        }
        ids.push(id);
    }
    book.as_text(&ids[0], at(2)).await.unwrap();
    assert_eq!(book.prune(at(1)).await.unwrap(), 0);
    assert_eq!(book.prune(at(1000)).await.unwrap(), 1);
    let kept = [book.get(&ids[0]), book.get(&ids[1]), book.get(&ids[2])];
    let kept = join_all(kept).await.into_iter().map(|task| task.unwrap().is_some());
    assert_eq!(kept.collect::<Vec<_>>(), [false, true, true]);
    assert!(
        book.result(&ids[0]).await.unwrap().is_none() && book.events(&ids[0], 9).await.unwrap().is_empty()
    );
}

pub(crate) async fn everything_is_there_after_a_restart(bench: &impl Bench) {
    let book = bench.open().await;
    let one = accepted(&book, "one").await;
    let two = accepted(&book, "two").await;
    let lease = leased(&book, 1).await.unwrap();
    book.record(&event(&lease.spec.id, lease.attempt, 0)).await.unwrap();
    let before = (book.list(Which::All, 10).await.unwrap(), book.counts().await.unwrap());
    book.close().await;
    drop(book);
    let book = soon(bench.open()).await;
    assert_eq!((book.list(Which::All, 10).await.unwrap(), book.counts().await.unwrap()), before);
    let task = book.get(&lease.spec.id).await.unwrap().unwrap();
    assert!([&one, &two].contains(&&task.spec));
    assert_eq!(
        (task.origin, task.worker.as_deref(), task.lease_until),
        (origin(), Some("worker"), Some(at(31)))
    );
    assert_eq!(book.finish(&done(&lease.spec.id, lease.attempt), at(2)).await.unwrap(), Finished::Counted);
}
