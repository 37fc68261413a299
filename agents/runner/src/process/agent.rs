//! One agent as a process: started, heard until it is silent, stopped, told how it ended.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::backend::{AgentStream, BackendError, Ended, ExitReport, Tail};
use crate::confine::{Confined, Order, UNCONFINED};

/// What an agent may write on its stderr, bytes.
const STDERR_MAX: u64 = 4 * 1024 * 1024;
/// How long the launcher may take to say whether agents can be confined here.
const PROBE: Duration = Duration::from_secs(10);
/// The last of an agent's stderr is in the pipe when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// What Rust writes before it gives up for want of memory.
const NO_MEMORY: &str = "memory allocation of ";
const SIGXCPU: i32 = 24;
const SIGABRT: i32 = 6;

/// An agent whose end is waited for by a task of its own.
#[derive(Debug)]
pub(super) struct Agent {
    pid: u32,
    stop: mpsc::Sender<Duration>,
    ended: watch::Receiver<Option<ExitReport>>,
}

impl Agent {
    pub(super) fn start(
        launcher: &Path,
        order: &Order,
        folder: &Path,
        owners: &TaskTracker,
    ) -> Result<(Self, AgentStream), BackendError> {
        let (ours, theirs) = pair().map_err(BackendError::at("make an agent's line"))?;
        let stdin = theirs.try_clone().map_err(BackendError::at("make an agent's line"))?;
        let mut command = command(launcher, "confine", order, folder);
        command.stdin(OwnedFd::from(stdin)).stdout(OwnedFd::from(theirs)).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(BackendError::at("start the launcher"))?;
        // Our copies of its end are closed with the command: the line ends with the agent.
        drop(command);
        let gone = || BackendError::DoesNotStart("it ended at once".to_owned());
        let (pid, stderr) = (child.id().ok_or_else(gone)?, child.stderr.take().ok_or_else(gone)?);
        let (stop, stops) = mpsc::channel(1);
        let (told, ended) = watch::channel(None);
        owners.spawn(async move {
            let report = Owner { child, stops }.until_ended(stderr).await;
            told.send_replace(Some(report));
        });
        let (stdout, stdin) = ours.into_split();
        let stream = AgentStream { stdout: Box::new(stdout), stdin: Box::new(stdin) };
        Ok((Self { pid, stop, ended }, stream))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn ended(&self) -> impl Future<Output = Result<ExitReport, BackendError>> + use<> {
        let mut ended = self.ended.clone();
        async move {
            let report = ended.wait_for(Option::is_some).await.map(|report| report.clone());
            report
                .ok()
                .flatten()
                .ok_or_else(|| BackendError::at("wait for an agent")(io::Error::other("the runner ends")))
        }
    }

    pub(super) fn stop(&self, grace: Duration) -> impl Future<Output = Result<(), BackendError>> + use<> {
        let (stop, ended) = (self.stop.clone(), self.ended());
        async move {
            // Whoever ends it already, ends it; who has ended hears nothing.
            let _ = stop.try_send(grace);
            ended.await.map(drop)
        }
    }
}

/// A socket pair: our end for the runtime, theirs blocking, as a program expects its stdin.
fn pair() -> io::Result<(UnixStream, Pair)> {
    let (ours, theirs) = Pair::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs))
}

fn command(launcher: &Path, verb: &str, order: &Order, folder: &Path) -> Command {
    let mut command = Command::new(launcher);
    command.arg(verb).args(order.arguments()).env_clear().current_dir(folder);
    command.process_group(0).kill_on_drop(true);
    command
}

/// Confines a process like an agent, and says what the system had to offer.
pub(super) async fn probe(launcher: &Path, order: Order, folder: &Path) -> Result<Confined, BackendError> {
    let mut command = command(launcher, "confine-probe", &order, folder);
    let output = timeout(PROBE, command.stdin(Stdio::null()).output()).await;
    let output = output.map_err(|_| BackendError::Confinement("the launcher does not answer".to_owned()))?;
    let output = output.map_err(BackendError::at("start the launcher"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let why = || BackendError::Confinement(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    Confined::read(&said).filter(|_| output.status.success()).ok_or_else(why)
}

/// The one task that may signal a process, because it alone reaps it.
struct Owner {
    child: Child,
    stops: mpsc::Receiver<Duration>,
}

impl Owner {
    async fn until_ended(mut self, mut stderr: ChildStderr) -> ExitReport {
        let (mut tail, mut verdict, mut open) = (Tail::default(), None, true);
        let mut piece = vec![0; 8 * 1024];
        while verdict.is_none() {
            tokio::select! {
                _ = self.child.wait() => break,
                Some(grace) = self.stops.recv() => {
                    verdict = Some(Ended::Stopped);
                    self.end(grace).await;
                }
                read = stderr.read(&mut piece), if open => {
                    open = take(&mut tail, &piece, &read);
                    if tail.seen() > STDERR_MAX {
                        verdict = Some(Ended::Output);
                        self.end(Duration::ZERO).await;
                    }
                }
            }
        }
        // What was written last is still in the pipe, which nobody else holds.
        while open && tail.seen() <= STDERR_MAX {
            let read = timeout(LAST_WORDS, stderr.read(&mut piece)).await.unwrap_or(Ok(0));
            open = take(&mut tail, &piece, &read);
        }
        let status = self.child.wait().await;
        let ended = verdict.unwrap_or_else(|| status.map_or(Ended::Signal(0), |status| how(status, &tail)));
        ExitReport { ended, stderr: tail.text() }
    }

    async fn end(&mut self, grace: Duration) {
        if !grace.is_zero() {
            self.signal(Signal::TERM);
            if timeout(grace, self.child.wait()).await.is_ok() {
                return;
            }
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        // Without an id it was reaped, and its number may be another's.
        let group = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(group) = group
            && let Err(error) = kill_process_group(group, signal)
        {
            tracing::debug!(%error, ?group, "an agent was not signalled");
        }
    }
}

/// Keeps what was read; says whether there may be more.
fn take(tail: &mut Tail, piece: &[u8], read: &io::Result<usize>) -> bool {
    match read {
        Ok(len) => {
            tail.push(&piece[..*len]);
            *len > 0
        }
        Err(_) => false,
    }
}

fn how(status: ExitStatus, tail: &Tail) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) if code == i32::from(UNCONFINED) => Ended::Unconfined,
        (Some(code), _) => Ended::Code(code),
        (None, Some(SIGXCPU)) => Ended::Processor,
        (None, Some(SIGABRT)) if tail.text().contains(NO_MEMORY) => Ended::OutOfMemory,
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}
