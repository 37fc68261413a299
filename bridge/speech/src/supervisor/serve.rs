//! The loop that owns the child: one decode at a time, and what to do when it dies, hangs or grows old.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use helix_core::clock::within;
use helix_core::transcribe::{Priority, RecognizeError, Transcript};
use helix_core::{Clock, Pii};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::child::Child;
use super::queue::{Job, Queue};
use super::start::{self, StartError};
use super::{Config, Counts, Failure, Status, Whisper, count};
use crate::protocol::{
    Cancel, DecodeId, Decoded, Failed, FailureCode, Message, Order, Report, encode_decode,
};

/// A cancelled decode ends within one node of the model's graph; beyond this the child hangs.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest pause between two starts.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Owns the child process.
#[derive(Debug)]
pub struct Supervisor<C> {
    config: Config,
    clock: C,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    status: watch::Sender<Status>,
    /// Deaths and failed starts since a decode last succeeded.
    failures: u32,
    next_id: u64,
}

/// Why a child is no longer served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Shutdown,
    Died,
    Recycle,
}

/// Why a running decode was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Unwanted,
    Preempted,
}

/// What happens while a decode runs.
enum Event {
    Report(Option<Report>),
    Stop(Stop),
    Hung,
    Shutdown,
}

impl<C: Clock> Supervisor<C> {
    /// The owner of the child, and the recogniser that asks it. Nothing starts before [`Supervisor::run`].
    pub fn new(config: Config, clock: C) -> (Self, Whisper<C>) {
        let queue = Arc::new(Queue::new(config.queue.capacity));
        let counts = Arc::new(Counts::default());
        let (sender, status) = watch::channel(Status::Loading);
        let whisper = Whisper {
            clock: clock.clone(),
            queue: Arc::clone(&queue),
            counts: Arc::clone(&counts),
            status,
            failfast_timeout: config.queue.failfast_timeout,
            // Behind one decode that hangs, a retry and its own.
            answer_timeout: config.decode_timeout * 2 + config.retry_within,
        };
        (Self { config, clock, queue, counts, status: sender, failures: 0, next_id: 1 }, whisper)
    }

    /// Keeps a child running until `cancel`; returns when it is gone.
    pub async fn run(mut self, cancel: CancellationToken) {
        while let Some(child) = self.started(&cancel).await {
            match self.serve(child, &cancel).await {
                End::Shutdown => break,
                End::Recycle => tracing::debug!("the speech engine is replaced after many decodes"),
                End::Died => self.failures += 1,
            }
            self.status.send_replace(Status::Loading);
        }
    }

    /// A child that is ready; `None` on shutdown.
    async fn started(&mut self, cancel: &CancellationToken) -> Option<Child> {
        loop {
            let (queue, clock) = (Arc::clone(&self.queue), self.clock.clone());
            tokio::select! {
                biased;
                () = cancel.cancelled() => return None,
                child = self.start() => if let Some(child) = child { return Some(child) },
                never = give_up_retries(&queue, &clock) => match never {},
            }
        }
    }

    /// One attempt after its pause. Dropped in between, it kills what it started.
    async fn start(&mut self) -> Option<Child> {
        let pause = pause(self.failures);
        if !pause.is_zero() {
            self.clock.sleep(pause).await;
        }
        match start::start(&self.config, &self.clock).await {
            Ok((child, ready)) => {
                let (model, build) = (&ready.model, &ready.build);
                tracing::info!(%model, %build, pid = child.pid(), took_ms = ready.warm_up_ms, "speech engine ready");
                self.status.send_replace(Status::Ready(ready));
                Some(child)
            }
            Err(error) => {
                self.failures += 1;
                self.start_failed(&error);
                None
            }
        }
    }

    fn start_failed(&self, error: &StartError) {
        let Failure { why, what_to_do } = error.failure();
        // A child that was killed while it loaded gets a second chance before anybody is told.
        let silent = matches!(error, StartError::Ended(_)) && self.failures < 2;
        if silent {
            return;
        }
        let failed = Status::Failed(error.failure().clone());
        if *self.status.borrow() != failed {
            tracing::error!(code = "stt-engine-unavailable", "{why} {what_to_do}");
        }
        self.status.send_replace(failed);
    }

    /// Feeds a child until it ends or has to.
    async fn serve(&mut self, mut child: Child, cancel: &CancellationToken) -> End {
        let mut decodes = 0;
        let end = loop {
            let old = decodes >= self.config.recycle_after;
            let job = tokio::select! {
                biased;
                () = cancel.cancelled() => break End::Shutdown,
                report = child.next_report() => match report {
                    Some(_late) => continue,
                    None => break End::Died,
                },
                job = self.queue.next() => job,
                () = self.clock.sleep(self.config.idle_before_recycling), if old => break End::Recycle,
            };
            decodes += 1;
            if let Some(end) = self.decode(&mut child, job, cancel).await {
                break end;
            }
        };
        match end {
            End::Died => {
                self.status.send_replace(Status::Loading);
                count(&self.counts.deaths);
                let how = child.obituary(&self.clock).await.text();
                tracing::warn!(%how, "the speech engine ended and is started again");
            }
            End::Shutdown | End::Recycle => child.stop(&self.clock).await,
        }
        end
    }

