//! An agent's life: started, heard, stopped, removed.

use std::time::Duration;

use helix_contract::api::ImageTrouble;
use helix_runner::{AgentKey, Backend as _, BackendError, Ended};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::{Bed, LONG, begun, comes_alive, heard, order};

pub(crate) async fn an_agent_that_is_started_twice_runs_once(bed: &impl Bed) {
    let backend = bed.backend().await;
    backend.prepare(None).await.expect("ready");
    let work = bed.work(1, "exit 0");
    let first = begun(&backend, &work).await;
    let second = backend.start(&work).await.expect("the same");
    assert!(second.again && second.stream.is_none());
    let report = timeout(LONG, backend.wait(&work.key)).await.expect("in time").expect("ended");
    assert_eq!(report.ended, Ended::Code(0));
    assert!(backend.start(&work).await.expect("still the same").again, "one that ended is not begun again");
    backend.remove(&work.key).await.expect("removed");
    drop(first);
}

pub(crate) async fn a_line_carries_what_is_said_to_and_fro(bed: &impl Bed) {
    let backend = bed.backend().await;
    let work = bed.work(1, "echo");
    let mut stream = begun(&backend, &work).await.expect("a line");
    stream.stdin.write_all(b"to and fro").await.expect("written");
    stream.stdin.shutdown().await.expect("closed");
    assert_eq!(heard(&mut stream).await, "to and fro");
    assert_eq!(backend.wait(&work.key).await.expect("ended").ended, Ended::Code(0));
    backend.remove(&work.key).await.expect("removed");
}

pub(crate) async fn what_is_removed_is_gone_and_may_be_removed_again(bed: &impl Bed) {
    let backend = bed.backend().await;
    let work = bed.work(1, "wait");
    backend.remove(&work.key).await.expect("nothing is there");
    let started = begun(&backend, &work).await;
    comes_alive(bed, &work.key).await;
    backend.remove(&work.key).await.expect("removed while it runs");
    bed.is_gone(&work.key).await;
    backend.remove(&work.key).await.expect("removed before");
    backend.stop(&work.key, Duration::ZERO).await.expect("stopped before");
    assert!(!backend.start(&work).await.expect("a new one").again, "the name is free");
    backend.remove(&work.key).await.expect("removed");
    drop(started);
}

pub(crate) async fn an_agent_that_ignores_the_polite_request_is_ended_by_force(bed: &impl Bed) {
    let backend = bed.backend().await;
    let work = bed.work(1, "ignore");
    let stream = begun(&backend, &work).await.expect("a line");
    let mut line = String::new();
    let mut stdout = BufReader::new(stream.stdout);
    timeout(LONG, stdout.read_line(&mut line)).await.expect("in time").expect("a line");
    assert_eq!(line, "ignoring\n");
    backend.stop(&work.key, Duration::from_millis(200)).await.expect("stopped");
    assert!(!bed.is_alive(&work.key).await);
    assert_eq!(backend.wait(&work.key).await.expect("ended").ended, Ended::Stopped);
    backend.remove(&work.key).await.expect("removed");
}

pub(crate) async fn the_exit_code_and_the_last_words_are_told(bed: &impl Bed) {
    let backend = bed.backend().await;
    for (number, code) in [(1, 0), (2, 1), (3, 64), (4, 101)] {
        let work = bed.work(number, &format!("exit {code}"));
        let _line = begun(&backend, &work).await;
        let report = timeout(LONG, backend.wait(&work.key)).await.expect("in time").expect("ended");
        assert_eq!(report.ended, Ended::Code(code));
        // A cluster keeps the words only of those that failed.
        let kept = backend.capabilities().streams || code != 0;
        assert_eq!(report.stderr, if kept { "the last words\n" } else { "" });
        assert_eq!(backend.wait(&work.key).await.expect("told again"), report);
        backend.remove(&work.key).await.expect("removed");
    }
}

pub(crate) async fn an_idle_agent_waits_for_its_first_line(bed: &impl Bed) {
    let backend = bed.backend().await;
    if !backend.capabilities().idle {
        return;
    }
    let key = AgentKey::Idle { runner: std::process::id(), number: 7_000 };
    let mut stream = backend.start_idle(&key).await.expect("started").stream.expect("a line");
    comes_alive(bed, &key).await;
    order(&mut stream, "echo").await;
    stream.stdin.write_all(b"x\n").await.expect("written");
    let mut line = [0; 2];
    let read = timeout(LONG, stream.stdout.read_exact(&mut line)).await.expect("in time");
    assert!(read.is_ok(), "{read:?}: {:?}", backend.wait(&key).await);
    backend.remove(&key).await.expect("removed");
}

pub(crate) async fn what_is_not_there_is_said_to_be_unknown(bed: &impl Bed) {
    let backend = bed.backend().await;
    let waited = backend.wait(&bed.work(99, "wait").key).await;
    assert!(matches!(waited, Err(BackendError::Unknown(_))), "{waited:?}");
    assert_eq!(backend.found().await.expect("looked"), []);
}

pub(crate) async fn an_image_that_nobody_has_is_told_as_such(bed: &impl Bed) {
    let error = bed.missing().await.expect_err("nothing is there");
    // A cluster pulls, and knows only that it was given nothing.
    let (code, trouble) = if bed.backend().await.capabilities().streams {
        ("runner-image-missing", ImageTrouble::Missing)
    } else {
        ("runner-image-refused", ImageTrouble::Refused)
    };
    assert_eq!((error.code(), error.image()), (code, Some(trouble)), "{error}");
}
