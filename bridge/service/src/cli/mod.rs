//! Arguments in, exit code out; one file per command.

mod agent;
mod delayed;
mod doctor;
mod healthcheck;
mod ledger;
mod log;
mod model;
mod models;
mod output;
mod request;
mod route;
mod run;
mod runs;
mod say;
mod shortcut;
mod task;
mod transcribe;
mod unregister;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use helix::clock::SystemCalendar;
use helix::config::{Config, ProcessEnvironment};
use helix::hass::HassConfig;
use helix::store::{Store, StoreError};
use output::Output;

/// Local-first voice for the home.
#[derive(Debug, Parser)]
#[command(name = "helix", version, about, long_about = None, propagate_version = true)]
struct Cli {
    /// Configuration file [default: helix/helix.toml in the configuration folder; /config/helix.toml in the app]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object per line and nothing else
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bridge
    Run(run::Args),
    /// Look at every part: works, missing (what is lost without it), broken (how to repair it)
    Doctor,
    /// Say one utterance to Home Assistant's pipeline, as a satellite would
    Say(say::Args),
    /// Turn speech in files into text
    Transcribe(transcribe::Args),
    /// Decide about a sentence and explain; never acts
    Route(route::Args),
    /// Speech models: list, pull, remove
    #[command(subcommand)]
    Model(model::Command),
    /// Language models: which is asked for what, whether it answers, what it has cost
    Models,
    /// Show the last runs of the running bridge and their timelines
    Runs(runs::Args),
    /// Tasks that agents carry out: run, list, show, cancel
    #[command(subcommand)]
    Task(task::Command),
    /// Kinds of agents: list, show
    #[command(subcommand)]
    Agent(agent::Command),
    /// Commands for later: list, cancel
    #[command(subcommand)]
    Delayed(delayed::Command),
    /// What was asked for and cannot be done yet: list, remove
    #[command(subcommand)]
    Request(request::Command),
    /// Sentences that a language model resolved and that need none any more: list, remove
    #[command(subcommand)]
    Shortcut(shortcut::Command),
    /// Show what left the local network, word for word
    Ledger(ledger::Args),
    /// Take out of Home Assistant what Helix put in
    Unregister,
    /// Ask the running bridge whether it serves (a real `describe`); for container health checks
    Healthcheck,
}

/// What every command gets.
struct Session {
    config: Config,
    out: Output,
}

impl Session {
    /// Home Assistant's address and token, or what to do without.
    fn home(&self) -> anyhow::Result<&HassConfig> {
        self.config.home.as_ref().context(
            "no Home Assistant is configured. Set ha_url and ha_token in helix.toml, \
             or HELIX_HA_URL and HELIX_HA_TOKEN in the environment",
        )
    }

    /// The database beside a bridge that may be running; none if nothing was ever kept.
    async fn store(&self) -> Result<Option<Store>, StoreError> {
        match Store::visit(&self.config.data_dir, Arc::new(SystemCalendar)).await {
            Ok(store) => Ok(Some(store)),
            Err(StoreError::Absent { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("helix: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, each once: many say their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::load(cli.config.as_deref(), &ProcessEnvironment)?;
    log::start(&config.log_level, matches!(cli.command, Command::Run(_)))?;
    for warning in &config.warnings {
        eprintln!("helix: {warning}");
    }
    let context = Session { config, out: Output::new(cli.json) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .context("the async runtime cannot start")?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Run(args) => run::run(context, args).await,
            Command::Doctor => Box::pin(doctor::run(context)).await,
            Command::Say(args) => say::run(context, args).await,
            Command::Transcribe(args) => transcribe::run(context, args).await,
            Command::Route(args) => route::run(context, args).await,
            Command::Model(command) => model::run(context, command).await,
            Command::Models => models::run(context).await,
            Command::Runs(args) => runs::run(context, args).await,
            Command::Task(command) => task::run(context, command).await,
            Command::Agent(command) => agent::run(context, command).await,
            Command::Delayed(command) => delayed::run(context, command).await,
            Command::Request(command) => request::run(context, command).await,
            Command::Shortcut(command) => shortcut::run(context, command).await,
            Command::Ledger(args) => ledger::run(context, args).await,
            Command::Unregister => unregister::run(context).await,
            Command::Healthcheck => healthcheck::run(context).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}
