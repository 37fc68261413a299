//! What the matcher declined: a model drafts, the words of the sentence decide, and what was meant is learnt.

#[path = "fakes/drafter.rs"]
mod drafter;
mod fakes;
#[path = "fakes/furnished.rs"]
mod furnished;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use drafter::Drafter;
use fakes::PausedClock;
use furnished::Furnished;
use futures_util::future::BoxFuture;
use helix_core::converse::Conversation;
use helix_core::dialogue::{Dialogues, Satellite};
use helix_core::draft::{FIRST_WORDS_LIMIT, Help, Helped, PATIENCE_LIMIT, ROUNDS_MAX};
use helix_core::home::Caller;
use helix_core::llm::{LanguageModel, LlmError};
use helix_core::pipeline::{Outcome, Request};
use helix_core::route::dimension::Source;
use helix_core::route::{Matrix, Route};
use helix_core::shortcut::{Key, Shortcut, ShortcutBook, ShortcutError};
use helix_core::{Clock, EntityId, Language, Pii};

const HOME: &str = include_str!("../../../tests/bed/home/home.yaml");
const GERMAN: &str = include_str!("../../../tests/bed/home/names/de.yaml");
const DESK: &str = "light.desk_lamp";

/// A book in memory.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<Key, Shortcut>>);

impl ShortcutBook for Book {
    fn find<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Shortcut>, ShortcutError>> {
        Box::pin(async { Ok(self.0.lock().expect("no panic").get(key).cloned()) })
    }
    fn keep<'a>(&'a self, shortcut: &'a Shortcut) -> BoxFuture<'a, Result<(), ShortcutError>> {
        Box::pin(async {
            self.0.lock().expect("no panic").insert(shortcut.key.clone(), shortcut.clone());
            Ok(())
        })
    }
    fn hit<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), ShortcutError>> {
        Box::pin(async {
            self.0.lock().expect("no panic").entry(key.clone()).and_modify(|known| known.hits += 1);
            Ok(())
        })
    }
    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, ShortcutError>> {
        Box::pin(async { Ok(self.0.lock().expect("no panic").remove(key).is_some()) })
    }
}

struct Talk {
    home: Furnished,
    clock: PausedClock,
    dialogues: Mutex<Dialogues>,
    book: Book,
    limit: Duration,
    language: &'static str,
}

impl Talk {
    fn new() -> Self {
        Self {
            home: Furnished::new(HOME, None),
            clock: PausedClock::start(),
            dialogues: Mutex::default(),
            book: Book::default(),
            limit: FIRST_WORDS_LIMIT,
            language: "en",
        }
    }

    fn german() -> Self {
        Self { home: Furnished::new(HOME, Some(GERMAN)), language: "de", ..Self::new() }
    }

    async fn hears(&self, text: &str, model: &dyn LanguageModel, source: Source) -> Outcome {
        let caller = Caller { device: None, satellite: Some(EntityId::from("assist_satellite.hall")) };
        let satellite = Satellite::of(&caller, None);
        let language = Language::parse(self.language).expect("valid");
        let request = Request { text: Pii::new(text.to_owned()), language, caller, source };
        let conversation = Conversation {
            home: &self.home,
            clock: &self.clock,
            matrix: Matrix::built_in(),
            pin: None,
            dialogues: &self.dialogues,
            specialist: &(),
            desk: None,
            requests: None,
            help: Some(Help { model, shortcuts: Some(&self.book), limit: self.limit }),
        };
        conversation.respond(&request, satellite.as_ref()).await
    }

    async fn says(&self, text: &str, model: &dyn LanguageModel) -> Outcome {
        let outcome = self.hears(text, model, Source::Addressed).await;
        // The next one is no echo of it.
        tokio::time::sleep(Duration::from_secs(3)).await;
        outcome
    }

    fn done(&self) -> Vec<String> {
        self.home.done().into_iter().map(|(intent, id)| format!("{intent} {id}")).collect()
    }
}

fn helped(outcome: &Outcome) -> Option<Helped> {
    outcome.decision.as_ref().and_then(|decision| decision.helped.clone())
}

const READING: &str = "Turn on the writing lamp in the office";

#[tokio::test(start_paused = true)]
async fn a_model_tells_which_of_the_named_things_is_meant() {
    let (talk, model) = (Talk::new(), Drafter::drafting("turn_on", DESK));
    let outcome = talk.says(READING, &model).await;
    assert_eq!(talk.done(), ["HassTurnOn light.desk_lamp"], "{outcome:?}");
    assert_eq!((outcome.reply.code, helped(&outcome)), ("done", Some(Helped::Drafted(1))));
    let decision = outcome.decision.expect("decided");
    assert_eq!((decision.route(), decision.dimensions.found.as_str()), (Route::Act, "drafted"));
}

