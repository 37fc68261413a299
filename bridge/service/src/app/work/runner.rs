//! The runner of this machine: a child process that carries out tasks, started again when it ends.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use helix_core::Clock;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::gateway::{RUNNER_TOKEN_NAME, SOCKET_NAME};

/// The programs, beside `helix`.
const RUNNER: &str = "helix-runner";
const AGENT: &str = "helix-agent";
/// A runner that ended is started again after this time, twice as long each time it ends early.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_mins(1);
/// One that lived so long did not end early.
const LIVED: Duration = Duration::from_mins(2);
/// It stops its agents and gives their tasks back within this time.
const GRACE: Duration = Duration::from_millis(2500);

/// The folder in which the programs of runner and agent lie: that of the configuration, else that of this program.
pub(super) fn programs(config: &Config) -> Option<PathBuf> {
    let own = || Some(std::env::current_exe().ok()?.parent()?.to_owned());
    config.tasks.agents_dir.clone().or_else(own)
}

/// How to start the runner.
#[derive(Debug)]
pub(super) struct LocalRunner {
    program: PathBuf,
    agent: PathBuf,
    data_dir: PathBuf,
    token: PathBuf,
    clock: SystemClock,
}

impl LocalRunner {
    /// The one of the configuration, else that beside this program; `None` if there is none, or none is wanted.
    pub(super) fn find(config: &Config) -> Option<Self> {
        if !config.tasks.here {
            return None;
        }
        let folder = programs(config)?;
        let (program, agent) = (folder.join(RUNNER), folder.join(AGENT));
        let token = config.tasks.runner_token.clone();
        let there = program.is_file() && agent.is_file();
        if !there {
            tracing::info!(folder = %folder.display(), "no runner lies beside helix: tasks need one on another machine");
        }
        there.then(|| Self {
            program,
            agent,
            data_dir: config.data_dir.clone(),
            token: token.unwrap_or_else(|| config.data_dir.join(RUNNER_TOKEN_NAME)),
            clock: SystemClock::start(),
        })
    }

    /// Keeps it running until cancelled.
    pub(super) async fn run(self, cancel: CancellationToken) {
        let mut pause = AGAIN_AFTER;
        while !cancel.is_cancelled() {
            let ended = match self.start() {
                Ok(mut child) => {
                    // Waiting for a child closes its standard input otherwise.
                    let _open = child.stdin.take();
                    let begun = self.clock.now();
                    let Some(status) = cancel.run_until_cancelled(child.wait()).await else {
                        return stop(child).await;
                    };
                    if self.clock.now().saturating_sub(begun) >= LIVED {
                        pause = AGAIN_AFTER;
                    }
                    status.map_or_else(|error| error.to_string(), |status| status.to_string())
                }
                Err(error) => error.to_string(),
            };
            tracing::warn!(
                ended,
                again_in_s = pause.as_secs(),
                "the runner has ended; its tasks are begun again"
            );
            let _ = timeout(pause, cancel.cancelled()).await;
            pause = (pause * 2).min(AGAIN_MAX);
        }
    }

    /// Its standard input stays open as long as this process lives: a runner without its bridge would be one too many.
    fn start(&self) -> std::io::Result<Child> {
        let socket = self.data_dir.join(SOCKET_NAME);
        Command::new(&self.program)
            .arg("run")
            .arg("--bridge")
            .arg(format!("unix:{}", socket.display()))
            .arg("--token-file")
            .arg(&self.token)
            .args(["--backend", "process", "--name", "here", "--drain", "1", "--until-stdin-closes"])
            .arg("--state")
            .arg(self.data_dir.join("runner"))
            .arg("--agent")
            .arg(&self.agent)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Asks it to end, and ends it if it does not.
async fn stop(mut child: Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!("the runner did not end in time and was killed");
        let _ = child.kill().await;
    }
}
