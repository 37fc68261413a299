//! The control socket: commands of the same user (or root) ask the running bridge; one JSON line each way.

mod task;

pub use task::{AgentRow, FormRow, ImagesAsk, TaskAnswer, TaskAsk, TaskRow};

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "helix.sock";
/// A request or answer is at most this long.
const LINE_LEN_MAX: u64 = 1 << 20;
/// An exchange ends after this time.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(15);

/// What a command asks of the running bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Ask {
    /// The last runs; `conversation` filters by Home Assistant's conversation id.
    Runs {
        /// Home Assistant's conversation id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation: Option<String>,
    },
    /// How every part is.
    Status,
    /// How the language models are, and what they have cost.
    Models,
    /// The address of the Wyoming port.
    Address,
    /// Tasks and agents.
    Task(TaskAsk),
    /// Takes out of Home Assistant what Helix put in, and stops registering.
    Unregister,
}

/// One run as it is shown: what happened when. Words only where Helix promised to keep them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The utterance.
    pub id: String,
    /// Home Assistant's conversation.
    pub conversation: Option<String>,
    /// Home Assistant's satellite.
    pub satellite: Option<String>,
    /// `act`, `answer`, `refuse`.
    pub route: Option<String>,
    /// The stable code of the outcome.
    pub code: Option<String>,
    /// Stage and milliseconds since the first one.
    pub timeline: Vec<(String, u64)>,
}

/// One part of the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// The part, such as `home` or `speech`.
    pub part: String,
    /// Whether it works.
    pub works: bool,
    /// Whether it does not work yet, but is about to.
    #[serde(default)]
    pub starting: bool,
    /// What it is, or what is wrong and what to do.
    pub text: String,
}

/// The language model of one duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    /// What it is asked for: `router`, `local agent`, `cloud agent`.
    pub duty: String,
    /// The key of the configuration that names it.
    pub key: String,
    /// `ollama`, `openai`, `gemini`.
    pub server: String,
    /// The server's host.
    pub host: String,
    /// Whether what it is asked leaves the house.
    pub outside: bool,
    /// As the configuration names it.
    pub named: String,
    /// The model that answers.
    pub in_use: Option<String>,
    /// Whether its server has been looked at.
    pub looked: bool,
    /// Why it cannot be asked now, and what to do.
    pub wrong: Option<String>,
    /// What a person should know.
    pub warning: Option<String>,
}

/// The language models, and what those outside have cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelsRow {
    /// One per duty that somebody was named for.
    pub duties: Vec<ModelRow>,
    /// US dollars of this day.
    pub usd_day: f64,
    /// US dollars of this month.
    pub usd_month: f64,
    /// Tokens of this day.
    pub tokens_day: u64,
    /// Tokens of this month.
    pub tokens_month: u64,
    /// The most per day, US dollars.
    pub usd_day_max: Option<f64>,
    /// The most per month, US dollars.
    pub usd_month_max: Option<f64>,
    /// The most per day, tokens.
    pub tokens_day_max: Option<u64>,
    /// The most per month, tokens.
    pub tokens_month_max: Option<u64>,
}

/// The bridge's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The last runs, oldest first.
    Runs(Vec<RunRow>),
    /// Every part.
    Status(Vec<PartRow>),
    /// The language models.
    Models(Box<ModelsRow>),
    /// The address of the Wyoming port, with the number that it got if 0 was configured.
    Address(SocketAddr),
    /// Tasks and agents.
    Task(TaskAnswer),
    /// It is done; what was done.
    Done(Vec<String>),
    /// It could not be done.
    Failed(String),
}

/// Who answers.
pub trait Answers: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, ask: Ask) -> impl Future<Output = Answer> + Send;
}

/// Why the control socket does not work.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("no running Helix answers at {path}; start it with `helix run`, or name its data directory")]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The socket could not be made.
    #[error(
        "the control socket {path} cannot be made: {source}; choose a writable data directory with a short path"
    )]
    Bind {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A running bridge has it.
    #[error("another Helix is running with this data directory ({path}); stop it, or set another data_dir")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The exchange broke off.
    #[error("the running Helix did not answer as expected: {0}")]
    Exchange(String),
}

