//! The table of delayed commands: core's book in SQL, and rows for people.

use futures_util::future::BoxFuture;
use helix_core::delay::{Authorised, BookError, DelayBook, DelayedCommand, NewCommand, State};
use helix_core::home::Caller;
use helix_core::{DeviceId, EntityId, Language, Pii};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Store, StoreError, new_id};

/// What has ended is kept for so many days.
const ENDED_DAYS: i64 = 30;

/// One delayed command, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DelayedRow {
    /// A `UUIDv7`.
    pub id: String,
    /// When it was said, microseconds since 1970 UTC.
    pub said_at: i64,
    /// When it is to be done, microseconds since 1970 UTC.
    pub due: i64,
    /// The words without the time.
    pub sentence: String,
    /// The plain sentences that they mean, JSON.
    pub sentences: String,
    /// Their language.
    pub language: String,
    /// Home Assistant's device of the satellite.
    pub device: Option<String>,
    /// Home Assistant's satellite.
    pub satellite: Option<String>,
    /// What was authorised, JSON.
    pub actions: String,
    /// How far it has come.
    pub state: String,
    /// The stable code of its end.
    pub code: Option<String>,
    /// When it came there, microseconds since 1970 UTC.
    pub changed_at: i64,
}

/// How an authorised action is written down.
#[derive(Debug, Serialize, Deserialize)]
struct ActionRow {
    action: String,
    target: String,
    #[serde(default)]
    data: Map<String, Value>,
}

impl ActionRow {
    fn of(authorised: &Authorised) -> Self {
        let data = authorised.data.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Self { action: authorised.service.clone(), target: authorised.target.to_string(), data }
    }

    fn into_authorised(self) -> Authorised {
        Authorised {
            service: self.action,
            target: EntityId::from(self.target),
            data: self.data.into_iter().collect(),
        }
    }
}

impl DelayedRow {
    /// `None` if it was written by another hand.
    fn parse(self) -> Option<DelayedCommand> {
        let actions: Vec<ActionRow> = serde_json::from_str(&self.actions).ok()?;
        Some(DelayedCommand {
            id: self.id,
            due: Timestamp::from_microsecond(self.due).ok()?,
            sentence: Pii::new(self.sentence),
            sentences: serde_json::from_str(&self.sentences).ok()?,
            language: Language::parse(&self.language)?,
            caller: Caller {
                device: self.device.map(DeviceId::from),
                satellite: self.satellite.map(EntityId::from),
            },
            actions: actions.into_iter().map(ActionRow::into_authorised).collect(),
            state: State::parse(&self.state)?,
            code: self.code,
        })
    }
}

/// Delayed commands.
#[derive(Debug, Clone)]
pub struct DelayedTable {
    pub(super) store: Store,
}

impl DelayedTable {
    /// The commands that wait, the next one first; with `ended`, those that have ended in front of them.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn list(&self, ended: bool) -> Result<Vec<DelayedRow>, StoreError> {
        let sql = "SELECT * FROM delayed WHERE $1 OR state IN ('waiting', 'running') \
                   ORDER BY state IN ('waiting', 'running'), due, id";
        let rows = sqlx::query_as(sql).bind(ended).fetch_all(&self.store.reader).await;
        rows.map_err(|error| self.store.failed(&error))
    }

    /// Cancels a command that waits; false if none with this id does.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn cancel(&self, id: &str) -> Result<bool, StoreError> {
        self.step(id, &[State::Waiting], State::Cancelled, Some("cancelled")).await
    }

    /// Removes what ended long ago; how many.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn forget_ended(&self) -> Result<u64, StoreError> {
        let oldest = self.store.now() - ENDED_DAYS * 86_400_000_000;
        let sql = "DELETE FROM delayed WHERE state NOT IN ('waiting', 'running') AND changed_at < $1";
        let done = sqlx::query(sql).bind(oldest).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }

    async fn insert(&self, command: &NewCommand) -> Result<String, StoreError> {
        let (id, now) = (new_id(), self.store.now());
        let actions: Vec<_> = command.actions.iter().map(ActionRow::of).collect();
        sqlx::query(
            "INSERT INTO delayed (id, said_at, due, sentence, language, device, satellite, actions, sentences, state, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $2)",
        )
        .bind(&id)
        .bind(now)
        .bind(command.due.as_microsecond())
        .bind(command.sentence.expose())
        .bind(command.language.as_str())
        .bind(command.caller.device.as_ref().map(DeviceId::as_str))
        .bind(command.caller.satellite.as_ref().map(EntityId::as_str))
        .bind(serde_json::to_string(&actions).unwrap_or_default())
        .bind(serde_json::to_string(&command.sentences).unwrap_or_default())
        .execute(&self.store.writer)
        .await
        .map_err(|error| self.store.failed(&error))?;
        Ok(id)
    }

    /// Takes a command from one of `from` to `to`; false if it was in none of them.
    async fn step(
        &self,
        id: &str,
        from: &[State],
        to: State,
        code: Option<&str>,
    ) -> Result<bool, StoreError> {
        let sql =
            "UPDATE delayed SET state = $1, code = $2, changed_at = $3 WHERE id = $4 AND state IN ($5, $6)";
        let (first, last) = (from.first(), from.last());
        let done = sqlx::query(sql)
            .bind(to.as_str())
            .bind(code)
            .bind(self.store.now())
            .bind(id)
            .bind(first.map(|state| state.as_str()))
            .bind(last.map(|state| state.as_str()))
            .execute(&self.store.writer)
            .await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected() == 1)
    }

    async fn interrupt(&self) -> Result<u64, StoreError> {
        let sql = "UPDATE delayed SET state = 'interrupted', code = 'interrupted', changed_at = $1 WHERE state = 'running'";
        let done = sqlx::query(sql).bind(self.store.now()).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }
}

impl From<StoreError> for BookError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl DelayBook for DelayedTable {
    fn add<'a>(&'a self, command: &'a NewCommand) -> BoxFuture<'a, Result<String, BookError>> {
        Box::pin(async move { self.insert(command).await.map_err(Into::into) })
    }

    fn waiting(&self) -> BoxFuture<'_, Result<Vec<DelayedCommand>, BookError>> {
        Box::pin(async move {
            let rows = self.list(false).await?;
            let commands = rows.into_iter().filter_map(DelayedRow::parse);
            Ok(commands.filter(|command| command.state == State::Waiting).collect())
        })
    }

    fn begin<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        Box::pin(
            async move { self.step(id, &[State::Waiting], State::Running, None).await.map_err(Into::into) },
        )
    }

    fn end<'a>(&'a self, id: &'a str, end: State, code: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
        let from: &[State] = match end {
            // What runs has begun to act and cannot be cancelled any more.
            State::Cancelled => &[State::Waiting],
            State::Waiting
            | State::Running
            | State::Done
            | State::Failed
            | State::Missed
            | State::Interrupted => &[State::Waiting, State::Running],
        };
        Box::pin(async move { self.step(id, from, end, Some(code)).await.map_err(Into::into) })
    }

    fn interrupt_running(&self) -> BoxFuture<'_, Result<u64, BookError>> {
        Box::pin(async move { self.interrupt().await.map_err(Into::into) })
    }
}
