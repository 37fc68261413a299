//! Orders and talk in eight languages.

use std::sync::Mutex;

use super::*;
use crate::home::Caller;
use crate::llm::{Answer, Capabilities, Chat, Ended, LlmError, Usage};
use crate::route::dimension::Privacy;

fn language(tag: &str) -> Language {
    Language::parse(tag).expect("a tag")
}

fn kinds() -> Vec<Kind> {
    ["compare", "home-report", "plan", "research", "summarise"]
        .map(|name| Kind { name: name.to_owned(), description: format!("It can {name}.") })
        .to_vec()
}

fn ordered(text: &str, tag: &str) -> Order {
    match draft(text, &language(tag), &Caller::default(), &kinds(), false) {
        Draft::Order(order) => order,
        Draft::Ask(_) => panic!("{text}: it was asked what it is about"),
    }
}

#[test]
fn each_kind_is_found_in_each_language() {
    for (text, tag, kind, title) in [
        (
            "Research the best heat pump for a small house",
            "en",
            "research",
            "the best heat pump for a small house",
        ),
        ("Could you please compare gas and electric ovens?", "en", "compare", "gas and electric ovens"),
        ("make me a plan for a week in Lisbon", "en", "plan", "a week in lisbon"),
        ("Give me a summary of the news about solar power", "en", "summarise", "the news about solar power"),
        (
            "Recherchiere die beste Wärmepumpe für ein kleines Haus",
            "de",
            "research",
            "die beste wärmepumpe für ein kleines haus",
        ),
        (
            "Kannst du bitte Wärmepumpen und Gasheizungen vergleichen?",
            "de",
            "compare",
            "wärmepumpen und gasheizungen",
        ),
        ("Finde einen guten Zahnarzt heraus", "de", "research", "einen guten zahnarzt"),
        ("zoek uit welke warmtepomp het stilst is", "nl", "research", "welke warmtepomp het stilst is"),
        ("Compare les pompes à chaleur et le gaz", "fr", "compare", "les pompes à chaleur et le gaz"),
        ("Planifica un viaje a Lisboa", "es", "plan", "un viaje a lisboa"),
        ("Riassumi le notizie di oggi", "it", "summarise", "le notizie di oggi"),
        ("Zaplanuj wycieczkę do Lizbony", "pl", "plan", "wycieczkę do lizbony"),
        ("Porovnej tepelná čerpadla", "cs", "compare", "tepelná čerpadla"),
        ("why is the sky blue", "en", "research", "why is the sky blue"),
    ] {
        let order = ordered(text, tag);
        assert_eq!((order.kind.as_str(), order.title.expose().as_str()), (kind, title), "{text}");
        assert_eq!(order.words.expose(), text);
    }
}

#[test]
fn a_report_about_the_home_needs_no_more_words_and_stays_at_home() {
    let order = ordered("Give me a report on the house", "en");
    assert_eq!(
        (order.kind.as_str(), order.title.expose().as_str()),
        ("home-report", "give me a report on the house")
    );
    assert_ne!(order.privacy, Privacy::Public);
}

#[test]
fn what_names_no_subject_is_asked_about_once() {
    let english = Language::english();
    for text in
        ["research", "please look into it", "compare these", "Plan something for me", "find out about that"]
    {
        let asked = draft(text, &english, &Caller::default(), &kinds(), false);
        assert_eq!(asked, Draft::Ask(None), "{text}");
        assert!(
            matches!(draft(text, &english, &Caller::default(), &kinds(), true), Draft::Order(_)),
            "{text}"
        );
    }
}

#[test]
fn a_kind_that_is_not_there_is_not_ordered() {
    let only = vec![Kind { name: "research".into(), description: String::new() }];
    let Draft::Order(order) = draft("compare ovens", &Language::english(), &Caller::default(), &only, false)
    else {
        panic!("an order");
    };
    assert_eq!(order.kind, "research");
}

