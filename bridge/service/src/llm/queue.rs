//! Who may use a server now: a few at once, a few more wait for a short time, everybody else is told that it is busy. At home
//! sentences go first: what works on a task gives way to them, and waits in line again.

use std::sync::Arc;
use std::time::Duration;

use helix_core::llm::LlmError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// For whom a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Somebody has spoken and waits.
    Sentence,
    /// An agent works on a task.
    Task,
}

/// How many may use a server, how many wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineConfig {
    /// Requests at once.
    pub concurrency: usize,
    /// Requests that wait.
    pub capacity: usize,
    /// The longest wait.
    pub failfast_timeout: Duration,
}

/// The two lines before a server. They share nothing: tasks never fill the places of sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// For sentences.
    pub sentences: LineConfig,
    /// For tasks.
    pub tasks: LineConfig,
    /// Whether tasks give way: the server does one thing at a time.
    pub gives_way: bool,
}

/// Bounded: the longest wait and the number of those who wait are limited, and who is refused is told so at once.
#[derive(Debug, Clone)]
struct Line {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    failfast_timeout: Duration,
}

impl Line {
    fn new(config: LineConfig) -> Self {
        Self {
            running: Arc::new(Semaphore::new(config.concurrency)),
            places: Arc::new(Semaphore::new(config.concurrency + config.capacity)),
            failfast_timeout: config.failfast_timeout,
        }
    }

    /// Waits for its turn, and then until nothing stands in the way.
    async fn enter(&self, clear: impl Future<Output = ()>) -> Result<[OwnedSemaphorePermit; 2], LlmError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| LlmError::Busy)?;
        let running = async {
            let running = Arc::clone(&self.running).acquire_owned().await;
            clear.await;
            running
        };
        match timeout(self.failfast_timeout, running).await {
            Ok(Ok(running)) => Ok([place, running]),
            Ok(Err(_)) | Err(_) => Err(LlmError::Busy),
        }
    }
}

/// Both lines.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sentences: Line,
    tasks: Line,
    gives_way: bool,
    /// Sentences that wait or are thought about.
    speaking: watch::Sender<usize>,
}

impl Queue {
    pub(super) fn new(config: QueueConfig) -> Self {
        Self {
            sentences: Line::new(config.sentences),
            tasks: Line::new(config.tasks),
            gives_way: config.gives_way,
            speaking: watch::Sender::new(0),
        }
    }

    /// Waits for its turn, which lasts as long as the result lives.
    pub(super) async fn enter(&self, class: Class) -> Result<Turn, LlmError> {
        match class {
            Class::Sentence => {
                // Before it has its turn: a task that is in the way stops.
                let spoken = Spoken::new(&self.speaking);
                let places = self.sentences.enter(async {}).await?;
                Ok(Turn { _places: places, _spoken: Some(spoken), speaking: None })
            }
            Class::Task => {
                let mut speaking = self.gives_way.then(|| self.speaking.subscribe());
                let silent = async {
                    if let Some(speaking) = &mut speaking {
                        let _ = speaking.wait_for(|speaking| *speaking == 0).await;
                    }
                };
                let places = self.tasks.enter(silent).await?;
                Ok(Turn { _places: places, _spoken: None, speaking })
            }
        }
    }
}

/// A sentence that waits or is thought about.
#[derive(Debug)]
struct Spoken(watch::Sender<usize>);

impl Spoken {
    fn new(speaking: &watch::Sender<usize>) -> Self {
        speaking.send_modify(|speaking| *speaking += 1);
        Self(speaking.clone())
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        self.0.send_modify(|speaking| *speaking -= 1);
    }
}

/// Leave to use the server.
#[derive(Debug)]
pub(super) struct Turn {
    _places: [OwnedSemaphorePermit; 2],
    _spoken: Option<Spoken>,
    speaking: Option<watch::Receiver<usize>>,
}

impl Turn {
    /// Completes as soon as a sentence needs the server that a task has; never for a sentence.
    pub(super) async fn is_wanted(&mut self) {
        match &mut self.speaking {
            // The queue lives as long as anybody waits in it, so waiting cannot fail.
            Some(speaking) => drop(speaking.wait_for(|speaking| *speaking > 0).await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn queue(gives_way: bool) -> Queue {
        let line = |seconds| LineConfig {
            concurrency: 1,
            capacity: 1,
            failfast_timeout: Duration::from_secs(seconds),
        };
        Queue::new(QueueConfig { sentences: line(2), tasks: line(30), gives_way })
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_it_full_is_told_so_at_once_and_who_waits_too_long_after_the_limit() {
        for class in [Class::Sentence, Class::Task] {
            let queue = queue(true);
            let _first = queue.enter(class).await.expect("free");
            let mut second = std::pin::pin!(queue.enter(class));
            assert!((&mut second).now_or_never().is_none(), "it waits");
            assert!(matches!(queue.enter(class).now_or_never(), Some(Err(LlmError::Busy))), "full");
            assert_eq!(second.await.expect_err("too long"), LlmError::Busy);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_turn_of_the_one_that_ended() {
        let queue = queue(true);
        let first = queue.enter(Class::Sentence).await.expect("free");
        let second = queue.enter(Class::Sentence);
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.expect("its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_gives_way_to_a_sentence_and_waits_until_there_is_none() {
        let queue = queue(true);
        let mut task = queue.enter(Class::Task).await.expect("free");
        assert!(task.is_wanted().now_or_never().is_none());
        let sentence = queue.enter(Class::Sentence).now_or_never().expect("at once").expect("free");
        task.is_wanted().now_or_never().expect("it gives way");
        drop(task);
        let mut again = std::pin::pin!(queue.enter(Class::Task));
        assert!((&mut again).now_or_never().is_none(), "somebody speaks");
        drop(sentence);
        again.await.expect("its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_room_for_both_nobody_gives_way() {
        let queue = queue(false);
        let mut task = queue.enter(Class::Task).await.expect("free");
        let _sentence = queue.enter(Class::Sentence).now_or_never().expect("at once").expect("free");
        assert!(task.is_wanted().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentence_that_is_given_up_while_it_waits_leaves_the_server_to_tasks() {
        let queue = queue(true);
        let first = queue.enter(Class::Sentence).await.expect("free");
        assert!(queue.enter(Class::Sentence).now_or_never().is_none(), "it waits, and is given up");
        drop(first);
        queue.enter(Class::Task).now_or_never().expect("at once").expect("free");
    }
}
