//! An agent's life: started, heard, stopped, removed.

use std::time::Duration;

use helix_contract::api::ImageTrouble;
use helix_runner::{AgentKey, Backend as _, BackendError, Ended};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::{Bed, LONG, comes_alive, heard, order, work};

pub(crate) async fn an_agent_that_is_started_twice_runs_once(bed: &impl Bed) {
    let backend = bed.backend().await;
    backend.prepare(None).await.expect("ready");
    let work = work(1);
    let first = backend.start(&work).await.expect("started");
    let second = backend.start(&work).await.expect("the same");
    assert!(!first.again && second.again && second.stream.is_none());
    let mut stream = first.stream.expect("the first one has its line");
    order(&mut stream, "echo").await;
    stream.stdin.write_all(b"to and fro").await.expect("written");
    stream.stdin.shutdown().await.expect("closed");
    assert_eq!(heard(&mut stream).await, "to and fro");
    assert_eq!(backend.wait(&work.key).await.expect("ended").ended, Ended::Code(0));
    assert!(backend.start(&work).await.expect("still the same").again, "one that ended is not begun again");
    backend.remove(&work.key).await.expect("removed");
}

pub(crate) async fn what_is_removed_is_gone_and_may_be_removed_again(bed: &impl Bed) {
    let backend = bed.backend().await;
    let work = work(1);
    backend.remove(&work.key).await.expect("nothing is there");
    let started = backend.start(&work).await.expect("started");
    comes_alive(bed, &work.key).await;
    backend.remove(&work.key).await.expect("removed while it runs");
    assert!(!bed.is_alive(&work.key).await);
    backend.remove(&work.key).await.expect("removed before");
    backend.stop(&work.key, Duration::ZERO).await.expect("stopped before");
    assert!(!backend.start(&work).await.expect("a new one").again, "the name is free");
    backend.remove(&work.key).await.expect("removed");
    drop(started);
}

pub(crate) async fn an_agent_that_ignores_the_polite_request_is_ended_by_force(bed: &impl Bed) {
    let backend = bed.backend().await;
    let work = work(1);
    let mut stream = backend.start(&work).await.expect("started").stream.expect("a line");
    order(&mut stream, "ignore").await;
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
        let work = work(number);
        let mut stream = backend.start(&work).await.expect("started").stream.expect("a line");
        order(&mut stream, &format!("exit {code}")).await;
        let report = timeout(LONG, backend.wait(&work.key)).await.expect("in time").expect("ended");
        assert_eq!(report.ended, Ended::Code(code));
        assert_eq!(report.stderr, "the last words\n");
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
    let waited = backend.wait(&work(99).key).await;
    assert!(matches!(waited, Err(BackendError::Unknown(_))), "{waited:?}");
    assert_eq!(backend.found().await.expect("looked"), []);
}

pub(crate) async fn an_image_that_is_missing_is_told_as_such(bed: &impl Bed) {
    let error = bed.missing().await.expect_err("nothing is there");
    assert_eq!(error.code(), "runner-image-missing", "{error}");
    assert_eq!(error.image(), Some(ImageTrouble::Missing), "the bridge is told so");
}
