//! Coming back with what a task found: the book says what is to be told, the home who is where; each end is spoken at most
//! once. "Speaking" is committed before a word is spoken, so that what a crash cut off comes as a message.

mod words;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use helix_core::delegate::{Ear, Quiet, Way, way};
use helix_core::home::HomeError;
use helix_core::{Calendar, Clock, EntityId, Language};
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tasks::{Due, How, TaskBook, TaskError};
pub use words::{TITLE, Told, outcome_in_words, title_of, told};

/// The book is looked at so often at least: what is held, or what was committed before a crash, waits in it.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Ends that are told in one round.
const ROUND_MAX: usize = 16;
/// After so long without a word of its end, an announcement counts as cut off. Longer than Home Assistant is waited for.
const SPEAKING_FOR: SignedDuration = SignedDuration::from_secs(90);
/// Who talks with somebody is left alone for so long.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(3);

/// Who tells people something.
pub trait Teller: Send + Sync + 'static {
    /// The satellites as they are now.
    ///
    /// # Errors
    /// The home is not known now.
    fn ears(&self) -> Result<Vec<Ear>, HomeError>;

    /// The time on the clocks of the home, if it is known.
    fn local_time(&self) -> Option<Time>;

    /// The language of the words where a task names one that is none.
    fn language(&self) -> Language;

    /// Says something aloud; completes once it was heard.
    fn speak(&self, satellite: &EntityId, words: &str) -> impl Future<Output = Result<(), HomeError>> + Send;

    /// Sends a message; the same id again takes its place.
    fn write(&self, id: &str, title: &str, text: &str) -> impl Future<Output = Result<(), HomeError>> + Send;
}

/// What telling needs.
#[derive(Debug)]
pub struct Deliveries<T, C> {
    /// The book of tasks.
    pub book: TaskBook,
    /// Who tells.
    pub teller: Arc<T>,
    /// Time that passes.
    pub clock: C,
    /// The clock on the wall.
    pub calendar: Arc<dyn Calendar>,
    /// When nothing is said aloud.
    pub quiet: Option<Quiet>,
    /// Changes when a task has ended.
    pub ends: watch::Receiver<u64>,
}

impl<T: Teller, C: Clock> Deliveries<T, C> {
    /// Tells what is to be told until it is cancelled; what is being spoken then is spoken to its end.
    pub async fn run(mut self, cancel: CancellationToken) {
        match self.book.interrupt_speaking(self.calendar.now()).await {
            Ok(0) => {}
            Ok(answers) => tracing::warn!(answers, "answers that were cut off come as messages"),
            Err(error) => tracing::warn!(code = error.code(), %error, "what is to be told cannot be read"),
        }
        let mut gone = false;
        while !cancel.is_cancelled() {
            if let Err(error) = self.round().await {
                tracing::warn!(code = error.code(), %error, "what tasks found is told later");
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                changed = self.ends.changed(), if !gone => gone = changed.is_err(),
                () = self.clock.sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Tells what is due.
    ///
    /// # Errors
    /// What keeps the book from being read or written; nothing is told then that was not written down.
    pub async fn round(&self) -> Result<(), TaskError> {
        // Without a home nobody can be told: what is due stays due.
        let Ok(ears) = self.teller.ears() else { return Ok(()) };
        for due in self.book.deliveries_due(self.calendar.now(), ROUND_MAX).await? {
            self.tell(&due, &ears).await?;
        }
        Ok(())
    }

    async fn tell(&self, due: &Due, ears: &[Ear]) -> Result<(), TaskError> {
        let (task, now) = (&due.task.spec.id, self.calendar.now());
        let language = Language::parse(&due.task.spec.language).unwrap_or_else(|| self.teller.language());
        let told = told(due, &language);
        let is_quiet = || self.quiet.zip(self.teller.local_time()).is_some_and(|(quiet, at)| quiet.holds(at));
        let asked_at = due.task.origin.satellite.as_deref().map(EntityId::from);
        let way = match due.how {
            How::Any => way(asked_at.as_ref(), ears, is_quiet()),
            How::TextOnly => Way::Text,
        };
        match way {
            Way::Hold => self.book.hold(task, now, later(now, HELD_FOR)).await.map(drop),
            Way::Text => self.write(due, &told).await,
            Way::Speak(satellite) => {
                if !self.book.begin_speaking(task, now, later(now, SPEAKING_FOR)).await? {
                    return Ok(());
                }
                self.speak(due, &told, &satellite).await
            }
        }
    }

    /// Says it; what may not have been heard comes as a message, and never aloud again.
    async fn speak(&self, due: &Due, told: &Told, satellite: &EntityId) -> Result<(), TaskError> {
        let task = &due.task.spec.id;
        let sent = match &told.whole {
            Some(whole) => {
                let sent = self.teller.write(task.as_str(), &told.title, whole).await;
                sent.inspect_err(|error| {
                    tracing::warn!(%task, code = error.code(), %error, "the whole of what a task found could not be sent");
                })
                .is_ok()
            }
            None => false,
        };
        let words = if sent { &told.aloud_and_sent } else { &told.aloud };
        match self.teller.speak(satellite, words).await {
            Ok(()) => {
                self.book.spoken(task, self.calendar.now()).await?;
                tracing::info!(%task, "what a task found was told");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%task, code = error.code(), "what a task found could not be spoken");
                self.write(due, told).await
            }
        }
    }

    async fn write(&self, due: &Due, told: &Told) -> Result<(), TaskError> {
        let task = &due.task.spec.id;
        let text = told.whole.as_ref().unwrap_or(&told.aloud);
        match self.teller.write(task.as_str(), &told.title, text).await {
            Ok(()) => {
                self.book.as_text(task, self.calendar.now()).await?;
                tracing::info!(%task, "what a task found was sent");
                Ok(())
            }
            Err(error) => {
                // It stays due, or becomes so once it counts as cut off.
                tracing::warn!(%task, code = error.code(), "what a task found could not be sent");
                let now = self.calendar.now();
                self.book.hold(task, now, later(now, HELD_FOR)).await.map(drop)
            }
        }
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
