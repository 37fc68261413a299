//! The table of shortcuts: core's book in SQL.

use futures_util::future::BoxFuture;
use helix_core::AreaId;
use helix_core::shortcut::{Key, Shortcut, ShortcutBook, ShortcutError};

use super::{Store, StoreError};

#[derive(Debug, sqlx::FromRow)]
struct ShortcutRow {
    words: String,
    language: String,
    area: String,
    sentences: String,
    fingerprint: String,
    resolved: i64,
    hits: i64,
}

impl ShortcutRow {
    /// `None` if it was written by another hand.
    fn parse(self) -> Option<Shortcut> {
        let area = (!self.area.is_empty()).then(|| AreaId::from(self.area));
        Some(Shortcut {
            key: Key { words: self.words, language: self.language, area },
            sentences: serde_json::from_str(&self.sentences).ok()?,
            fingerprint: self.fingerprint,
            resolved: u32::try_from(self.resolved).ok()?,
            hits: u32::try_from(self.hits).ok()?,
        })
    }
}

/// Shortcuts.
#[derive(Debug, Clone)]
pub struct ShortcutTable {
    pub(super) store: Store,
}

impl ShortcutTable {
    /// All of them, by their words.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn list(&self) -> Result<Vec<Shortcut>, StoreError> {
        let sql = "SELECT * FROM shortcut ORDER BY words, language, area";
        let rows: Vec<ShortcutRow> = sqlx::query_as(sql)
            .fetch_all(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(rows.into_iter().filter_map(ShortcutRow::parse).collect())
    }

    /// Removes those of these words, in one language or in all; how many there were.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn remove(&self, words: &str, language: Option<&str>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM shortcut WHERE words = $1 AND ($2 IS NULL OR language = $2)";
        let done = sqlx::query(sql).bind(words).bind(language).execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }

    async fn one(&self, key: &Key) -> Result<Option<Shortcut>, StoreError> {
        let sql = "SELECT * FROM shortcut WHERE words = $1 AND language = $2 AND area = $3";
        let row: Option<ShortcutRow> = sqlx::query_as(sql)
            .bind(&key.words)
            .bind(&key.language)
            .bind(area(key))
            .fetch_optional(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(row.and_then(ShortcutRow::parse))
    }

    async fn put(&self, shortcut: &Shortcut) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO shortcut (words, language, area, sentences, fingerprint, resolved, hits, kept_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (words, language, area) DO UPDATE SET \
             sentences = $4, fingerprint = $5, resolved = $6, hits = $7, kept_at = $8",
        )
        .bind(&shortcut.key.words)
        .bind(&shortcut.key.language)
        .bind(area(&shortcut.key))
        .bind(serde_json::to_string(&shortcut.sentences).unwrap_or_default())
        .bind(&shortcut.fingerprint)
        .bind(i64::from(shortcut.resolved))
        .bind(i64::from(shortcut.hits))
        .bind(self.store.now())
        .execute(&self.store.writer)
        .await
        .map_err(|error| self.store.failed(&error))?;
        Ok(())
    }

    /// Runs a statement about one key; how many rows it concerned.
    async fn about(&self, sql: &'static str, key: &Key) -> Result<u64, StoreError> {
        let statement = sqlx::query(sql).bind(&key.words).bind(&key.language).bind(area(key));
        let done = statement.execute(&self.store.writer).await;
        Ok(done.map_err(|error| self.store.failed(&error))?.rows_affected())
    }
}

fn area(key: &Key) -> &str {
    key.area.as_ref().map_or("", AreaId::as_str)
}

impl From<StoreError> for ShortcutError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl ShortcutBook for ShortcutTable {
    fn find<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Shortcut>, ShortcutError>> {
        Box::pin(async move { self.one(key).await.map_err(Into::into) })
    }

    fn keep<'a>(&'a self, shortcut: &'a Shortcut) -> BoxFuture<'a, Result<(), ShortcutError>> {
        Box::pin(async move { self.put(shortcut).await.map_err(Into::into) })
    }

    fn hit<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), ShortcutError>> {
        let sql = "UPDATE shortcut SET hits = hits + 1 WHERE words = $1 AND language = $2 AND area = $3";
        Box::pin(async move { self.about(sql, key).await.map(|_| ()).map_err(Into::into) })
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, ShortcutError>> {
        let sql = "DELETE FROM shortcut WHERE words = $1 AND language = $2 AND area = $3";
        Box::pin(async move { self.about(sql, key).await.map(|rows| rows > 0).map_err(Into::into) })
    }
}
