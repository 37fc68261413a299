//! The supervisor of `helix-stt`: requests of core in, transcripts out, whatever happens to the child.
//!
//! [`Supervisor::new`] gives two halves. [`Whisper`] is the [`Recognizer`] that core asks; [`Supervisor::run`] owns
//! the child process: it starts it, feeds it one decode at a time, stops decodes that nobody wants any more, kills
//! a child that hangs and replaces one that died.

mod binary;
mod child;
mod queue;
mod serve;
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helix_core::clock::within;
use helix_core::transcribe::{DecodeRequest, Priority, RecognizeError, Recognizer, Transcript};
use helix_core::{Clock, Pii};
use tokio::sync::{oneshot, watch};

use crate::protocol::{Ready, SAMPLES_LEN_MAX};
use queue::{Job, Queue};
pub use serve::Supervisor;

/// Which model, and how long what may take.
#[derive(Debug, Clone)]
pub struct Config {
    /// A Whisper model in whisper.cpp's ggml format.
    pub model_path: PathBuf,
    /// Threads of a decode; `None`: physical cores minus one, 1 to 4.
    pub threads: Option<u8>,
    /// Where `helix-stt` lies if not beside this executable.
    pub stt_dir: Option<PathBuf>,
    /// Never cut the encoder's window to the audio: slower by a factor of 8, for models that need it.
    pub full_window: bool,
    /// The queue in front of the child.
    pub queue: QueueConfig,
    /// Longest time to load and warm up the model; beyond it the child hangs.
    pub load_timeout: Duration,
    /// Longest time of one decode; beyond it the child hangs.
    pub decode_timeout: Duration,
    /// A final decode whose child died is tried once more if another child is ready within this time.
    pub retry_within: Duration,
    /// After this many decodes an idle child is replaced: whisper-rs leaks some bytes in each.
    pub recycle_after: u64,
    /// An old child is replaced after this long without a request: not while somebody may be about to speak on.
    pub idle_before_recycling: Duration,
}

impl Config {
    /// The defaults for a model. A large model in a slow machine loads in 60 s and decodes in 10 s.
    pub fn new(model_path: impl Into<PathBuf>) -> Self {
        Self {
            model_path: model_path.into(),
            threads: None,
            stt_dir: None,
            full_window: false,
            queue: QueueConfig::default(),
            load_timeout: Duration::from_mins(2),
            decode_timeout: Duration::from_secs(15),
            retry_within: Duration::from_millis(1500),
            recycle_after: 2000,
            idle_before_recycling: Duration::from_secs(20),
        }
    }
}

/// A bounded queue that fails fast. Final requests go before speculative ones and take the place of one if the
/// queue is full; a speculative one never waits for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// Requests that wait, without the one that is being decoded.
    pub capacity: usize,
    /// How long a final request waits for a place, or for a model that is being loaded.
    pub failfast_timeout: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { capacity: 8, failfast_timeout: Duration::from_secs(2) }
    }
}

/// Whether speech can be transcribed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The model is being loaded, for the first time or after the child died.
    Loading,
    /// It can.
    Ready(Ready),
    /// It cannot; tried again from time to time.
    Failed(Failure),
}

/// Why there is no engine, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened: one sentence.
    pub why: String,
    /// What to do: one sentence.
    pub what_to_do: String,
}

/// What happened so far; each only grows.
#[derive(Debug, Default)]
pub struct Counts {
    deaths: AtomicU64,
    hangs: AtomicU64,
    busy: AtomicU64,
    preempted: AtomicU64,
    unwanted: AtomicU64,
    begun: AtomicU64,
}

impl Counts {
    /// Decodes that were handed to a child, repeated ones each time.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
    /// Children that ended without being asked to.
    pub fn deaths(&self) -> u64 {
        self.deaths.load(Ordering::Relaxed)
    }
    /// Children that were killed because they did not answer.
    pub fn hangs(&self) -> u64 {
        self.hangs.load(Ordering::Relaxed)
    }
    /// Requests refused, or given up for a final one, because the queue was full.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }
    /// Speculative decodes that made way for a final one.
    pub fn preempted(&self) -> u64 {
        self.preempted.load(Ordering::Relaxed)
    }
    /// Decodes that were stopped because nobody waits for them any more.
    pub fn unwanted(&self) -> u64 {
        self.unwanted.load(Ordering::Relaxed)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The recogniser; clones share the child.
#[derive(Debug, Clone)]
pub struct Whisper<C> {
    clock: C,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    status: watch::Receiver<Status>,
    failfast_timeout: Duration,
    answer_timeout: Duration,
}

impl<C: Clock> Whisper<C> {
    /// Follows the status; the last value is always there.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Requests that wait, without the one that is being decoded.
    pub fn waiting_len(&self) -> usize {
        self.queue.len()
    }

    /// What happened so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Waits for the end of loading, as long as a request may.
    async fn available(&self) -> Result<(), RecognizeError> {
        let mut status = self.status.clone();
        let loaded = async {
            match status.wait_for(|status| !matches!(status, Status::Loading)).await.as_deref() {
                Ok(Status::Failed(failure)) => {
                    Err(RecognizeError::Unavailable(format!("{} {}", failure.why, failure.what_to_do)))
                }
                Ok(Status::Ready(_) | Status::Loading) => Ok(()),
                Err(_ended) => Err(ended()),
            }
        };
        within(&self.clock, self.failfast_timeout, loaded).await.unwrap_or(Err(RecognizeError::Loading))
    }

    async fn answer(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        let (reply, answer) = oneshot::channel();
        // Dropped with this future: that frees the place, or stops the decode.
        let _place = self.queue.watch_place();
        self.enqueue(Job { request, reply, retry_until: None }).await?;
        match within(&self.clock, self.answer_timeout, answer).await {
            Some(Ok(result)) => result,
            Some(Err(_ended)) => Err(ended()),
            None => Err(RecognizeError::Timeout),
        }
    }

    /// Puts the job into the queue; a final one waits for a place.
    async fn enqueue(&self, mut job: Job) -> Result<(), RecognizeError> {
        let waits = job.request.priority == Priority::Final;
        let placed = async {
            loop {
                let place = self.queue.place();
                match self.queue.offer(job) {
                    Ok(()) => return Ok(()),
                    Err(_) if !waits => return Err(RecognizeError::Busy),
                    Err(back) => job = back,
                }
                place.await;
            }
        };
        within(&self.clock, self.failfast_timeout, placed).await.unwrap_or(Err(RecognizeError::Busy))
    }
}

impl<C: Clock> Recognizer for Whisper<C> {
    async fn transcribe(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        if request.samples.is_empty() {
            return Ok(Transcript { text: Pii::default(), decode_ms: 0 });
        }
        if request.samples.len() > SAMPLES_LEN_MAX {
            return Err(RecognizeError::Unavailable(too_long(request.samples.len())));
        }
        self.available().await?;
        let answer = self.answer(request).await;
        if answer == Err(RecognizeError::Busy) {
            count(&self.counts.busy);
        }
        answer
    }
}

fn ended() -> RecognizeError {
    RecognizeError::Unavailable("Helix is stopping.".into())
}

fn too_long(samples_len: usize) -> String {
    format!(
        "The recording is {} s long, and at most {} s are transcribed at once. Cut it into shorter pieces.",
        samples_len / 16_000,
        SAMPLES_LEN_MAX / 16_000
    )
}
