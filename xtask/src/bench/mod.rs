//! Figures that the README promises, measured on the real components; each ends with one JSON line.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod act;
mod figure;
mod idle;
mod stt;
mod voice;

use anyhow::{Result, ensure};
use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// End of speech to Home Assistant's action, against stock Home Assistant, in real time
    Voice(voice::Arguments),
    /// Transcription alone in the shape of base.en, against faster-whisper
    Stt(stt::Arguments),
    /// Transcript to action
    Act(act::Arguments),
    /// Memory of an idle bridge
    Idle(idle::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(async {
        match &arguments.bench {
            Bench::Voice(arguments) => voice::run(arguments).await,
            Bench::Stt(arguments) => stt::run(arguments).await,
            Bench::Act(arguments) => act::run(arguments).await,
            Bench::Idle(arguments) => idle::run(arguments).await,
        }
    })?;
    for figure in &figures {
        println!("{}", serde_json::to_string(figure)?);
    }
    let missed: Vec<_> = figures.iter().filter(|f| f.holds == Some(false)).map(|f| f.name).collect();
    ensure!(missed.is_empty(), "missed: {}", missed.join(", "));
    Ok(())
}
