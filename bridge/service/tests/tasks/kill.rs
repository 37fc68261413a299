//! A real process with a book, killed after each step that it told of, and started again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use helix::store::Store;
use helix::tasks::{Filter, How, State, TaskBook};

use crate::bench::{at, done, event, origin, spec};
use crate::place::{self, Place, child, given_folder};

const NAME: &str = "kill::a_process_that_is_killed_after_any_step_ends_its_task_once";

#[tokio::test]
async fn a_process_that_is_killed_after_any_step_ends_its_task_once() {
    if let Some(folder) = given_folder() {
        return live(&folder).await;
    }
    let mut kills = 0;
    for after in 1.. {
        let place = Place::new(&format!("task-kill-{after}"));
        let (mut told, first_ended) = until_killed(place.path(), after);
        if !first_ended {
            kills += 1;
            let (more, ended) = until_killed(place.path(), usize::MAX);
            assert!(ended, "{after}: {more:?}");
            told.extend(more);
        }
        let count = |word: &str| told.iter().filter(|line| *line == word).count();
        let (counted, spoken, texts) = (count("counted"), count("speaks"), count("text"));
        assert!(counted <= 1 && spoken <= 1 && spoken + texts >= 1, "killed after {after}: {told:?}");
        let book = TaskBook::in_store(place.open().await.unwrap());
        let task = book.get(&spec("one").id).await.unwrap().unwrap();
        assert_eq!(
            (task.state, book.counts().await.unwrap().untold),
            (State::Done, 0),
            "killed after {after}"
        );
        if first_ended {
            break;
        }
    }
    assert!(kills >= 5, "only {kills}");
}

/// What the child told until it was killed after `lines` lines, and whether it came to its end before.
fn until_killed(folder: &Path, lines: usize) -> (Vec<String>, bool) {
    let mut child =
        child(NAME, folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let reader = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut steps =
        reader.map_while(Result::ok).filter_map(|line| line.strip_prefix("step ").map(str::to_owned));
    let mut told: Vec<_> = steps.by_ref().take(lines).collect();
    let _ = child.kill();
    // What it did before the signal reached it.
    told.extend(steps);
    child.wait().expect("ended");
    let ended = told.last().is_some_and(|last| last == "end");
    (told, ended)
}

#[allow(clippy::print_stdout, reason = "the parent reads it")]
async fn live(folder: &Path) {
    let store = Store::open(folder, place::at("2026-11-21T12:00:00Z")).await.unwrap();
    let book = TaskBook::in_store(store);
    // The harness has begun the line with the name of this test.
    println!();
    let told = |step: &str| println!("step {step}");
    let mut task = spec("one");
    task.limits.attempts = 5;
    book.interrupt_speaking(at(0)).await.unwrap();
    book.accept(&task, &origin(), at(0)).await.unwrap();
    told("accepted");
    for round in 0_i64.. {
        // Each process and each round is a minute later than any lease.
        let now = at(round * 60);
        book.sweep(now).await.unwrap();
        if let Some(lease) = book.lease("worker", &Filter::default(), now, now).await.unwrap() {
            told("leased");
            book.record(&event(&task.id, lease.attempt, 0)).await.unwrap();
            told("recorded");
            let finished = book.finish(&done(&task.id, lease.attempt), now).await.unwrap();
            told(if finished == helix::tasks::Finished::Counted { "counted" } else { "refused" });
        }
        for due in book.deliveries_due(now, 10).await.unwrap() {
            if due.how == How::TextOnly {
                told("text");
                book.as_text(&task.id, now).await.unwrap();
                told("noted");
            } else if book.begin_speaking(&task.id, now, now).await.unwrap() {
                told("begun");
                told("speaks");
                book.spoken(&task.id, now).await.unwrap();
                told("noted");
            }
        }
        let counts = book.counts().await.unwrap();
        if counts.queued + counts.leased + counts.untold == 0 {
            return told("end");
        }
    }
}
