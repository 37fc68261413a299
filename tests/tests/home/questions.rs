//! Questions about the home, with Home Assistant's real matcher: what it knows it answers, the rest is read from the
//! states, and nothing needs a language model.

use anyhow::{Context, Result, ensure};
use helix_tests::bed::Furnishing;
use helix_tests::bridge::Profile;
use helix_tests::home::Home;
use helix_tests::router::{Question, Router};
use serde_json::json;

/// A question and what has to stand in the answer; empty where Home Assistant answers itself.
type Case = (&'static str, &'static str);

const ENGLISH: [Case; 9] = [
    ("Is anything still on upstairs?", "Bed Light"),
    ("Which windows are open?", ""),
    ("Which lights are still on?", ""),
    ("Is any light on upstairs?", ""),
    ("Is there a window open?", "Bathroom Window"),
    ("Did I leave the coffee machine on?", "Coffee Machine is not"),
    ("Is everything locked?", "everything"),
    ("Is the front door locked?", ""),
    ("Are the kitchen blinds down?", "Kitchen Blinds"),
];
const GERMAN: [Case; 7] = [
    ("Ist oben noch irgendwas an?", "Bettlampe"),
    ("Welche Fenster sind offen?", ""),
    ("Ist in der Küche noch Licht an?", ""),
    ("Ist noch irgendwo ein Fenster offen?", "Badezimmerfenster"),
    ("Ist die Kaffeemaschine noch an?", ""),
    ("Ist die Haustür abgeschlossen?", ""),
    ("Ist alles abgeschlossen?", "alles"),
];

#[tokio::test(flavor = "multi_thread")]
async fn home_questions_are_answered_without_a_model() -> Result<()> {
    tokio::try_join!(are_answered("en", &ENGLISH), are_answered("de", &GERMAN)).map(drop)
}

async fn are_answered(language: &'static str, cases: &[Case]) -> Result<()> {
    let furnishing = Furnishing { language: Some(language), ..Furnishing::default() };
    let home = Home::start_with(&format!("questions-{language}"), furnishing).await?;
    home.call("light.turn_on", json!({ "entity_id": "light.bed_light" })).await?;
    home.wait_for_state("light.bed_light", "on").await?;
    let mut router = Router::start(home.assistant(), language, Profile::Debug)?;
    for (text, told) in cases {
        let question = Question { sentence: (*text).to_owned(), area: None };
        let decision = router.ask(&question).await.context(*text)?;
        let why = decision.explanation();
        ensure!(decision.route == "answer" && !decision.acts && decision.actions.is_empty(), "{text}: {why}");
        let own = !told.is_empty();
        ensure!(own != decision.reply.is_empty() && decision.reply.contains(told), "{text}: {why}");
    }
    Ok(())
}
