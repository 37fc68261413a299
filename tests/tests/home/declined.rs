//! What the matcher declined, in the running bridge with a real Home Assistant: a model drafts, what it meant twice is
//! known without it, and an undo unlearns that. The model is a script: what counts here is what becomes of its drafts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use helix_tests::bed::free_port;
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::model_server::{MODEL, ModelServer};
use helix_tests::pipeline::{Pipeline, Told};
use helix_tests::time::{now, since};
use serde_json::{Value, json};

const LAMP: &str = "light.desk_lamp";
const SENTENCE: &str = "Turn on the writing lamp in the office";
const DRAFT: &str = r#"{"acts":[{"action":"turn_on","entity":"light.desk_lamp"}],"which":[]}"#;
/// Longer than anybody is left waiting without a word, also on a busy machine.
const SLOW: Duration = Duration::from_secs(8);

/// A home, a bridge, a model that needs as long as the test wants.
struct Scene {
    home: Home,
    model: ModelServer,
    takes_ms: Arc<AtomicU64>,
    settings: Settings,
}

impl Scene {
    async fn new(name: &str) -> Result<Self> {
        let home = Home::start(name).await?;
        let takes_ms = Arc::new(AtomicU64::new(0));
        let takes = Arc::clone(&takes_ms);
        let mind = move |_: &Value| (DRAFT.to_owned(), Duration::from_millis(takes.load(Ordering::Relaxed)));
        let model = ModelServer::thinking(mind).await?;
        let settings = Settings::for_home(&home.url(), home.assistant().token());
        let settings = settings.with("OLLAMA_URL", model.url()).with("ROUTER_MODEL", MODEL);
        Ok(Self { home, model, takes_ms, settings })
    }

    fn model_takes(&self, takes: Duration) {
        self.takes_ms.store(takes.as_millis().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    async fn says(&self, pipeline: &str, sentence: &str) -> Result<Told> {
        let hall = Pipeline::of(&self.home, pipeline).await?.from_device("Hallway Tablet").await?;
        hall.is_told(sentence).await
    }

    /// Says the sentence while the lamp is off, and expects it to be on then.
    async fn lights_the_lamp(&self) -> Result<()> {
        self.home.call("light.turn_off", json!({ "entity_id": LAMP })).await?;
        self.home.wait_for_state(LAMP, "off").await?;
        let told = self.says("Helix", SENTENCE).await?;
        ensure!(told.response == "action_done", "{told:?}");
        self.home.wait_for_state(LAMP, "on").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_meant_twice_is_known_without_it_until_somebody_undoes_it() -> Result<()> {
    let scene = Scene::new("declined").await?;
    let bridge = Bridge::start_with(scene.settings.clone()).await?;
    let route = ["route", SENTENCE, "--area", "hallway"];

    let why = &bridge.helix(&route).await?[0];
    ensure!(why["route"] == "act" && why["dimensions"]["help"] == "drafted in round 1", "{why}");
    ensure!(
        why["dimensions"]["found"] == "drafted" && why["actions"][0]["targets"] == json!([LAMP]),
        "{why}"
    );
    ensure!(scene.home.state(LAMP).await? == "off", "an explanation does nothing");
    for _ in 0..2 {
        scene.lights_the_lamp().await?;
    }
    let asked = scene.model.chats();
    let list = bridge.helix(&["shortcut", "list"]).await?;
    ensure!(list.len() == 1 && list[0]["used"] == true && list[0]["area"] == "hallway", "{list:?}");

    scene.lights_the_lamp().await?;
    let why = &bridge.helix(&route).await?[0];
    ensure!(why["dimensions"]["help"] == "known from before" && why["acts"] == true, "{why}");
    ensure!(scene.model.chats() == asked, "a shortcut asks no model");
    scene.says("Helix", "undo that").await?;
    scene.home.wait_for_state(LAMP, "off").await?;
    ensure!(bridge.helix(&["shortcut", "list"]).await?.is_empty(), "what was undone is not meant");

    scene.lights_the_lamp().await?;
    ensure!(scene.model.chats() == asked + 1);
    bridge.helix(&["shortcut", "remove", "turn on the writing lamp in the office"]).await?;
    ensure!(bridge.helix(&["shortcut", "list"]).await?.is_empty());
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_be_told_to_wait_waits_and_everybody_else_is_told_in_time_that_nothing_is_done() -> Result<()>
{
    let scene = Scene::new("declined-slow").await?;
    let listen = format!("127.0.0.1:{}", free_port()?);
    let settings = scene.settings.clone().with("SECOND_AGENT", "true").with("SECOND_AGENT_LISTEN", &listen);
    let bridge = Bridge::start_with(settings).await?;
    scene.model_takes(SLOW);

    let (mark, begin) = (scene.home.mark().await?, now());
    let told = scene.says("Helix", SENTENCE).await?;
    let took = since(begin);
    ensure!(took < SLOW && told.response == "error", "{took:?} {told:?}");
    tokio::time::sleep(SLOW).await;
    ensure!(scene.home.moves_since(mark).await?.is_empty(), "done after somebody was told that it is not");

    let told = scene.says("Helix (streaming)", SENTENCE).await?;
    ensure!(told.reply.starts_with("One moment. "), "{told:?}");
    ensure!(!told.reply.contains("took too long"), "{told:?}");
    scene.home.wait_for_state(LAMP, "on").await?;
    bridge.stop().await
}
