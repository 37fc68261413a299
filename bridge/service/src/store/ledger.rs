//! The ledger's table: a request that may leave in, a committed entry out; entries in time order for people.

use futures_util::future::BoxFuture;
use helix_core::egress::{Egress, EgressLog, EgressOutcome};
use serde::Serialize;

use super::{Store, StoreError, new_id};

/// One entry, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct EgressRow {
    /// A `UUIDv7`.
    pub id: String,
    /// When it was permitted, microseconds since 1970 UTC.
    pub at: i64,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// Where it went.
    pub host: String,
    /// Why: `understand`, `answer`, `task`, `search`, `probe`.
    pub purpose: String,
    /// `P0` … `P2`.
    pub privacy: String,
    /// The exact text.
    pub body: String,
    /// Its length, bytes.
    pub size: i64,
    /// When it ended, microseconds since 1970 UTC.
    pub ended_at: Option<i64>,
    /// `answered`, `abandoned` or the code of a failure; nothing if Helix ended before.
    pub outcome: Option<String>,
}

/// The ledger's entries.
#[derive(Debug, Clone)]
pub struct EgressTable {
    pub(super) store: Store,
}

impl EgressTable {
    /// The newest `limit` entries since `since` (microseconds since 1970 UTC), oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn list(&self, since: i64, limit: u32) -> Result<Vec<EgressRow>, StoreError> {
        let newest = "SELECT * FROM egress WHERE at >= $1 ORDER BY at DESC, id DESC LIMIT $2";
        let rows = sqlx::query_as(newest).bind(since).bind(limit).fetch_all(&self.store.reader).await;
        let mut rows: Vec<EgressRow> = rows.map_err(|error| self.store.failed(&error))?;
        rows.reverse();
        Ok(rows)
    }

    /// Removes what is older than `days`; how many entries went.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn forget_older_than(&self, days: u16) -> Result<u64, StoreError> {
        let oldest = self.store.now() - i64::from(days) * 86_400_000_000;
        let done =
            sqlx::query("DELETE FROM egress WHERE at < $1").bind(oldest).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }

    async fn insert(&self, egress: &Egress) -> Result<String, StoreError> {
        let (id, body) = (new_id(), egress.body.expose());
        sqlx::query(
            "INSERT INTO egress (id, at, run, host, purpose, privacy, body, size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(self.store.now())
        .bind(egress.run.as_ref().map(ToString::to_string))
        .bind(&egress.host)
        .bind(egress.purpose.as_str())
        .bind(egress.privacy.as_str())
        .bind(body)
        .bind(i64::try_from(body.len()).unwrap_or(i64::MAX))
        .execute(&self.store.writer)
        .await
        .map_err(|error| self.store.failed(&error))?;
        Ok(id)
    }

    async fn end(&self, id: &str, outcome: &EgressOutcome) -> Result<(), StoreError> {
        sqlx::query("UPDATE egress SET ended_at = $1, outcome = $2 WHERE id = $3 AND outcome IS NULL")
            .bind(self.store.now())
            .bind(outcome.as_str())
            .bind(id)
            .execute(&self.store.writer)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(())
    }
}

impl EgressLog for EgressTable {
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move { self.insert(egress).await.map_err(|error| error.to_string()) })
    }

    fn close<'a>(&'a self, id: &'a str, outcome: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.end(id, outcome).await.map_err(|error| error.to_string()) })
    }
}
