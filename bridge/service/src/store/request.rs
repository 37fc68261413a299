//! The table of requests: what cannot be done yet, in SQL.

use futures_util::future::BoxFuture;
use helix_core::request::{KEPT_DAYS, KEPT_MAX, NewRequest, RequestBook, RequestError};

use super::{Store, StoreError, new_id};

const DAY_MICROS: i64 = 86_400_000_000;

/// One request, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RequestRow {
    /// A `UUIDv7`.
    pub id: String,
    /// When it was said, microseconds since 1970 UTC.
    pub at: i64,
    /// How long it is kept, microseconds since 1970 UTC.
    pub keep_until: i64,
    /// Where it was said.
    pub place: Option<String>,
    /// The language of the words.
    pub language: String,
    /// The words.
    pub words: String,
    /// `delegate` or `remember`.
    pub route: String,
}

/// Requests.
#[derive(Debug, Clone)]
pub struct RequestTable {
    pub(super) store: Store,
}

impl RequestTable {
    /// All of them, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn list(&self) -> Result<Vec<RequestRow>, StoreError> {
        let rows =
            sqlx::query_as("SELECT * FROM request ORDER BY at, id").fetch_all(&self.store.reader).await;
        rows.map_err(|error| self.store.failed(&error))
    }

    /// Removes one, or all without an id; how many there were.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn remove(&self, id: Option<&str>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM request WHERE $1 IS NULL OR id = $1";
        let done = sqlx::query(sql).bind(id).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }

    /// Removes what has had its days; how many there were.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn forget_old(&self) -> Result<u64, StoreError> {
        let sql = "DELETE FROM request WHERE keep_until < $1";
        let done = sqlx::query(sql).bind(self.store.now()).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }

    /// The id of the request; `None` if there are too many.
    async fn insert(&self, request: &NewRequest) -> Result<Option<String>, StoreError> {
        let (id, now) = (new_id(), self.store.now());
        let done = sqlx::query(
            "INSERT INTO request (id, at, keep_until, place, language, words, route) \
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM request) < $8",
        )
        .bind(&id)
        .bind(now)
        .bind(now + i64::from(KEPT_DAYS) * DAY_MICROS)
        .bind(&request.place)
        .bind(request.language.as_str())
        .bind(request.words.expose())
        .bind(request.kind.as_str())
        .bind(i64::from(KEPT_MAX))
        .execute(&self.store.writer)
        .await
        .map_err(|error| self.store.failed(&error))?;
        Ok((done.rows_affected() == 1).then_some(id))
    }
}

impl RequestBook for RequestTable {
    fn add<'a>(&'a self, request: &'a NewRequest) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move {
            let kept = self.insert(request).await.map_err(|error| RequestError(error.to_string()))?;
            kept.ok_or_else(|| {
                RequestError(format!(
                    "{KEPT_MAX} requests are kept already; remove some with `helix request remove`"
                ))
            })
        })
    }
}
