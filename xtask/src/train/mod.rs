//! Models that are compiled in, made from data in the repository: data in, the file of weights out.
#![allow(clippy::print_stderr, reason = "training says what it made")]

mod corpus;
mod guard;
mod linear;
mod topic;

use anyhow::Result;
use clap::Subcommand;

use corpus::Corpus;
pub(crate) use topic::{Baseline, OUT_OF_SCOPE, class_of, clinc};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    model: Model,
    /// Only say whether the weights belong to the data
    #[arg(long, global = true)]
    check: bool,
}

#[derive(Debug, Subcommand)]
enum Model {
    /// What people do with a sentence: the speech-act guard
    Guard,
    /// Which route a sentence is about
    Topic,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.model {
        Model::Guard => guard::run(arguments.check),
        Model::Topic => topic::run(arguments.check),
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the repository")
}
