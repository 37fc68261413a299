//! Requests on disk: kept over restarts for their days, listed, removed, never too many.

use helix::store::Store;
use helix_core::request::{KEPT_MAX, Kind, NewRequest, RequestBook};
use helix_core::{Language, Pii};

use crate::place::{Place, at};

fn request(words: &str, kind: Kind) -> NewRequest {
    let place = Some("assist_satellite.kitchen".to_owned());
    NewRequest { words: Pii::new(words.to_owned()), language: Language::english(), place, kind }
}

#[tokio::test]
async fn a_request_is_there_after_a_restart_and_until_its_days_are_over() {
    let place = Place::new("request");
    let store = place.open().await.unwrap();
    let id = store.requests().add(&request("plan our trip", Kind::Delegate)).await.unwrap();
    store.requests().add(&request("the pills", Kind::Remember)).await.unwrap();
    store.close().await;
    let store = place.open().await.unwrap();
    let rows = store.requests().list().await.unwrap();
    assert_eq!((rows.len(), &rows[0].id), (2, &id));
    let row = &rows[0];
    assert_eq!(
        (row.words.as_str(), row.route.as_str(), row.language.as_str()),
        ("plan our trip", "delegate", "en")
    );
    assert_eq!(row.place.as_deref(), Some("assist_satellite.kitchen"));
    assert_eq!(store.requests().forget_old().await.unwrap(), 0);
    let later = Store::open(place.path(), at("2026-12-22T12:00:00Z")).await.unwrap();
    assert_eq!(later.requests().forget_old().await.unwrap(), 2);
    assert!(later.requests().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_request_or_all_of_them_are_removed() {
    let place = Place::new("removed");
    let table = place.open().await.unwrap().requests();
    let id = table.add(&request("one", Kind::Delegate)).await.unwrap();
    for words in ["two", "three"] {
        table.add(&request(words, Kind::Delegate)).await.unwrap();
    }
    assert_eq!(table.remove(Some("none")).await.unwrap(), 0);
    assert_eq!(table.remove(Some(&id)).await.unwrap(), 1);
    assert_eq!(table.list().await.unwrap()[0].words, "two");
    assert_eq!(table.remove(None).await.unwrap(), 2);
}

#[tokio::test]
async fn too_many_requests_are_refused_and_none_is_pushed_out() {
    let place = Place::new("many");
    let store = place.open().await.unwrap();
    let table = store.requests();
    let first = table.add(&request("first", Kind::Delegate)).await.unwrap();
    place
        .run(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
             INSERT INTO request SELECT 'x' || i, at, keep_until, place, language, words, route FROM request, n",
        )
        .await;
    let refused = table.add(&request("one more", Kind::Remember)).await.expect_err("too many");
    assert!(refused.to_string().contains("helix request remove"), "{refused}");
    let kept = table.list().await.unwrap();
    assert_eq!(kept.len(), usize::try_from(KEPT_MAX).unwrap());
    assert!(kept.iter().any(|row| row.id == first));
}
