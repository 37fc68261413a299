//! Keeping: the tasks of a whole runner at once, and when time will change something next.

use std::collections::BTreeMap;

use helix_contract::api::TaskAttempt;
use jiff::Timestamp;

use super::lease::renew_in;
use super::row::number;
use super::rules::BACKOFF_MAX;
use super::sql::values;
use super::{Renewed, TaskBook, TaskError};

impl TaskBook {
    /// Keeps what a worker still has until `until`, where less than half of that is left; which of `kept` are not its own
    /// any more. Costs nothing on the disk while more is left.
    ///
    /// # Errors
    /// What keeps it from being read or written; nothing was lost by it.
    pub async fn keep(
        &self,
        kept: &[TaskAttempt],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<TaskAttempt>, TaskError> {
        let sql = "SELECT id, fence, lease_until FROM task WHERE state IN ('queued', 'leased') AND worker IS NOT NULL";
        let rows: Vec<(String, i64, Option<i64>)> = self.database.rows(sql, &[]).await?;
        let held: BTreeMap<_, _> =
            rows.iter().map(|(id, fence, until)| (id.as_str(), (*fence, *until))).collect();
        let half = i64::midpoint(now.as_microsecond(), until.as_microsecond());
        let (mut lost, mut weak) = (Vec::new(), Vec::new());
        for of in kept {
            match held.get(of.task.as_str()) {
                Some((fence, until)) if *fence == number(of.attempt.0) => {
                    if until.is_none_or(|until| until < half) {
                        weak.push(of);
                    }
                }
                Some(_) | None => lost.push(of.clone()),
            }
        }
        lost.extend(self.renew_all(&weak, now, until).await?);
        Ok(lost)
    }

    /// Those that cannot be renewed.
    async fn renew_all(
        &self,
        weak: &[&TaskAttempt],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<TaskAttempt>, TaskError> {
        if weak.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin().await?;
        let renewed = async {
            let mut lost = Vec::new();
            for of in weak {
                match renew_in(&mut tx, &of.task, of.attempt, now, until).await {
                    Ok(Renewed::Until(_)) => {}
                    Ok(Renewed::Lost | Renewed::Ended(_)) | Err(TaskError::Unreadable { .. }) => {
                        lost.push((*of).clone());
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(lost)
        }
        .await;
        tx.end(renewed).await
    }

    /// Lets every lease last until `until` at least. While the bridge or its database was away nobody could keep a task,
    /// which is no sign of death.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub async fn extend_leases(&self, now: Timestamp, until: Timestamp) -> Result<u64, TaskError> {
        let sql =
            "UPDATE task SET leased_at = $1, lease_until = $2 WHERE state = 'leased' AND lease_until < $2";
        let mut tx = self.database.begin().await?;
        let extended = tx.run(sql, values![now.as_microsecond(), until.as_microsecond()]).await;
        tx.end(extended).await
    }

    /// Whether a task may be leased at `now`.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn has_ready(&self, now: Timestamp) -> Result<bool, TaskError> {
        let sql = "SELECT count(*) FROM task WHERE state = 'queued' AND deadline > $1 AND (ready_at <= $1 OR ready_at > $2)";
        let at = now.as_microsecond();
        let rows: Vec<(i64,)> = self.database.rows(sql, values![at, at.saturating_add(BACKOFF_MAX)]).await?;
        Ok(rows.first().is_some_and(|(ready,)| *ready > 0))
    }

    /// When time will change something next: a pause, a lease or a deadline that ends; nothing while no task is under way.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, TaskError> {
        let sql = "SELECT min(CASE WHEN state = 'leased' AND lease_until < deadline THEN lease_until \
                   WHEN state = 'queued' AND ready_at > $1 AND ready_at < deadline THEN ready_at ELSE deadline END) \
                   FROM task WHERE state IN ('queued', 'leased')";
        let rows: Vec<(Option<i64>,)> = self.database.rows(sql, values![now.as_microsecond()]).await?;
        let due = rows.first().and_then(|(due,)| *due);
        Ok(due.and_then(|due| Timestamp::from_microsecond(due).ok()))
    }
}
