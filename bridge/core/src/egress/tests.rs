//! Every privacy class at every setting of `cloud`, and what the ledger has to do with it.

use std::sync::Mutex;

use super::*;

/// Keeps what was committed; fails once it is full.
#[derive(Debug, Default)]
struct Notes {
    kept: Mutex<Vec<(String, String)>>,
    is_full: bool,
}

impl EgressLog for Notes {
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            if self.is_full {
                return Err("the disk is full".into());
            }
            let mut kept = self.kept.lock().expect("no panic");
            kept.push((egress.body.expose().clone(), String::new()));
            Ok(kept.len().to_string())
        })
    }

    fn close<'a>(&'a self, id: &'a str, outcome: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let at: usize = id.parse().map_err(|_| "no such entry".to_owned())?;
            outcome.as_str().clone_into(&mut self.kept.lock().expect("no panic")[at - 1].1);
            Ok(())
        })
    }
}

fn egress(privacy: Privacy) -> Egress {
    Egress {
        run: None,
        host: "api.example.com".into(),
        purpose: Purpose::Answer,
        privacy,
        passive: false,
        asked: false,
        body: Pii::new("who won the match".into()),
    }
}

const SETTINGS: [Cloud; 4] = [Cloud::Off, Cloud::Public, Cloud::Home, Cloud::Personal];

#[test]
fn each_class_leaves_from_its_own_setting_on_and_the_most_private_never() {
    let leaves = |privacy: Privacy| SETTINGS.map(|cloud| clear(&egress(privacy), cloud).is_ok());
    assert_eq!(leaves(Privacy::Public), [false, true, true, true]);
    assert_eq!(leaves(Privacy::Home), [false, false, true, true]);
    assert_eq!(leaves(Privacy::Personal), [false, false, false, true]);
    assert_eq!(leaves(Privacy::Others), [false; 4]);
}

#[test]
fn what_concerns_the_person_leaves_after_a_yes_unless_the_cloud_is_off() {
    let asked = Egress { asked: true, ..egress(Privacy::Personal) };
    assert_eq!(SETTINGS.map(|cloud| clear(&asked, cloud).is_ok()), [false, true, true, true]);
    assert_eq!(clear(&egress(Privacy::Personal), Cloud::Home), Err(Denied::Ask));
    let home = Egress { asked: true, ..egress(Privacy::Home) };
    assert_eq!(clear(&home, Cloud::Public), Err(Denied::NotAllowed { needs: "home", is: "public" }));
    let private = Egress { asked: true, ..egress(Privacy::Others) };
    assert_eq!(clear(&private, Cloud::Personal), Err(Denied::Private));
}

#[test]
fn overheard_speech_never_leaves() {
    for privacy in [Privacy::Public, Privacy::Home, Privacy::Personal, Privacy::Others] {
        let overheard = Egress { passive: true, asked: true, ..egress(privacy) };
        assert_eq!(clear(&overheard, Cloud::Personal), Err(Denied::Passive));
    }
}

#[tokio::test]
async fn a_permit_exists_only_for_what_is_written_down() {
    let notes = Arc::new(Notes::default());
    let ledger = Ledger::new(notes.clone(), Cloud::Public);
    ledger.permit(egress(Privacy::Home)).await.expect_err("not allowed");
    assert!(notes.kept.lock().expect("no panic").is_empty());
    let permit = ledger.permit(egress(Privacy::Public)).await.expect("permitted");
    assert_eq!((permit.host(), permit.body()), ("api.example.com", "who won the match"));
    ledger.close(&permit, &EgressOutcome::Failed("http-429".into())).await;
    let kept = notes.kept.lock().expect("no panic").clone();
    assert_eq!(kept, [("who won the match".to_owned(), "http-429".to_owned())]);
}

#[tokio::test]
async fn a_ledger_that_cannot_write_lets_nothing_out() {
    let ledger = Ledger::new(Arc::new(Notes { is_full: true, ..Notes::default() }), Cloud::Personal);
    let denied = ledger.permit(egress(Privacy::Public)).await.expect_err("denied");
    assert_eq!(denied.code(), "egress-ledger-failed");
}

#[tokio::test]
async fn more_than_a_ledger_entry_holds_does_not_leave() {
    let ledger = Ledger::new(Arc::new(Notes::default()), Cloud::Personal);
    let long = Egress { body: Pii::new("x".repeat(BODY_LEN_MAX + 1)), ..egress(Privacy::Public) };
    assert_eq!(ledger.permit(long).await.expect_err("denied").code(), "egress-too-long");
}
