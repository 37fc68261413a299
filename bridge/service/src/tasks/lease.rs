//! Beginning: a task is accepted, leased to one worker at a time, renewed and reported on.

use std::time::Duration;

use helix_contract::{
    AgentName, Attempt, Class, Digest, TaskEventV1, TaskId, TaskSpecV1, Wire, WireError, canonical,
};
use jiff::Timestamp;

use super::row::{Origin, TaskRow, body_of, number};
use super::rules::{BACKOFF_MAX, Claim, Code, PACE_WINDOW, State, retry_after_s};
use super::sql::{Sql, Tx, locking, values};
use super::{TaskBook, TaskError, end, locked};

/// Events of one attempt that are kept; an agent that tells more is no longer listened to.
const EVENTS_MAX: u64 = 1000;
/// The longest name of a worker that is kept, characters.
const WORKER_LEN_MAX: usize = 128;

/// What became of a task that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable and waits.
    New,
    /// The same task was accepted before and stands so now.
    Known(State),
}

/// Which tasks a worker takes; all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of these agents; of all, if there are none.
    pub agents: Vec<AgentName>,
    /// This one.
    pub task: Option<TaskId>,
}

/// A task that a worker has for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// What is to be done.
    pub spec: TaskSpecV1,
    /// In whose name events and the result are told.
    pub attempt: Attempt,
    /// When somebody else gets it, unless it is renewed.
    pub until: Timestamp,
}

/// Whether a worker still has its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// It has, until then.
    Until(Timestamp),
    /// Somebody else has it, or it was never its own.
    Lost,
    /// The task has ended; the worker may stop.
    Ended(State),
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept.
    New,
    /// It was kept before.
    Known,
    /// It is none of the current attempt, or one too many.
    Ignored,
}

/// Interactive tasks first, then by age. A clock that went back makes nobody wait longer than the longest pause.
const NEXT: Sql = locking!(
    skip
    "SELECT * FROM task WHERE state IN ('queued', 'leased') AND deadline > $1 AND begun < attempts \
     AND ((state = 'queued' AND (ready_at <= $1 OR ready_at > $2)) OR (state = 'leased' AND lease_until <= $1)) \
     AND ($3 = '' OR $3 LIKE '%,' || agent || ',%') AND ($4 = '' OR id = $4) \
     ORDER BY priority, accepted_at, id LIMIT 1"
);

