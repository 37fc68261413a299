//! Sentences: words in, exactly one answer out.

use std::time::Duration;

use helix::satellite::Settings;
use helix_wyoming::Event;
use helix_wyoming::asr::{Context, Transcript};

use crate::client::Client;
use crate::home::Home;

fn sentence(text: &str) -> Transcript {
    Transcript { text: text.into(), language: Some("en".into()), context: None }
}

async fn not_handled(client: &mut Client) -> String {
    match client.next().await {
        Event::NotHandled(reply) => reply.text.expect("words"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sentence_is_answered_with_where_it_was_said_and_in_which_conversation() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    let context = Context {
        conversation_id: Some("01M7WF".into()),
        device_id: Some("1c09".into()),
        satellite_id: Some("assist_satellite.kitchen".into()),
        ..Context::default()
    };
    client.send(Transcript { context: Some(context), ..sentence("hello") }).await;
    let Event::Handled(reply) = client.next().await else { panic!("not handled") };
    let expected =
        "hello Some(\"01M7WF\") Caller { device: Some(1c09), satellite: Some(assist_satellite.kitchen) }";
    assert_eq!(reply.text.as_deref(), Some(expected));
    client.send(sentence("no")).await;
    assert_eq!(not_handled(&mut client).await, "not done");
    client.send(sentence("what")).await;
    assert!(
        matches!(client.next().await, Event::NotRecognized(reply) if reply.text.as_deref() == Some("not understood"))
    );
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_replaced_by_an_honest_one() {
    let settings = Settings { respond_limit: Duration::from_millis(50), ..Settings::default() };
    let home = Home::start(settings).await;
    let mut client = home.client().await;
    client.send(sentence("hang")).await;
    assert_eq!(not_handled(&mut client).await, "took too long");
    home.voice.open_runs(0).await;
    assert_eq!(home.counters.read().rescued_responses, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_answer() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(sentence("hang")).await;
    home.voice.open_runs(1).await;
    drop(client);
    home.voice.open_runs(0).await;
}

#[tokio::test]
async fn a_text_of_a_megabyte_is_refused_in_words() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(sentence(&"a".repeat(1 << 20))).await;
    assert_eq!(not_handled(&mut client).await, "too long");
    client.send(sentence(&"ü".repeat(32_000))).await;
    assert!(matches!(client.next().await, Event::Handled(_)));
    client.send(sentence(&"a".repeat(3 << 20))).await;
    assert_eq!(client.error().await.0, "data-too-long");
    client.end().await;
}

#[tokio::test]
async fn a_defect_ends_its_own_run_only() {
    let home = Home::start(Settings::default()).await;
    let (mut broken, mut other) = (home.client().await, home.client().await);
    other.settle().await;
    broken.send(sentence("break")).await;
    broken.end().await;
    other.send(sentence("hello")).await;
    assert!(matches!(other.next().await, Event::Handled(_)));
}
