//! Delayed commands on disk: kept over restarts, taken once, reported after a crash; shortcuts; older databases.

use std::sync::Arc;
use std::time::Duration;

use helix::store::{DelayedTable, Store};
use helix_core::delay::{Authorised, DelayBook, NewCommand, State};
use helix_core::home::Caller;
use helix_core::shortcut::{Key, Shortcut, ShortcutBook};
use helix_core::{AreaId, DeviceId, EntityId, Language, Pii};
use serde_json::json;

use crate::place::{Place, again_on_a_small_disk, at, given_folder};

fn command(sentence: &str) -> NewCommand {
    NewCommand {
        due: "2026-11-21T14:00:00Z".parse().expect("a time"),
        sentence: Pii::new(sentence.to_owned()),
        sentences: vec!["schalte das Licht aus".into(), "öffne das Rollo".into()],
        language: Language::parse("de-AT").expect("valid"),
        caller: Caller {
            device: Some(DeviceId::from("d1")),
            satellite: Some(EntityId::from("assist_satellite.kitchen")),
        },
        actions: vec![Authorised {
            service: "light.turn_on".into(),
            target: EntityId::from("light.kitchen"),
            data: [("brightness_pct".to_owned(), json!(40))].into(),
        }],
    }
}

async fn state_of(table: &DelayedTable, id: &str) -> String {
    let rows = table.list(true).await.unwrap();
    rows.into_iter().find(|row| row.id == id).expect("kept").state
}

#[tokio::test]
async fn a_command_is_the_same_after_a_restart() {
    let place = Place::new("restart");
    let store = place.open().await.unwrap();
    let wanted = command("mach das Licht aus");
    let id = store.delayed().add(&wanted).await.unwrap();
    store.close().await;
    let store = place.open().await.unwrap();
    let kept = store.delayed().waiting().await.unwrap().remove(0);
    assert_eq!((kept.id, kept.due, kept.state), (id, wanted.due, State::Waiting));
    assert_eq!((kept.sentence, kept.sentences), (wanted.sentence, wanted.sentences));
    assert_eq!((kept.language, kept.caller, kept.actions), (wanted.language, wanted.caller, wanted.actions));
}

#[tokio::test]
async fn a_command_begins_once_and_ends_once() {
    let place = Place::new("once");
    let table = place.open().await.unwrap().delayed();
    let id = table.add(&command("x")).await.unwrap();
    assert!(table.begin(&id).await.unwrap());
    assert!(!table.begin(&id).await.unwrap(), "begun twice");
    assert!(!table.cancel(&id).await.unwrap(), "cancelled while it ran");
    assert!(table.end(&id, State::Done, "done").await.unwrap());
    assert!(!table.end(&id, State::Failed, "late").await.unwrap(), "ended twice");
    assert_eq!(state_of(&table, &id).await, "done");
    assert!(table.waiting().await.unwrap().is_empty());
}

#[tokio::test]
async fn another_process_can_cancel_a_command_that_waits() {
    let place = Place::new("cancel");
    let table = place.open().await.unwrap().delayed();
    let id = table.add(&command("x")).await.unwrap();
    let visitor = Store::visit(place.path(), at("2026-11-21T12:00:00Z")).await.unwrap();
    assert!(visitor.delayed().cancel(&id).await.unwrap());
    assert!(!table.begin(&id).await.unwrap());
    assert!(!visitor.delayed().cancel("nobody").await.unwrap());
}

const CRASH: &str = "delayed::what_ran_when_helix_was_killed_is_reported_and_never_repeated";

