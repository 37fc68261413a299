//! What time does: deadlines that pass, leases that run out, answers that nobody was told of, ended tasks that are forgotten.

use helix_contract::TaskId;
use jiff::Timestamp;

use super::end::write_end;
use super::row::TaskRow;
use super::rules::{BACKOFF_MAX, CLOCK_SLACK, Code, State, Turn};
use super::sql::{Sql, Tx, locking, values};
use super::{TaskBook, TaskError};

/// Tasks that are looked at in one transaction.
const BATCH: usize = 100;

/// What a sweep changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The task.
    pub task: TaskId,
    /// What became of it.
    pub change: Change,
}

/// What time made of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Its worker went silent: it waits for another one.
    Requeued,
    /// Its worker went silent and it has no attempt left, or nobody can read it.
    Failed,
    /// Its deadline has passed.
    Expired,
    /// Nobody could be told of its end in time.
    Untold,
}

const OVERDUE: Sql = locking!(
    skip
    "SELECT * FROM task WHERE state IN ('queued', 'leased') AND (deadline <= $1 \
     OR (state = 'leased' AND (lease_until <= $1 OR leased_at > $2)) OR (state = 'queued' AND ready_at > $3)) ORDER BY accepted_at, id LIMIT 100"
);

impl TaskBook {
    /// Brings the book up to `now`; what has changed, and whom to tell so.
    ///
    /// # Errors
    /// What keeps it from being read or written; what was swept before stays swept.
    pub async fn sweep(&self, now: Timestamp) -> Result<Vec<Swept>, TaskError> {
        let mut swept = Vec::new();
        while self.sweep_some(now.as_microsecond(), &mut swept).await? == BATCH {}
        self.expire_news(now.as_microsecond(), &mut swept).await?;
        Ok(swept)
    }

    /// How many tasks were looked at.
    async fn sweep_some(&self, at: i64, swept: &mut Vec<Swept>) -> Result<usize, TaskError> {
        let mut tx = self.database.begin().await?;
        let values = values![at, at.saturating_add(CLOCK_SLACK), at.saturating_add(BACKOFF_MAX)];
        let rows: Vec<TaskRow> = tx.rows(OVERDUE, values).await?;
        let mut changes = Vec::new();
        for row in &rows {
            let change = turn(&mut tx, row, at).await?;
            let task = row.id.parse::<TaskId>().ok();
            changes.extend(task.zip(change).map(|(task, change)| Swept { task, change }));
        }
        tx.commit().await?;
        swept.extend(changes);
        Ok(rows.len())
    }

    async fn expire_news(&self, at: i64, swept: &mut Vec<Swept>) -> Result<(), TaskError> {
        let mut tx = self.database.begin().await?;
        let sql = "UPDATE delivery SET state = 'expired', changed_at = $1 \
                   WHERE state = 'pending' AND expires_at <= $1 RETURNING task";
        let rows: Vec<(String,)> = tx.rows(sql, values![at]).await?;
        tx.commit().await?;
        let told = rows.into_iter().filter_map(|(task,)| task.parse().ok());
        swept.extend(told.map(|task| Swept { task, change: Change::Untold }));
        Ok(())
    }

    /// Forgets what ended before `before`, with its events and its result, unless somebody is still to be told; how many
    /// tasks there were.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, TaskError> {
        let mut tx = self.database.begin().await?;
        let sql = "DELETE FROM task WHERE state NOT IN ('queued', 'leased') AND ended_at < $1 AND NOT EXISTS \
                   (SELECT 1 FROM delivery AS news WHERE news.task = task.id AND news.state IN ('pending', 'speaking'))";
        let gone = tx.run(sql, values![before.as_microsecond()]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Does to a task what time makes of it. One that is left as it is would be found for ever.
async fn turn(tx: &mut Tx, row: &TaskRow, at: i64) -> Result<Option<Change>, TaskError> {
    let id = row.id.as_str();
    let (state, turn) = match row.standing() {
        Ok(standing) => (standing.state, standing.due(at)),
        Err(error) => {
            tracing::warn!(%error, "a task has failed");
            (State::Leased, Some(Turn::End(State::Failed, Some(Code::Unreadable))))
        }
    };
    match turn {
        None => Ok(None),
        Some(Turn::Again(ready_at)) => {
            let sql = "UPDATE task SET state = 'queued', ready_at = $2, leased_at = NULL, lease_until = NULL \
                       WHERE id = $1";
            tx.run(sql, values![id, ready_at]).await?;
            Ok((state == State::Leased).then_some(Change::Requeued))
        }
        Some(Turn::Anchor(until)) => {
            let sql = "UPDATE task SET leased_at = $2, lease_until = $3 WHERE id = $1";
            tx.run(sql, values![id, at, until]).await?;
            Ok(None)
        }
        Some(Turn::End(state, code)) => {
            write_end(tx, id, state, code, at).await?;
            Ok(Some(if state == State::Expired { Change::Expired } else { Change::Failed }))
        }
    }
}
