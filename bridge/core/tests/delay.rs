//! Commands for later: planned, kept, listed, cancelled, and carried out when due.

mod fakes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fakes::{FakeHome, KITCHEN, PausedClock};
use futures_util::future::BoxFuture;
use helix_core::converse::{Conversation, Specialist};
use helix_core::delay::{
    BookError, DelayBook, DelayedCommand, NewCommand, Performed, State, WAITING_MAX, answer, keep, perform,
    plan,
};
use helix_core::dialogue::{Dialogues, Satellite};
use helix_core::home::{Caller, HomeError, Match, MatchSource, StrictMatch};
use helix_core::pipeline::{Marks, Outcome, Request};
use helix_core::reply::Reply;
use helix_core::route::dimension::Source;
use helix_core::route::{Matrix, Route};
use helix_core::{EntityId, Language, Pii};
use jiff::Zoned;
use serde_json::json;

/// A book in memory, or one that cannot be written.
#[derive(Debug, Default)]
struct Notes {
    commands: Mutex<Vec<DelayedCommand>>,
    is_full: bool,
}

impl Notes {
    fn write<T>(&self, change: impl FnOnce(&mut Vec<DelayedCommand>) -> T) -> Result<T, BookError> {
        if self.is_full {
            return Err(BookError("the disk is full".into()));
        }
        let mut commands = self.commands.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(change(&mut commands))
    }

    fn step(&self, id: &str, from: &[State], to: State, code: Option<&str>) -> Result<bool, BookError> {
        self.write(|commands| {
            let found = commands.iter_mut().find(|command| command.id == id && from.contains(&command.state));
            found.map(|command| (command.state, command.code) = (to, code.map(str::to_owned))).is_some()
        })
    }

    fn only(&self) -> DelayedCommand {
        self.commands.lock().expect("no panic")[0].clone()
    }
}

impl DelayBook for Notes {
    fn add<'a>(&'a self, new: &'a NewCommand) -> BoxFuture<'a, Result<String, BookError>> {
        let new = new.clone();
        Box::pin(async move {
            self.write(|commands| {
                let id = commands.len().to_string();
                commands.push(DelayedCommand {
                    id: id.clone(),
                    due: new.due,
                    sentence: new.sentence,
                    sentences: new.sentences,
                    language: new.language,
                    caller: new.caller,
                    actions: new.actions,
                    state: State::Waiting,
                    code: None,
                });
                id
            })
        })
    }
    fn waiting(&self) -> BoxFuture<'_, Result<Vec<DelayedCommand>, BookError>> {
        let all = self.commands.lock().expect("no panic").clone();
        Box::pin(
            async move { Ok(all.into_iter().filter(|command| command.state == State::Waiting).collect()) },
        )
    }
    fn begin<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        Box::pin(async move { self.step(id, &[State::Waiting], State::Running, None) })
    }
    fn end<'a>(&'a self, id: &'a str, end: State, code: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        Box::pin(async move { self.step(id, &[State::Waiting, State::Running], end, Some(code)) })
    }
    fn interrupt_running(&self) -> BoxFuture<'_, Result<u64, BookError>> {
        Box::pin(async { Ok(0) })
    }
}

const LOCK: &str = "lock.front_door";

/// The home of the fakes, with a lock.
fn home() -> FakeHome {
    let mut home = FakeHome::new();
    let mut registry = (*home.registry.clone().expect("there")).clone();
    let mut lock = registry.entities[&EntityId::from(KITCHEN)].clone();
    (lock.id, lock.name) = (EntityId::from(LOCK), "Front Door".into());
    registry.entities.insert(lock.id.clone(), lock);
    home.registry = Ok(Arc::new(registry));
    home.sentences.insert("unlock the front door".into(), strict("HassTurnOff", "front door", LOCK));
    home
}

fn strict(intent: &str, name: &str, target: &str) -> Match {
    Match::Strict(StrictMatch {
        intent: intent.into(),
        slots: BTreeMap::from([("name".to_owned(), json!(name))]),
        targets: vec![EntityId::from(target)],
        source: MatchSource::Builtin,
    })
}

