//! Ending: a result is counted once, a worker gives up, a person takes it back.

use helix_contract::{Attempt, Failure, TaskId, TaskResultV1};
use jiff::Timestamp;

use super::row::{body_of, number};
use super::rules::{Claim, Code, Standing, State, TOLD_WITHIN, Turn};
use super::sql::{Tx, values};
use super::{TaskBook, TaskError, locked};

/// What became of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It is the one that counts; the task has ended.
    Counted,
    /// It has been counted before.
    Duplicate,
    /// It failed in a way that may pass: the task waits for another attempt, until then at least.
    Again(Timestamp),
    /// Somebody has begun the task anew since.
    Stale,
    /// The task has ended in another way.
    Ended(State),
    /// There is no such task, or no such attempt.
    Unknown,
}

/// Why a worker gives a task back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// It has not begun: that counts as no attempt.
    Untouched,
    /// It failed.
    Failed(Failure),
}

/// What became of a task that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// It waits for another worker, until then at least.
    Queued(Timestamp),
    /// It has failed.
    Failed,
    /// Somebody else has it.
    Stale,
    /// It has ended already.
    Ended(State),
    /// There is no such task, or no such attempt.
    Unknown,
}

/// What became of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The task has ended by it; whoever had it is told when it renews.
    Now,
    /// It has ended already.
    Ended(State),
    /// There is no such task.
    Unknown,
}

impl TaskBook {
    /// Takes a result in. The first one of the highest attempt ends the task, and who asked is to be told.
    ///
    /// # Errors
    /// What keeps it from being written; then it has not counted, or counts as a duplicate the next time.
    pub async fn finish(&self, result: &TaskResultV1, now: Timestamp) -> Result<Finished, TaskError> {
        let body = body_of(result)?;
        let mut tx = self.database.begin().await?;
        let finished = finish_in(&mut tx, result, &body, now).await;
        tx.end(finished).await
    }

    /// Takes a task back from its worker: it waits for another one while attempts are left and that may help.
    ///
    /// # Errors
    /// What keeps it from being read or written.
    pub async fn give_back(
        &self,
        task: &TaskId,
        attempt: Attempt,
        why: Returned,
        now: Timestamp,
    ) -> Result<GivenBack, TaskError> {
        let mut tx = self.database.begin().await?;
        let given_back = give_back_in(&mut tx, task, attempt, why, now).await;
        tx.end(given_back).await
    }

    /// Ends a task because somebody said so. Nobody is told of it later.
    ///
    /// # Errors
    /// What keeps it from being read or written.
    pub async fn cancel(&self, task: &TaskId, now: Timestamp) -> Result<Cancelled, TaskError> {
        let mut tx = self.database.begin().await?;
        let cancelled = cancel_in(&mut tx, task, now.as_microsecond()).await;
        tx.end(cancelled).await
    }
}

async fn finish_in(
    tx: &mut Tx,
    result: &TaskResultV1,
    body: &str,
    now: Timestamp,
) -> Result<Finished, TaskError> {
    let (at, id) = (now.as_microsecond(), result.task.as_str());
    let Some(row) = locked(tx, &result.task).await? else { return Ok(Finished::Unknown) };
    let standing = row.standing()?;
    match standing.claim(result.attempt.0) {
        Claim::Unknown => Ok(Finished::Unknown),
        Claim::Stale => Ok(Finished::Stale),
        Claim::Ended => {
            let sql = "SELECT fence FROM task_result WHERE task = $1";
            let counted = tx.one::<(i64,)>(sql, values![id]).await?.is_some();
            Ok(if counted { Finished::Duplicate } else { Finished::Ended(standing.state) })
        }
        Claim::Current => match standing.after(&result.outcome, at) {
            Turn::Again(ready_at) | Turn::Anchor(ready_at) => {
                let ready_at = put_back(tx, id, &standing, ready_at, 0).await?;
                Ok(Finished::Again(time(ready_at, now)))
            }
            Turn::End(state, code) => {
                let sql = "INSERT INTO task_result (task, fence, body) VALUES ($1, $2, $3)";
                tx.run(sql, values![id, number(result.attempt.0), body]).await?;
                write_end(tx, id, state, code, at).await?;
                Ok(Finished::Counted)
            }
        },
    }
}

async fn give_back_in(
    tx: &mut Tx,
    task: &TaskId,
    attempt: Attempt,
    why: Returned,
    now: Timestamp,
) -> Result<GivenBack, TaskError> {
    let (at, id) = (now.as_microsecond(), task.as_str());
    let Some(row) = locked(tx, task).await? else { return Ok(GivenBack::Unknown) };
    let standing = row.standing()?;
    match standing.claim(attempt.0) {
        Claim::Unknown => return Ok(GivenBack::Unknown),
        Claim::Stale => return Ok(GivenBack::Stale),
        Claim::Ended => return Ok(GivenBack::Ended(standing.state)),
        Claim::Current => {}
    }
    let (turn, uncounted) = match why {
        Returned::Untouched => (Turn::Again(at), 1),
        Returned::Failed(failure) => (standing.after_failure(failure, at), 0),
    };
    match turn {
        Turn::Again(ready_at) | Turn::Anchor(ready_at) => {
            let ready_at = put_back(tx, id, &standing, ready_at, uncounted).await?;
            Ok(GivenBack::Queued(time(ready_at, now)))
        }
        Turn::End(state, code) => {
            write_end(tx, id, state, code, at).await?;
            Ok(GivenBack::Failed)
        }
    }
}

async fn cancel_in(tx: &mut Tx, task: &TaskId, at: i64) -> Result<Cancelled, TaskError> {
    let Some(row) = locked(tx, task).await? else { return Ok(Cancelled::Unknown) };
    let state = row.standing()?.state;
    if state.has_ended() {
        return Ok(Cancelled::Ended(state));
    }
    write_end(tx, task.as_str(), State::Cancelled, Some(Code::Cancelled), at).await?;
    Ok(Cancelled::Now)
}

/// A worker puts its task back into the queue; from when on it may be begun. One that waits already is not touched again:
/// the worker says it twice, or was late.
async fn put_back(
    tx: &mut Tx,
    task: &str,
    standing: &Standing,
    ready_at: i64,
    uncounted: i64,
) -> Result<i64, TaskError> {
    if standing.state == State::Queued {
        return Ok(standing.ready_at);
    }
    let sql = "UPDATE task SET state = 'queued', ready_at = $2, begun = begun - $3, worker = NULL, leased_at = NULL, \
               lease_until = NULL WHERE id = $1";
    tx.run(sql, values![task, ready_at, uncounted]).await?;
    Ok(ready_at)
}

/// Ends a task, and notes who is to be told: nobody of what somebody has cancelled.
pub(super) async fn write_end(
    tx: &mut Tx,
    task: &str,
    state: State,
    code: Option<Code>,
    at: i64,
) -> Result<(), TaskError> {
    let sql = "UPDATE task SET state = $2, code = $3, ended_at = $4, leased_at = NULL, lease_until = NULL WHERE id = $1";
    tx.run(sql, values![task, state.as_str(), code.map(Code::as_str), at]).await?;
    if state == State::Cancelled {
        return Ok(());
    }
    let sql = "INSERT INTO delivery (task, state, due_at, expires_at, changed_at) VALUES ($1, 'pending', $2, $3, $2) \
               ON CONFLICT (task) DO NOTHING";
    tx.run(sql, values![task, at, at.saturating_add(TOLD_WITHIN)]).await?;
    Ok(())
}

fn time(micros: i64, otherwise: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(otherwise)
}