    /// One decode. An end means that the child cannot be used any more.
    async fn decode(&mut self, child: &mut Child, job: Job, cancel: &CancellationToken) -> Option<End> {
        let id = DecodeId(self.next_id);
        self.next_id += 1;
        let language = whisper_language(&job.request.language.primary());
        let message = encode_decode(id, &language, self.config.full_window, &job.request.samples);
        let mut limit = self.clock.now() + self.config.decode_timeout;
        let sent = within(&self.clock, self.config.decode_timeout, child.send(&message)).await;
        if sent.is_none() {
            return Some(self.hung(child, job).await);
        }
        count(&self.counts.begun);
        let mut job = job;
        let mut stopped = None;
        loop {
            match self.event(child, &mut job, stopped, limit, cancel).await {
                Event::Report(Some(report)) => {
                    if let Some(answer) = answer_to(id, report) {
                        self.finish(job, answer, stopped);
                        return None;
                    }
                }
                Event::Report(None) => return Some(self.died(job, stopped)),
                Event::Stop(stop) => {
                    stopped = Some(stop);
                    limit = self.clock.now() + CANCEL_TIMEOUT;
                    // If the child is gone, its reports end, too.
                    let _ = child.send(&Order::Cancel(Cancel { id }).encode()).await;
                }
                Event::Hung => return Some(self.hung(child, job).await),
                Event::Shutdown => return Some(End::Shutdown),
            }
        }
    }

    async fn event(
        &self,
        child: &mut Child,
        job: &mut Job,
        stopped: Option<Stop>,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Event {
        let running = stopped.is_none();
        let speculative = job.request.priority == Priority::Speculative;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Event::Shutdown,
            report = child.next_report() => Event::Report(report),
            () = job.reply.closed(), if running => Event::Stop(Stop::Unwanted),
            () = self.queue.final_waits(), if running && speculative => Event::Stop(Stop::Preempted),
            () = self.clock.sleep(limit.saturating_sub(self.clock.now())) => Event::Hung,
        }
    }

    fn finish(&mut self, job: Job, answer: Result<Decoded, Failed>, stopped: Option<Stop>) {
        match answer {
            Ok(decoded) => {
                self.failures = 0;
                job.answer(Ok(Transcript { text: Pii::new(decoded.text), decode_ms: decoded.decode_ms }));
            }
            Err(Failed { code: FailureCode::Cancelled, .. }) => {
                self.failures = 0;
                match stopped {
                    Some(Stop::Preempted) => {
                        count(&self.counts.preempted);
                        self.queue.put_back(job);
                    }
                    Some(Stop::Unwanted) => count(&self.counts.unwanted),
                    None => {}
                }
            }
            Err(failed) => {
                let text = format!("{} {}", failed.text, failed.remedy);
                job.answer(Err(RecognizeError::Unavailable(text.trim_end().to_owned())));
            }
        }
    }

    /// The child is gone. A final decode is kept for the next one, once.
    fn died(&self, mut job: Job, stopped: Option<Stop>) -> End {
        let again = job.request.priority == Priority::Final && job.retry_until.is_none() && stopped.is_none();
        if again {
            job.retry_until = Some(self.clock.now() + self.config.retry_within);
            self.queue.put_back(job);
        } else if stopped == Some(Stop::Preempted) {
            self.queue.put_back(job);
        } else {
            job.answer(Err(RecognizeError::Died));
        }
        End::Died
    }

    async fn hung(&self, child: &mut Child, job: Job) -> End {
        count(&self.counts.hangs);
        tracing::warn!(pid = child.pid(), "the speech engine does not answer and is killed");
        child.kill().await;
        job.answer(Err(RecognizeError::Timeout));
        End::Died
    }
}

impl<C> Drop for Supervisor<C> {
    /// However it ends, whoever waits hears of it.
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The answer to this decode, if the report is one; an earlier decode's is not.
fn answer_to(id: DecodeId, report: Report) -> Option<Result<Decoded, Failed>> {
    match report {
        Report::Decoded(decoded) => (decoded.id == id).then_some(Ok(decoded)),
        Report::Failed(failed) => (failed.id == Some(id)).then_some(Err(failed)),
        Report::Ready(_) => None,
    }
}

/// Answers each retry that comes too late, for as long as it is polled.
async fn give_up_retries(queue: &Queue, clock: &impl Clock) -> Infallible {
    while let Some(until) = queue.retry_until() {
        clock.sleep(until.saturating_sub(clock.now())).await;
        queue.give_up_retries(until);
    }
    std::future::pending().await
}

/// None before the first start and the first restart, then a quarter of a second, doubled each time.
fn pause(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        more => (Duration::from_millis(250) * 2_u32.saturating_pow((more - 2).min(10))).min(BACKOFF_MAX),
    }
}

/// Whisper's name of a language where it differs from today's.
fn whisper_language(primary: &str) -> String {
    match primary {
        "nb" => "no",
        "fil" => "tl",
        "jv" => "jw",
        same => same,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_immediate_and_no_pause_is_longer_than_half_a_minute() {
        assert_eq!(pause(1), Duration::ZERO);
        assert_eq!(pause(2), Duration::from_millis(250));
        assert_eq!(pause(3), Duration::from_millis(500));
        assert_eq!(pause(u32::MAX), BACKOFF_MAX);
    }
}
