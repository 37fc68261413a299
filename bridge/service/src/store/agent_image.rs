//! The tables of agents' forms and images: what is known of them, what their acceptance said, up to where is counted.

use helix_contract::{Digest, TaskId};
use helix_image::{Form, Forms, Image, Standing};
use jiff::Timestamp;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::{Store, StoreError};

/// Forms of agents and their images.
#[derive(Debug, Clone)]
pub struct AgentImageTable {
    pub(super) store: Store,
}

/// The end of a task up to which all are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// When it ended.
    pub ended_at: Timestamp,
    /// The task.
    pub task: Option<TaskId>,
}

#[derive(Debug, sqlx::FromRow)]
struct FormRow {
    agent: String,
    definition: String,
    base: String,
    image: Option<String>,
    name: Option<String>,
    standing: String,
    barred: bool,
    pinned: bool,
    created: i64,
    last_used: i64,
    successes: u32,
    failures: u32,
    failed_in_row: u32,
}

impl FormRow {
    /// `None` if it was written by another hand.
    fn parse(self) -> Option<Form> {
        let image = match (self.image, self.name) {
            (Some(digest), Some(name)) => Some(Image { digest: digest.parse().ok()?, name }),
            (None, _) | (_, None) => None,
        };
        Some(Form {
            agent: self.agent.parse().ok()?,
            definition: self.definition.parse().ok()?,
            base: if self.base.is_empty() { None } else { Some(self.base.parse().ok()?) },
            image,
            standing: Standing::parse(&self.standing)?,
            barred: self.barred,
            pinned: self.pinned,
            created: Timestamp::from_microsecond(self.created).ok()?,
            last_used: Timestamp::from_microsecond(self.last_used).ok()?,
            successes: self.successes,
            failures: self.failures,
            failed_in_row: self.failed_in_row,
        })
    }
}

impl AgentImageTable {
    /// All forms.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn all(&self) -> Result<Forms, StoreError> {
        let rows: Vec<FormRow> =
            sqlx::query_as("SELECT * FROM agent_image ORDER BY created, agent, definition")
                .fetch_all(&self.store.reader)
                .await
                .map_err(|error| self.store.failed(&error))?;
        Ok(rows.into_iter().filter_map(FormRow::parse).collect::<Vec<_>>().into())
    }

    /// Writes what differs from `before`, and up to which end tasks are counted; both or neither.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn keep(
        &self,
        before: &Forms,
        now: &Forms,
        counted: Option<&Counted>,
    ) -> Result<(), StoreError> {
        let changed: Vec<_> = now.all().iter().filter(|form| !before.all().contains(form)).collect();
        if changed.is_empty() && counted.is_none() {
            return Ok(());
        }
        let written = async {
            let mut tx = self.store.writer.begin().await?;
            // An agent has one current form at any time, also while they change places.
            for form in changed.iter().filter(|form| form.standing != Standing::Current) {
                put(form).execute(&mut *tx).await?;
            }
            for form in changed.iter().filter(|form| form.standing == Standing::Current) {
                put(form).execute(&mut *tx).await?;
            }
            if let Some(Counted { ended_at, task }) = counted {
                let sql = "INSERT INTO agent_counted (one, ended_at, task) VALUES (1, $1, $2) \
                           ON CONFLICT (one) DO UPDATE SET ended_at = $1, task = $2";
                let task = task.as_ref().map_or("", TaskId::as_str).to_owned();
                sqlx::query(sql).bind(ended_at.as_microsecond()).bind(task).execute(&mut *tx).await?;
            }
            tx.commit().await
        };
        written.await.map_err(|error: sqlx::Error| self.store.failed(&error))
    }

    /// Up to which end tasks are counted; `None` if none is.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn counted(&self) -> Result<Option<Counted>, StoreError> {
        let row: Option<(i64, String)> = sqlx::query_as("SELECT ended_at, task FROM agent_counted")
            .fetch_optional(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(row.and_then(|(ended_at, task)| {
            let ended_at = Timestamp::from_microsecond(ended_at).ok()?;
            Some(Counted { ended_at, task: task.parse().ok() })
        }))
    }

    /// What the acceptance of a definition by a program said; `None` if it was not tried.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn verdict(&self, definition: &Digest, program: &Digest) -> Result<Option<bool>, StoreError> {
        let sql = "SELECT fit FROM agent_verdict WHERE definition = $1 AND program = $2";
        let row: Option<(bool,)> = sqlx::query_as(sql)
            .bind(definition.to_string())
            .bind(program.to_string())
            .fetch_optional(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(row.map(|(fit,)| fit))
    }

    /// Keeps what an acceptance said.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn judge(&self, definition: &Digest, program: &Digest, fit: bool) -> Result<(), StoreError> {
        let sql = "INSERT INTO agent_verdict (definition, program, fit, at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (definition, program) DO UPDATE SET fit = $3, at = $4";
        let done = sqlx::query(sql)
            .bind(definition.to_string())
            .bind(program.to_string())
            .bind(fit)
            .bind(self.store.now())
            .execute(&self.store.writer)
            .await;
        done.map(drop).map_err(|error| self.store.failed(&error))
    }
}

fn put(form: &Form) -> Query<'static, Sqlite, SqliteArguments> {
    let sql = "INSERT INTO agent_image (agent, definition, base, image, name, standing, barred, pinned, created, \
               last_used, successes, failures, failed_in_row) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
               ON CONFLICT (agent, definition, base) DO UPDATE SET image = $4, name = $5, standing = $6, barred = $7, \
               pinned = $8, last_used = $10, successes = $11, failures = $12, failed_in_row = $13";
    let image = form.image.as_ref();
    sqlx::query(sql)
        .bind(form.agent.to_string())
        .bind(form.definition.to_string())
        .bind(form.base.map(|base| base.to_string()).unwrap_or_default())
        .bind(image.map(|image| image.digest.to_string()))
        .bind(image.map(|image| image.name.clone()))
        .bind(form.standing.as_str())
        .bind(form.barred)
        .bind(form.pinned)
        .bind(form.created.as_microsecond())
        .bind(form.last_used.as_microsecond())
        .bind(form.successes)
        .bind(form.failures)
        .bind(form.failed_in_row)
}
