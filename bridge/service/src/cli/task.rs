//! `helix task`: tasks that agents carry out; run, list, show and cancel.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use helix::control::{Answer, Ask, TaskAnswer, TaskAsk, TaskRow, ask};
use serde_json::Value;

use super::Session;

/// How often a task that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Give a task to an agent, and wait for its answer
    Run {
        /// What is to be done
        words: String,
        /// The kind of agent, as `helix agent list` names it [default: chosen by the words]
        #[arg(long, value_name = "NAME")]
        kind: Option<String>,
        /// The language of the words [default: that of the home]
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// Do not wait; `helix task show` tells how it goes
        #[arg(long)]
        detach: bool,
    },
    /// Show what is under way, the newest first
    List {
        /// Show what has ended as well
        #[arg(long)]
        all: bool,
    },
    /// Show a task: its steps and its whole answer
    Show {
        /// Its id, as `helix task list` shows it
        id: String,
    },
    /// End a task
    Cancel {
        /// Its id, as `helix task list` shows it
        id: String,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { words, kind, language, detach } => {
            let row = one(&session, TaskAsk::Run { words, kind, language }).await?;
            if detach {
                show(&session, &row);
                return Ok(ExitCode::SUCCESS);
            }
            wait(&session, row).await
        }
        Command::List { all } => {
            let TaskAnswer::Tasks(rows) = asked(&session, TaskAsk::List { all }).await? else {
                return other_version();
            };
            if rows.is_empty() {
                session.out.line(if all { "no tasks are kept" } else { "no task is under way" });
            }
            for row in &rows {
                session.out.object(row);
                session.out.line(in_line(row));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { id } => {
            show(&session, &one(&session, TaskAsk::Show { id }).await?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Cancel { id } => {
            match ask(&session.config.data_dir, &Ask::Task(TaskAsk::Cancel { id: id.clone() })).await? {
                Answer::Done(done) => {
                    for line in &done {
                        session.out.line(line);
                    }
                    session.out.object(&serde_json::json!({ "cancelled": id }));
                    Ok(ExitCode::SUCCESS)
                }
                Answer::Failed(text) => bail!("{text}"),
                Answer::Runs(_)
                | Answer::Status(_)
                | Answer::Models(_)
                | Answer::Address(_)
                | Answer::Task(_) => other_version(),
            }
        }
    }
}

/// Asks the running bridge about tasks.
pub(crate) async fn asked(session: &Session, what: TaskAsk) -> anyhow::Result<TaskAnswer> {
    match ask(&session.config.data_dir, &Ask::Task(what)).await? {
        Answer::Task(answer) => Ok(answer),
        Answer::Failed(text) => bail!("{text}"),
        Answer::Runs(_) | Answer::Status(_) | Answer::Models(_) | Answer::Address(_) | Answer::Done(_) => {
            other_version()
        }
    }
}

pub(crate) fn other_version<T>() -> anyhow::Result<T> {
    bail!("the running Helix is of another version; restart it")
}

async fn one(session: &Session, what: TaskAsk) -> anyhow::Result<TaskRow> {
    match asked(session, what).await? {
        TaskAnswer::Task(row) => Ok(*row),
        TaskAnswer::Tasks(_) | TaskAnswer::Agents(_) => other_version(),
    }
}

/// Follows a task to its end. Ctrl-C leaves it running.
async fn wait(session: &Session, mut row: TaskRow) -> anyhow::Result<ExitCode> {
    eprintln!("{}: given to {}; Ctrl-C leaves it running", row.id, row.agent);
    let mut seen = 0;
    loop {
        for step in row.steps.iter().skip(seen) {
            eprintln!("  {step}");
        }
        seen = row.steps.len();
        if row.ended_at.is_some() {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        row = one(session, TaskAsk::Show { id: row.id }).await?;
    }
    show(session, &row);
    Ok(if row.state == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_line(row: &TaskRow) -> String {
    let last = row.last.as_deref().map(|last| format!("  ({last})")).unwrap_or_default();
    format!("{}  {:<9}  {:<12}  {}{last}", row.id, row.state, row.agent, row.title)
}

fn show(session: &Session, row: &TaskRow) {
    session.out.object(row);
    session.out.line(in_line(row));
    let worker = row.worker.as_deref().unwrap_or("nobody yet");
    session.out.line(format!(
        "accepted {}, to be done by {}; begun {} times, by {worker}",
        row.accepted_at, row.deadline, row.begun
    ));
    for step in &row.steps {
        session.out.line(format!("  {step}"));
    }
    let Some(outcome) = row.result.as_ref().map(|result| &result["outcome"]) else { return };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    for part in [text(&outcome["spoken"]), text(&outcome["text"])].into_iter().flatten() {
        session.out.line(format!("\n{part}"));
    }
    for missing in outcome["not_found"].as_array().into_iter().flatten().filter_map(text) {
        session.out.line(format!("not found: {missing}"));
    }
    for source in outcome["sources"].as_array().into_iter().flatten() {
        let of = |name: &str| text(&source[name]).unwrap_or_default();
        session.out.line(format!("source: {} <{}>", of("title"), of("url")));
    }
}
