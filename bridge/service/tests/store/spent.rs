//! What models outside have cost: summed up per day, there again after a restart.

use helix_core::llm::budget::{Amount, Spend, UsageBook};
use jiff::civil::date;

use crate::place::Place;

#[tokio::test]
async fn what_was_spent_is_there_after_a_restart_summed_up_per_day() {
    let place = Place::new("spent");
    let (yesterday, today) = (date(2026, 11, 20), date(2026, 11, 21));
    for (day, model, tokens) in [(yesterday, "a", 5), (today, "a", 10), (today, "a", 20), (today, "b", 40)] {
        let store = place.open().await.unwrap();
        let amount = Amount { tokens, micros: tokens * 3 };
        let spend = Spend { day, host: "api.example.com".into(), model: model.into(), amount };
        store.spent().add(&spend).await.unwrap();
        store.close().await;
    }
    let spent = place.open().await.unwrap().spent();
    let sums = spent.since(date(2026, 11, 1)).await.unwrap();
    let of = |tokens: u64| Amount { tokens, micros: tokens * 3 };
    assert_eq!(sums, [(yesterday, of(5)), (today, of(70))]);
    assert_eq!(spent.since(today).await.unwrap(), [(today, of(70))]);
}
