//! Questions about the home that the matcher does not know are answered from the states, without a model.

mod fakes;
#[path = "fakes/furnished.rs"]
mod furnished;

use std::sync::Mutex;

use fakes::PausedClock;
use furnished::Furnished;
use helix_core::converse::Conversation;
use helix_core::home::Caller;
use helix_core::pipeline::Request;
use helix_core::route::Matrix;
use helix_core::route::dimension::Source;
use helix_core::{DeviceId, Language, Pii};

const HOME: &str = include_str!("../../../tests/bed/home/home.yaml");

fn names(language: &str) -> Option<String> {
    let path = format!("{}/../../tests/bed/home/names/{language}.yaml", env!("CARGO_MANIFEST_DIR"));
    (language != "en").then(|| std::fs::read_to_string(path).expect("names"))
}

async fn asked(text: &str, language: &str, area: Option<&str>, home: &Furnished) -> (&'static str, String) {
    let device = area.map(|area| DeviceId::from(format!("tablet.{area}")));
    let request = Request {
        text: Pii::new(text.to_owned()),
        language: Language::parse(language).expect("valid"),
        caller: Caller { device, satellite: None },
        source: Source::Addressed,
    };
    let conversation = Conversation {
        home,
        clock: &PausedClock::start(),
        matrix: Matrix::built_in(),
        pin: None,
        dialogues: &Mutex::default(),
        specialist: &(),
        desk: None,
        requests: None,
        help: None,
    };
    let reply = conversation.respond(&request, None).await.reply;
    assert!(home.done().is_empty(), "{text} moved {:?}", home.done());
    (reply.code, reply.text)
}

fn home(language: &str) -> Furnished {
    let home = Furnished::new(HOME, names(language).as_deref());
    for (id, state) in [
        ("light.bed_light", "on"),
        ("fan.bathroom_fan", "on"),
        ("light.counter_light", "on"),
        ("binary_sensor.bathroom_window", "on"),
        ("lock.back_door", "unlocked"),
    ] {
        home.shows(id, state);
    }
    for speaker in home.registry.entities.keys().filter(|id| id.domain() == "media_player") {
        home.shows(speaker.as_str(), "off");
    }
    home
}

#[tokio::test(start_paused = true)]
async fn what_is_on_open_or_unlocked_is_told_by_place_and_kind() {
    let home = home("en");
    for (text, code, told) in [
        ("Is anything still on upstairs?", "home-found", "Right now: Bathroom Fan, Bed Light."),
        ("Is anything on in the kitchen?", "home-found", "Right now: Counter Light."),
        ("Is anything on in the garage?", "home-nothing", "Right now, nothing is."),
        ("Which lights are still on?", "home-found", "Right now: Bed Light, Counter Light."),
        ("Is there a window open?", "home-found", "Right now: Bathroom Window."),
        ("What is open?", "home-found", "Right now: Bathroom Window."),
        ("Is everything locked?", "home-all-but", "Not everything. Not Back Door."),
        ("Is everything off in the garage?", "home-all", "Yes, everything."),
        ("Did I leave the coffee machine on?", "home-no", "No, Coffee Machine is not."),
        ("Is the bed light still on?", "home-yes", "Yes, Bed Light is."),
    ] {
        assert_eq!(asked(text, "en", None, &home).await, (code, told.to_owned()), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_in_every_language() {
    for (language, text) in [
        ("en", "Is anything still on upstairs?"),
        ("de", "Ist oben noch irgendwas an?"),
        ("nl", "Staat er boven nog iets aan?"),
        ("fr", "Est-ce que quelque chose est encore allumé à l'étage ?"),
        ("es", "¿Hay algo encendido todavía arriba?"),
        ("it", "C'è ancora qualcosa di acceso al piano di sopra?"),
        ("pl", "Czy na górze jest jeszcze coś włączone?"),
        ("cs", "Je nahoře ještě něco zapnuté?"),
    ] {
        let home = home(language);
        let (code, told) = asked(text, language, None, &home).await;
        assert_eq!((code, told.matches(',').count()), ("home-found", 1), "{text}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_about_something_else_is_not_answered_from_the_states() {
    let home = home("en");
    for text in [
        "Is anything on at the cinema?",
        "Who left the door open?",
        "Is it still on sale?",
        "Is the oven hot?",
    ] {
        let (code, told) = asked(text, "en", None, &home).await;
        assert!(!code.starts_with("home-"), "{text}: {told}");
    }
}
