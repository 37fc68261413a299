//! The book of tasks in a real PostgreSQL: what every book promises, and what only a server can do to it. Needs
//! `HELIX_TEST_POSTGRES`, the URL of a server of its own; `./test --only postgres` gives one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bench;
mod conformance;
mod crash;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use helix::tasks::{Accepted, PostgresError, TaskBook, TaskError};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use bench::{Bench, accepted, at, done, leased, origin, soon, spec};

fn server() -> String {
    std::env::var("HELIX_TEST_POSTGRES").expect("HELIX_TEST_POSTGRES: run ./test --only postgres")
}

/// The same server's URL with another database.
fn database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database");
    format!("{server}/{name}")
}

async fn execute(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn open(url: &str) -> Result<TaskBook, PostgresError> {
    TaskBook::in_postgres(&SecretString::from(url)).await
}

/// A database of its own on the server of this run.
struct Own(String);

impl Bench for Own {
    async fn new(name: &str) -> Self {
        let name: String = name.chars().take(40).collect();
        let name = format!("{name}_{}", std::process::id());
        execute(&server(), format!("CREATE DATABASE {name}")).await;
        Self(database(&server(), &name))
    }

    async fn open(&self) -> TaskBook {
        open(&self.0).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        execute(&self.0, sql.to_owned()).await;
    }
}

conformance::every_case!(Own);

#[tokio::test]
async fn a_life_that_is_cut_off_after_any_step_ends_once_and_is_spoken_at_most_once() {
    crash::after_every_step(&Own::new("steps").await).await;
}

/// Each life opens a few connections, and how often it waits is the server's to say: a sample of the places.
#[tokio::test]
async fn a_life_that_is_cut_off_in_the_middle_of_a_step_ends_once_and_is_spoken_at_most_once() {
    crash::at_every_wait(&Own::new("waits").await, 5).await;
}

#[tokio::test]
async fn the_tables_of_a_newer_helix_are_refused_in_words() {
    let own = Own::new("newer").await;
    accepted(&own.open().await, "one").await;
    own.run("UPDATE _sqlx_migrations SET version = 99 WHERE version = 2").await;
    let error = open(&own.0).await.expect_err("newer");
    assert!(matches!(error, PostgresError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("install that Helix again"), "{error}");
    own.run("UPDATE _sqlx_migrations SET version = 2 WHERE version = 99").await;
    assert_eq!(own.open().await.counts().await.unwrap().queued, 1);
}

#[tokio::test]
async fn two_that_make_the_tables_at_once_both_get_them() {
    let own = Own::new("twice").await;
    let opened = futures_util::future::join_all((0..4).map(|_| open(&own.0))).await;
    for book in opened {
        book.unwrap().counts().await.unwrap();
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why_and_never_the_password() {
    let url = server();
    let (credentials, place) = url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    let wrong = format!("postgres://{user}:sesame-4711@{place}");
    let nowhere = database(&url, "no_such_database");
    for (url, secret) in [(wrong.as_str(), "sesame-4711"), (nowhere.as_str(), password)] {
        let error = open(url).await.expect_err("refused");
        assert!(matches!(error, PostgresError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("check user, password, database"), "{error}");
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    let error = open("this is no address sesame-4711").await.expect_err("no address");
    assert!(
        matches!(error, PostgresError::Address { .. }) && !error.to_string().contains("sesame"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_in_seconds() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://helix:x@127.0.0.1:{port}/postgres");
    let limit = Duration::from_secs(20);
    let book = tokio::time::timeout(limit, open(&url)).await.expect("given up").unwrap();
    let error =
        tokio::time::timeout(limit, book.counts()).await.expect("given up").expect_err("nobody answers");
    assert!(error.code() == "postgres-unreachable" && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_statement_that_waits_for_a_stuck_neighbour_is_given_up_and_works_afterwards() {
    let own = Own::new("stuck").await;
    let book = own.open().await;
    let task = accepted(&book, "one").await;
    let mut neighbour = PgConnection::connect(&own.0).await.unwrap();
    let mut tx = neighbour.begin().await.unwrap();
    sqlx::query("SELECT * FROM task FOR UPDATE").fetch_all(&mut *tx).await.unwrap();
    // What is held is passed over, not waited for.
    assert!(leased(&book, 1).await.is_none());
    let error = soon(book.cancel(&task.id, at(1))).await.expect_err("held");
    assert!(
        matches!(error, TaskError::Postgres(PostgresError::Slow { .. })) && error.is_retryable(),
        "{error}"
    );
    tx.rollback().await.unwrap();
    assert!(leased(&book, 2).await.is_some());
}

/// A server that one test alone starts and stops, and that waits for its disk.
struct Server {
    name: String,
    url: String,
}

impl Server {
    fn bed(arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bed/postgres");
        let done = Command::new(script).args(arguments).output().expect("tests/bed/postgres");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn start(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let url = Self::bed(&["start", &name, "--durable"]);
        Self { name, url }
    }

    fn stop(&self, how: &[&str]) {
        Self::bed(&[&["stop", &self.name], how].concat());
    }

    fn port(&self) -> &str {
        self.url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0
    }

    fn start_again(&self) {
        assert_eq!(Self::bed(&["start", &self.name, self.port(), "--durable"]), self.url);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        Self::bed(&["clean", &self.name]);
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_a_typed_error_and_nothing_is_lost_when_it_is_back() {
    let server = Server::start("fallible");
    let book = open(&server.url).await.unwrap();
    let one = accepted(&book, "one").await;
    let lease = leased(&book, 1).await.unwrap();
    for how in [&[] as &[&str], &["--now"]] {
        server.stop(how);
        let name = format!("stopped {how:?}");
        let error = soon(book.accept(&spec(&name), &origin(), at(2))).await.expect_err("away");
        assert!(matches!(error, TaskError::Postgres(PostgresError::Unreachable { .. })), "{error:?}");
        assert!(error.is_retryable() && error.to_string().contains("check that it runs"), "{error}");
        server.start_again();
        let accepted = soon(book.accept(&spec(&name), &origin(), at(3))).await.unwrap();
        assert_eq!(accepted, Accepted::New);
        assert_eq!(book.get(&one.id).await.unwrap().unwrap().attempt, lease.attempt);
    }
    let finished = book.finish(&done(&one.id, lease.attempt), at(4)).await.unwrap();
    assert_eq!(finished, helix::tasks::Finished::Counted);
    // What was told is on the disk: the power goes out at once.
    server.stop(&["--now"]);
    server.start_again();
    assert!(book.result(&one.id).await.unwrap().is_some());
    assert_eq!(book.counts().await.unwrap().queued, 2);
}

#[tokio::test]
async fn a_server_that_is_away_when_helix_starts_is_used_from_when_it_is_there() {
    let server = Server::start("late");
    server.stop(&[]);
    let book = soon(open(&server.url)).await.unwrap();
    let error = soon(book.accept(&spec("one"), &origin(), at(1))).await.expect_err("away");
    assert_eq!(error.code(), "postgres-unreachable", "{error}");
    server.start_again();
    assert_eq!(soon(book.accept(&spec("one"), &origin(), at(2))).await.unwrap(), Accepted::New);
    assert_eq!(book.counts().await.unwrap().queued, 1);
}
