//! Looking: one task, its events and its result, lists and numbers.

use helix_contract::{TaskEventV1, TaskId, TaskResultV1, decode};
use jiff::Timestamp;

use super::row::{TaskRow, readable, unreadable};
use super::rules::State;
use super::sql::values;
use super::{Task, TaskBook, TaskError};

/// Which tasks a list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that wait or are worked on.
    UnderWay,
    /// Those that have ended.
    Ended,
    /// All.
    All,
}

impl Which {
    /// `,a,b,`: what SQL of both databases can look for a state in.
    fn states(self) -> &'static str {
        match self {
            Self::UnderWay => ",queued,leased,",
            Self::Ended => ",done,failed,cancelled,expired,",
            Self::All => ",queued,leased,done,failed,cancelled,expired,",
        }
    }
}

/// How many tasks there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that wait.
    pub queued: u64,
    /// Those that are worked on.
    pub leased: u64,
    /// Those with an answer.
    pub done: u64,
    /// Those without.
    pub failed: u64,
    /// Those that somebody took back.
    pub cancelled: u64,
    /// Those whose time was over.
    pub expired: u64,
    /// Ends that somebody is still to be told of.
    pub untold: u64,
}

impl TaskBook {
    /// One task.
    ///
    /// # Errors
    /// [`TaskError::Unreadable`], and what keeps it from being read.
    pub async fn get(&self, task: &TaskId) -> Result<Option<Task>, TaskError> {
        let sql = "SELECT * FROM task WHERE id = $1";
        let rows: Vec<TaskRow> = self.database.rows(sql, values![task.as_str()]).await?;
        rows.first().map(TaskRow::task).transpose()
    }

    /// The result that counts, if there is one.
    ///
    /// # Errors
    /// [`TaskError::Unreadable`], and what keeps it from being read.
    pub async fn result(&self, task: &TaskId) -> Result<Option<TaskResultV1>, TaskError> {
        let sql = "SELECT body FROM task_result WHERE task = $1";
        let rows: Vec<(String,)> = self.database.rows(sql, values![task.as_str()]).await?;
        let Some((body,)) = rows.first() else { return Ok(None) };
        let result = decode(body.as_bytes());
        result.map(Some).map_err(|error| unreadable(task.as_str(), error.to_string()))
    }

    /// What was told while it was worked on, in order, the newest `limit`.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn events(&self, task: &TaskId, limit: u32) -> Result<Vec<TaskEventV1>, TaskError> {
        let sql = "SELECT body FROM task_event WHERE task = $1 ORDER BY fence DESC, seq DESC LIMIT $2";
        let rows: Vec<(String,)> = self.database.rows(sql, values![task.as_str(), i64::from(limit)]).await?;
        let event = |(body,): &(String,)| {
            decode(body.as_bytes()).map_err(|error| unreadable(task.as_str(), error.to_string()))
        };
        Ok(readable(rows.iter().rev().map(event)))
    }

    /// The newest tasks first, at most `limit`.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub async fn list(&self, which: Which, limit: u32) -> Result<Vec<Task>, TaskError> {
        let sql = "SELECT * FROM task WHERE $1 LIKE '%,' || state || ',%' ORDER BY accepted_at DESC, id DESC LIMIT $2";
        let rows: Vec<TaskRow> = self.database.rows(sql, values![which.states(), i64::from(limit)]).await?;
        Ok(readable(rows.iter().map(TaskRow::task)))
    }

    /// Tasks that ended after `ended_at`, or then and have a later id than `after`, in this order, at most `limit`.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub async fn ended_since(
        &self,
        ended_at: Timestamp,
        after: Option<&TaskId>,
        limit: u32,
    ) -> Result<Vec<Task>, TaskError> {
        let sql = "SELECT * FROM task WHERE state NOT IN ('queued', 'leased') \
                   AND (ended_at > $1 OR (ended_at = $1 AND id > $2)) ORDER BY ended_at, id LIMIT $3";
        let after = after.map_or("", TaskId::as_str);
        let values = values![ended_at.as_microsecond(), after, i64::from(limit)];
        let rows: Vec<TaskRow> = self.database.rows(sql, values).await?;
        Ok(readable(rows.iter().map(TaskRow::task)))
    }

    /// How many tasks there are in each state.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub async fn counts(&self) -> Result<Counts, TaskError> {
        let sql = "SELECT state, count(*) FROM task GROUP BY state UNION ALL \
                   SELECT 'untold', count(*) FROM delivery WHERE state IN ('pending', 'speaking')";
        let rows: Vec<(String, i64)> = self.database.rows(sql, &[]).await?;
        let mut counts = Counts::default();
        for (word, number) in rows {
            let number = u64::try_from(number).unwrap_or_default();
            match State::parse(&word) {
                Some(State::Queued) => counts.queued = number,
                Some(State::Leased) => counts.leased = number,
                Some(State::Done) => counts.done = number,
                Some(State::Failed) => counts.failed = number,
                Some(State::Cancelled) => counts.cancelled = number,
                Some(State::Expired) => counts.expired = number,
                None if word == "untold" => counts.untold = number,
                None => {}
            }
        }
        Ok(counts)
    }
}
