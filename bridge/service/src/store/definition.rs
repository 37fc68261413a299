//! The table of definitions: what agents are made of, kept for good.

use helix_contract::{DefinitionV1, Digest, canonical, decode};

use super::{Store, StoreError};

/// Definitions of agents.
#[derive(Debug, Clone)]
pub struct DefinitionTable {
    pub(super) store: Store,
}

impl DefinitionTable {
    /// Keeps a definition, once.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn keep(&self, digest: &Digest, definition: &DefinitionV1) -> Result<(), StoreError> {
        // Its digest was made of the same bytes, so it has a canonical form.
        let body = canonical(definition).unwrap_or_default();
        let sql =
            "INSERT INTO definition (digest, agent, body, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let done = sqlx::query(sql)
            .bind(digest.to_string())
            .bind(definition.name.as_str())
            .bind(String::from_utf8_lossy(&body))
            .bind(self.store.now())
            .execute(&self.store.writer)
            .await;
        done.map(drop).map_err(|error| self.store.failed(&error))
    }

    /// The definition of this digest; `None` if it was never kept, or another hand wrote it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn find(&self, digest: &Digest) -> Result<Option<DefinitionV1>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT body FROM definition WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        Ok(row.and_then(|(body,)| decode(body.as_bytes()).ok()))
    }
}
