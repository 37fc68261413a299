//! The book of tasks in the bridge's SQLite file: what every book promises, and what only a file can do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bench;
mod conformance;
mod crash;
mod deliver;
mod kill;
#[allow(dead_code, reason = "the store's own tests use the rest of it")]
#[path = "../store/place.rs"]
mod place;

use helix::store::Store;
use helix::tasks::TaskBook;

use bench::Bench;
use place::{Place, again_on_a_small_disk, at, given_folder};

/// A book in a file of its own.
struct File(Place);

impl Bench for File {
    async fn new(name: &str) -> Self {
        Self(Place::new(&format!("task-{name}")))
    }

    async fn open(&self) -> TaskBook {
        TaskBook::in_store(self.0.open().await.unwrap())
    }

    async fn run(&self, sql: &'static str) {
        self.0.run(sql).await;
    }
}

conformance::every_case!(File);

const FULL_DISK: &str = "a_full_disk_refuses_a_task_in_words_and_loses_none";

#[tokio::test]
async fn a_full_disk_refuses_a_task_in_words_and_loses_none() {
    if let Some(folder) = given_folder() {
        return fill(&folder).await;
    }
    let place = Place::new("task-full");
    let done = again_on_a_small_disk(FULL_DISK, place.path(), 800).output().expect("unshare");
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

async fn fill(folder: &std::path::Path) {
    let store = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap();
    let book = TaskBook::in_store(store.clone());
    let mut kept = Vec::new();
    let error = loop {
        let mut spec = bench::spec(&format!("task {}", kept.len()));
        spec.instruction = "x".repeat(8000);
        match book.accept(&spec, &bench::origin(), bench::at(0)).await {
            Ok(_) => kept.push(spec.id),
            Err(error) => break error,
        }
        assert!(kept.len() < 1000, "the disk is never full");
    };
    assert_eq!(error.code(), "store-full");
    assert!(error.to_string().contains("make room"), "{error}");
    assert!(kept.len() > 5, "{kept:?}");
    let store = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap();
    let book = TaskBook::in_store(store);
    for id in &kept {
        assert!(book.get(id).await.unwrap().is_some());
    }
    assert_eq!(book.counts().await.unwrap().queued, kept.len() as u64);
}

#[tokio::test]
async fn a_life_that_is_cut_off_after_any_step_ends_once_and_is_spoken_at_most_once() {
    crash::after_every_step(&File::new("steps").await).await;
}

#[tokio::test]
async fn a_life_that_is_cut_off_wherever_it_waits_ends_once_and_is_spoken_at_most_once() {
    crash::at_every_wait(&File::new("waits").await, 1).await;
}
