//! Transcript in, "I am on it" out: what a person waits for when a request becomes a task. The task is durable by then.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::control::{Answer, Ask, TaskAnswer, TaskAsk, ask};
use helix_tests::agents;
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::model_server::{ModelServer, Trouble};
use helix_tests::time::{now, since};
use helix_tests::wire;
use serde_json::json;

use crate::figure::{Figure, Series, ms, rounded};

/// Until Home Assistant has read its sentences.
const WARM_UP: usize = 5;
/// What is researched, and for whom: no sentence is said twice, for that would be the same task.
const THINGS: [&str; 10] = [
    "heat pump",
    "washing machine",
    "dishwasher",
    "mattress",
    "bicycle",
    "coffee grinder",
    "lawn mower",
    "laptop",
    "stroller",
    "tent",
];
const WHOM: [&str; 11] = [
    "a small house",
    "a family of four",
    "a flat in the city",
    "an old farm",
    "a student",
    "somebody with allergies",
    "two people",
    "a rainy country",
    "little money",
    "a house without a cellar",
    "pensioners",
];
/// What is left of all pairs after the warm-up.
const REQUESTS_MAX: usize = THINGS.len() * WHOM.len() - WARM_UP;
/// A small model on a small machine chooses a kind in this time.
const THINKS: Duration = Duration::from_millis(400);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many requests, with and without a model that drafts each
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=REQUESTS_MAX as i64))]
    requests: u16,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-acknowledge").await?;
    let folder = tokio::task::spawn_blocking(agents::folder).await??;
    let settings = Settings::for_home(&home.url(), home.assistant().token())
        .with("AGENTS_DIR", &folder.to_string_lossy())
        .release();
    // A server that cannot be reached is told to the person: nobody could do the task either.
    let drafts_nothing = ModelServer::start(Trouble::Nonsense).await?;
    let without =
        series(settings.clone().with("OLLAMA_URL", drafts_nothing.url()), usize::from(arguments.requests))
            .await?;
    let choice = json!({ "kind": "research", "title": "", "question": "" }).to_string();
    let thinking = ModelServer::thinking(move |_| (choice.clone(), THINKS)).await?;
    let with = series(settings.with("OLLAMA_URL", thinking.url()), usize::from(arguments.requests)).await?;
    let figure = |name: &'static str, series: &Series, limit: f64, goal: &'static str| {
        Figure::reported(name.to_owned(), rounded(series.p95(), 1), "ms", series.len()).at_most(limit, goal)
    };
    Ok(vec![
        figure("acknowledge.without-model.p95", &without, 150.0, "<= 150 ms"),
        figure("acknowledge.with-model.p95", &with, 1000.0, "<= 1 s"),
    ])
}

async fn series(settings: Settings, requests: usize) -> Result<Series> {
    let bridge = Bridge::start_with(settings).await?;
    let mut taken = Vec::new();
    for n in 0..WARM_UP + requests {
        let words = format!("research the best {} for {}", THINGS[n % THINGS.len()], WHOM[n / THINGS.len()]);
        let begin = now();
        let (_, reply) = wire::handle(bridge.port, &words, "en", None).await?;
        let took = since(begin);
        ensure!(reply.contains("come back to you"), "{words}: {reply}");
        if n >= WARM_UP {
            taken.push(ms(took));
        }
        cancel_all(&bridge).await?;
    }
    bridge.stop().await?;
    let taken = Series::new(taken);
    eprintln!("{}", taken.line("transcript to acknowledgement"));
    Ok(taken)
}

/// So that no agent works while the next one is measured.
async fn cancel_all(bridge: &Bridge) -> Result<()> {
    let listed = ask(bridge.data_dir(), &Ask::Task(TaskAsk::List { all: false })).await?;
    let Answer::Task(TaskAnswer::Tasks(rows)) = listed else { anyhow::bail!("no list: {listed:?}") };
    for row in rows {
        ask(bridge.data_dir(), &Ask::Task(TaskAsk::Cancel { id: row.id })).await.context("cancelled")?;
    }
    Ok(())
}
