//! What happens to one task: an assignment in, an agent that was started, served and cleaned up, and what the bridge is
//! told if there is no result.

mod forward;

use std::sync::Arc;
use std::time::Duration;

use helix_contract::Failure;
use helix_contract::api::ImageTrouble;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::backend::{AgentKey, Backend, BackendError, Ended, ExitReport, Started, Turn, Work};
use crate::bridge::Bridge;
use crate::pool::Pool;
pub(crate) use forward::Line;
use forward::Told;

/// From the polite request to end to the end by force.
const GRACE: Duration = Duration::from_secs(1);
/// An agent that no longer speaks with the bridge ends by itself within this time.
const SILENT: Duration = Duration::from_secs(2);

/// How a task that this runner had ended here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The agent told its result, or the bridge wanted to hear no more.
    Told,
    /// The bridge said stop.
    Dropped,
    /// It is given back.
    Returned {
        /// Nothing if it was not begun.
        failure: Option<Failure>,
        /// What kept the image from being started.
        image: Option<ImageTrouble>,
        /// What happened, for the log.
        reason: String,
    },
    /// The runner ends, the agent goes on.
    Left,
}

impl Outcome {
    /// Nothing was begun, and that costs the task nothing.
    fn untouched(reason: &impl std::fmt::Display) -> Self {
        Self::Returned { failure: None, image: None, reason: reason.to_string() }
    }

    fn of(error: &BackendError) -> Self {
        let reason = format!("{}: {error}", error.code());
        Self::Returned { failure: Some(Failure::Unavailable), image: error.image(), reason }
    }
}

/// Two ways of being told to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stops {
    /// The bridge no longer wants this task.
    pub(crate) task: CancellationToken,
    /// The runner ends.
    pub(crate) runner: CancellationToken,
}

/// Carries tasks out on a backend.
#[derive(Debug)]
pub(crate) struct Carrier<B> {
    pub(crate) backend: Arc<B>,
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) pool: Option<Arc<Pool<B>>>,
}

impl<B: Backend> Carrier<B> {
    /// Carries one task out. The agent is gone afterwards, unless the outcome says that it goes on.
    pub(crate) async fn carry(&self, work: &Work, turn: Turn, stops: &Stops) -> Outcome {
        if stops.task.is_cancelled() {
            return Outcome::Dropped;
        }
        if stops.runner.is_cancelled() {
            return Outcome::untouched(&"the runner ends");
        }
        let started = self.start(work).await;
        drop(turn);
        let (key, started) = match started {
            Ok(started) => started,
            Err(error @ BackendError::Away { .. }) => return Outcome::untouched(&error),
            Err(error) => return Outcome::of(&error),
        };
        let token = work.assignment.token.as_deref().unwrap_or_default();
        let line = started.stream.map(|stream| Line::new(stream, token, self.bridge.channel()));
        self.attend(&key, line, Some(work.left), stops).await
    }

    /// Waits for an agent that was there when the runner came.
    pub(crate) async fn adopt(&self, key: &AgentKey, left: Option<Duration>, stops: &Stops) -> Outcome {
        self.attend(key, None, left, stops).await
    }

    /// An agent that waits serves any task, for the definition comes with it.
    async fn start(&self, work: &Work) -> Result<(AgentKey, Started), BackendError> {
        if let Some(pool) = &self.pool
            && let Some(waiting) = pool.take().await
        {
            return Ok(waiting);
        }
        self.backend.prepare(work.assignment.spec.agent.image.as_deref()).await?;
        Ok((work.key.clone(), self.backend.start(work).await?))
    }

    async fn attend(
        &self,
        key: &AgentKey,
        line: Option<Line>,
        left: Option<Duration>,
        stops: &Stops,
    ) -> Outcome {
        let told = line.as_ref().map(Line::told);
        let end = {
            let ended = self.until_ended(key, line);
            let deadline = tokio::time::sleep(left.unwrap_or(FOREVER));
            tokio::select! {
                ended = ended => End::Itself(ended),
                () = stops.task.cancelled() => End::Dropped,
                () = stops.runner.cancelled() => End::Runner,
                () = deadline => End::Deadline,
            }
        };
        let outcome = self.outcome(key, end, told).await;
        if outcome != Outcome::Left
            && let Err(error) = self.backend.remove(key).await
        {
            tracing::warn!(agent = %key, code = error.code(), %error, "an agent's remains could not be removed");
        }
        outcome
    }

    /// Serves the agent until it has ended. One that says nothing more and does not end is stopped.
    async fn until_ended(&self, key: &AgentKey, line: Option<Line>) -> Result<ExitReport, BackendError> {
        let ended = self.backend.wait(key);
        let Some(line) = line else { return ended.await };
        let mut ended = std::pin::pin!(ended);
        let talk = line.serve();
        let mut talk = std::pin::pin!(talk);
        let verdict = tokio::select! {
            report = &mut ended => return report,
            verdict = &mut talk => verdict,
        };
        if let Ok(report) = timeout(SILENT, &mut ended).await {
            return report;
        }
        self.backend.stop(key, GRACE).await?;
        let report = ended.await?;
        let ended = match verdict {
            forward::Verdict::TooMuch => Ended::Output,
            forward::Verdict::Over => Ended::Silent,
        };
        Ok(ExitReport { ended, ..report })
    }

    async fn outcome(&self, key: &AgentKey, end: End, told: Option<Told>) -> Outcome {
        let stopped = |what: Result<(), BackendError>| {
            if let Err(error) = what {
                tracing::warn!(agent = %key, code = error.code(), %error, "an agent could not be stopped");
            }
        };
        match end {
            End::Itself(Ok(report)) => ended(key, &report, told),
            End::Itself(Err(error)) => Outcome::of(&error),
            End::Dropped => {
                stopped(self.backend.stop(key, GRACE).await);
                Outcome::Dropped
            }
            End::Runner if self.backend.capabilities().survives => Outcome::Left,
            End::Runner => {
                stopped(self.backend.stop(key, GRACE).await);
                let reason = "the runner ended".to_owned();
                if told.is_some_and(|told| told.get()) {
                    Outcome::Told
                } else {
                    Outcome::Returned { failure: Some(Failure::Unavailable), image: None, reason }
                }
            }
            End::Deadline => {
                stopped(self.backend.stop(key, GRACE).await);
                Outcome::Returned {
                    failure: Ended::Deadline.failure(),
                    image: None,
                    reason: Ended::Deadline.words(),
                }
            }
        }
    }
}

/// Longer than any task.
const FOREVER: Duration = Duration::from_hours(720);

/// What came first.
enum End {
    Itself(Result<ExitReport, BackendError>),
    Dropped,
    Runner,
    Deadline,
}

fn ended(key: &AgentKey, report: &ExitReport, told: Option<Told>) -> Outcome {
    tracing::debug!(agent = %key, stderr = report.stderr, "the end of what an agent wrote");
    // An agent that dials the bridge itself is believed; the lease of one that lies runs out.
    let told = told.map_or(report.ended == Ended::Code(0), |told| told.get());
    if told {
        return Outcome::Told;
    }
    let failure = report.ended.failure().unwrap_or(Failure::Agent);
    Outcome::Returned {
        failure: Some(failure),
        image: None,
        reason: format!("{}, without a result", report.ended.words()),
    }
}