#[test]
fn talk_about_tasks_is_told_from_everything_else() {
    let about =
        |words: &str| words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    for (text, tag, kind, words, lately) in [
        ("How is the research going?", "en", TalkKind::Status, "", false),
        ("how is the research about heat pumps going", "en", TalkKind::Status, "heat pumps", false),
        ("Cancel it", "en", TalkKind::Cancel, "", true),
        ("please stop the research", "en", TalkKind::Cancel, "", false),
        ("cancel the comparison of ovens", "en", TalkKind::Cancel, "ovens", false),
        ("What did you find about heat pumps?", "en", TalkKind::Find, "heat pumps", false),
        ("What are you working on?", "en", TalkKind::List, "", false),
        ("Wie läuft die Recherche?", "de", TalkKind::Status, "", false),
        ("Brich die Recherche ab", "de", TalkKind::Cancel, "", false),
        ("Was hast du über Wärmepumpen herausgefunden?", "de", TalkKind::Find, "wärmepumpen", false),
        ("hoe ver ben je met het onderzoek", "nl", TalkKind::Status, "", false),
        ("Où en est la recherche ?", "fr", TalkKind::Status, "", false),
        ("cancela la búsqueda", "es", TalkKind::Cancel, "", false),
        ("cosa hai scoperto su Lisbona", "it", TalkKind::Find, "lisbona", false),
        ("przerwij badanie", "pl", TalkKind::Cancel, "", false),
        ("co jsi zjistil o čerpadlech", "cs", TalkKind::Find, "čerpadlech", false),
    ] {
        let found = talk(text, &language(tag), lately).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((found.kind, found.about), (kind, about(words)), "{text}");
    }
    for text in [
        "cancel it",
        "how is it going",
        "stop",
        "stop the music",
        "cancel the timer",
        "turn off the light",
        "cancel",
    ] {
        assert_eq!(talk(text, &Language::english(), false), None, "{text}");
    }
    for text in ["stop the music", "cancel the timer", "turn it off"] {
        assert_eq!(talk(text, &Language::english(), true), None, "{text}");
    }
}

/// A desk with tasks; what is cancelled is noted.
#[derive(Debug, Default)]
struct Kept {
    tickets: Vec<Ticket>,
    cancelled: Mutex<Vec<String>>,
    kinds: Vec<Kind>,
    /// What words mean that no rule knows; that takes for ever if there is nothing.
    meaning: Option<Meaning>,
}

impl Desk for Kept {
    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }
    fn meaning<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Meaning> {
        match self.meaning.clone() {
            Some(meaning) => Box::pin(async { meaning }),
            None => Box::pin(std::future::pending()),
        }
    }
    fn take<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<String, DeskError>> {
        Box::pin(async { Err(DeskError::Full { retry_after: Duration::from_secs(61) }) })
    }
    fn tickets(&self) -> BoxFuture<'_, Result<Vec<Ticket>, DeskError>> {
        Box::pin(async { Ok(self.tickets.clone()) })
    }
    fn words<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Pii<String>>, DeskError>> {
        let words = match id {
            "t-3" => Some("Reading three pages."),
            "t-1" => Some("Two are quiet."),
            _ => None,
        };
        Box::pin(async move { Ok(words.map(|words| Pii::new(words.to_owned()))) })
    }
    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, DeskError>> {
        self.cancelled.lock().expect("no panic").push(id.to_owned());
        Box::pin(async { Ok(true) })
    }
}

fn ticket(id: &str, title: &str, stage: Stage, satellite: &str) -> Ticket {
    let satellite = Some(EntityId::from(satellite));
    Ticket { id: id.into(), kind: "research".into(), title: Pii::new(title.into()), stage, satellite }
}

async fn said(desk: &Kept, text: &str, satellite: &str) -> Option<Reply> {
    let talk = talk(text, &Language::english(), true)?;
    answer(desk, &talk, Some(&EntityId::from(satellite)), &Language::english()).await
}

fn desk() -> Kept {
    let tickets = vec![
        ticket("t-3", "the best heat pump", Stage::Working, "assist_satellite.kitchen"),
        ticket("t-2", "a week in lisbon", Stage::Waiting, "assist_satellite.office"),
        ticket("t-1", "quiet dishwashers", Stage::Answered, "assist_satellite.kitchen"),
    ];
    Kept { tickets, ..Kept::default() }
}

#[tokio::test]
async fn the_task_of_this_room_is_meant_unless_another_one_is_named() {
    let desk = desk();
    let text = |reply: Option<Reply>| reply.map(|reply| reply.text).unwrap_or_default();
    let kitchen = "assist_satellite.kitchen";
    assert_eq!(
        text(said(&desk, "how is it going", kitchen).await),
        "the best heat pump: Reading three pages."
    );
    assert!(
        text(said(&desk, "how is the task about lisbon going", kitchen).await).contains("have not begun")
    );
    assert_eq!(text(said(&desk, "what did you find about dishwashers", kitchen).await), "Two are quiet.");
    assert!(
        text(said(&desk, "what are you working on", kitchen).await).contains("heat pump, a week in lisbon")
    );
    assert_eq!(
        said(&desk, "what did you find about boats", kitchen).await.map(|reply| reply.code),
        Some("task-unknown")
    );
}

