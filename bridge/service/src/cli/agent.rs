//! `helix agent`: the kinds of agents.

use std::process::ExitCode;

use anyhow::bail;
use helix::control::{AgentRow, TaskAnswer, TaskAsk};

use super::Session;
use super::task::{asked, other_version};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the kinds of agents that there are
    List,
    /// Show one kind: what it may see and call
    Show {
        /// Its name, as `helix agent list` shows it
        name: String,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let rows = match asked(&session, TaskAsk::Agents).await? {
        TaskAnswer::Agents(rows) => rows,
        TaskAnswer::Tasks(_) | TaskAnswer::Task(_) => return other_version(),
    };
    match command {
        Command::List => {
            for row in &rows {
                session.out.object(row);
                session.out.line(format!("{:<14} {}", row.name, row.description));
            }
        }
        Command::Show { name } => match rows.iter().find(|row| row.name == name) {
            Some(row) => show(&session, row),
            None => bail!("there is no agent `{name}`; `helix agent list` shows those that there are"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn show(session: &Session, row: &AgentRow) {
    session.out.object(row);
    session.out.line(format!("{}: {}", row.name, row.description));
    session.out.line(format!("definition {}", row.definition));
    session.out.line(format!("model      {}", row.model));
    session.out.line(format!("tools      {}", row.tools.join(", ")));
    session.out.line(format!("may see    {}", row.scope));
}
