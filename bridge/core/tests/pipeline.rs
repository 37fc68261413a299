//! One sentence through all stages.

mod fakes;

use std::sync::Mutex;
use std::time::Duration;

use fakes::{FakeHome, KITCHEN, PausedClock};
use helix_core::converse::Conversation;
use helix_core::home::{Caller, HomeError};
use helix_core::pipeline::{Outcome, Request};
use helix_core::reply::Tone;
use helix_core::route::Matrix;
use helix_core::route::dimension::Source;
use helix_core::{EntityId, Language, Pii};

async fn say(text: &str, home: &FakeHome) -> Outcome {
    let request = Request {
        text: Pii::new(text.to_owned()),
        language: Language::english(),
        caller: Caller::default(),
        source: Source::Addressed,
    };
    let conversation = Conversation {
        home,
        clock: &PausedClock::start(),
        matrix: Matrix::built_in(),
        pin: None,
        dialogues: &Mutex::default(),
        desk: None,
        requests: None,
        specialist: &(),
        help: None,
    };
    conversation.respond(&request, None).await
}

#[tokio::test(start_paused = true)]
async fn success_is_told_in_home_assistants_words_once_the_state_followed() {
    let home = FakeHome::new();
    let outcome = say("Turn on the kitchen light.", &home).await;
    assert!(home.is_on(KITCHEN));
    assert_eq!((outcome.reply.text.as_str(), outcome.reply.tone), ("Turned on the light", Tone::Handled));
    let marks = outcome.marks;
    assert!(marks.matched < marks.acted && marks.acted <= marks.verified && marks.verified.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_light_that_does_not_follow_is_told_honestly_after_a_second() {
    let home = FakeHome::new();
    let outcome = say("Turn on the stubborn light.", &home).await;
    assert_eq!(outcome.reply.code, "did-not-follow");
    assert!(outcome.reply.text.contains("Stubborn Light"), "{}", outcome.reply.text);
    let (acted, verified) = (outcome.marks.acted.expect("acted"), outcome.marks.verified.expect("verified"));
    assert_eq!(verified.checked_sub(acted), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn more_changes_than_were_authorised_are_told() {
    let home = FakeHome { also_changes: Some(EntityId::from("light.stubborn")), ..FakeHome::new() };
    assert_eq!(say("Turn on the kitchen light.", &home).await.reply.code, "changed-other");
}

#[tokio::test(start_paused = true)]
async fn a_vetoed_sentence_never_reaches_home_assistant() {
    let home = FakeHome::new();
    for text in ["Don't turn on the kitchen light.", "make it nice", "", " . ", "🙂🙂"] {
        say(text, &home).await;
    }
    assert!(home.processed.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sentence_without_end_is_refused_before_anybody_is_asked() {
    let outcome = say(&"turn on ".repeat(10_000), &FakeHome::new()).await;
    assert_eq!(outcome.reply.code, "too-long");
}

#[tokio::test(start_paused = true)]
async fn every_error_of_the_home_is_a_sentence_of_its_own() {
    let errors = [
        HomeError::NotConnected { url: "http://h".into() },
        HomeError::Starting,
        HomeError::TokenRefused,
        HomeError::NotAdmin,
        HomeError::TooOld { found: "2024.1".into(), needed: "2026.6".into() },
        HomeError::MatcherChanged("x".into()),
    ];
    let mut told = std::collections::BTreeSet::new();
    for error in errors {
        let code = error.code();
        let reply = say("turn on the kitchen light", &FakeHome::down(error)).await.reply;
        assert_eq!(reply.code, code);
        assert!(told.insert(reply.text));
    }
}
