//! What people say in eight languages, each in a home of that language: nothing that is no command moves anything, not
//! even beside a language model that drafts acts for all of it, and natural commands are done. `cargo xtask eval understanding` measures the same with all figures.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bed::Furnishing;
use helix_tests::bridge::{Bridge, Profile, Settings};
use helix_tests::home::Home;
use helix_tests::model_server::{MODEL, ModelServer};
use helix_tests::router::Router;
use helix_tests::sets::{MustAct, MustNotAct, Verdict};
use serde_json::{Value, json};

/// Below this share of the commands something is broken; the goal is higher.
const RIGHT_MIN: f64 = 0.8;
/// Above this share something is broken; the goal is lower.
const WRONG_MAX: f64 = 0.05;
/// Of the commands, which are many, every third is enough to see that nothing is broken.
const STEP: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn germanic_languages_are_understood() -> Result<()> {
    tokio::try_join!(is_understood("en"), is_understood("de"), is_understood("nl")).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn romance_languages_are_understood() -> Result<()> {
    tokio::try_join!(is_understood("fr"), is_understood("es"), is_understood("it")).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn slavic_languages_are_understood() -> Result<()> {
    tokio::try_join!(is_understood("pl"), is_understood("cs")).map(drop)
}

async fn is_understood(language: &'static str) -> Result<()> {
    let furnishing = Furnishing { language: Some(language), ..Furnishing::default() };
    let home = Home::start_with(&format!("understanding-{language}"), furnishing).await?;
    what_is_no_command_moves_nothing(&home, language).await.context(language)?;
    natural_commands_are_done(&home, language).await.context(language)
}

/// What a model says that wants to act whatever was said: on everything that it is told about, and in each round
/// something else.
fn eager(body: &Value) -> (String, Duration) {
    let schema = &body["format"]["properties"];
    let ids = schema["which"]["items"]["enum"].as_array().into_iter().flatten();
    let most = schema["acts"]["maxItems"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
    let round = body["messages"].as_array().map_or(0, Vec::len) / 2;
    let action = ["turn_off", "turn_on", "open"][round.saturating_sub(1) % 3];
    let acts: Vec<_> = ids.take(most).map(|id| json!({ "action": action, "entity": id })).collect();
    (json!({ "acts": acts, "which": [] }).to_string(), Duration::ZERO)
}

async fn what_is_no_command_moves_nothing(home: &Home, language: &str) -> Result<()> {
    let model = ModelServer::thinking(eager).await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let settings = settings.with("OLLAMA_URL", model.url()).with("ROUTER_MODEL", MODEL);
    let bridge = Bridge::start_with(settings).await?;
    let before = home.movables().await?;
    let mut moved = Vec::new();
    for speech in MustNotAct::all(language)? {
        let device = match &speech.area {
            Some(area) => Some(home.device(&tablet_in(area)).await?),
            None => None,
        };
        let call = home.moved_by(bridge.port, &speech.sentence, language, device.as_deref()).await?;
        moved.extend(call.map(|call| format!("{:?} moved {call:?}", speech.sentence)));
    }
    ensure!(moved.is_empty(), "{}", moved.join("\n"));
    assert_eq!(home.movables().await?, before);
    bridge.stop().await
}

async fn natural_commands_are_done(home: &Home, language: &str) -> Result<()> {
    let commands: Vec<_> = MustAct::all(language)?.into_iter().step_by(STEP).collect();
    let mut router = Router::start(home.assistant(), language, Profile::Debug)?;
    let (mut right, mut wrong) = (0, Vec::new());
    for command in &commands {
        let decision = router.ask(&command.question()).await?;
        match command.judge(&decision) {
            Verdict::Right => right += 1,
            Verdict::Wrong => wrong.push(format!("{:?}: {}", command.sentence, decision.explanation())),
            Verdict::Nothing => {}
        }
    }
    let share = |count: usize| count as f64 / commands.len() as f64;
    ensure!(share(right) >= RIGHT_MIN, "only {right} of {} are done", commands.len());
    ensure!(share(wrong.len()) <= WRONG_MAX, "{}", wrong.join("\n"));
    Ok(())
}

/// The test bed puts a tablet into each area: `living_room` has the Living Room Tablet.
fn tablet_in(area: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let words: Vec<_> = area.split('_').map(capital).collect();
    words.join(" ") + " Tablet"
}
