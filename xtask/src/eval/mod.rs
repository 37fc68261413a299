//! What Helix understands, judged on the real binary and a real Home Assistant: one file per group of figures.
//! Progress goes to standard error, one JSON line for each figure to standard output, the table and every miss to
//! `docs/evaluation.md`.

mod calibration;
mod cost;
mod meaning;
mod models;
mod ohf;
mod privacy;
mod report;
mod routes;
mod shares;
mod slips;
mod speed;
mod strict;
mod understanding;

use anyhow::{Result, ensure};
use clap::Subcommand;
use helix_tests::bridge::Profile;

use crate::figure::{Figure, tell};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to judge; everything if nothing is named
    #[command(subcommand)]
    group: Option<Group>,
    /// Use the debug build: for a quick look, not for times; the page is not written then
    #[arg(long, global = true)]
    debug: bool,
}

#[derive(Debug, Subcommand)]
enum Group {
    /// What must not act and what must act, in eight languages, also with one slip of a recogniser
    Understanding(Selection),
    /// Home Assistant's own test sentences, as they are and with one slip of a recogniser
    Ohf(Selection),
    /// How long decisions take in a home of 500 exposed entities, and 10,000 sentences in a row
    Speed(speed::Arguments),
    /// Which route the words of a sentence speak for
    Routes,
    /// How private a sentence is said to be
    Privacy,
    /// Which kind of agent a request means, as a real model of vectors sees it
    Meaning,
    /// A language model that is down, slow, or answers nonsense
    Models(models::Arguments),
}

/// Which part of a group is measured; the page is written only for all of it.
#[derive(Debug, Default, clap::Args)]
struct Selection {
    /// Only this language
    #[arg(long)]
    language: Option<String>,
    /// Only so many sentences of each set, evenly spread
    #[arg(long)]
    sample: Option<usize>,
    /// Other slips than those on the page
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Selection {
    fn wants(&self, language: &str) -> bool {
        self.language.as_deref().is_none_or(|wanted| wanted == language)
    }

    fn of<T>(&self, all: Vec<T>) -> Vec<T> {
        let step = all.len().div_ceil(self.sample.unwrap_or(all.len()).max(1)).max(1);
        all.into_iter().step_by(step).collect()
    }

    fn is_whole(&self) -> bool {
        self.language.is_none() && self.sample.is_none() && self.seed == 0
    }
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
    let profile = if arguments.debug { Profile::Debug } else { Profile::Release };
    if profile == Profile::Release && cfg!(debug_assertions) {
        return crate::run_optimised();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let everything = Group::everything();
    let groups = arguments.group.as_ref().map_or(everything.as_slice(), std::slice::from_ref);
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for group in groups {
        // A group that cannot be measured takes nothing from the others.
        match runtime.block_on(group.run(profile)) {
            Ok(mut findings) => {
                // The times of a debug build say nothing.
                findings.whole &= profile == Profile::Release;
                report::write(&findings)?;
                figures.extend(findings.figures);
            }
            Err(error) => failed.push(format!("{group:?}: {error:#}")),
        }
    }
    eprintln!("\n{}", report::table(&figures));
    let told = tell(&figures);
    ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
    told
}

impl Group {
    /// All groups as they are measured without any wish; what takes least time is told first.
    fn everything() -> Vec<Self> {
        vec![
            Self::Routes,
            Self::Privacy,
            Self::Meaning,
            Self::Speed(speed::Arguments::default()),
            Self::Models(models::Arguments::default()),
            Self::Understanding(Selection::default()),
            Self::Ohf(Selection::default()),
        ]
    }

    async fn run(&self, profile: Profile) -> Result<Findings> {
        match self {
            Self::Understanding(selection) => understanding::run(selection, profile).await,
            Self::Ohf(selection) => ohf::run(selection, profile).await,
            Self::Speed(arguments) => speed::run(arguments, profile).await,
            Self::Routes => routes::run(),
            Self::Privacy => privacy::run(),
            Self::Meaning => meaning::run().await,
            Self::Models(arguments) => Box::pin(models::run(arguments, profile)).await,
        }
    }
}
