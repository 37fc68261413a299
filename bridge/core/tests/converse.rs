//! Several utterances of one conversation: questions and their answers, undo, two satellites.

mod fakes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::{FakeHome, KITCHEN, LOCK, PausedClock};
use futures_util::future::BoxFuture;
use helix_core::converse::Conversation;
use helix_core::dialogue::{Dialogues, Pin, Satellite};
use helix_core::home::{Area, Caller, EntityState, Match, MatchSource, Registry, StrictMatch};
use helix_core::pipeline::{Outcome, Request, SENTENCE_LEN_MAX};
use helix_core::request::{Kind, NewRequest, RequestBook, RequestError};
use helix_core::route::dimension::Source;
use helix_core::route::{Matrix, Route};
use helix_core::{AreaId, EntityId, Language, Pii};

struct Talk {
    home: FakeHome,
    clock: PausedClock,
    pin: Option<Pin>,
    dialogues: Mutex<Dialogues>,
    requests: Option<Requests>,
}

/// Requests in memory, or a place where none can be kept.
#[derive(Debug, Default)]
struct Requests {
    kept: Mutex<Vec<NewRequest>>,
    is_full: bool,
}

impl RequestBook for Requests {
    fn add<'a>(&'a self, request: &'a NewRequest) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move {
            if self.is_full {
                return Err(RequestError("the disk is full".into()));
            }
            self.kept.lock().expect("no panic").push(request.clone());
            Ok("1".to_owned())
        })
    }
}

impl Talk {
    fn new() -> Self {
        Self {
            home: FakeHome::new(),
            clock: PausedClock::start(),
            pin: None,
            dialogues: Mutex::default(),
            requests: None,
        }
    }

    fn with_pin() -> Self {
        Self { pin: Some(Pin::parse(&"2468".into()).expect("a PIN")), ..Self::new() }
    }

    async fn hears(&self, satellite: &str, text: &str, source: Source) -> Outcome {
        let caller = Caller { device: None, satellite: Some(EntityId::from(satellite)) };
        let satellite = Satellite::of(&caller, None);
        let request =
            Request { text: Pii::new(text.to_owned()), language: Language::english(), caller, source };
        let conversation = Conversation {
            home: &self.home,
            clock: &self.clock,
            matrix: Matrix::built_in(),
            pin: self.pin.as_ref(),
            dialogues: &self.dialogues,
            requests: self.requests.as_ref().map(|requests| requests as &dyn RequestBook),
            specialist: &(),
            help: None,
        };
        conversation.respond(&request, satellite.as_ref()).await
    }

    async fn says(&self, text: &str) -> Outcome {
        self.hears("assist_satellite.hall", text, Source::Addressed).await
    }

