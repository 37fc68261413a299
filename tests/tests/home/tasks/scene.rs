//! A home with a satellite, a bridge that carries out tasks, and a model that is a script.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use helix::control::{Answer, Ask, TaskAnswer, TaskAsk, ask};
use helix_tests::agents;
use helix_tests::bridge::{Bridge, Settings, new_folder};
use helix_tests::home::Home;
use helix_tests::model_server::{MODEL, ModelServer};
use helix_tests::pipeline::Pipeline;
use helix_tests::satellite::Satellite;
use helix_tests::time::poll_until;
use serde_json::{Value, json};

pub(crate) const REQUEST: &str = "Research the best heat pump for a small house";
pub(crate) const SPOKEN: &str = "The quiet one is best. It needs no buffer.";
/// An agent on a busy machine.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// Chooses the kind, takes no steps, and answers.
pub(crate) fn mind(body: &Value) -> String {
    let asked = &body["format"]["properties"];
    if asked["kind"].is_object() {
        return json!({ "kind": "research", "title": "the best heat pump", "question": "" }).to_string();
    }
    if asked["tool"].is_object() {
        return json!({ "progress": "I am weighing it up.", "tool": "finish", "input": {} }).to_string();
    }
    json!({ "spoken": SPOKEN, "text": "All about **heat pumps**.", "not_found": ["prices"], "sources": [] })
        .to_string()
}

/// A home with a satellite in the kitchen, and a bridge that carries out tasks.
pub(crate) struct Scene {
    pub(crate) home: Home,
    pub(crate) kitchen: Satellite,
    pub(crate) settings: Settings,
    /// How long the agent's model takes for each answer, ms.
    takes_ms: Arc<AtomicU64>,
    pub(crate) model: ModelServer,
}

impl Scene {
    pub(crate) async fn new(name: &str, more: &[(&str, &str)]) -> Result<(Self, Bridge)> {
        Self::in_folder(name, new_folder("bridge")?, more).await
    }

    /// The same, with what lies in the bridge's folder.
    pub(crate) async fn in_folder(
        name: &str,
        data_dir: PathBuf,
        more: &[(&str, &str)],
    ) -> Result<(Self, Bridge)> {
        let home = Home::start(name).await?;
        let takes_ms = Arc::new(AtomicU64::new(0));
        let takes = Arc::clone(&takes_ms);
        let model = ModelServer::thinking(move |body| {
            let of_agent = !body["format"]["properties"]["kind"].is_object();
            let takes = if of_agent { takes.load(Ordering::Relaxed) } else { 0 };
            (mind(body), Duration::from_millis(takes))
        })
        .await?;
        let folder = tokio::task::spawn_blocking(agents::folder).await??;
        let mut settings = Settings::for_home(&home.url(), home.assistant().token())
            .with("OLLAMA_URL", model.url())
            .with("ROUTER_MODEL", MODEL)
            .with("LOCAL_MODEL", MODEL)
            .with("AGENTS_DIR", &folder.to_string_lossy());
        for (key, value) in more {
            settings = settings.with(key, value);
        }
        let bridge = Bridge::start_in(data_dir, settings.clone()).await?;
        let kitchen = Satellite::join(&home, "Kitchen", "Helix").await?;
        Ok((Self { home, kitchen, settings, takes_ms, model }, bridge))
    }

    /// How long the agent's model takes for each of its answers from now on.
    pub(crate) fn model_takes(&self, time: Duration) {
        self.takes_ms.store(time.as_millis().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) async fn says(&self, sentence: &str) -> Result<String> {
        let pipeline = Pipeline::of(&self.home, "Helix").await?.from_device("Kitchen Satellite").await?;
        Ok(pipeline.is_told(sentence).await?.reply)
    }

    /// What Home Assistant was told to announce since then.
    pub(crate) async fn announced(&self, mark: usize) -> Result<Vec<String>> {
        let calls = self.home.calls_since(mark).await?;
        let of = |action: &str| {
            let calls = calls.iter().filter(move |call| call.action == action);
            calls.filter_map(|call| call.content["message"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        Ok(of("assist_satellite.announce"))
    }
}

/// What `helix task list --all --json` tells first, without a process for each look.
pub(crate) async fn last_task(bridge: &Bridge) -> Result<Value> {
    let answer = ask(bridge.data_dir(), &Ask::Task(TaskAsk::List { all: true })).await?;
    let Answer::Task(TaskAnswer::Tasks(rows)) = answer else { bail!("no list of tasks: {answer:?}") };
    Ok(serde_json::to_value(rows.first().context("no task")?)?)
}

/// The last task, once it is so.
pub(crate) async fn until(bridge: &Bridge, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    poll_until(what, SOON, || async { last_task(bridge).await.ok().filter(|task| is_so(task)) }).await
}
