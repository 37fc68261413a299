//! `helix delayed`: commands for later; list and cancel.

use std::process::ExitCode;

use anyhow::bail;
use helix::store::DelayedRow;
use serde_json::{Value, json};

use super::Session;
use super::ledger::{shown, shown_utc};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what waits, the next one first
    List {
        /// Show what has ended in the last 30 days as well
        #[arg(long)]
        all: bool,
    },
    /// Cancel a command that waits
    Cancel {
        /// Its id, as `helix delayed list` shows it
        id: String,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let store = session.store().await?;
    match command {
        Command::List { all } => {
            let rows = match store {
                Some(store) => store.delayed().list(all).await?,
                None => Vec::new(),
            };
            list(&session, &rows);
        }
        Command::Cancel { id } => {
            let cancelled = match store {
                Some(store) => store.delayed().cancel(&id).await?,
                None => false,
            };
            if !cancelled {
                bail!("no delayed command `{id}` waits; `helix delayed list` shows those that do");
            }
            session.out.line(format!("cancelled {id}"));
            session.out.object(&json!({ "cancelled": id }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(session: &Session, rows: &[DelayedRow]) {
    if rows.is_empty() {
        session.out.line("nothing is planned");
    }
    for row in rows {
        let actions: Value = serde_json::from_str(&row.actions).unwrap_or_default();
        session.out.object(&json!({
            "id": row.id, "due": shown_utc(row.due), "said_at": shown_utc(row.said_at), "text": row.sentence,
            "language": row.language, "satellite": row.satellite, "actions": actions, "state": row.state,
            "code": row.code, "changed_at": shown_utc(row.changed_at),
        }));
        let code = row.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
        session.out.line(format!("{}  {}  {}{code}  {}", row.id, shown(row.due), row.state, row.sentence));
    }
}
