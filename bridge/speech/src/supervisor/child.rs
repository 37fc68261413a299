//! One running `helix-stt`: its process, its pipes, its last words.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helix_core::Clock;
use helix_core::clock::within;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::protocol::{Reader, Report};

/// Reports that may wait: one per decode, and one decode runs at a time.
const REPORTS_MAX: usize = 4;

/// Longest line of standard error that is logged, bytes.
const LINE_LEN_MAX: u64 = 400;

/// Time that a child gets to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// A process that is killed when this value is dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    input: Option<ChildStdin>,
    reports: mpsc::Receiver<Report>,
    last_words: Arc<Mutex<String>>,
    _pipes: JoinSet<()>,
}

impl Child {
    /// Starts the program. It inherits no environment: tokens are none of its business.
    pub(super) fn spawn(program: &Path) -> io::Result<Self> {
        let mut process = Command::new(program)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let last_words = Arc::default();
        let mut pipes = JoinSet::new();
        if let Some(output) = process.stdout.take() {
            pipes.spawn(read_reports(output, sender));
        }
        if let Some(errors) = process.stderr.take() {
            pipes.spawn(log_lines(errors, Arc::clone(&last_words)));
        }
        let input = process.stdin.take();
        Ok(Self { process, input, reports, last_words, _pipes: pipes })
    }

    /// Process id; `None` once it was waited for.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Writes a whole message. Not cancel-safe: half a message ends the child.
    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(message).await?;
        input.flush().await
    }

    /// The next report; `None` if the child ended or talks nonsense. Cancel-safe.
    pub(super) async fn next_report(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// Lets the child end, then makes it.
    pub(super) async fn stop(mut self, clock: &impl Clock) {
        self.input = None;
        if within(clock, GRACE, self.process.wait()).await.is_none() {
            self.kill().await;
        }
    }

    /// Ends the child now and says how it had ended, if it had before. Returns when it is gone.
    pub(super) async fn kill(&mut self) -> Option<ExitStatus> {
        let ended = self.process.try_wait().ok().flatten();
        if ended.is_none()
            && let Err(error) = self.process.kill().await
        {
            tracing::warn!(%error, "the speech engine could not be killed");
        }
        ended
    }

    /// How a child ended whose pipe is closed.
    pub(super) async fn obituary(mut self, clock: &impl Clock) -> Obituary {
        let waited = within(clock, GRACE, self.process.wait()).await;
        let status = match waited {
            Some(status) => status.ok(),
            None => self.kill().await,
        };
        let last_words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Obituary { status, last_words }
    }
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Obituary {
    status: Option<ExitStatus>,
    last_words: String,
}

impl Obituary {
    /// Whether it met an instruction that the processor lacks.
    pub(super) fn is_illegal_instruction(&self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        const SIGILL: i32 = 4;
        self.status.and_then(|status| status.signal()) == Some(SIGILL)
    }

    /// For people: how it ended and the last line that it wrote.
    pub(super) fn text(&self) -> String {
        let how = self.status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
        if self.last_words.is_empty() { how } else { format!("{how}; its last words: {}", self.last_words) }
    }
}

async fn read_reports(mut output: ChildStdout, reports: mpsc::Sender<Report>) {
    let mut reader = Reader::default();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        match reader.next_message() {
            Ok(Some(report)) => {
                if reports.send(report).await.is_err() {
                    return;
                }
            }
            Ok(None) => match output.read(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(len) => reader.push(&bytes[..len]),
            },
            Err(error) => {
                tracing::warn!(%error, "the speech engine wrote something that is no report");
                return;
            }
        }
    }
}

/// whisper.cpp writes what it allocates, never what was said.
async fn log_lines(errors: impl AsyncRead + Unpin, last_words: Arc<Mutex<String>>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut errors).take(LINE_LEN_MAX).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            tracing::debug!(target: "helix_stt", "{text}");
            text.clone_into(&mut last_words.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
