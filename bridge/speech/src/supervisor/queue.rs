//! Requests that wait for the child: bounded, final ones first, each dropped as soon as nobody waits for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helix_core::transcribe::{DecodeRequest, Priority, RecognizeError, Transcript};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

/// One request, and whom to answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: DecodeRequest,
    pub(super) reply: oneshot::Sender<Result<Transcript, RecognizeError>>,
    /// Set when its child died: how long another child is waited for, on the clock.
    pub(super) retry_until: Option<Duration>,
}

impl Job {
    /// Answers; nobody may be there any more.
    pub(super) fn answer(self, result: Result<Transcript, RecognizeError>) {
        let _ = self.reply.send(result);
    }

    fn is_unwanted(&self) -> bool {
        self.reply.is_closed()
    }
}

#[derive(Debug, Default)]
struct Waiting {
    closed: bool,
    finals: VecDeque<Job>,
    speculative: VecDeque<Job>,
}

impl Waiting {
    fn class(&mut self, priority: Priority) -> &mut VecDeque<Job> {
        match priority {
            Priority::Final => &mut self.finals,
            Priority::Speculative => &mut self.speculative,
        }
    }

    fn drop_unwanted(&mut self) {
        self.finals.retain(|job| !job.is_unwanted());
        self.speculative.retain(|job| !job.is_unwanted());
    }
}

/// At most `capacity` waiting jobs; those put back after a preemption or a death come on top, one at most.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    waiting: Mutex<Waiting>,
    added: Notify,
    freed: Notify,
}

/// Tells the queue when a caller goes away.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Queue);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.freed.notify_one();
    }
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            waiting: Mutex::default(),
            added: Notify::new(),
            freed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the job or gives it back. A final job displaces the newest speculative one. A closed queue drops it.
    #[allow(clippy::result_large_err, reason = "the job goes back to its owner, who offers it again")]
    pub(super) fn offer(&self, job: Job) -> Result<(), Job> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Ok(());
        }
        waiting.drop_unwanted();
        if waiting.finals.len() + waiting.speculative.len() >= self.capacity {
            let displaced = match job.request.priority {
                Priority::Final => waiting.speculative.pop_back(),
                Priority::Speculative => None,
            };
            let Some(displaced) = displaced else { return Err(job) };
            displaced.answer(Err(RecognizeError::Busy));
        }
        waiting.class(job.request.priority).push_back(job);
        drop(waiting);
        self.added.notify_one();
        Ok(())
    }

    /// Puts a job that had begun in front of its class.
    pub(super) fn put_back(&self, job: Job) {
        self.lock().class(job.request.priority).push_front(job);
        self.added.notify_one();
    }

    /// Jobs that wait and that somebody waits for.
    pub(super) fn len(&self) -> usize {
        let mut waiting = self.lock();
        waiting.drop_unwanted();
        waiting.finals.len() + waiting.speculative.len()
    }

    /// Completes when a place may have become free; made before the offer, so that none is missed.
    pub(super) fn place(&self) -> Notified<'_> {
        self.freed.notified()
    }

    /// Held by a caller while it waits.
    pub(super) fn watch_place(&self) -> Place<'_> {
        Place(self)
    }

    /// The next job that somebody waits for. Cancel-safe.
    pub(super) async fn next(&self) -> Job {
        loop {
            let added = self.added.notified();
            if let Some(job) = self.take() {
                return job;
            }
            added.await;
        }
    }

    fn take(&self) -> Option<Job> {
        let mut waiting = self.lock();
        waiting.drop_unwanted();
        let job = waiting.finals.pop_front().or_else(|| waiting.speculative.pop_front());
        drop(waiting);
        if job.is_some() {
            self.freed.notify_one();
        }
        job
    }

    /// Completes once a final job waits. Cancel-safe.
    pub(super) async fn final_waits(&self) {
        loop {
            let added = self.added.notified();
            if self.lock().finals.iter().any(|job| !job.is_unwanted()) {
                return;
            }
            added.await;
        }
    }

    /// The earliest time at which a job gives its retry up.
    pub(super) fn retry_until(&self) -> Option<Duration> {
        self.lock().finals.iter().filter_map(|job| job.retry_until).min()
    }

    /// Answers the jobs whose retry comes too late.
    pub(super) fn give_up_retries(&self, now: Duration) {
        let mut waiting = self.lock();
        let (late, kept) =
            waiting.finals.drain(..).partition(|job| job.retry_until.is_some_and(|until| until <= now));
        waiting.finals = kept;
        drop(waiting);
        let late: VecDeque<Job> = late;
        for job in late {
            job.answer(Err(RecognizeError::Died));
        }
    }

    /// Drops every job, those to come as well: their callers learn that there is no engine any more.
    pub(super) fn close(&self) {
        let jobs = std::mem::replace(&mut *self.lock(), Waiting { closed: true, ..Waiting::default() });
        drop(jobs);
    }
}
