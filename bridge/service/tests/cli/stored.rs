//! The commands about what is kept: ledger, delayed commands, shortcuts, and databases that cannot be used.

use std::sync::Arc;

use helix::clock::SystemCalendar;
use helix::store::Store;
use helix_core::egress::{Cloud, Egress, EgressOutcome, Ledger, Privacy, Purpose};
use helix_core::request::{Kind, NewRequest, RequestBook};
use helix_core::{Language, Pii};

use crate::command::{NOWHERE, Place};

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn open(place: &Place) -> Store {
    Store::open(&place.path("data"), Arc::new(SystemCalendar)).await.expect("opened")
}

#[test]
fn nothing_is_kept_where_no_bridge_ever_ran() {
    let place = Place::new("kept");
    place.helix(&["ledger"]).run().works().says("nothing has left the local network");
    place.helix(&["delayed", "list"]).run().works().says("nothing is planned");
    place.helix(&["shortcut", "list"]).run().works().says("there are no shortcuts");
    place.helix(&["request", "list"]).run().works().says("no requests are kept");
    place.helix(&["request", "remove", "x"]).run().complains(&["x", "`helix request list`"]);
    place.helix(&["delayed", "cancel", "x"]).run().complains(&["x", "`helix delayed list`"]);
    place.helix(&["shortcut", "remove", "x"]).run().complains(&["x", "`helix shortcut list`"]);
    assert!(!place.path("data").exists());
}

#[test]
fn the_ledger_shows_word_for_word_what_left_while_the_bridge_runs() {
    let place = Place::new("ledger");
    let bridge = place.lonely_bridge();
    wait(async {
        let store = open(&place).await;
        let ledger = Ledger::new(Arc::new(store.egress()), Cloud::Public);
        let egress = Egress {
            run: None,
            host: "api.example.com".into(),
            purpose: Purpose::Search,
            privacy: Privacy::Public,
            passive: false,
            asked: false,
            body: Pii::new("who won\nthe cup".into()),
        };
        let permit = ledger.permit(egress).await.expect("permitted");
        ledger.close(&permit, &EgressOutcome::Answered).await;
    });
    let shown =
        place.helix(&["ledger"]).run().works().says("api.example.com").says("15 bytes").says("answered");
    assert!(shown.out.contains("    who won\n    the cup\n"), "{}", shown.out);
    let rows = place.helix(&["ledger", "--json", "--since", "1h"]).run().works().objects();
    assert_eq!(
        (rows.len(), &rows[0]["text"], &rows[0]["privacy"]),
        (1, &"who won\nthe cup".into(), &"P0".into())
    );
    place.helix(&["ledger", "--since", "2099-01-01"]).run().works().says("nothing has left");
    place.helix(&["ledger", "--since", "soon"]).run().complains(&["soon", "2h"]);
    bridge.stops_well();
}

#[test]
fn what_cannot_be_done_yet_is_listed_and_removed() {
    let place = Place::new("requests");
    wait(async {
        let store = open(&place).await;
        let new = NewRequest {
            words: Pii::new("plan our trip to Italy".into()),
            language: Language::english(),
            place: None,
            kind: Kind::Delegate,
        };
        store.requests().add(&new).await.expect("kept");
        store.close().await;
    });
    place.helix(&["request", "list"]).run().works().says("delegate  plan our trip to Italy");
    let rows = place.helix(&["request", "list", "--json"]).run().works().objects();
    assert_eq!((rows.len(), &rows[0]["text"]), (1, &"plan our trip to Italy".into()));
    place.helix(&["request", "remove", "--all"]).run().works().says("removed 1");
    place.helix(&["request", "list"]).run().works().says("no requests are kept");
}

#[test]
fn a_newer_database_is_refused_by_every_command_in_words() {
    let place = Place::new("newer");
    wait(async {
        open(&place).await.close().await;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.path("data/helix.db"));
        let pool = sqlx::SqlitePool::connect_with(options).await.expect("opened");
        let newer = "UPDATE _sqlx_migrations SET version = 99 WHERE version = 3";
        sqlx::query(newer).execute(&pool).await.expect("changed");
        pool.close().await;
    });
    for command in [&["ledger"][..], &["delayed", "list"], &["shortcut", "list"], &["request", "list"]] {
        place.helix(command).run().complains(&["newer Helix", "99", "Install that Helix again"]);
    }
    place.helix(&["run"]).at(NOWHERE, "t").run().complains(&["newer Helix", "helix.db.before-"]);
    let doctor = place.helix(&["doctor"]).run();
    doctor.says("broken   store");
}

#[test]
fn a_damaged_database_is_told_by_the_doctor_and_the_bridge_runs() {
    let place = Place::new("damaged");
    std::fs::create_dir_all(place.path("data")).expect("made");
    std::fs::write(place.path("data/helix.db"), "no database".repeat(1000)).expect("written");
    let mut bridge = place.lonely_bridge();
    bridge.logs("the database is damaged");
    place.helix(&["doctor"]).run().says("missing  store").says("helix.db.damaged-");
    bridge.stops_well();
}
