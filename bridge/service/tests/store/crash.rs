//! What was committed survives a process that is killed in the middle.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;

use helix::store::Store;
use helix_core::egress::{Cloud, Ledger};

use crate::place::{Place, at, child, egress, given_folder};

const NAME: &str = "crash::what_was_permitted_is_there_after_a_kill";
const KILLED_AFTER: usize = 25;

#[tokio::test]
async fn what_was_permitted_is_there_after_a_kill() {
    if let Some(folder) = given_folder() {
        return permit_for_ever(&folder).await;
    }
    let place = Place::new("kill");
    let mut child =
        child(NAME, place.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ids =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("permitted ").map(str::to_owned));
    let told: Vec<_> = ids.take(KILLED_AFTER).collect();
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(told.len(), KILLED_AFTER);
    let store = place.open().await.unwrap();
    let kept: Vec<_> = store.egress().list(0, 10_000).await.unwrap().into_iter().map(|row| row.id).collect();
    assert!(told.iter().all(|id| kept.contains(id)), "told {told:?}, kept {kept:?}");
    assert!(store.kept_aside().is_none());
}

#[allow(clippy::print_stdout, reason = "the parent reads it")]
async fn permit_for_ever(folder: &std::path::Path) {
    let store = Store::open(folder, at("2026-11-21T12:00:00Z")).await.unwrap();
    let ledger = Ledger::new(Arc::new(store.egress()), Cloud::Public);
    // The harness has begun the line with the name of this test.
    println!();
    for number in 0_u32.. {
        let permit =
            ledger.permit(egress(&format!("{number} {}", "y".repeat(3000)))).await.expect("permitted");
        println!("permitted {}", permit.id());
    }
}
