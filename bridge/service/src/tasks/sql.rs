//! One way to run SQL on either database: a statement and values in, rows or a typed error out.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Sqlite, Transaction};

use super::error::{PostgresError, TaskError};
use super::postgres::Postgres;
use crate::store::Store;

/// How long a statement may take on the way to another machine and back.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Where tasks are kept.
#[derive(Debug, Clone)]
pub(super) enum Database {
    Sqlite(Store),
    Postgres(Postgres),
}

/// A statement; the dialects differ in the locking of rows.
#[derive(Clone, Copy)]
pub(super) struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

impl Sql {
    pub(super) const fn of(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

/// A query whose rows nobody else gets until the transaction ends. SQLite has one writer at a time anyway.
macro_rules! locking {
    ($sql:literal) => {
        $crate::tasks::sql::Sql::of($sql, concat!($sql, " FOR UPDATE"))
    };
    (skip $sql:literal) => {
        $crate::tasks::sql::Sql::of($sql, concat!($sql, " FOR UPDATE SKIP LOCKED"))
    };
}
pub(super) use locking;

/// A value of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Number(Option<i64>),
    Text(Option<&'a str>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::tasks::sql::Value::from($value)),*] };
}
pub(super) use values;

/// A row of either database.
pub(super) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// The same loop over two types that have no trait in common.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(*text),
            };
        }
        query
    }};
}

/// A transaction; what is not committed did not happen.
pub(super) enum Tx {
    Sqlite(Store, Transaction<'static, Sqlite>),
    Postgres(Postgres, Transaction<'static, sqlx::Postgres>),
}

impl Database {
    pub(super) async fn begin(&self) -> Result<Tx, TaskError> {
        match self {
            Self::Sqlite(store) => {
                let begun = store.writer.begin_with("BEGIN IMMEDIATE").await;
                Ok(Tx::Sqlite(store.clone(), begun.map_err(|error| store.failed(&error))?))
            }
            Self::Postgres(server) => {
                let begun = answered(server, server.pool().await?.begin()).await?;
                Ok(Tx::Postgres(server.clone(), begun))
            }
        }
    }

    /// Rows as they are now.
    pub(super) async fn rows<T: Record>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, TaskError> {
        match self {
            Self::Sqlite(store) => {
                let rows = bound!(sqlx::query_as(sql), values).fetch_all(&store.reader).await;
                Ok(rows.map_err(|error| store.failed(&error))?)
            }
            Self::Postgres(server) => {
                let pool = server.pool().await?;
                answered(server, bound!(sqlx::query_as(sql), values).fetch_all(pool)).await
            }
        }
    }
}

impl Tx {
    /// How many rows the statement concerned.
    pub(super) async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, TaskError> {
        match self {
            Self::Sqlite(store, tx) => {
                let done = bound!(sqlx::query(sql), values).execute(&mut **tx).await;
                Ok(done.map_err(|error| store.failed(&error))?.rows_affected())
            }
            Self::Postgres(server, tx) => {
                let done = answered(server, bound!(sqlx::query(sql), values).execute(&mut **tx)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    pub(super) async fn rows<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, TaskError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(store, tx) => {
                let rows = bound!(sqlx::query_as(sql.sqlite), values).fetch_all(&mut **tx).await;
                Ok(rows.map_err(|error| store.failed(&error))?)
            }
            Self::Postgres(server, tx) => {
                answered(server, bound!(sqlx::query_as(sql.postgres), values).fetch_all(&mut **tx)).await
            }
        }
    }

    pub(super) async fn one<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Option<T>, TaskError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Until the end of this transaction nobody else gets past here. SQLite has one writer at a time anyway.
    pub(super) async fn alone(&mut self) -> Result<(), TaskError> {
        if let Self::Postgres(server, tx) = self {
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(ACCEPT_LOCK).execute(&mut **tx);
            answered(server, lock).await?;
        }
        Ok(())
    }

    /// Commits what was done, or takes it back if it failed. A transaction that is dropped instead keeps its rows locked
    /// for a while, and others pass them over.
    pub(super) async fn end<T>(self, done: Result<T, TaskError>) -> Result<T, TaskError> {
        match done {
            Ok(done) => self.commit().await.map(|()| done),
            Err(error) => {
                // A connection that cannot do even that is closed, and its server takes it back.
                let _ = match self {
                    Self::Sqlite(store, tx) => {
                        tx.rollback().await.map_err(|error| store.failed(&error).into())
                    }
                    Self::Postgres(server, tx) => answered(&server, tx.rollback()).await,
                };
                Err(error)
            }
        }
    }

    pub(super) async fn commit(self) -> Result<(), TaskError> {
        match self {
            Self::Sqlite(store, tx) => Ok(tx.commit().await.map_err(|error| store.failed(&error))?),
            Self::Postgres(server, tx) => answered(&server, tx.commit()).await,
        }
    }
}

/// Any number that no other lock of this database has ("helixtsk").
const ACCEPT_LOCK: i64 = 0x6865_6c69_7874_736b;

/// A server that went silent is one that does not answer.
async fn answered<T>(
    server: &Postgres,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, TaskError> {
    let silent = |_| {
        let reason = format!("no answer for {} s", ANSWER_LIMIT.as_secs());
        PostgresError::Unreachable { place: server.place.to_string(), reason }
    };
    let answer = tokio::time::timeout(ANSWER_LIMIT, Box::pin(asked)).await.map_err(silent)?;
    answer.map_err(|error| PostgresError::of(&server.place, &error).into())
}
