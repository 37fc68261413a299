//! Development commands; `cargo xtask --help` lists them. One file per command.

mod agent_image;
mod bench;
mod eval;
mod figure;
mod notice;
mod train;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development commands of Helix", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the image that all agents stand on: as a folder, or in a registry
    AgentImage(agent_image::Arguments),
    /// Measure a figure of the README
    Bench(bench::Arguments),
    /// Judge what Helix understands; writes docs/evaluation.md
    Eval(eval::Arguments),
    /// Make the weights of a model from its data
    Train(train::Arguments),
    /// Write NOTICE: what is shipped, under which licence
    Notice(notice::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::AgentImage(arguments) => agent_image::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Notice(arguments) => notice::run(&arguments),
    }
}

/// Does the same in an optimised build, where times are taken in this process, and ends as that does.
fn run_optimised() -> Result<()> {
    let mut cargo = helix_tests::build::cargo();
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--"]).args(std::env::args_os().skip(1));
    std::process::exit(cargo.status().context("cargo")?.code().unwrap_or(1))
}
