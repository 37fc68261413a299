//! Coming back: an end that somebody is to be told of, spoken at most once. "speaking" is committed before anything is
//! spoken; what was cut off then is told as text.

use helix_contract::{TaskId, TaskResultV1, decode};
use jiff::Timestamp;

use super::row::{TaskRow, number, readable, unreadable};
use super::rules::CLOCK_SLACK;
use super::sql::{Value, values};
use super::{Task, TaskBook, TaskError};

/// How far somebody was told of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewsState {
    /// It waits to be told.
    Pending,
    /// It is being spoken, or was cut off in it.
    Speaking,
    /// It was spoken.
    Spoken,
    /// It was sent as text.
    Text,
    /// Nobody could be told in time.
    Expired,
}

impl NewsState {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(Self::Pending),
            "speaking" => Some(Self::Speaking),
            "spoken" => Some(Self::Spoken),
            "text" => Some(Self::Text),
            "expired" => Some(Self::Expired),
            _ => None,
        }
    }
}

/// How an end may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Aloud, or as text.
    Any,
    /// As text alone: it may have been heard already. The same notification twice is one notification.
    TextOnly,
}

/// An end that somebody is to be told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The task that has ended.
    pub task: Task,
    /// What came of it, if an agent told so.
    pub result: Option<TaskResultV1>,
    /// How.
    pub how: How,
}

#[derive(sqlx::FromRow)]
struct DueRow {
    #[sqlx(flatten)]
    task: TaskRow,
    body: Option<String>,
    news: String,
}

impl DueRow {
    fn due(self) -> Result<Due, TaskError> {
        let wrong = |reason: String| unreadable(&self.task.id, reason);
        let how = match NewsState::parse(&self.news) {
            Some(NewsState::Pending) => How::Any,
            Some(NewsState::Speaking) => How::TextOnly,
            Some(NewsState::Spoken | NewsState::Text | NewsState::Expired) | None => {
                return Err(wrong(format!("its delivery is {:?}", self.news)));
            }
        };
        let result = self.body.as_ref().map(|body| decode(body.as_bytes())).transpose();
        Ok(Due { result: result.map_err(|error| wrong(error.to_string()))?, task: self.task.task()?, how })
    }
}

impl TaskBook {
    /// The ends that are to be told of at `now`, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub async fn deliveries_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, TaskError> {
        let sql = "SELECT task.*, task_result.body AS body, delivery.state AS news FROM delivery \
                   JOIN task ON task.id = delivery.task LEFT JOIN task_result ON task_result.task = task.id \
                   WHERE (delivery.state = 'pending' AND (due_at <= $1 OR changed_at > $2) AND expires_at > $1) \
                   OR (delivery.state = 'speaking' AND held_until <= $1) ORDER BY due_at, task.id LIMIT $3 OFFSET $4";
        let at = now.as_microsecond();
        // What was noted in the future was noted before the clock went back.
        let slack = at.saturating_add(CLOCK_SLACK);
        let (mut due, mut seen) = (Vec::new(), 0);
        loop {
            let values = values![at, slack, number(limit), number(seen)];
            let rows: Vec<DueRow> = self.database.rows(sql, values).await?;
            let found = rows.len();
            // What cannot be read takes nobody's place.
            let wanted = limit.saturating_sub(due.len());
            due.extend(readable(rows.into_iter().map(DueRow::due)).into_iter().take(wanted));
            if found < limit || due.len() == limit {
                return Ok(due);
            }
            seen += limit;
        }
    }

    /// Notes that an end is about to be spoken, which may take until `until`; false if it is not to be spoken any more.
    ///
    /// # Errors
    /// What keeps it from being written; then nothing may be spoken.
    pub async fn begin_speaking(
        &self,
        task: &TaskId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, TaskError> {
        let sql = "UPDATE delivery SET state = 'speaking', held_until = $3, changed_at = $2 \
                   WHERE task = $1 AND state = 'pending' AND expires_at > $2";
        self.tell(sql, values![task.as_str(), now.as_microsecond(), until.as_microsecond()]).await
    }

    /// Notes that an end was spoken; false if it was not being spoken.
    ///
    /// # Errors
    /// What keeps it from being written; then it comes as text as well.
    pub async fn spoken(&self, task: &TaskId, now: Timestamp) -> Result<bool, TaskError> {
        let sql =
            "UPDATE delivery SET state = 'spoken', changed_at = $2 WHERE task = $1 AND state = 'speaking'";
        self.tell(sql, values![task.as_str(), now.as_microsecond()]).await
    }

    /// Notes that an end was sent as text; false if somebody was told otherwise.
    ///
    /// # Errors
    /// What keeps it from being written; then it comes once more, under the same name.
    pub async fn as_text(&self, task: &TaskId, now: Timestamp) -> Result<bool, TaskError> {
        let sql = "UPDATE delivery SET state = 'text', changed_at = $2 WHERE task = $1 AND state IN ('pending', 'speaking')";
        self.tell(sql, values![task.as_str(), now.as_microsecond()]).await
    }

    /// Holds an end back until `until`: somebody speaks, or nobody is there; false if it does not wait.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub async fn hold(&self, task: &TaskId, now: Timestamp, until: Timestamp) -> Result<bool, TaskError> {
        let sql = "UPDATE delivery SET due_at = $3, changed_at = $2 WHERE task = $1 AND state = 'pending'";
        self.tell(sql, values![task.as_str(), now.as_microsecond(), until.as_microsecond()]).await
    }

    /// After a restart nobody speaks any more: what was cut off comes as text; how many there were.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub async fn interrupt_speaking(&self, now: Timestamp) -> Result<u64, TaskError> {
        let sql = "UPDATE delivery SET held_until = $1 WHERE state = 'speaking'";
        let mut tx = self.database.begin().await?;
        let cut_off = tx.run(sql, values![now.as_microsecond()]).await?;
        tx.commit().await?;
        Ok(cut_off)
    }

    /// How far somebody was told of the end of a task; nothing while it goes on, and of a cancelled one.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn news(&self, task: &TaskId) -> Result<Option<NewsState>, TaskError> {
        let sql = "SELECT state FROM delivery WHERE task = $1";
        let rows: Vec<(String,)> = self.database.rows(sql, values![task.as_str()]).await?;
        Ok(rows.into_iter().next().and_then(|(state,)| NewsState::parse(&state)))
    }

    async fn tell(&self, sql: &'static str, values: &[Value<'_>]) -> Result<bool, TaskError> {
        let mut tx = self.database.begin().await?;
        let told = tx.run(sql, values).await?;
        tx.commit().await?;
        Ok(told == 1)
    }
}
