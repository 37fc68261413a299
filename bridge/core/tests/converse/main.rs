//! Several utterances of one conversation: questions and their answers, undo, two satellites.

#[path = "../fakes/mod.rs"]
mod fakes;
mod room;
mod talk;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use fakes::{KITCHEN, LOCK};
use helix_core::converse::Conversation;
use helix_core::home::{Caller, Registry};
use helix_core::pipeline::{Request, SENTENCE_LEN_MAX};
use helix_core::request::Kind;
use helix_core::route::dimension::Source;
use helix_core::route::{Matrix, Route};
use helix_core::{EntityId, Language, Pii};
use talk::{Requests, Talk};

#[tokio::test(start_paused = true)]
async fn a_lock_asks_first_and_opens_on_yes() {
    let talk = Talk::new();
    let asked = talk.says("Unlock the front door.").await;
    assert_eq!((asked.reply.text.as_str(), asked.reply.code), ("Shall I unlock Front Door?", "confirm"));
    assert_eq!(asked.decision.expect("decided").route(), Route::Clarify);
    assert!(talk.is_locked());
    assert_eq!(talk.code("Yes, please.").await, "done");
    assert!(!talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn no_leaves_the_lock_and_a_late_yes_does_nothing() {
    let talk = Talk::new();
    talk.says("Unlock the front door").await;
    assert_eq!(talk.code("No, thanks.").await, "left");
    assert_eq!(talk.code("Yes").await, "nothing-asked");
    talk.says("Unlock the front door").await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(talk.code("Yes").await, "nothing-asked");
    assert!(talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn another_command_replaces_the_question() {
    let talk = Talk::new();
    talk.says("Unlock the front door").await;
    assert_eq!(talk.code("Turn on the kitchen light").await, "done");
    assert_eq!(talk.code("Yes").await, "nothing-asked");
    assert!(talk.home.is_on(KITCHEN) && talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn passive_speech_and_other_satellites_answer_no_question() {
    let talk = Talk::new();
    talk.says("Unlock the front door").await;
    let overheard = talk.hears("assist_satellite.hall", "Yes", Source::Passive).await;
    assert_eq!((overheard.reply.text.as_str(), overheard.reply.code), ("", "overheard"));
    assert_eq!(
        talk.hears("assist_satellite.attic", "Yes", Source::Addressed).await.reply.code,
        "nothing-asked"
    );
    assert!(talk.is_locked());
    assert_eq!(talk.code("Yes").await, "done", "the question is still open where it was asked");
}

#[tokio::test(start_paused = true)]
async fn passive_speech_never_acts() {
    let talk = Talk::new();
    talk.hears("assist_satellite.hall", "Turn on the kitchen light", Source::Passive).await;
    assert!(!talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_unexposed_after_the_question_stays_locked() {
    let mut talk = Talk::new();
    talk.says("Unlock the front door").await;
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    registry.entities.get_mut(&EntityId::from(LOCK)).expect("the lock").exposed = false;
    talk.home.registry = Ok(Arc::new(registry));
    assert_eq!(talk.code("Yes").await, "not-exposed");
    assert!(talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_for_what_was_asked_and_nothing_that_came_since() {
    let mut talk = Talk::new();
    talk.says("Unlock the front door").await;
    let lock = talk.home.sentences["lock the front door"].clone();
    talk.home.sentences.insert("unlock the front door".into(), lock);
    talk.home.set(LOCK, "unlocked");
    assert_eq!(talk.code("Yes").await, "changed-meanwhile");
    assert!(!talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn a_pin_opens_and_a_yes_does_not() {
    let talk = Talk::with_pin();
    assert_eq!(talk.code("Unlock the front door").await, "ask-pin");
    assert_eq!(talk.code("Yes").await, "nothing-asked");
    assert!(talk.is_locked());
    talk.says("Unlock the front door").await;
    assert_eq!(talk.code("one two three four").await, "wrong-pin");
    assert_eq!(talk.code("Two, four, six, eight.").await, "done");
    assert!(!talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn what_may_be_a_part_of_a_pin_goes_nowhere_and_is_no_try() {
    let talk = Talk::with_pin();
    talk.says("Unlock the front door").await;
    for part in
        ["two four six", "two four six eight nine two four six eight", "it is two four banana", "24 68 x"]
    {
        assert_eq!(talk.code(part).await, "ask-pin", "{part}");
    }
    assert_eq!(talk.code("two four six eight").await, "done");
    talk.home.set(LOCK, "locked");
    talk.says("Unlock the front door").await;
    assert_ne!(talk.code("I want it to").await, "wrong-pin");
}

#[tokio::test(start_paused = true)]
async fn wrong_pins_of_all_satellites_together_switch_it_off_for_five_minutes() {
    let talk = Talk::with_pin();
    for satellite in ["assist_satellite.hall", "assist_satellite.attic"] {
        talk.hears(satellite, "Unlock the front door", Source::Addressed).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let code =
        async |satellite: &str, text: &str| talk.hears(satellite, text, Source::Addressed).await.reply.code;
    assert_eq!(code("assist_satellite.hall", "1111").await, "wrong-pin");
    assert_eq!(code("assist_satellite.attic", "1111").await, "wrong-pin");
    let off = talk.hears("assist_satellite.hall", "3333", Source::Addressed).await.reply;
    assert_eq!((off.code, off.text.contains('5')), ("pin-off", true));
    assert_eq!(code("assist_satellite.attic", "2468").await, "pin-off", "even the right one");
    assert_eq!(talk.code("Unlock the front door").await, "pin-off");
    assert!(talk.is_locked());
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(talk.code("Unlock the front door").await, "ask-pin");
    assert_eq!(talk.code("2 4 6 8").await, "done");
}

#[tokio::test(start_paused = true)]
async fn the_other_one_is_the_one_that_was_not_done_last() {
    let mut talk = Talk::new();
    for name in ["kitchen", "stubborn"] {
        let known = talk.home.sentences[&format!("turn on the {name} light")].clone();
        talk.home.sentences.insert(format!("turn on {name} light"), known);
    }
    assert_eq!(talk.code("Turn on the light").await, "which-one");
    assert_eq!(talk.code("The other one").await, "which-one", "other than which?");
    assert_eq!(talk.code("the stubborn one").await, "did-not-follow");
    assert_eq!(talk.code("Turn on the light").await, "which-one");
    assert_eq!(talk.code("The other one, please.").await, "done");
    assert!(talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_do_yet_is_kept_word_for_word_before_it_is_told() {
    let talk = Talk { requests: Some(Requests::default()), ..Talk::new() };
    let told = talk.says("Plan our trip to Italy in June.").await.reply;
    assert_eq!((told.code, told.text.contains("30 days")), ("cannot-delegate", true));
    assert_eq!(talk.code("Remind me to take my pills every evening.").await, "cannot-remember");
    talk.hears("assist_satellite.hall", "Plan a birthday party.", Source::Passive).await;
    talk.says("Turn on the kitchen light").await;
    let kept = talk.requests.as_ref().expect("requests").kept.lock().expect("no panic").clone();
    let kinds: Vec<_> = kept.iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [Kind::Delegate, Kind::Remember]);
    assert_eq!(kept[0].words.expose(), "Plan our trip to Italy in June.");
    assert_eq!(kept[0].place.as_deref(), Some("assist_satellite.hall"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_not_said_to_be() {
    let full = Requests { is_full: true, ..Requests::default() };
    for requests in [Some(full), None] {
        let talk = Talk { requests, ..Talk::new() };
        assert_eq!(talk.code("Plan our trip to Italy in June.").await, "request-not-kept");
    }
}

/// A home in which a light has to be named by its room.
#[tokio::test(start_paused = true)]
async fn what_is_far_too_long_answers_no_question() {
    let talk = Talk::new();
    talk.says("Unlock the front door").await;
    let long = "yes ".repeat(SENTENCE_LEN_MAX / 3);
    assert_ne!(talk.code(&long).await, "done");
    assert!(talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn one_sentence_that_two_satellites_hear_acts_once() {
    let talk = Talk::new();
    talk.says("Turn on the kitchen light.").await;
    let second = talk.hears("assist_satellite.attic", "turn on the kitchen light", Source::Addressed).await;
    assert_eq!(second.reply.code, "already-on");
    assert_eq!(talk.home.processed.lock().expect("no panic").len(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = talk.hears("assist_satellite.attic", "turn on the kitchen light", Source::Addressed).await;
    assert_eq!(later.reply.code, "done");
}

#[tokio::test(start_paused = true)]
async fn one_sentence_that_two_satellites_hear_acts_once_also_while_a_question_is_open() {
    for asked in ["assist_satellite.hall", "assist_satellite.attic"] {
        let talk = Talk::new();
        talk.hears(asked, "Unlock the front door", Source::Addressed).await;
        talk.says("Turn on the kitchen light").await;
        let second =
            talk.hears("assist_satellite.attic", "turn on the kitchen light", Source::Addressed).await;
        assert_eq!(second.reply.code, "already-on", "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_words_are_said_again() {
    let talk = Talk::new();
    assert_eq!(talk.code("Say that again").await, "nothing-to-repeat");
    talk.says("Unlock the front door").await;
    assert_eq!(talk.says("What did you say?").await.reply.text, "Shall I unlock Front Door?");
    assert_eq!(talk.code("Yes").await, "done", "the question is still open");
}

#[tokio::test(start_paused = true)]
async fn without_anybody_to_answer_a_lock_stays_as_it_is() {
    let talk = Talk::new();
    let request = Request {
        text: Pii::new("Unlock the front door".to_owned()),
        language: Language::english(),
        caller: Caller::default(),
        source: Source::Addressed,
    };
    let conversation = Conversation {
        home: &talk.home,
        clock: &talk.clock,
        matrix: Matrix::built_in(),
        pin: None,
        dialogues: &talk.dialogues,
        desk: None,
        requests: None,
        specialist: &(),
        help: None,
    };
    assert_eq!(conversation.respond(&request, None).await.reply.code, "needs-confirmation");
    assert!(talk.is_locked());
}