fn now() -> Zoned {
    "2026-11-21T13:05:00[Europe/Berlin]".parse().expect("a moment")
}

fn request(text: &str) -> Request {
    Request {
        text: Pii::new(text.to_owned()),
        language: Language::english(),
        caller: Caller::default(),
        source: Source::Addressed,
    }
}

/// Says a sentence that is about later; `None` if it is not.
async fn say(text: &str, home: &FakeHome, book: &dyn DelayBook) -> Option<Reply> {
    let request = request(text);
    if let Some(reply) = answer(&request, &now(), Some(book)).await {
        return Some(reply);
    }
    let plan = plan(&request, &now(), home, Matrix::built_in()).await.expect("asked")?;
    assert!(!plan.decision.acts() && plan.decision.actions.is_empty(), "{text} acts at once");
    Some(keep(&plan, &request.language, Some(book)).await.reply)
}

async fn carry_out(home: &FakeHome, book: &dyn DelayBook, command: &DelayedCommand) -> Performed {
    let clock = PausedClock::start();
    perform(command, home, &clock, Matrix::built_in(), book).await.expect("the book works")
}

fn untouched(home: &FakeHome) {
    assert!(home.processed.lock().expect("no panic").is_empty());
    assert!(!home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn a_command_for_later_is_kept_and_done_when_it_is_due() {
    let (home, book) = (home(), Notes::default());
    let reply = say("Turn on the kitchen light in ten minutes.", &home, &book).await.expect("planned");
    assert_eq!(reply.code, "delayed");
    assert!(
        reply.text.contains("at 13:15") && reply.text.contains("Turn on the kitchen light"),
        "{}",
        reply.text
    );
    untouched(&home);
    let command = book.only();
    assert_eq!(command.due.to_string(), "2026-11-21T12:15:00Z");
    assert_eq!((command.actions[0].service.as_str(), command.actions.len()), ("light.turn_on", 1));
    let Performed::Ended { state, code, .. } = carry_out(&home, &book, &command).await else {
        panic!("not ended")
    };
    assert_eq!((state, code, book.only().state), (State::Done, "done", State::Done));
    assert!(home.is_on(KITCHEN));
    assert_eq!(*home.processed.lock().expect("no panic"), ["Turn on the kitchen light"]);
    // A second time is none.
    assert!(matches!(carry_out(&home, &book, &command).await, Performed::Gone));
    assert_eq!(home.processed.lock().expect("no panic").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_not_opened_later() {
    let (home, book) = (home(), Notes::default());
    let reply = say("Unlock the front door at half past eleven", &home, &book).await.expect("answered");
    assert_eq!(reply.code, "delayed-risky");
    assert!(reply.text.contains("Front Door"), "{}", reply.text);
    assert!(book.commands.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_command_is_not_planned_either() {
    let (home, book) = (home(), Notes::default());
    for text in [
        "Don't turn on the kitchen light in ten minutes",
        "Did you turn on the kitchen light at seven?",
        "She said to turn on the kitchen light at seven",
        "Maybe turn on the kitchen light at seven",
        "Turn on the kitchen light",
        "Turn on the kitchen light when I come home",
        "Turn on the kitchen light and at seven the stubborn light",
        "Remind me in ten minutes",
    ] {
        assert_eq!(say(text, &home, &book).await, None, "{text}");
    }
    let overheard =
        Request { source: Source::Passive, ..request("turn on the kitchen light in ten minutes") };
    assert!(plan(&overheard, &now(), &home, Matrix::built_in()).await.expect("asked").is_none());
    assert!(book.commands.lock().expect("no panic").is_empty());
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_cannot_be_kept_is_told() {
    let (home, book) = (home(), Notes::default());
    for (time, code) in [
        ("today at seven in the morning", "delayed-past"),
        ("in nine days", "delayed-too-far"),
        ("tonight", "delayed-vague"),
    ] {
        let reply = say(&format!("turn on the kitchen light {time}"), &home, &book).await.expect("answered");
        assert_eq!(reply.code, code);
    }
    assert!(book.commands.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_not_promised_and_not_done() {
    let (home, full) = (home(), Notes { is_full: true, ..Notes::default() });
    let reply = say("turn on the kitchen light in ten minutes", &home, &full).await.expect("answered");
    assert_eq!(reply.code, "delayed-not-kept");
    let book = Notes::default();
    say("turn on the kitchen light in ten minutes", &home, &book).await.expect("planned");
    let clock = PausedClock::start();
    let due = perform(&book.only(), &home, &clock, Matrix::built_in(), &full).await;
    assert!(due.is_err());
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn more_than_a_hundred_commands_do_not_wait() {
    let (home, book) = (home(), Notes::default());
    for _ in 0..WAITING_MAX {
        say("turn on the kitchen light in ten minutes", &home, &book).await.expect("planned");
    }
    let reply = say("turn on the kitchen light in ten minutes", &home, &book).await.expect("answered");
    assert_eq!(reply.code, "delayed-too-many");
}

async fn planned() -> (FakeHome, Notes) {
    let (home, book) = (home(), Notes::default());
    say("turn on the kitchen light in ten minutes", &home, &book).await.expect("planned");
    (home, book)
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_exposed_when_due_is_not_touched() {
    let (mut home, book) = planned().await;
    let mut registry = (*home.registry.clone().expect("there")).clone();
    registry.entities.get_mut(&EntityId::from(KITCHEN)).expect("there").exposed = false;
    home.registry = Ok(Arc::new(registry));
    let Performed::Ended { state, code, .. } = carry_out(&home, &book, &book.only()).await else {
        panic!("waits")
    };
    assert_eq!((state, code), (State::Failed, "not-exposed"));
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn words_that_mean_more_when_due_do_nothing() {
    let (mut home, book) = planned().await;
    // A second light has got the same name meanwhile.
    let mut registry = (*home.registry.clone().expect("there")).clone();
    let mut second = registry.entities[&EntityId::from(KITCHEN)].clone();
    second.id = EntityId::from("light.second");
    registry.entities.insert(second.id.clone(), second);
    home.registry = Ok(Arc::new(registry));
    let Match::Strict(mut both) = strict("HassTurnOn", "kitchen light", KITCHEN) else { panic!("strict") };
    both.targets.push(EntityId::from("light.second"));
    home.sentences.insert("turn on the kitchen light".into(), Match::Strict(both));
    let Performed::Ended { state, code, .. } = carry_out(&home, &book, &book.only()).await else {
        panic!("waits")
    };
    assert_eq!((state, code), (State::Failed, "delayed-changed"));
    untouched(&home);
}

/// A home in which "turn on all lights" means these lights.
fn all_lights(home: &mut FakeHome, targets: &[&str]) {
    let Match::Strict(mut all) = strict("HassTurnOn", "all", KITCHEN) else { panic!("strict") };
    all.targets = targets.iter().map(|id| EntityId::from(*id)).collect();
    home.sentences.insert("turn on all lights".into(), Match::Strict(all));
}

#[tokio::test(start_paused = true)]
async fn words_that_mean_less_when_due_do_nothing_and_the_end_says_why() {
    let (mut home, book) = (home(), Notes::default());
    all_lights(&mut home, &[KITCHEN, "light.stubborn"]);
    say("turn on all lights in ten minutes", &home, &book).await.expect("planned");
    assert_eq!(book.only().actions.len(), 2);
    // One of them was taken away.
    let mut registry = (*home.registry.clone().expect("there")).clone();
    registry.entities.remove(&EntityId::from("light.stubborn"));
    home.registry = Ok(Arc::new(registry));
    all_lights(&mut home, &[KITCHEN]);
    let Performed::Ended { state, code, .. } = carry_out(&home, &book, &book.only()).await else {
        panic!("waits")
    };
    assert_eq!((state, code), (State::Failed, "delayed-changed"));
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn what_has_become_risky_when_due_is_not_done() {
    let (home, book) = planned().await;
    let file = format!("[risk]\nR3 = [\"{KITCHEN}\"]\n");
    let stricter = Matrix::over_built_in(&file, std::path::Path::new("m.toml")).expect("valid");
    let clock = PausedClock::start();
    let ended = perform(&book.only(), &home, &clock, &stricter, &book).await.expect("the book works");
    assert!(matches!(ended, Performed::Ended { state: State::Failed, code: "confirm", .. }), "{ended:?}");
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn a_home_that_cannot_be_reached_is_waited_for() {
    let (mut home, book) = planned().await;
    home.registry = Err(HomeError::NotConnected { url: "http://home".into() });
    assert!(matches!(carry_out(&home, &book, &book.only()).await, Performed::NotYet(_)));
    assert_eq!(book.only().state, State::Waiting);
}

#[tokio::test(start_paused = true)]
async fn what_is_planned_is_listed_and_cancelled_by_voice() {
    let (home, book) = planned().await;
    let code = async |text: &str| say(text, &home, &book).await.expect("answered");
    let list = code("What is planned?").await;
    assert_eq!(list.code, "planned-list");
    assert!(list.text.contains("at 13:15: turn on the kitchen light"), "{}", list.text);
    assert_eq!(code("cancel the planned fan").await.code, "planned-which");
    let command = book.only();
    let cancelled = code("Cancel the planned light, please.").await;
    assert_eq!(cancelled.code, "planned-cancelled");
    assert_eq!(code("What is planned?").await.code, "planned-none");
    // It was about to be carried out when it was cancelled.
    assert!(matches!(carry_out(&home, &book, &command).await, Performed::Gone));
    untouched(&home);
}

#[tokio::test(start_paused = true)]
async fn a_planned_command_is_decided_to_be_remembered() {
    let plan =
        plan(&request("turn on the kitchen light at 22:30"), &now(), &home(), Matrix::built_in()).await;
    let decision = plan.expect("asked").expect("planned").decision;
    assert_eq!(decision.route(), Route::Remember);
}

/// Takes the sentences about later out of a conversation, as the bridge does.
struct Planner<'a>(&'a FakeHome, &'a Notes);

impl Specialist for Planner<'_> {
    async fn answer(&self, request: &Request) -> Option<Outcome> {
        let reply = say(request.text.expose(), self.0, self.1).await?;
        Some(Outcome { reply, decision: None, marks: Marks::default() })
    }
}

async fn talk(text: &str, home: &FakeHome, book: &Notes, dialogues: &Mutex<Dialogues>) -> &'static str {
    let clock = PausedClock::start();
    let conversation = Conversation {
        home,
        clock: &clock,
        matrix: Matrix::built_in(),
        pin: None,
        dialogues,
        desk: None,
        requests: None,
        specialist: &Planner(home, book),
        help: None,
    };
    let hall = Satellite::Entity(EntityId::from("assist_satellite.hall"));
    conversation.respond(&request(text), Some(&hall)).await.reply.code
}

#[tokio::test(start_paused = true)]
async fn the_time_that_was_asked_for_completes_the_command_and_so_does_which_one() {
    let (home, book, dialogues) = (home(), Notes::default(), Mutex::default());
    let code = async |text: &str| talk(text, &home, &book, &dialogues).await;
    assert_eq!(code("Turn on the kitchen light tonight.").await, "delayed-vague");
    assert_eq!(code("At half past ten.").await, "delayed");
    assert_eq!(book.only().due.to_string(), "2026-11-21T21:30:00Z");
    assert_eq!(code("turn on the stubborn light in an hour").await, "delayed");
    assert_eq!(code("cancel the planned command").await, "planned-which");
    assert_eq!(code("the stubborn one").await, "planned-cancelled");
    assert_eq!(code("turn on the kitchen light tonight").await, "delayed-vague");
    assert_eq!(code("I do not know").await, "negated");
    assert_eq!(book.waiting().await.expect("read").len(), 1);
    untouched(&home);
}
