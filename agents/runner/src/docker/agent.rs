//! One agent as a container: attached before it starts, heard until it is silent, stopped, told how it ended.

use std::pin::Pin;
use std::time::Duration;

use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::{AttachContainerOptions, KillContainerOptions, StartContainerOptions};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::away;
use crate::backend::{AgentKey, AgentStream, BackendError, Ended, ExitReport, Tail};

/// What an agent may write on its stderr, or on a stdout that nobody reads, bytes.
const UNHEARD_MAX: u64 = 4 * 1024 * 1024;
/// Between its stdout and whoever reads it, bytes.
const STDOUT_LEN: usize = 64 * 1024;
/// A daemon that went away in mid-task is waited for this often.
const ASKED: (u32, Duration) = (600, Duration::from_millis(100));
/// How often a container is looked at whose output has ended.
const LOOKED: (u32, Duration) = (200, Duration::from_millis(10));
/// How often a container is looked at that was killed by nobody known: the daemon hears a little later that it was memory.
const BLAMED: (u32, Duration) = (50, Duration::from_millis(10));
const SIGKILL: i32 = 9;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// What is known of an agent's end.
#[derive(Debug, Clone)]
enum Known {
    Running,
    Ended(ExitReport),
    Lost,
}

/// An agent whose end is waited for by a task of its own.
#[derive(Debug)]
pub(super) struct Agent {
    stop: mpsc::Sender<Duration>,
    ended: watch::Receiver<Known>,
}

impl Agent {
    /// Starts the container of this name, which was made before.
    pub(super) async fn start(
        docker: &Docker,
        key: &AgentKey,
        owners: &TaskTracker,
    ) -> Result<(Self, AgentStream), BackendError> {
        let name = key.to_string();
        let all = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        let AttachContainerResults { output, input } =
            docker.attach_container(&name, Some(all)).await.map_err(away)?;
        docker.start_container(&name, None::<StartContainerOptions>).await.map_err(does_not_start)?;
        let (stdout, ours) = duplex(STDOUT_LEN);
        let (stop, stops) = mpsc::channel(1);
        let (told, ended) = watch::channel(Known::Running);
        let owner = Owner { docker: docker.clone(), name, stops, tail: Tail::default(), unheard: 0 };
        owners.spawn(async move {
            let report = owner.until_ended(output, ours).await;
            told.send_replace(report.map_or(Known::Lost, Known::Ended));
        });
        Ok((Self { stop, ended }, AgentStream { stdout: Box::new(stdout), stdin: Box::new(input) }))
    }

    pub(super) fn ended(&self) -> impl Future<Output = Result<ExitReport, BackendError>> + use<> {
        let mut ended = self.ended.clone();
        async move {
            let known = ended.wait_for(|known| !matches!(known, Known::Running)).await;
            match known.map(|known| known.clone()) {
                Ok(Known::Ended(report)) => Ok(report),
                Ok(Known::Running | Known::Lost) | Err(_) => Err(BackendError::Away {
                    what: "the Docker daemon",
                    reason: "it no longer knows what became of an agent".to_owned(),
                }),
            }
        }
    }

    pub(super) fn stop(&self, grace: Duration) -> impl Future<Output = Result<(), BackendError>> + use<> {
        let (stop, ended) = (self.stop.clone(), self.ended());
        async move {
            let _ = stop.try_send(grace);
            ended.await.map(drop)
        }
    }
}

fn does_not_start(error: Error) -> BackendError {
    if let Error::DockerResponseServerError { message, .. } = error {
        return BackendError::DoesNotStart(message);
    }
    away(error)
}

struct Owner {
    docker: Docker,
    name: String,
    stops: mpsc::Receiver<Duration>,
    tail: Tail,
    unheard: u64,
}

