//! Figures that the README promises, measured on the real components; each prints its progress on standard error
//! and ends with one JSON line for each figure on standard output.

mod acknowledge;
mod act;
mod agent_image;
mod cold;
mod dispatch;
mod guard;
mod hesitation;
mod idle;
mod kubernetes;
mod pauses;
mod registry;
mod silence;
mod stt;
mod voice;
mod warm;

use anyhow::Result;
use clap::Subcommand;

use crate::figure::tell;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The speech-act guard, on its sentences in eight languages
    Guard(guard::Arguments),
    /// End of speech to Home Assistant's action, against stock Home Assistant, in real time
    Voice(voice::Arguments),
    /// Transcription alone in the shape of base.en, against faster-whisper
    Stt(stt::Arguments),
    /// Transcript to action
    Act(act::Arguments),
    /// Memory of an idle bridge
    Idle(idle::Arguments),
    /// Silence and noise: no sentence, no action
    Silence(silence::Arguments),
    /// Commands with a pause inside, in real time
    Pauses(pauses::Arguments),
    /// What is pulled of the image of an agent
    AgentImage,
    /// Agents in a cluster: cold start against a bare Job, many tasks on made-up nodes
    Kubernetes(kubernetes::Arguments),
    /// An agent's image for both architectures, made and pushed
    Registry(registry::Arguments),
    /// A big request to the words that it is taken
    Acknowledge(acknowledge::Arguments),
    /// An agent from nothing, against the bare process and the bare container
    Cold(cold::Arguments),
    /// A task that finds its agent waiting, until that asks its model
    Warm(warm::Arguments),
    /// A task from the book to a runner that waits
    Dispatch(dispatch::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if cfg!(debug_assertions) {
        return crate::run_optimised();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(async {
        match &arguments.bench {
            Bench::Guard(arguments) => guard::run(arguments),
            Bench::Voice(arguments) => voice::run(arguments).await,
            Bench::Stt(arguments) => stt::run(arguments).await,
            Bench::Act(arguments) => act::run(arguments).await,
            Bench::Idle(arguments) => idle::run(arguments).await,
            Bench::Silence(arguments) => silence::run(arguments).await,
            Bench::Pauses(arguments) => pauses::run(arguments).await,
            Bench::AgentImage => agent_image::run(),
            Bench::Kubernetes(arguments) => Box::pin(kubernetes::run(arguments)).await,
            Bench::Registry(arguments) => registry::run(arguments).await,
            Bench::Acknowledge(arguments) => acknowledge::run(arguments).await,
            Bench::Cold(arguments) => cold::run(arguments).await,
            Bench::Warm(arguments) => warm::run(arguments).await,
            Bench::Dispatch(arguments) => dispatch::run(arguments).await,
        }
    })?;
    tell(&figures)
}
