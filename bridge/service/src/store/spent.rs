//! The table of what models outside the house have cost: one request in, sums per day out.

use futures_util::future::BoxFuture;
use helix_core::llm::budget::{Amount, Spend, UsageBook};
use jiff::civil::Date;

use super::{Store, StoreError};

/// What was spent.
#[derive(Debug, Clone)]
pub struct SpentTable {
    pub(super) store: Store,
}

impl SpentTable {
    async fn insert(&self, spend: &Spend) -> Result<(), StoreError> {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        sqlx::query(
            "INSERT INTO spent (day, host, model, requests, tokens, micros) VALUES ($1, $2, $3, 1, $4, $5) \
             ON CONFLICT (day, host, model) DO UPDATE SET \
             requests = requests + 1, tokens = tokens + $4, micros = micros + $5",
        )
        .bind(spend.day.to_string())
        .bind(&spend.host)
        .bind(&spend.model)
        .bind(whole(spend.amount.tokens))
        .bind(whole(spend.amount.micros))
        .execute(&self.store.writer)
        .await
        .map_err(|error| self.store.failed(&error))?;
        Ok(())
    }

    async fn sums(&self, first: Date) -> Result<Vec<(Date, Amount)>, StoreError> {
        let sql = "SELECT day, sum(tokens), sum(micros) FROM spent WHERE day >= $1 GROUP BY day ORDER BY day";
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(sql)
            .bind(first.to_string())
            .fetch_all(&self.store.reader)
            .await
            .map_err(|error| self.store.failed(&error))?;
        let amount = |tokens: i64, micros: i64| Amount {
            tokens: u64::try_from(tokens).unwrap_or_default(),
            micros: u64::try_from(micros).unwrap_or_default(),
        };
        let dated =
            |(day, tokens, micros): (String, i64, i64)| Some((day.parse().ok()?, amount(tokens, micros)));
        Ok(rows.into_iter().filter_map(dated).collect())
    }
}

impl UsageBook for SpentTable {
    fn add<'a>(&'a self, spend: &'a Spend) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.insert(spend).await.map_err(|error| error.to_string()) })
    }

    fn since(&self, first: Date) -> BoxFuture<'_, Result<Vec<(Date, Amount)>, String>> {
        Box::pin(async move { self.sums(first).await.map_err(|error| error.to_string()) })
    }
}
