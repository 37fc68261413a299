//! What left the house: committed before it is sent, shown word for word, forgotten after its days.

use std::sync::Arc;

use helix::store::Store;
use helix_core::egress::{Cloud, Denied, EgressOutcome, Ledger, Privacy};

use crate::place::{Place, again_on_a_small_disk, at, egress, given_folder, micros};

fn ledger(store: &Store) -> Ledger {
    Ledger::new(Arc::new(store.egress()), Cloud::Public)
}

#[tokio::test]
async fn a_permitted_text_is_there_before_it_can_be_sent_and_its_outcome_after() {
    let place = Place::new("permit");
    let store = place.open().await.unwrap();
    let permit = ledger(&store).permit(egress("who won\nthe match? ⚽")).await.expect("permitted");
    // Another process reads while the bridge has it open.
    let visitor = Store::visit(place.path(), at("2026-11-21T12:00:00Z")).await.unwrap();
    let rows = visitor.egress().list(0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].body.as_str(), rows[0].size), ("who won\nthe match? ⚽", 22));
    assert_eq!((rows[0].host.as_str(), rows[0].outcome.as_deref()), ("api.example.com", None));
    ledger(&store).close(&permit, &EgressOutcome::Answered).await;
    let rows = visitor.egress().list(0, 10).await.unwrap();
    assert_eq!((rows[0].id.as_str(), rows[0].outcome.as_deref()), (permit.id(), Some("answered")));
}

#[tokio::test]
async fn what_is_denied_leaves_no_entry() {
    let place = Place::new("denied");
    let store = place.open().await.unwrap();
    for privacy in [Privacy::Home, Privacy::Personal, Privacy::Others] {
        let wanted = helix_core::egress::Egress { privacy, ..egress("my diagnosis") };
        ledger(&store).permit(wanted).await.expect_err("denied");
    }
    assert!(store.egress().list(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn entries_are_listed_by_time_and_forgotten_after_their_days() {
    let place = Place::new("days");
    for day in ["2026-08-01T08:00:00Z", "2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"] {
        let store = Store::open(place.path(), at(day)).await.unwrap();
        ledger(&store).permit(egress(day)).await.expect("permitted");
        store.close().await;
    }
    let store = place.open().await.unwrap();
    let texts = async |since: i64, limit: u32| {
        let rows = store.egress().list(since, limit).await.unwrap();
        rows.into_iter().map(|row| row.body[..10].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(0, 10).await, ["2026-08-01", "2026-11-20", "2026-11-21"]);
    assert_eq!(texts(0, 2).await, ["2026-11-20", "2026-11-21"]);
    assert_eq!(texts(micros("2026-11-21T00:00:00Z"), 10).await, ["2026-11-21"]);
    assert_eq!(store.egress().forget_older_than(90).await.unwrap(), 1);
    assert_eq!(texts(0, 10).await, ["2026-11-20", "2026-11-21"]);
}

const FULL_DISK: &str = "ledger::on_a_full_disk_nothing_leaves_and_nothing_is_lost";

#[tokio::test]
async fn on_a_full_disk_nothing_leaves_and_nothing_is_lost() {
    if let Some(folder) = given_folder() {
        return fill(&folder).await;
    }
    let place = Place::new("full");
    let done = again_on_a_small_disk(FULL_DISK, place.path(), 600).output().expect("unshare");
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Permits until the disk is full, then looks, makes room and goes on.
async fn fill(folder: &std::path::Path) {
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 100_000]).unwrap();
    let store = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap();
    let (ledger, mut permitted) = (ledger(&store), Vec::new());
    let denied = loop {
        match ledger.permit(egress(&"x".repeat(10_000))).await {
            Ok(permit) => permitted.push(permit.id().to_owned()),
            Err(denied) => break denied,
        }
        assert!(permitted.len() < 100, "the disk is never full");
    };
    assert!(matches!(&denied, Denied::Ledger(text) if text.contains("no room left")), "{denied}");
    let kept =
        async || store.egress().list(0, 100).await.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert!(!permitted.is_empty());
    assert_eq!(kept().await, permitted);
    std::fs::remove_file(&ballast).unwrap();
    permitted.push(ledger.permit(egress("small")).await.expect("there is room again").id().to_owned());
    assert_eq!(kept().await, permitted);
    store.close().await;
    let store = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap();
    assert_eq!(store.egress().list(0, 100).await.unwrap().len(), permitted.len());
}
