//! What nobody should say, and homes that change at the wrong moment.

mod fakes;

use std::sync::{Arc, Mutex};

use fakes::{FakeHome, KITCHEN, LOCK, PausedClock};
use helix_core::act::Action;
use helix_core::converse::Conversation;
use helix_core::dialogue::{Dialogues, Satellite};
use helix_core::home::{Caller, EntityState, Execution, ExecutionKind, HomeError, Match, Registry};
use helix_core::pipeline::{Outcome, Request};
use helix_core::route::Matrix;
use helix_core::route::dimension::Source;
use helix_core::{EntityId, Home, Language, Pii};

async fn say(text: &str, tag: &str, home: &impl Home, dialogues: &Mutex<Dialogues>) -> Outcome {
    let hall = Satellite::Entity(EntityId::from("assist_satellite.hall"));
    let language = Language::parse(tag).expect("a tag");
    let request = Request {
        text: Pii::new(text.to_owned()),
        language,
        caller: Caller::default(),
        source: Source::Addressed,
    };
    let conversation = Conversation {
        home,
        clock: &PausedClock::start(),
        matrix: Matrix::built_in(),
        pin: None,
        dialogues,
        desk: None,
        requests: None,
        specialist: &(),
        help: None,
    };
    conversation.respond(&request, Some(&hall)).await
}

#[tokio::test(start_paused = true)]
async fn what_holds_no_words_or_far_too_many_does_nothing_and_is_answered() {
    let home = FakeHome::new();
    let dialogues = Mutex::default();
    let long = "turn on the kitchen light ".repeat(2000);
    for (text, code) in [
        ("", Some("nothing-said")),
        (" \t\n\u{a0}\u{200b} ", None),
        ("💡💡 👩‍👩‍👧‍👦 🔓", None),
        ("… ?! —", None),
        ("\u{0}\u{1b}[2J", None),
        ("؟", None),
        (long.as_str(), Some("too-long")),
    ] {
        let reply = say(text, "en", &home, &dialogues).await.reply;
        assert!(!reply.text.is_empty() && reply.code != "done", "{text:.20}: {reply:?}");
        assert!(code.is_none_or(|code| code == reply.code), "{text:.20}: {reply:?}");
    }
    assert!(home.processed.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_a_language_that_nobody_described_only_what_the_matcher_accepts_acts_and_a_lock_still_asks() {
    for tag in ["tlh", "xx", "pt-BR", "zh-Hans"] {
        let home = FakeHome::new();
        let dialogues = Mutex::default();
        let code = async |text: &str| say(text, tag, &home, &dialogues).await.reply.code;
        assert_eq!(code("Turn on the kitchen light?").await, "no-command", "{tag}");
        assert_ne!(code("Turn on the kitchn light").await, "done", "{tag}: nothing is repaired");
        assert!(!home.is_on(KITCHEN));
        assert_eq!(code("Turn on the kitchen light").await, "done", "{tag}");
        assert_eq!(code("Unlock the front door").await, "confirm", "{tag}: in English");
        assert!(home.shows(LOCK, "locked"));
        assert_eq!(code("yes").await, "done", "{tag}");
        assert!(home.shows(LOCK, "unlocked"));
    }
}

/// A home that does something else than what its dry run told a moment ago.
struct Meanwhile {
    home: FakeHome,
    does: Execution,
}

impl Home for Meanwhile {
    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        self.home.registry()
    }
    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        self.home.state(entity)
    }
    fn revision(&self) -> u64 {
        self.home.revision()
    }
    async fn changed(&self, seen: u64) {
        self.home.changed(seen).await;
    }
    async fn dry_run(&self, texts: Vec<String>, of: &Language, by: &Caller) -> Result<Vec<Match>, HomeError> {
        self.home.dry_run(texts, of, by).await
    }
    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        self.home.call(action).await
    }
    async fn process(&self, _: String, _: &Language, _: &Caller) -> Result<Execution, HomeError> {
        for entity in &self.does.done {
            self.home.set(entity.as_str(), "on");
        }
        Ok(self.does.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn an_entity_that_is_unexposed_between_match_and_act_is_not_told_as_done() {
    let speech = "No device or entity named kitchen light is exposed".to_owned();
    let kind = ExecutionKind::Error("no_valid_targets".into());
    let does = Execution { kind, speech: speech.clone(), done: vec![], failed: vec![] };
    let home = Meanwhile { home: FakeHome::new(), does };
    let reply = say("Turn on the kitchen light", "en", &home, &Mutex::default()).await.reply;
    assert_eq!((reply.code, reply.text), ("home-declined", speech));
    assert!(!home.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_entity_takes_between_match_and_act_is_told_and_can_be_looked_after() {
    let does = Execution {
        kind: ExecutionKind::ActionDone,
        speech: "Turned on the light".into(),
        done: vec![EntityId::from("light.stubborn")],
        failed: vec![],
    };
    let home = Meanwhile { home: FakeHome::new(), does };
    let reply = say("Turn on the kitchen light", "en", &home, &Mutex::default()).await.reply;
    assert_eq!(reply.code, "changed-other");
    assert!(reply.text.contains("Stubborn Light"), "{}", reply.text);
}

#[tokio::test(start_paused = true)]
async fn of_two_entities_of_one_name_none_is_touched_before_it_is_clear_which() {
    let mut home = FakeHome::new();
    let mut registry = Registry::clone(home.registry.as_ref().expect("a registry"));
    let mut twin = registry.entities[&EntityId::from(KITCHEN)].clone();
    twin.id = EntityId::from("light.twin");
    registry.entities.insert(twin.id.clone(), twin);
    home.registry = Ok(Arc::new(registry));
    // Home Assistant takes one of them.
    let reply = say("Turn on the kitchen light", "en", &home, &Mutex::default()).await.reply;
    assert_eq!(reply.code, "which-one", "{}", reply.text);
    assert!(home.processed.lock().expect("no panic").is_empty());
}
