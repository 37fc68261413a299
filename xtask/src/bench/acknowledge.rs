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
/// A small model on a small machine chooses a kind in this time.
const THINKS: Duration = Duration::from_millis(400);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many requests, with and without a model each
    #[arg(long, default_value_t = 100)]
    requests: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-acknowledge").await?;
    let folder = tokio::task::spawn_blocking(agents::folder).await??;
    let settings = Settings::for_home(&home.url(), home.assistant().token())
        .with("AGENTS_DIR", &folder.to_string_lossy())
        .release();
    let down = ModelServer::start(Trouble::Down).await?;
    let without = series(settings.clone().with("OLLAMA_URL", down.url()), arguments.requests).await?;
    let choice = json!({ "kind": "research", "title": "", "question": "" }).to_string();
    let thinking = ModelServer::thinking(move |_| (choice.clone(), THINKS)).await?;
    let with = series(settings.with("OLLAMA_URL", thinking.url()), arguments.requests).await?;
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
        let begin = now();
        let (_, reply) =
            wire::handle(bridge.port, &format!("research the best lamp of room {n}"), "en", None).await?;
        let took = since(begin);
        ensure!(reply.contains("come back to you"), "{reply}");
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
