//! `helix-runner run`.

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::options::{AgentOptions, Place};
use crate::backend::Backend;
use crate::bridge::{Bridge, BridgeAddress, Dialer};
use crate::kubernetes::Cluster;
use crate::pool::Warm;
use crate::runner::{Runner, Settings};

/// Tasks at the same time on one machine.
const SLOTS: usize = 4;

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Where the bridge is: `unix:/path`, `http://host:port` or `https://host:port`
    #[arg(long, env = "HELIX_BRIDGE")]
    bridge: BridgeAddress,
    /// The file with this runner's token; read anew for each request
    #[arg(long, env = "HELIX_RUNNER_TOKEN_FILE")]
    token_file: PathBuf,
    /// A file with the only authorities that are trusted for https, PEM
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Tasks at the same time; 4 if it is left out, in a cluster two for each of its cores
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    slots: Option<u16>,
    /// Where a cluster's pods reach the bridge, unless as the runner does (backend kubernetes)
    #[arg(long, env = "HELIX_AGENT_BRIDGE")]
    agent_bridge: Option<String>,
    /// Takes tasks for these agents only (may be repeated); all if it is left out
    #[arg(long = "for")]
    agents: Vec<String>,
    /// Agents that wait for a task, at least
    #[arg(long, default_value_t = 1)]
    warm_min: usize,
    /// Agents that wait for a task, at most; 0 starts each agent with its task
    #[arg(long, default_value_t = 4)]
    warm_max: usize,
    /// How long running tasks may go on after the runner was told to end, seconds
    #[arg(long, default_value_t = 10)]
    drain: u64,
    /// Also ends when its standard input does, a pipe: with the process that started it
    #[arg(long)]
    until_stdin_closes: bool,
    #[command(flatten)]
    agent: AgentOptions,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode> {
        log();
        // Agents end with the thread that started them: there is one, and it lives as long as the runner.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.agent.backend {
                Place::Process => self.serve(self.agent.processes()?, SLOTS).await,
                Place::Kubernetes => Box::pin(self.serve_cluster()).await,
                Place::Docker => self.serve(self.agent.containers().await?, SLOTS).await,
            }
        })
    }

    /// The runner and the operator of one cluster.
    async fn serve_cluster(&self) -> Result<ExitCode> {
        let name = self.agent.name.parse().context("--name")?;
        let cluster = Cluster::reach(&self.agent.namespace).await?;
        let bridge = self.agent_bridge.clone().unwrap_or_else(|| self.bridge.to_string());
        let backend = cluster.backend(name, bridge).await?;
        let slots = cluster.window().await?;
        let stop = CancellationToken::new();
        let operator = cluster.operate(&self.agent.image, &stop);
        let network = cluster.tell_network(self.agent.probe_image.as_deref());
        let served = async {
            let code = self.serve(backend, slots).await;
            // The next operator need not wait until this one's turn has run out.
            stop.cancel();
            code
        };
        let operated = async { Ok(operator.await?) };
        let told = async {
            network.await;
            Ok(())
        };
        let (code, (), ()) = tokio::try_join!(served, operated, told)?;
        Ok(code)
    }

    async fn serve<B: Backend>(&self, backend: B, slots: usize) -> Result<ExitCode> {
        let slots = self.slots.map_or(slots, usize::from);
        let name = self.agent.name.parse().context("--name")?;
        let agents = self.agents.iter().map(|name| name.parse().context("--for")).collect::<Result<_>>()?;
        let dialer = Dialer::new(self.bridge.clone(), self.ca.as_deref())?;
        // What is missing is told now, and not when the first task comes.
        backend.prepare(None).await?;
        let bridge = Bridge::new(dialer, self.token_file.clone(), name);
        let warm = Warm { min: self.warm_min.min(self.warm_max), max: self.warm_max };
        let drain = Duration::from_secs(self.drain);
        let settings = Settings { slots, agents, warm, drain };
        let stop = CancellationToken::new();
        let stdin = self.until_stdin_closes.then(stdin).transpose().context("--until-stdin-closes")?;
        let runner = Runner::new(backend, bridge, settings).run(stop.clone());
        let mut runner = std::pin::pin!(runner);
        tracing::info!(bridge = %self.bridge, slots, "ready");
        tokio::select! {
            ended = &mut runner => ended?,
            () = told_to_end() => {
                stop.cancel();
                runner.await?;
            }
            () = closed(stdin) => {
                tracing::warn!("whoever started this runner has ended");
                stop.cancel();
                runner.await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn log() {
    let filter = EnvFilter::try_from_env("HELIX_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}

async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn stdin() -> std::io::Result<Receiver> {
    Receiver::from_owned_fd(std::io::stdin().as_fd().try_clone_to_owned()?)
}

async fn closed(stdin: Option<Receiver>) {
    let Some(mut stdin) = stdin else { return std::future::pending().await };
    let mut piece = [0; 64];
    while stdin.read(&mut piece).await.is_ok_and(|len| len > 0) {}
}