    async fn code(&self, text: &str) -> &'static str {
        self.says(text).await.reply.code
    }

    fn is_locked(&self) -> bool {
        self.home.shows(LOCK, "locked")
    }
}

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
async fn undo_restores_what_the_last_run_changed_within_ten_minutes() {
    let talk = Talk::new();
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
    talk.says("Turn on the kitchen light").await;
    assert_eq!(talk.code("Undo that, please.").await, "undone");
    assert!(!talk.home.is_on(KITCHEN));
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo", "only once");
    talk.says("Turn on the kitchen light").await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
    assert!(talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waited_for_can_be_undone() {
    let talk = Talk::new();
    let limit = Duration::from_millis(500);
    let given_up = tokio::time::timeout(limit, talk.says("Turn on the stubborn light")).await;
    assert!(given_up.is_err() && talk.home.processed.lock().expect("no panic").len() == 1);
    talk.home.set("light.stubborn", "on");
    assert_eq!(talk.code("Undo that").await, "undone");
    assert!(!talk.home.is_on("light.stubborn"));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_undone_can_be_tried_again() {
    let mut talk = Talk::new();
    talk.says("Turn on the kitchen light").await;
    let registry = talk.home.registry.clone().expect("a registry");
    let mut without = Registry::clone(&registry);
    without.entities.remove(&EntityId::from(KITCHEN));
    talk.home.registry = Ok(Arc::new(without));
    assert_eq!(talk.code("Undo that").await, "cannot-undo");
    talk.home.registry = Ok(registry);
    assert_eq!(talk.code("Undo that").await, "undone");
}

/// A conversation in which "turn on all lights" can be said.
fn with_all_lights() -> Talk {
    let mut talk = Talk::new();
    let Match::Strict(mut all) = talk.home.sentences["turn on the kitchen light"].clone() else {
        panic!("strict")
    };
    all.targets.push(EntityId::from("light.stubborn"));
    talk.home.sentences.insert("turn on all lights".into(), Match::Strict(all));
    talk
}

fn hide(talk: &mut Talk, id: &str, exposed: bool) {
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    registry.entities.get_mut(&EntityId::from(id)).expect("the entity").exposed = exposed;
    talk.home.registry = Ok(Arc::new(registry));
}

#[tokio::test(start_paused = true)]
async fn what_can_only_be_undone_in_part_is_told_and_the_rest_can_be_tried_again() {
    let mut talk = with_all_lights();
    talk.says("Turn on all lights").await;
    hide(&mut talk, "light.stubborn", false);
    let undone = talk.says("Undo that").await.reply;
    assert_eq!(undone.code, "undone-in-part");
    assert_eq!(
        undone.text,
        "It is again as it was: Kitchen Light. I cannot undo that for Stubborn Light. Please check it."
    );
    assert!(!talk.home.is_on(KITCHEN));
    hide(&mut talk, "light.stubborn", true);
    let rest = talk.says("Undo that").await.reply;
    assert_eq!(rest.text, "It is again as it was: Stubborn Light.");
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_known_before_is_told_when_it_cannot_be_undone() {
    let talk = with_all_lights();
    talk.home.states.lock().expect("no panic").remove(&EntityId::from("light.stubborn"));
    talk.says("Turn on all lights").await;
    let undone = talk.says("Undo that").await.reply;
    assert_eq!(undone.code, "undone-in-part");
    assert!(undone.text.contains("Stubborn Light"), "{}", undone.text);
}

#[tokio::test(start_paused = true)]
async fn undo_asks_before_it_restores_what_is_far_out() {
    let mut talk = Talk::new();
    let heating = EntityId::from("climate.hall");
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    let mut entity = registry.entities[&EntityId::from(KITCHEN)].clone();
    (entity.id, entity.name) = (heating.clone(), "Heating".into());
    registry.entities.insert(heating.clone(), entity);
    talk.home.registry = Ok(Arc::new(registry));
    let attributes = serde_json::json!({"temperature": 35}).as_object().expect("an object").clone();
    let before = EntityState { state: "heat".into(), attributes };
    talk.home.states.lock().expect("no panic").insert(heating.clone(), before);
    let set = StrictMatch {
        intent: "HassClimateSetTemperature".into(),
        slots: [("temperature".to_owned(), serde_json::json!(21))].into(),
        targets: vec![heating],
        source: MatchSource::Builtin,
    };
    talk.home.sentences.insert("set the heating to 21 degrees".into(), Match::Strict(set));
    talk.says("Set the heating to 21 degrees").await;
    let asked = talk.says("Undo that").await.reply;
    assert_eq!((asked.code, asked.text.as_str()), ("confirm", "Shall I set Heating to 35 degrees?"));
    assert!(talk.home.called.lock().expect("no panic").is_empty());
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
fn without_a_room() -> Talk {
    let mut talk = Talk::new();
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    for id in ["light.hall", "light.attic"] {
        let mut light = registry.entities[&EntityId::from(KITCHEN)].clone();
        (light.id, light.name) = (EntityId::from(id), id.into());
        registry.entities.insert(light.id.clone(), light);
    }
    let kitchen = AreaId::from("kitchen");
    let area = Area { id: kitchen.clone(), name: "Kitchen".into(), aliases: vec![], floor: None };
    registry.areas.insert(kitchen.clone(), area);
    registry.entities.get_mut(&EntityId::from(KITCHEN)).expect("the light").area = Some(kitchen);
    talk.home.registry = Ok(Arc::new(registry));
    let nowhere = Match::Unmatched { intent: "HassTurnOn".into(), unmatched: [].into() };
    talk.home.sentences.insert("turn on the light".into(), nowhere.clone());
    talk.home.sentences.insert("unlock the door".into(), nowhere);
    let kitchen = talk.home.sentences["turn on the kitchen light"].clone();
    talk.home.sentences.insert("turn on the light in the kitchen".into(), kitchen);
    let door = talk.home.sentences["unlock the front door"].clone();
    talk.home.sentences.insert("unlock the door at the front".into(), door);
    talk
}

#[tokio::test(start_paused = true)]
async fn the_room_that_was_asked_for_completes_the_command() {
    let talk = without_a_room();
    assert_eq!(talk.code("Turn on the light.").await, "no-place");
    let done = talk.says("In the kitchen.").await;
    assert_eq!((done.reply.code, talk.home.is_on(KITCHEN)), ("done", true));
    assert_eq!(talk.code("Undo that").await, "undone");
    assert_eq!(talk.code("In the kitchen.").await, "no-match", "nothing is asked any more");
    assert!(!talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn a_no_a_late_answer_another_room_or_another_satellite_completes_nothing() {
    let talk = without_a_room();
    talk.says("Turn on the light").await;
    let elsewhere = talk.hears("assist_satellite.attic", "in the kitchen", Source::Addressed).await;
    assert_ne!(elsewhere.reply.code, "done");
    talk.hears("assist_satellite.hall", "in the kitchen", Source::Passive).await;
    assert_eq!(talk.code("Never mind").await, "left");
    assert_ne!(talk.code("in the kitchen").await, "done");
    talk.says("Turn on the light").await;
    assert_ne!(talk.code("on the moon").await, "done");
    talk.says("Turn on the light").await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_ne!(talk.code("in the kitchen").await, "done");
    assert!(!talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn another_command_is_no_room_and_a_completed_one_keeps_its_risk() {
    let talk = without_a_room();
    talk.says("Turn on the light").await;
    assert_eq!(talk.code("Turn off the kitchen light").await, "done");
    assert_eq!(*talk.home.processed.lock().expect("no panic"), ["Turn off the kitchen light"]);
    talk.says("Unlock the door").await;
    assert_eq!(talk.code("at the front").await, "confirm");
    assert!(talk.is_locked());
    assert_eq!(talk.code("yes").await, "done");
    assert!(!talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn what_is_far_too_long_answers_no_question() {
    let talk = Talk::new();
    talk.says("Unlock the front door").await;
    let long = "yes ".repeat(SENTENCE_LEN_MAX / 3);
    assert_ne!(talk.code(&long).await, "done");
    assert!(talk.is_locked());
}

#[tokio::test(start_paused = true)]
async fn undo_of_a_lock_is_asked_as_well() {
    let talk = Talk::new();
    talk.home.set(LOCK, "unlocked");
    talk.says("Lock the front door").await;
    assert_eq!(talk.code("Yes").await, "done");
    assert!(talk.is_locked());
    let asked = talk.says("Undo that").await.reply;
    assert_eq!((asked.code, asked.text.as_str()), ("confirm", "Shall I unlock Front Door?"));
    assert!(talk.is_locked() && talk.home.called.lock().expect("no panic").is_empty());
    assert_eq!(talk.code("Yes").await, "undone");
    assert!(!talk.is_locked());
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
        requests: None,
        specialist: &(),
        help: None,
    };
    assert_eq!(conversation.respond(&request, None).await.reply.code, "needs-confirmation");
    assert!(talk.is_locked());
}