#[tokio::test]
async fn what_ran_when_helix_was_killed_is_reported_and_never_repeated() {
    if let Some(folder) = given_folder() {
        let table = Store::open(&folder, at("2026-11-21T12:00:00Z")).await.unwrap().delayed();
        let ids = [table.add(&command("ran")).await.unwrap(), table.add(&command("waits")).await.unwrap()];
        assert!(table.begin(&ids[0]).await.unwrap());
        std::fs::write(folder.join("begun"), ids.join(" ")).unwrap();
        return tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let place = Place::new("running");
    let mut child = crate::place::child(CRASH, place.path()).spawn().expect("started");
    let ids = loop {
        match std::fs::read_to_string(place.path().join("begun")) {
            Ok(ids) if ids.len() == 73 => break ids,
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        assert!(child.try_wait().unwrap().is_none(), "the child has ended");
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let (ran, waits) = ids.split_once(' ').expect("two");
    let table = place.open().await.unwrap().delayed();
    assert_eq!(table.interrupt_running().await.unwrap(), 1);
    assert_eq!(state_of(&table, ran).await, "interrupted");
    assert!(!table.begin(ran).await.unwrap());
    let waiting: Vec<_> = table.waiting().await.unwrap().into_iter().map(|command| command.id).collect();
    assert_eq!(waiting, [waits]);
}

const FULL_DISK: &str = "delayed::on_a_full_disk_nothing_is_promised_and_nothing_begins";

#[tokio::test]
async fn on_a_full_disk_nothing_is_promised_and_nothing_begins() {
    if let Some(folder) = given_folder() {
        return fill(&folder).await;
    }
    let place = Place::new("delayfull");
    let done = again_on_a_small_disk(FULL_DISK, place.path(), 600).output().expect("unshare");
    let told = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}{}", told[0], told[1]);
}

async fn fill(folder: &std::path::Path) {
    let table = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap().delayed();
    let long = command(&"x".repeat(20_000));
    let mut kept = Vec::new();
    let refused = loop {
        match table.add(&long).await {
            Ok(id) => kept.push(id),
            Err(refused) => break refused,
        }
        assert!(kept.len() < 100, "the disk is never full");
    };
    assert!(refused.to_string().contains("no room left"), "{refused}");
    // The last bytes go, so that not even one page can be written.
    let mut ballast = std::fs::File::create(folder.join("ballast")).unwrap();
    while std::io::Write::write_all(&mut ballast, &[0; 512]).is_ok() {}
    let mut begun = 0;
    while table.begin(&kept[begun]).await.is_ok() {
        begun += 1;
        assert!(begun < kept.len(), "everything begins on a full disk");
    }
    let waiting: Vec<_> = table.waiting().await.unwrap().into_iter().map(|command| command.id).collect();
    let mut wanted = kept[begun..].to_vec();
    wanted.sort();
    assert_eq!(waiting, wanted);
}

#[tokio::test]
async fn an_older_database_is_backed_up_before_it_is_brought_up_to_date() {
    let place = Place::new("older");
    place.open().await.unwrap().close().await;
    for later in [
        "DROP TABLE agent_image",
        "DROP TABLE agent_verdict",
        "DROP TABLE agent_vector",
        "DROP TABLE agent_counted",
        "DROP TABLE definition",
        "DROP TABLE shortcut",
        "DROP TABLE spent",
        "DROP TABLE request",
        "DROP TABLE delivery",
        "DROP TABLE task_result",
        "DROP TABLE task_call",
        "DROP TABLE task_event",
        "DROP TABLE task",
    ] {
        place.run(later).await;
    }
    place.run("DELETE FROM _sqlx_migrations WHERE version >= 3").await;
    let visit = Store::visit(place.path(), at("2026-11-21T12:00:00Z")).await.expect_err("older");
    assert!(visit.to_string().contains("older Helix"), "{visit}");
    let store = place.open().await.unwrap();
    assert!(store.shortcuts().list().await.unwrap().is_empty());
    let backup = place.path().join("helix.db.before-3");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&backup).create_if_missing(false);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let version: i64 =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&pool).await.unwrap();
    assert_eq!(version, 2);
}

#[tokio::test]
async fn a_shortcut_is_kept_found_counted_and_forgotten() {
    let place = Place::new("shortcut");
    let table = place.open().await.unwrap().shortcuts();
    let area = AreaId::from("kitchen");
    let key = Key::of("Make it cosy!", &Language::english(), Some(&area));
    let other = Key::of("Make it cosy!", &Language::english(), None);
    let mut shortcut = Shortcut::learn(None, key.clone(), vec!["turn on the floor lamp".into()], "f");
    table.keep(&shortcut).await.unwrap();
    shortcut = Shortcut::learn(Some(shortcut), key.clone(), vec!["turn on the floor lamp".into()], "f");
    table.keep(&shortcut).await.unwrap();
    assert_eq!(table.find(&key).await.unwrap(), Some(shortcut.clone()));
    assert_eq!(table.find(&other).await.unwrap(), None);
    table.hit(&key).await.unwrap();
    assert_eq!(table.find(&key).await.unwrap().expect("there").hits, 1);
    assert!(table.forget(&key).await.unwrap());
    assert!(!table.forget(&key).await.unwrap());
    table.keep(&shortcut).await.unwrap();
    let again: Arc<dyn ShortcutBook> = Arc::new(table.clone());
    assert!(again.find(&key).await.unwrap().is_some());
    assert_eq!(table.remove("make it cosy", None).await.unwrap(), 1);
    assert!(table.list().await.unwrap().is_empty());
}
