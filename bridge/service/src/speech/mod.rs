//! Speech to text: samples in, a transcript out, by the supervised child or by any Wyoming server.

mod external;
mod wav;

use std::path::PathBuf;

use helix_core::Recognizer;
use helix_core::transcribe::{DecodeRequest, RecognizeError, Transcript};
use helix_speech::supervisor::{Config, Failure, Status, Supervisor, Whisper};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
pub use external::External;
pub use wav::{WavError, read_wav};

/// Which engine, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineConfig {
    /// The child process around whisper.cpp.
    Child {
        /// A Whisper model in whisper.cpp's ggml format.
        model_path: PathBuf,
        /// Threads of a decode; `None` chooses.
        threads: Option<u8>,
        /// Where `helix-stt` lies if not beside this executable.
        stt_dir: Option<PathBuf>,
    },
    /// A Wyoming speech-to-text server.
    External {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

#[derive(Debug)]
enum Kind {
    Child(Whisper<SystemClock>),
    External(External),
}

/// A running engine; [`Engine::stop`] ends it and leaves no child.
#[derive(Debug)]
pub struct Engine {
    kind: Kind,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Engine {
    /// Starts the engine; it may still be loading.
    pub fn start(config: EngineConfig, clock: SystemClock) -> Self {
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let kind = match config {
            EngineConfig::Child { model_path, threads, stt_dir } => {
                let config = Config { threads, stt_dir, ..Config::new(model_path) };
                let (supervisor, whisper) = Supervisor::new(config, clock);
                tasks.spawn(supervisor.run(cancel.clone()));
                Kind::Child(whisper)
            }
            EngineConfig::External { host, port } => Kind::External(External::new(host, port)),
        };
        tasks.close();
        Self { kind, cancel, tasks }
    }

    /// Waits until speech can be transcribed.
    ///
    /// # Errors
    /// [`RecognizeError::Unavailable`] says what is missing and what to do.
    pub async fn ready(&self) -> Result<(), RecognizeError> {
        match &self.kind {
            Kind::Child(whisper) => loaded(whisper.status()).await,
            Kind::External(server) => server.describe().await.map(drop),
        }
    }

    /// Whether the model is being loaded.
    pub fn is_loading(&self) -> bool {
        match &self.kind {
            Kind::Child(whisper) => matches!(&*whisper.status().borrow(), Status::Loading),
            Kind::External(_) => false,
        }
    }

    /// What it is, or what is wrong and what to do.
    ///
    /// # Errors
    /// In words for people.
    pub fn describe(&self) -> Result<String, String> {
        match &self.kind {
            Kind::Child(whisper) => match &*whisper.status().borrow() {
                Status::Loading => {
                    Err("the speech model is being loaded; spoken commands work in a moment".into())
                }
                Status::Ready(ready) => {
                    Ok(format!("{}, {}, {} threads", ready.model, ready.build, ready.threads))
                }
                Status::Failed(failure) => Err(told(failure)),
            },
            Kind::External(server) => Ok(format!("the speech server at {}", server.address())),
        }
    }

    /// Ends the engine and waits for its child's end.
    pub async fn stop(&self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }
}

async fn loaded(mut status: watch::Receiver<Status>) -> Result<(), RecognizeError> {
    match status.wait_for(|status| !matches!(status, Status::Loading)).await.as_deref() {
        Ok(Status::Failed(failure)) => Err(RecognizeError::Unavailable(told(failure))),
        Ok(Status::Ready(_) | Status::Loading) => Ok(()),
        Err(_) => Err(RecognizeError::Died),
    }
}

fn told(failure: &Failure) -> String {
    format!("{} {}", failure.why, failure.what_to_do)
}

impl Recognizer for Engine {
    async fn transcribe(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        match &self.kind {
            Kind::Child(whisper) => whisper.transcribe(request).await,
            Kind::External(server) => server.transcribe(request).await,
        }
    }
}
