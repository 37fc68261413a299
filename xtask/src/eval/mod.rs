//! What Helix understands, judged on the real binary and a real Home Assistant: one file per group of figures.
//! Progress goes to standard error, one JSON line for each figure to standard output, the table and every miss to
//! `docs/evaluation.md`.

mod cost;
mod ohf;
mod report;
mod routes;
mod shares;
mod slips;
mod speed;
mod strict;
mod understanding;

use anyhow::Result;
use clap::Subcommand;
use helix_tests::bridge::Profile;

use crate::figure::{Figure, tell};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    group: Group,
    /// Use the debug build: for a quick look, not for times
    #[arg(long, global = true)]
    debug: bool,
}

#[derive(Debug, Subcommand)]
enum Group {
    /// What must not act and what must act, in eight languages, also with one slip of a recogniser
    Understanding(understanding::Arguments),
    /// Home Assistant's own test sentences, as they are and with one slip of a recogniser
    Ohf(ohf::Arguments),
    /// How long decisions take in a home of 500 exposed entities, and 10,000 sentences in a row
    Speed(speed::Arguments),
    /// Which route the words of a sentence speak for
    Routes,
}

/// The result of one group.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Name of the group; the names of its figures begin with it and a dot.
    pub(crate) group: &'static str,
    /// One row of the table each.
    pub(crate) figures: Vec<Figure>,
    /// What else is to be told, as Markdown: misses with their explanations, shares, matrices.
    pub(crate) details: String,
    /// Whether everything was measured: only then the page is written.
    pub(crate) whole: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let profile = if arguments.debug { Profile::Debug } else { Profile::Release };
    let mut findings = runtime.block_on(async {
        match &arguments.group {
            Group::Understanding(arguments) => understanding::run(arguments, profile).await,
            Group::Ohf(arguments) => ohf::run(arguments, profile).await,
            Group::Speed(arguments) => speed::run(arguments, profile).await,
            Group::Routes => routes::run(),
        }
    })?;
    if arguments.debug {
        findings.details.insert_str(0, "Measured with a debug build: its times say nothing.\n\n");
    }
    report::write(&findings)?;
    tell(&findings.figures)
}