#[tokio::test]
async fn one_task_is_cancelled_and_never_one_that_was_not_meant() {
    let desk = desk();
    let code = |reply: Option<Reply>| reply.map(|reply| reply.code);
    assert_eq!(code(said(&desk, "cancel it", "assist_satellite.office").await), Some("task-cancelled"));
    assert_eq!(code(said(&desk, "cancel the research", "assist_satellite.attic").await), Some("task-which"));
    assert_eq!(
        code(said(&desk, "cancel the research about lisbon", "assist_satellite.attic").await),
        Some("task-cancelled")
    );
    assert_eq!(
        code(said(&desk, "cancel the research about dishwashers", "assist_satellite.kitchen").await),
        Some("task-unknown")
    );
    assert_eq!(*desk.cancelled.lock().expect("no panic"), ["t-2", "t-2"]);
}

#[tokio::test]
async fn a_full_desk_says_when_to_try_again() {
    let reply = take(&Kept::default(), &ordered("research heat pumps", "en")).await;
    assert_eq!((reply.code, reply.text.contains("2 minutes")), ("task-full", true));
}

/// Time that only passes while somebody waits.
#[derive(Clone, Default)]
struct Patient(std::sync::Arc<Mutex<Duration>>);

impl Clock for Patient {
    fn now(&self) -> Duration {
        *self.0.lock().expect("no panic")
    }
    async fn sleep(&self, duration: Duration) {
        *self.0.lock().expect("no panic") += duration;
    }
}

/// A model that chooses the last kind that it is offered.
#[derive(Debug, Default)]
struct Last(Mutex<Vec<usize>>);

impl LanguageModel for Last {
    fn ready(&self) -> Result<(), LlmError> {
        Ok(())
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    fn chat<'a>(&'a self, chat: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        let schema = chat.schema.as_ref().expect("a schema");
        let offered = schema["properties"]["kind"]["enum"].as_array().expect("kinds");
        self.0.lock().expect("no panic").push(offered.len());
        let text = serde_json::json!({ "kind": offered.last(), "title": "", "question": "" }).to_string();
        let (usage, model) = (Usage::default(), "last".to_owned());
        Box::pin(async move {
            Ok(Answer { text: Pii::new(text), calls: Vec::new(), usage, ended: Ended::Stop, model })
        })
    }
}

/// The kind that a request becomes, how many kinds the model was offered, and how long it took.
async fn chosen(text: &str, meaning: Option<Meaning>, model: Option<&Last>) -> (String, Duration) {
    let tides = Kind { name: "tides".into(), description: "Knows the tides.".into() };
    let kinds = kinds().into_iter().chain([tides]).collect();
    let (desk, clock) = (Kept { kinds, meaning, ..Kept::default() }, Patient::default());
    let model = model.map(|model| -> &dyn LanguageModel { model });
    match improved(&desk, model, &clock, ordered(text, "en"), false).await {
        Draft::Order(order) => (order.kind, clock.now()),
        Draft::Ask(_) => panic!("{text}: it was asked"),
    }
}

#[tokio::test]
async fn words_that_no_rule_knows_are_taken_as_what_is_nearest_to_them() {
    let (unknown, maybe) = (Some(Meaning::Unknown), Some(Meaning::Maybe("tides".into())));
    let sure = Some(Meaning::Sure("tides".into()));
    let text = "will my boat lie dry tonight";
    let model = Last::default();
    assert_eq!(chosen(text, sure.clone(), Some(&model)).await.0, "tides");
    assert!(model.0.lock().expect("no panic").is_empty(), "nobody had to be asked");
    assert_eq!(chosen(text, maybe.clone(), Some(&model)).await.0, "tides");
    assert_eq!(*model.0.lock().expect("no panic"), [2], "yes or no");
    assert_eq!(chosen(text, maybe, None).await.0, "research");
    assert_eq!(chosen(text, unknown, None).await.0, "research");
    // What the words themselves name is not compared with anything.
    assert_eq!(chosen("compare my boats", sure, None).await.0, "compare");
}

#[tokio::test]
async fn comparing_vectors_takes_a_part_of_the_time_for_an_answer_and_no_more() {
    let (kind, took) = chosen("will my boat lie dry tonight", None, None).await;
    assert_eq!((kind.as_str(), took), ("research", MEANING_LIMIT));
    assert!(MEANING_LIMIT < DRAFT_LIMIT);
}
