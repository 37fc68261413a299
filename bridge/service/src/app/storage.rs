//! The database as a part of the bridge: without it voice still works, and what needs it says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use helix_core::Calendar;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How often what has had its days is forgotten.
const TIDY_EVERY: Duration = Duration::from_hours(24);

/// Opens the database; `None` if it cannot be used now.
///
/// # Errors
/// A newer Helix made it: this one must not run on it.
pub(super) async fn open(data_dir: &Path, calendar: Arc<dyn Calendar>) -> anyhow::Result<Option<Store>> {
    match Store::open(data_dir, calendar).await {
        Ok(store) => Ok(Some(store)),
        Err(error @ StoreError::Newer { .. }) => Err(error).context("the database cannot be used"),
        Err(error) => {
            tracing::error!(code = error.code(), %error, "nothing can be kept: no delayed commands, nothing leaves the house");
            Ok(None)
        }
    }
}

/// Forgets what has had its days, until cancelled.
pub(super) async fn keep_tidy(store: Store, ledger_days: u16, cancel: CancellationToken) {
    let tidy = async {
        loop {
            match store.egress().forget_older_than(ledger_days).await {
                Ok(0) => {}
                Ok(entries) => tracing::info!(entries, ledger_days, "old entries of the ledger were removed"),
                Err(error) => tracing::warn!(code = error.code(), %error, "old entries of the ledger stay"),
            }
            if let Err(error) = store.delayed().forget_ended().await {
                tracing::warn!(code = error.code(), %error, "old delayed commands stay");
            }
            if let Err(error) = store.requests().forget_old().await {
                tracing::warn!(code = error.code(), %error, "old requests stay");
            }
            tokio::time::sleep(TIDY_EVERY).await;
        }
    };
    let _ = cancel.run_until_cancelled(tidy).await;
}