impl TaskBook {
    /// Takes a task in: from now on it is durable and will end. The same task twice is the same task once.
    ///
    /// # Errors
    /// [`TaskError::QueueFull`], [`TaskError::Conflict`], [`TaskError::TooLate`], and what keeps it from being written.
    pub async fn accept(
        &self,
        spec: &TaskSpecV1,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Accepted, TaskError> {
        let malformed = |source| WireError::Malformed { name: TaskSpecV1::NAME, source };
        let digest = Digest::of(&canonical(spec).map_err(malformed)?).to_string();
        let origin = serde_json::to_string(origin).map_err(malformed)?;
        let mut tx = self.database.begin().await?;
        let accepted = self.accept_in(&mut tx, spec, &digest, &origin, now).await;
        tx.end(accepted).await
    }

    async fn accept_in(
        &self,
        tx: &mut Tx,
        spec: &TaskSpecV1,
        digest: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<Accepted, TaskError> {
        tx.alone().await?;
        if let Some(known) = locked(tx, &spec.id).await? {
            return if known.digest == digest {
                Ok(Accepted::Known(known.standing()?.state))
            } else {
                Err(TaskError::Conflict { task: spec.id.clone() })
            };
        }
        if spec.limits.deadline <= now {
            return Err(TaskError::TooLate { task: spec.id.clone() });
        }
        self.has_room(tx, now.as_microsecond()).await?;
        write_new(tx, spec, digest, origin, now.as_microsecond()).await?;
        Ok(Accepted::New)
    }

    async fn has_room(&self, tx: &mut Tx, at: i64) -> Result<(), TaskError> {
        let sql = "SELECT count(*), min(deadline) FROM task WHERE state IN ('queued', 'leased')";
        let (active, first_deadline) = tx.one::<(i64, Option<i64>)>(sql, &[]).await?.unwrap_or_default();
        if active < i64::from(self.active_max) {
            return Ok(());
        }
        let sql = "SELECT count(*) FROM task WHERE ended_at > $1";
        let (ended,) = tx.one::<(i64,)>(sql, values![at - PACE_WINDOW]).await?.unwrap_or_default();
        let retry_after = Duration::from_secs(retry_after_s(ended, first_deadline, at).into());
        Err(TaskError::QueueFull { active: self.active_max, retry_after })
    }

    /// Gives the next task that fits to `worker` until `until`: interactive ones first, then the oldest. Each lease has a
    /// higher attempt than every one before it.
    ///
    /// # Errors
    /// What keeps it from being read or written.
    pub async fn lease(
        &self,
        worker: &str,
        filter: &Filter,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, TaskError> {
        let worker: String = worker.chars().filter(|c| !c.is_control()).take(WORKER_LEN_MAX).collect();
        let mut tx = self.database.begin().await?;
        let lease = lease_in(&mut tx, &worker, filter, now, until).await;
        tx.end(lease).await
    }

    /// Keeps a task for its worker until `until`; also one whose lease ran out, if nobody else has begun it, but none that
    /// it gave back.
    ///
    /// # Errors
    /// What keeps it from being read or written.
    pub async fn renew(
        &self,
        task: &TaskId,
        attempt: Attempt,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Renewed, TaskError> {
        let mut tx = self.database.begin().await?;
        let renewed = renew_in(&mut tx, task, attempt, now, until).await;
        tx.end(renewed).await
    }

    /// Keeps what is told while a task is worked on, each step once.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub async fn record(&self, event: &TaskEventV1) -> Result<Recorded, TaskError> {
        let body = body_of(event)?;
        if event.seq >= EVENTS_MAX {
            return Ok(Recorded::Ignored);
        }
        let mut tx = self.database.begin().await?;
        let recorded = record_in(&mut tx, event, &body).await;
        tx.end(recorded).await
    }
}

async fn write_new(
    tx: &mut Tx,
    spec: &TaskSpecV1,
    digest: &str,
    origin: &str,
    at: i64,
) -> Result<(), TaskError> {
    let body = body_of(spec)?;
    let sql = "INSERT INTO task (id, spec, digest, origin, agent, priority, state, begun, attempts, fence, \
               accepted_at, ready_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, 0, $8, $8, $9)";
    let values = values![
        spec.id.as_str(),
        body.as_str(),
        digest,
        origin,
        spec.agent.name.as_str(),
        priority(spec.class),
        i64::from(spec.limits.attempts),
        at,
        spec.limits.deadline.as_microsecond(),
    ];
    tx.run(sql, values).await?;
    Ok(())
}

async fn lease_in(
    tx: &mut Tx,
    worker: &str,
    filter: &Filter,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, TaskError> {
    let at = now.as_microsecond();
    let (agents, task) = (filter.agents(), filter.task.as_ref().map_or("", TaskId::as_str));
    let wanted = values![at, at.saturating_add(BACKOFF_MAX), agents.as_str(), task];
    while let Some(row) = tx.one::<TaskRow>(NEXT, wanted).await? {
        match row.spec().and_then(|spec| Ok((spec, row.standing()?))) {
            Ok((spec, standing)) => {
                let sql = "UPDATE task SET state = 'leased', fence = fence + 1, begun = begun + 1, worker = $2, \
                           leased_at = $3, lease_until = $4 WHERE id = $1";
                tx.run(sql, values![row.id.as_str(), worker, at, until.as_microsecond()]).await?;
                return Ok(Some(Lease { spec, attempt: Attempt(standing.fence + 1), until }));
            }
            // Left in the queue it would be found again and again, and nothing behind it.
            Err(error) => {
                tracing::warn!(%error, "a task has failed");
                end::write_end(tx, &row.id, State::Failed, Some(Code::Unreadable), at).await?;
            }
        }
    }
    Ok(None)
}

pub(super) async fn renew_in(
    tx: &mut Tx,
    task: &TaskId,
    attempt: Attempt,
    now: Timestamp,
    until: Timestamp,
) -> Result<Renewed, TaskError> {
    let Some(row) = locked(tx, task).await? else { return Ok(Renewed::Lost) };
    let standing = row.standing()?;
    match standing.claim(attempt.0) {
        Claim::Stale | Claim::Unknown => Ok(Renewed::Lost),
        Claim::Ended => Ok(Renewed::Ended(standing.state)),
        Claim::Current if row.worker.is_none() => Ok(Renewed::Lost),
        Claim::Current => {
            let sql = "UPDATE task SET state = 'leased', leased_at = $2, lease_until = $3 WHERE id = $1";
            tx.run(sql, values![task.as_str(), now.as_microsecond(), until.as_microsecond()]).await?;
            Ok(Renewed::Until(until))
        }
    }
}

async fn record_in(tx: &mut Tx, event: &TaskEventV1, body: &str) -> Result<Recorded, TaskError> {
    let Some(row) = locked(tx, &event.task).await? else { return Ok(Recorded::Ignored) };
    if row.standing()?.claim(event.attempt.0) != Claim::Current {
        return Ok(Recorded::Ignored);
    }
    let sql = "INSERT INTO task_event (task, fence, seq, body) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (task, fence, seq) DO NOTHING";
    let values = values![event.task.as_str(), number(event.attempt.0), number(event.seq), body];
    Ok(if tx.run(sql, values).await? == 1 { Recorded::New } else { Recorded::Known })
}

impl Filter {
    /// `,a,b,`: what SQL of both databases can look for a name in; names hold no comma and no wildcard.
    fn agents(&self) -> String {
        if self.agents.is_empty() {
            return String::new();
        }
        let names: Vec<_> = self.agents.iter().map(AgentName::as_str).collect();
        format!(",{},", names.join(","))
    }
}

fn priority(class: Class) -> i64 {
    match class {
        Class::Interactive => 0,
        Class::Background => 1,
    }
}
