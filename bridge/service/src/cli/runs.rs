//! `helix runs`: the last runs of the running bridge.

use std::process::ExitCode;

use anyhow::bail;
use helix::control::{Answer, Ask, RunRow, ask};

use super::Session;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show at most this many, the newest last
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let rows = match ask(&session.config.data_dir, &Ask::Runs { conversation: None }).await? {
        Answer::Runs(rows) => rows,
        Answer::Failed(text) => bail!("{text}"),
        Answer::Status(_) | Answer::Models(_) | Answer::Address(_) | Answer::Task(_) | Answer::Done(_) => {
            bail!("the running Helix is of another version; restart it")
        }
    };
    let skip = rows.len().saturating_sub(args.last);
    if rows.is_empty() {
        session.out.line("no runs yet");
    }
    for row in &rows[skip..] {
        session.out.object(row);
        session.out.line(format!("{}  {}", row.id, describe(row)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Route, outcome and timeline in one line.
pub(crate) fn describe(row: &RunRow) -> String {
    let stages: Vec<_> = row.timeline.iter().map(|(stage, ms)| format!("{stage} {ms}")).collect();
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    format!("{:<8} {:<20} {} ms", or_dash(&row.route), or_dash(&row.code), stages.join(", "))
}
