//! The table of vectors: known requests to agents, as a model of vectors sees them.

use std::collections::BTreeMap;

use helix_contract::Digest;

use super::{Store, StoreError};

/// Vectors of known requests.
#[derive(Debug, Clone)]
pub struct AgentVectorTable {
    pub(super) store: Store,
}

impl AgentVectorTable {
    /// What a model made, by the digest of the text.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn of(&self, model: &str) -> Result<BTreeMap<Digest, Vec<f32>>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT text, vector FROM agent_vector WHERE model = $1")
                .bind(model)
                .fetch_all(&self.store.reader)
                .await
                .map_err(|error| self.store.failed(&error))?;
        let parse = |(text, bytes): (String, Vec<u8>)| {
            let (numbers, rest) = bytes.as_chunks::<4>();
            let vector = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
            rest.is_empty().then_some((text.parse().ok()?, vector))
        };
        Ok(rows.into_iter().filter_map(parse).collect())
    }

    /// Keeps what a model made.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn keep(&self, model: &str, vectors: &[(Digest, Vec<f32>)]) -> Result<(), StoreError> {
        let written = async {
            let mut tx = self.store.writer.begin().await?;
            for (text, vector) in vectors {
                let sql = "INSERT INTO agent_vector (model, text, vector) VALUES ($1, $2, $3) \
                           ON CONFLICT (model, text) DO UPDATE SET vector = $3";
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                sqlx::query(sql).bind(model).bind(text.to_string()).bind(bytes).execute(&mut *tx).await?;
            }
            tx.commit().await
        };
        written.await.map_err(|error: sqlx::Error| self.store.failed(&error))
    }
}
