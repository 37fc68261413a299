//! Carries out delayed commands when they are due: a book and a home in, reports of what happened out.

use std::sync::Arc;
use std::time::Duration;

use helix_core::delay::{BookError, DelayBook, DelayedCommand, Performed, State, Step, perform, step};
use helix_core::pipeline::Marks;
use helix_core::route::Matrix;
use helix_core::{Calendar, Clock, Home};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The book is looked at so often at least: the wall clock may have jumped, or a command may have cancelled something.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// A due command that could not be carried out is tried again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Who is told how delayed commands end.
pub trait Reports: Send + Sync + 'static {
    /// A command has ended.
    fn ended(&self, command: &DelayedCommand, state: State, code: &'static str, marks: Marks);
}

/// What the loop needs.
#[derive(Debug)]
pub struct DueLoop<H, C, R> {
    /// The home.
    pub home: H,
    /// Time that passes.
    pub clock: C,
    /// The clock on the wall.
    pub calendar: Arc<dyn Calendar>,
    /// The table that decides.
    pub matrix: Matrix,
    /// Where the commands are kept.
    pub book: Arc<dyn DelayBook>,
    /// Told when a command was kept.
    pub added: Arc<Notify>,
    /// Who is told.
    pub reports: Arc<R>,
}

impl<H: Home, C: Clock, R: Reports> DueLoop<H, C, R> {
    /// Runs until it is cancelled. A command that is being carried out then is ended first.
    pub async fn run(self, cancel: CancellationToken) {
        match self.book.interrupt_running().await {
            Ok(0) => {}
            Ok(commands) => tracing::warn!(
                commands,
                "Helix ended while delayed commands were carried out; they are not repeated, please check the result"
            ),
            Err(error) => tracing::warn!(%error, "delayed commands cannot be read"),
        }
        while !cancel.is_cancelled() {
            let pause = self.round().await;
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.added.notified() => {}
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Does what is due; how long to wait for the next round.
    async fn round(&self) -> Duration {
        let waiting = match self.book.waiting().await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!(%error, "delayed commands cannot be read");
                return LOOK_EVERY;
            }
        };
        let mut pause = LOOK_EVERY;
        for command in waiting {
            let ahead = self.look_at(&command).await.unwrap_or_else(|error| {
                tracing::warn!(%error, id = command.id, "a delayed command cannot be written down");
                Some(RETRY_AFTER)
            });
            pause = ahead.map_or(pause, |ahead| pause.min(ahead));
        }
        pause
    }

    /// Does what has to be done about one command; after what time to look again, if it still waits.
    async fn look_at(&self, command: &DelayedCommand) -> Result<Option<Duration>, BookError> {
        match step(command.due, self.calendar.now()) {
            Step::Wait(ahead) => return Ok(Some(ahead)),
            Step::Missed => {
                let code = "delayed-missed";
                if self.book.end(&command.id, State::Missed, code).await? {
                    self.reports.ended(command, State::Missed, code, Marks::default());
                }
            }
            Step::Act => match perform(command, &self.home, &self.clock, &self.matrix, &*self.book).await? {
                Performed::NotYet(error) => {
                    tracing::info!(
                        code = error.code(),
                        id = command.id,
                        "a delayed command is due, but has to wait"
                    );
                    return Ok(Some(RETRY_AFTER));
                }
                Performed::Gone => {}
                Performed::Ended { state, code, marks } => self.reports.ended(command, state, code, marks),
            },
        }
        Ok(None)
    }
}