#[tokio::test(start_paused = true)]
async fn german_compounds_that_nobody_knows_are_things_of_their_kind() {
    let (talk, model) = (Talk::german(), Drafter::drafting("turn_on", DESK));
    let outcome = talk.says("Schalte die Leselampe im Büro ein", &model).await;
    assert_eq!(talk.done(), ["HassTurnOn light.desk_lamp"], "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_words_do_not_name_or_ask_is_not_done_whatever_the_model_says() {
    for (action, entity) in [
        ("turn_on", "light.kitchen_light"),
        ("turn_on", "switch.printer"),
        ("turn_off", DESK),
        ("turn_on", "lock.front_door"),
        ("unlock", "lock.front_door"),
        ("open", "cover.garage_door"),
        ("lock.unlock", "lock.front_door"),
    ] {
        let (talk, model) = (Talk::new(), Drafter::drafting(action, entity));
        let outcome = talk.says(READING, &model).await;
        assert_eq!(talk.done(), [""; 0], "{action} {entity}");
        assert_eq!(model.asked(), usize::from(ROUNDS_MAX), "{action} {entity}");
        assert_eq!(helped(&outcome), Some(Helped::Nothing(ROUNDS_MAX)));
        assert_eq!(talk.says("yes", &model).await.reply.code, "nothing-asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_draft_is_objected_to_and_may_be_mended() {
    let talk = Talk::new();
    let model = Drafter::new(|_, round| {
        let entity = if round == 0 { "light.kitchen_light" } else { DESK };
        Ok(format!(r#"{{"acts":[{{"action":"turn_on","entity":"{entity}"}}],"which":[]}}"#))
    });
    // A thing that the model was not told about cannot be drafted either.
    let outcome = talk.says(READING, &model).await;
    assert_eq!(talk.done(), ["HassTurnOn light.desk_lamp"]);
    assert_eq!(helped(&outcome), Some(Helped::Drafted(2)));
}

#[tokio::test(start_paused = true)]
async fn a_word_elsewhere_than_in_front_of_a_thing_is_asked_about() {
    let (talk, model) = (Talk::new(), Drafter::drafting("turn_on", "light.floor_lamp"));
    let asked = talk.says("turn on the floor lamp at gloaming", &model).await;
    assert_eq!((asked.reply.text.as_str(), asked.reply.code), ("Shall I turn on Floor Lamp?", "confirm"));
    assert_eq!(talk.done(), [""; 0]);
    assert_eq!(talk.says("yes", &model).await.reply.code, "done");
    assert_eq!(talk.done(), ["HassTurnOn light.floor_lamp"]);
}

#[tokio::test(start_paused = true)]
async fn sentences_that_name_nothing_ask_nothing_or_hold_a_barred_word_never_reach_the_model() {
    let (talk, model) = (Talk::new(), Drafter::drafting("turn_on", DESK));
    for text in [
        "make the office cosy",
        "abracadabra",
        "don't turn on the writing lamp in the office",
        "turn on the writing lamp in the office unless Anna is asleep",
        "turn on the writing lamp in the office tomorrow",
        "turn on the writing lamp in the office and zorgle the wumpus",
        "turn on everything in the office except the wumpus",
        "unlock the rusty front door",
        "play some jazz for the penguins",
        "is the writing lamp in the office on?",
        "tell me a story about the kitchen",
    ] {
        talk.says(text, &model).await;
        assert_eq!((model.asked(), talk.done()), (0, Vec::new()), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn overheard_words_reach_no_model() {
    let (talk, model) = (Talk::new(), Drafter::drafting("turn_on", DESK));
    let outcome = talk.hears(READING, &model, Source::Passive).await;
    assert_eq!((model.asked(), outcome.reply.code), (0, "overheard"));
}

#[tokio::test(start_paused = true)]
async fn without_a_model_nothing_is_different() {
    let talk = Talk::new();
    let outcome = talk.says(READING, &()).await;
    assert_eq!((outcome.reply.code, helped(&outcome)), ("no-match", None));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_down_slow_or_raving_gets_an_honest_sentence_in_time() {
    let down = Drafter::new(|_, _| Err(LlmError::Busy)).slow(Duration::from_millis(20));
    let slow = Drafter::drafting("turn_on", DESK).slow(Duration::from_secs(30));
    let raving = Drafter::saying("Sure! I will unlock everything.").slow(Duration::from_millis(200));
    for (model, code) in [(down, "llm-busy"), (slow, "llm-timeout"), (raving, "no-match")] {
        let talk = Talk::new();
        let began = talk.clock.now();
        let outcome = talk.hears(READING, &model, Source::Addressed).await;
        let took = talk.clock.now().saturating_sub(began);
        assert!(took <= FIRST_WORDS_LIMIT + Duration::from_millis(50), "{took:?}");
        assert_eq!(outcome.reply.code, code);
        // What was told not to be done is not done later.
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(talk.done(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn strict_sentences_never_wait_for_a_model() {
    let talk = Talk::new();
    let slow = Drafter::drafting("turn_on", DESK).slow(Duration::from_secs(30));
    let began = talk.clock.now();
    assert_eq!(talk.hears("turn on the desk lamp", &slow, Source::Addressed).await.reply.code, "done");
    assert_eq!(talk.hears("the kettle on please", &slow, Source::Addressed).await.reply.code, "done");
    assert_eq!((slow.asked(), talk.clock.now()), (0, began));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_wait_gives_a_slow_model_its_time() {
    let talk = Talk { limit: PATIENCE_LIMIT, ..Talk::new() };
    let slow = Drafter::drafting("turn_on", DESK).slow(Duration::from_secs(5));
    assert_eq!(talk.says(READING, &slow).await.reply.code, "done");
    let endless = Drafter::drafting("turn_on", DESK).slow(Duration::from_mins(5));
    assert_eq!(
        talk.says("Turn off the writing lamp in the office", &endless).await.reply.code,
        "llm-timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_resolved_twice_needs_no_model_until_somebody_undoes_it() {
    let (talk, model) = (Talk::new(), Drafter::drafting("turn_on", DESK));
    for _ in 0..2 {
        assert_eq!(talk.says(READING, &model).await.reply.code, "done");
    }
    let known = talk.says(READING, &model).await;
    assert_eq!((model.asked(), helped(&known)), (2, Some(Helped::Shortcut)));
    let hits: Vec<u32> = talk.book.0.lock().expect("no panic").values().map(|known| known.hits).collect();
    assert_eq!((hits, talk.done().len()), (vec![1], 3));
    assert_eq!(talk.says("undo that", &model).await.reply.code, "undone");
    assert!(talk.book.0.lock().expect("no panic").is_empty(), "what was undone is not what is meant");
    talk.says(READING, &model).await;
    assert_eq!(model.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_shortcut_is_void_in_a_changed_home_and_never_does_more_than_the_words_name() {
    let (mut talk, model) = (Talk::new(), Drafter::saying(r#"{"acts":[],"which":[]}"#));
    let key = Key::of(READING, &Language::english(), None);
    let known = |sentence: &str, talk: &Talk| {
        let fingerprint = helix_core::shortcut::fingerprint(&talk.home.registry);
        let once = Shortcut::learn(None, key.clone(), vec![sentence.to_owned()], &fingerprint);
        let twice = Shortcut::learn(Some(once), key.clone(), vec![sentence.to_owned()], &fingerprint);
        talk.book.0.lock().expect("no panic").insert(key.clone(), twice);
    };
    known("turn on Kitchen Light", &talk);
    talk.says(READING, &model).await;
    known("unlock Front Door", &talk);
    talk.says(READING, &model).await;
    assert_eq!((talk.done(), model.asked()), (Vec::new(), 2));
    known("turn on Desk Lamp", &talk);
    let mut home = Furnished::new(HOME, None);
    home.registry.entities.get_mut(&EntityId::from("switch.kettle")).expect("there").exposed = false;
    talk.home = home;
    talk.says(READING, &model).await;
    assert_eq!((talk.done(), model.asked()), (Vec::new(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_model_may_ask_which_one_is_meant() {
    let (talk, model) =
        (Talk::new(), Drafter::saying(r#"{"acts":[],"which":["light.desk_lamp","light.office_light"]}"#));
    let asked = talk.says(READING, &model).await;
    assert_eq!(asked.reply.text, "Which one do you mean: Desk Lamp or Office Light?");
    talk.says("the desk lamp", &Drafter::drafting("turn_on", DESK)).await;
    assert_eq!(talk.done(), ["HassTurnOn light.desk_lamp"]);
    assert!(talk.book.0.lock().expect("no panic").is_empty(), "a choice is no meaning of the words");
}