impl Owner {
    /// How the agent ended; nothing if that cannot be known any more.
    async fn until_ended(mut self, mut output: Output, mut stdout: DuplexStream) -> Option<ExitReport> {
        let verdict = loop {
            let piece = tokio::select! {
                piece = output.next() => piece,
                Some(grace) = self.stops.recv() => break Some((Ended::Stopped, grace)),
            };
            let Some(Ok(piece)) = piece else { break None };
            // Whoever stops an agent does not wait until its output is read.
            tokio::select! {
                () = hear(&mut self.tail, &mut self.unheard, piece, &mut stdout) => {}
                Some(grace) = self.stops.recv() => break Some((Ended::Stopped, grace)),
            }
            if self.unheard + self.tail.seen() > UNHEARD_MAX {
                break Some((Ended::Output, Duration::ZERO));
            }
        };
        drop(stdout);
        if let Some((_, grace)) = verdict {
            // The daemon ends no container whose output nobody takes.
            let taken = async {
                while let Some(Ok(piece)) = output.next().await {
                    if let LogOutput::StdErr { message } = piece {
                        self.tail.push(&message);
                    }
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = end(&self.docker, &self.name, grace) => {}
                () = taken => {}
            }
        }
        drop(output);
        let ended = self.how_it_ended(verdict.is_some()).await?;
        let ended = verdict.map_or(ended, |(verdict, _)| verdict);
        Some(ExitReport { ended, stderr: self.tail.text() })
    }

    /// Asks until the container has ended; one that goes on without its line is ended.
    async fn how_it_ended(&self, by_us: bool) -> Option<Ended> {
        let (mut looked, mut asked, mut blamed) = (0, 0, 0);
        loop {
            match state(&self.docker, &self.name).await {
                Ok(State::Ended(Ended::Signal(SIGKILL))) if !by_us && blamed < BLAMED.0 => {
                    blamed += 1;
                    sleep(BLAMED.1).await;
                }
                Ok(State::Ended(ended)) => return Some(ended),
                Ok(State::Runs) if looked < LOOKED.0 => {
                    looked += 1;
                    sleep(LOOKED.1).await;
                }
                Ok(State::Runs) => {
                    end(&self.docker, &self.name, Duration::ZERO).await;
                    return Some(Ended::Silent);
                }
                Err(error) if asked < ASKED.0 => {
                    asked += 1;
                    tracing::debug!(%error, agent = self.name, "the Docker daemon is asked again");
                    sleep(ASKED.1).await;
                }
                Ok(State::Gone) | Err(_) => return None,
            }
        }
    }
}

/// Hands on what an agent said, and counts what nobody hears.
async fn hear(tail: &mut Tail, unheard: &mut u64, piece: LogOutput, stdout: &mut DuplexStream) {
    match piece {
        LogOutput::StdErr { message } => tail.push(&message),
        LogOutput::StdOut { message } | LogOutput::Console { message } => {
            if stdout.write_all(&message).await.is_err() {
                *unheard += message.len() as u64;
            }
        }
        LogOutput::StdIn { .. } => {}
    }
}

enum State {
    Runs,
    Ended(Ended),
    Gone,
}

async fn state(docker: &Docker, name: &str) -> Result<State, Error> {
    let state = match docker.inspect_container(name, None).await {
        Ok(container) => container.state.unwrap_or_default(),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(State::Gone),
        Err(error) => return Err(error),
    };
    if state.running == Some(true) {
        return Ok(State::Runs);
    }
    let ended = match state.exit_code.unwrap_or_default() {
        _ if state.oom_killed == Some(true) => Ended::OutOfMemory,
        137 => Ended::Signal(SIGKILL),
        code => Ended::Code(code as i32),
    };
    Ok(State::Ended(ended))
}

/// Ends a container: kindly first, after `grace` by force.
async fn end(docker: &Docker, name: &str, grace: Duration) {
    let kill =
        |signal: &str| docker.kill_container(name, Some(KillContainerOptions { signal: signal.to_owned() }));
    if !grace.is_zero() {
        let _ = kill("SIGTERM").await;
        let ended = async {
            while let Ok(State::Runs) = state(docker, name).await {
                sleep(LOOKED.1).await;
            }
        };
        if tokio::time::timeout(grace, ended).await.is_ok() {
            return;
        }
    }
    // It may have ended by itself meanwhile.
    if let Err(error) = kill("SIGKILL").await {
        tracing::debug!(%error, agent = name, "not killed");
    }
}
