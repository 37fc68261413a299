//! `helix request`: what was asked for and cannot be done yet; list and remove.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use helix::clock::SystemCalendar;
use helix::store::{RequestRow, Store, StoreError};
use serde_json::json;

use super::Session;
use super::ledger::{shown, shown_utc};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what is kept, the oldest first
    List,
    /// Remove a request
    Remove {
        /// Its id, as `helix request list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// Remove all of them
        #[arg(long)]
        all: bool,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let store = match Store::visit(&session.config.data_dir, Arc::new(SystemCalendar)).await {
        Ok(store) => Some(store),
        Err(StoreError::Absent { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match command {
        Command::List => {
            let rows = match store {
                Some(store) => store.requests().list().await?,
                None => Vec::new(),
            };
            list(&session, &rows);
        }
        Command::Remove { id, .. } => {
            let removed = match store {
                Some(store) => store.requests().remove(id.as_deref()).await?,
                None => 0,
            };
            if let Some(id) = id.filter(|_| removed == 0) {
                bail!("no request `{id}` is kept; `helix request list` shows those that are");
            }
            session.out.line(format!("removed {removed}"));
            session.out.object(&json!({ "removed": removed }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(session: &Session, rows: &[RequestRow]) {
    if rows.is_empty() {
        session.out.line("no requests are kept");
    }
    for row in rows {
        session.out.object(&json!({
            "id": row.id, "at": shown_utc(row.at), "keep_until": shown_utc(row.keep_until), "place": row.place,
            "language": row.language, "text": row.words, "route": row.route,
        }));
        session.out.line(format!("{}  {}  {}  {}", row.id, shown(row.at), row.route, row.words));
    }
}
