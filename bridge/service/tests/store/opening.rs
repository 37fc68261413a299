//! Files of every kind that a data folder may hold.

use helix::store::{Store, StoreError, kept_aside};
use helix_core::egress::{Cloud, Ledger};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use crate::place::{Place, at, egress};

async fn keep_one(place: &Place, text: &str) {
    let store = place.open().await.unwrap();
    let ledger = Ledger::new(Arc::new(store.egress()), Cloud::Public);
    ledger.permit(egress(text)).await.expect("permitted");
    store.close().await;
}

async fn texts(store: &Store) -> Vec<String> {
    store.egress().list(0, 100).await.unwrap().into_iter().map(|row| row.body).collect()
}

#[tokio::test]
async fn a_database_of_a_newer_helix_is_refused_in_words_and_left_alone() {
    let place = Place::new("newer");
    keep_one(&place, "kept").await;
    place.run("INSERT INTO _sqlx_migrations SELECT 99, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1").await;
    let before = std::fs::read(place.file()).unwrap();
    let visit = Store::visit(place.path(), at("2026-11-21T12:00:00Z")).await.expect_err("refused");
    for error in [place.open().await.expect_err("refused"), visit] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("newer Helix") && text.contains("Install") && text.contains("backup"),
            "{text}"
        );
    }
    assert_eq!(std::fs::read(place.file()).unwrap(), before);
    assert!(kept_aside(place.path()).is_empty());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_kept_aside_and_an_empty_one_begins() {
    let place = Place::new("damaged");
    std::fs::write(place.file(), "this was a shopping list, and it is not a database at all".repeat(100))
        .unwrap();
    let store = place.open().await.unwrap();
    let aside = store.kept_aside().expect("kept").to_owned();
    assert!(std::fs::read_to_string(&aside).unwrap().starts_with("this was a shopping list"));
    assert_eq!(kept_aside(place.path()), [aside]);
    store.close().await;
    keep_one(&place, "goes on").await;
}

#[tokio::test]
async fn a_database_with_a_broken_page_is_kept_aside_as_it_is() {
    let place = Place::new("page");
    for number in 0..20 {
        keep_one(&place, &format!("{number}").repeat(3000)).await;
    }
    let mut bytes = std::fs::read(place.file()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(place.file(), &bytes).unwrap();
    let store = place.open().await.unwrap();
    assert_eq!(std::fs::read(store.kept_aside().expect("kept")).unwrap(), bytes);
    assert!(texts(&store).await.is_empty());
}

#[tokio::test]
async fn only_its_owner_can_read_it() {
    let place = Place::new("mode");
    keep_one(&place, "kept").await;
    assert_eq!(std::fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_command_finds_nothing_where_no_bridge_ever_ran() {
    let place = Place::new("absent");
    let error = Store::visit(place.path(), at("2026-11-21T12:00:00Z")).await.expect_err("absent");
    assert!(matches!(error, StoreError::Absent { .. }));
    assert!(!place.file().exists());
}