/// The bound control socket.
#[derive(Debug)]
pub struct ControlServer {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlServer {
    /// Binds the socket in `data_dir`; a socket that nobody serves any more is replaced.
    ///
    /// # Errors
    /// [`ControlError::InUse`] if another bridge answers on it.
    pub async fn bind(data_dir: &Path) -> Result<Self, ControlError> {
        let path = data_dir.join(SOCKET_NAME);
        let failed = |source| ControlError::Bind { path: path.clone(), source };
        if UnixStream::connect(&path).await.is_ok() {
            return Err(ControlError::InUse { path });
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(data_dir).map_err(failed)?;
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { listener, path })
    }

    /// Serves until cancelled. The socket is removed when the server is dropped.
    pub async fn run(self, answers: Arc<impl Answers>, cancel: CancellationToken) {
        let tracker = TaskTracker::new();
        while let Some(accepted) = cancel.run_until_cancelled(self.listener.accept()).await {
            let Ok((stream, _)) = accepted else { continue };
            if tracker.len() >= 16 || !is_trusted(&stream) {
                tracing::warn!("a connection to the control socket was refused");
                continue;
            }
            let answers = answers.clone();
            tracker.spawn(async move {
                let _ = timeout(EXCHANGE_LIMIT, serve(stream, &*answers)).await;
            });
        }
        tracker.close();
        let _ = timeout(Duration::from_secs(1), tracker.wait()).await;
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Only the same user and root may ask.
fn is_trusted(stream: &UnixStream) -> bool {
    let own = std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    match (stream.peer_cred(), own) {
        (Ok(peer), Ok(own)) => peer.uid() == 0 || peer.uid() == own,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

async fn serve(stream: UnixStream, answers: &impl Answers) -> Result<(), std::io::Error> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LINE_LEN_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(ask) => answers.answer(ask).await,
        Err(error) => Answer::Failed(format!("the request is not understood: {error}")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Asks the bridge that runs with `data_dir`.
///
/// # Errors
/// [`ControlError::NotRunning`] if there is none.
pub async fn ask(data_dir: &Path, ask: &Ask) -> Result<Answer, ControlError> {
    let path = data_dir.join(SOCKET_NAME);
    let exchange = async {
        let stream =
            UnixStream::connect(&path).await.map_err(|_| ControlError::NotRunning { path: path.clone() })?;
        let failed = |error: std::io::Error| ControlError::Exchange(error.to_string());
        let (read, mut write) = stream.into_split();
        let mut text = serde_json::to_vec(ask).map_err(|error| ControlError::Exchange(error.to_string()))?;
        text.push(b'\n');
        write.write_all(&text).await.map_err(failed)?;
        let mut line = String::new();
        BufReader::new(read.take(LINE_LEN_MAX)).read_line(&mut line).await.map_err(failed)?;
        serde_json::from_str(&line).map_err(|error| ControlError::Exchange(error.to_string()))
    };
    timeout(EXCHANGE_LIMIT, exchange).await.unwrap_or(Err(ControlError::Exchange("no answer in 15 s".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Answers for Fixed {
        async fn answer(&self, ask: Ask) -> Answer {
            assert_eq!(ask, Ask::Status);
            Answer::Done(vec!["asked".into()])
        }
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("helix-control-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("made");
        path
    }

    #[tokio::test]
    async fn a_command_asks_and_is_answered() {
        let folder = folder("ask");
        let server = ControlServer::bind(&folder).await.expect("bound");
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(server.run(Arc::new(Fixed), cancel.clone()));
        assert_eq!(ask(&folder, &Ask::Status).await.expect("answered"), Answer::Done(vec!["asked".into()]));
        assert!(matches!(ControlServer::bind(&folder).await, Err(ControlError::InUse { .. })));
        cancel.cancel();
        tasks.close();
        tasks.wait().await;
        assert!(matches!(ask(&folder, &Ask::Status).await, Err(ControlError::NotRunning { .. })));
    }

    #[tokio::test]
    async fn a_socket_left_by_a_crash_is_replaced() {
        let folder = folder("stale");
        drop(std::os::unix::net::UnixListener::bind(folder.join(SOCKET_NAME)));
        assert!(ControlServer::bind(&folder).await.is_ok());
    }
}
