//! The way to a server that is a program of this machine: its settings in, a process with bounded pipes out. It gets the
//! variables of its entry and no others, an empty folder, and a process group that ends as a whole.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use helix_contract::Name;
use helix_contract::plugin::MESSAGE_LEN_MAX;
use rmcp::service::RoleClient;
use rmcp::transport::async_rw::AsyncRwTransport;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::ProgramSettings;

/// What a program may write for each thing that it is asked, bytes: some messages of the longest kind.
const OUTPUT_MAX: u64 = 8 * MESSAGE_LEN_MAX as u64;
/// The longest line of its log that is passed on in one piece, bytes.
const LINE_LEN_MAX: u64 = 400;
/// After so much of its log, bytes, it is read on only after a pause: who writes without an end waits, and costs nothing.
const LOG_PIECE: usize = 64 * 1024;
const LOG_PAUSE: Duration = Duration::from_secs(1);
/// More arguments, or variables, are a slip of the pen.
const WORDS_MAX: usize = 64;
/// The longest argument, bytes.
const WORD_LEN_MAX: usize = 4 * 1024;

/// Whether a program could be started so.
pub(super) fn check(settings: &ProgramSettings) -> Result<(), &'static str> {
    let is_word = |word: &str| word.len() <= WORD_LEN_MAX && !word.contains('\0');
    let is_variable = |name: &String| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    };
    if !settings.command.is_absolute() {
        return Err("its `command` is a whole path such as /usr/local/bin/bin-day");
    }
    if settings.args.len() > WORDS_MAX || !settings.args.iter().all(|word| is_word(word)) {
        return Err("its `args` are at most 64 texts");
    }
    let are_texts = settings.env.values().all(|value| is_word(value.expose_secret()));
    if settings.env.len() > WORDS_MAX || !settings.env.keys().all(is_variable) || !are_texts {
        return Err("its `env` has at most 64 variables, with names such as API_KEY");
    }
    Ok(())
}

/// A program that runs. Dropped, it is ended with everything that it started.
#[derive(Debug)]
pub(super) struct Running {
    allowance: Arc<AtomicU64>,
    _owner: JoinSet<()>,
}

impl Running {
    /// It is asked something, so it may write again.
    pub(super) fn asked(&self) {
        self.allowance.store(OUTPUT_MAX, Ordering::Relaxed);
    }
}

/// Starts a program, with a folder of its own inside `folders`.
pub(super) fn start(
    server: &Name,
    settings: &ProgramSettings,
    folders: &Path,
) -> io::Result<(AsyncRwTransport<RoleClient, Output, ChildStdin>, Running)> {
    let folder = folders.join(Uuid::now_v7().to_string());
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let mut command = Command::new(&settings.command);
    command.args(&settings.args).env_clear().current_dir(&folder).process_group(0).kill_on_drop(true);
    command.envs(settings.env.iter().map(|(variable, value)| (variable, value.expose_secret())));
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = spawned.inspect_err(|_| drop(std::fs::remove_dir(&folder)))?;
    let mut process = Process { child, folder };
    let pipes = (process.child.stdin.take(), process.child.stdout.take(), process.child.stderr.take());
    let (Some(input), Some(output), Some(log)) = pipes else { return Err(io::ErrorKind::BrokenPipe.into()) };

    let (over, allowance) = (CancellationToken::new(), Arc::new(AtomicU64::new(OUTPUT_MAX)));
    let mut owner = JoinSet::new();
    owner.spawn(process.end_after(over.clone(), server.clone()));
    owner.spawn(pass_on(log, server.clone()));
    let output = Output { pipe: output, allowance: Arc::clone(&allowance), _over: over.drop_guard() };
    let transport = AsyncRwTransport::new_client(output, input).with_max_line_length(MESSAGE_LEN_MAX);
    Ok((transport, Running { allowance, _owner: owner }))
}

/// What a program writes; its end is that of the program.
pub(super) struct Output {
    pipe: ChildStdout,
    allowance: Arc<AtomicU64>,
    _over: DropGuard,
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.pipe).poll_read(context, buffer);
        let read = (buffer.filled().len() - before) as u64;
        let left =
            self.allowance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(read));
        if left.is_err() {
            return Poll::Ready(Err(io::Error::other("it writes without an end")));
        }
        polled
    }
}

/// A process with all that it started, and its folder.
#[derive(Debug)]
struct Process {
    child: Child,
    folder: PathBuf,
}

impl Process {
    /// Ends it once nobody listens to it any more: because it closed its output, or because it was given up.
    async fn end_after(mut self, over: CancellationToken, server: Name) {
        over.cancelled().await;
        self.kill();
        let ended =
            self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::info!(%server, ended, "the program of a tool server has ended");
    }

    /// Nothing is waited for before it, so its number is still its own.
    fn kill(&self) {
        let group = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Its log. It may hold what people said, so it is passed on at DEBUG only.
async fn pass_on(log: ChildStderr, server: Name) {
    let mut log = BufReader::new(log);
    let (mut line, mut read) = (Vec::new(), 0);
    loop {
        line.clear();
        match (&mut log).take(LINE_LEN_MAX).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(len) => read += len,
        }
        tracing::debug!(target: "helix_plugin", %server, "{}", String::from_utf8_lossy(&line).trim_end());
        if read >= LOG_PIECE {
            read = 0;
            tokio::time::sleep(LOG_PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_could_not_be_started_is_refused_before() {
        let sound = ProgramSettings { command: "/bin/true".into(), args: Vec::new(), env: [].into() };
        assert_eq!(check(&sound), Ok(()));
        let env = |name: &str, value: &str| [(name.to_owned(), value.to_owned().into())].into();
        let wrong = [
            ProgramSettings { command: "bin-day".into(), ..sound.clone() },
            ProgramSettings { args: vec![String::new(); WORDS_MAX + 1], ..sound.clone() },
            ProgramSettings { args: vec!["a\0b".into()], ..sound.clone() },
            ProgramSettings { args: vec!["a".repeat(WORD_LEN_MAX + 1)], ..sound.clone() },
            ProgramSettings { env: env("A KEY", "a"), ..sound.clone() },
            ProgramSettings { env: env("", "a"), ..sound.clone() },
            ProgramSettings { env: env("1ST", "a"), ..sound.clone() },
            ProgramSettings { env: env("KEY", "a\0"), ..sound },
        ];
        for wrong in wrong {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
