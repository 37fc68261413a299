//! The command line: what a person or a service manager asks of `helix-runner`.
#![allow(clippy::print_stdout, reason = "the result of a command")]

mod doctor;
mod options;
mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::confine::{self, Order, UNCONFINED};
use crate::kubernetes::network;

/// Takes tasks from a Helix bridge and carries them out by short-lived agents.
#[derive(Debug, Parser)]
#[command(name = "helix-runner", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes tasks from the bridge until it is told to end (SIGTERM, Ctrl-C).
    ///
    /// The runner dials the bridge; it needs no open port, and may sit on another machine. Tasks that it has not begun are
    /// given back when it ends; what runs may go on for --drain seconds.
    Run(run::Run),
    /// Says what of a backend works here, what is missing and what is lost without it.
    Doctor(doctor::Doctor),
    /// One side of a try whether a cluster enforces network policies.
    #[command(subcommand, hide = true)]
    Probe(Probe),
}

#[derive(Debug, Subcommand)]
enum Probe {
    /// Lets others dial.
    Listen {
        /// There
        port: u16,
    },
    /// Succeeds if it is answered.
    Dial {
        /// Whom
        address: std::net::SocketAddr,
    },
}

impl Probe {
    fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match self {
            Self::Listen { port } => runtime.block_on(network::listen(port))?,
            Self::Dial { address } if runtime.block_on(network::dial(address)) => {}
            Self::Dial { .. } => return Ok(ExitCode::FAILURE),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Before anything else, because each agent waits for it.
    match arguments.split_first() {
        Some((verb, rest)) if verb == "confine" => launch(rest),
        Some((verb, rest)) if verb == "confine-probe" => probe(rest),
        Some(_) | None => command(),
    }
}

fn command() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Probe(probe) => probe.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("helix-runner: {error:#}");
        ExitCode::FAILURE
    })
}

fn launch(arguments: &[OsString]) -> ExitCode {
    let Some(order) = Order::read(arguments) else { return unconfined("this is for the runner alone") };
    match confine::become_agent(&order) {
        Ok(never) => match never {},
        Err(error) => unconfined(&error.to_string()),
    }
}

fn probe(arguments: &[OsString]) -> ExitCode {
    let Some(order) = Order::read(arguments) else { return unconfined("this is for the runner alone") };
    match confine::probe(&order) {
        Ok(confined) => {
            println!("{confined}");
            ExitCode::SUCCESS
        }
        Err(error) => unconfined(&error.to_string()),
    }
}

fn unconfined(why: &str) -> ExitCode {
    eprintln!("helix-runner confine: {why}");
    ExitCode::from(UNCONFINED)
}
