//! `helix say`: one utterance through Home Assistant's pipeline, and its timeline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use helix::control::{Answer, Ask, RunRow, ask};
use helix::say::{Place, Told, Utterance, say};
use serde_json::json;

use super::{Session, runs};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The words
    #[arg(required_unless_present = "wav", conflicts_with = "wav", value_name = "TEXT")]
    text: Vec<String>,
    /// A recording to play in real time instead
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,
    /// The area to speak from
    #[arg(long, value_name = "AREA")]
    area: Option<String>,
    /// The pipeline to speak to
    #[arg(long, value_name = "NAME", default_value = "Helix")]
    pipeline: String,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let utterance = match &args.wav {
        Some(path) => Utterance::Speech(read(path)?),
        None => Utterance::Text(args.text.join(" ")),
    };
    let place = Place { pipeline: Some(args.pipeline), area: args.area };
    let told = say(session.home()?, &place, &utterance).await?;
    let row = timeline_of(&session, &told).await;
    show(&session, &told, row.as_ref());
    let failed = told.error.is_some() || told.response.as_deref() == Some("error");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<Vec<i16>> {
    helix::speech::read_wav(path).with_context(|| path.display().to_string())
}

/// The bridge's own timeline, if the bridge runs with the same data directory.
async fn timeline_of(session: &Session, told: &Told) -> Option<RunRow> {
    let conversation = Some(told.conversation.clone()?);
    match ask(&session.config.data_dir, &Ask::Runs { conversation }).await {
        Ok(Answer::Runs(mut rows)) => rows.pop(),
        Ok(
            Answer::Status(_)
            | Answer::Models(_)
            | Answer::Address(_)
            | Answer::Task(_)
            | Answer::Done(_)
            | Answer::Failed(_),
        )
        | Err(_) => None,
    }
}

fn show(session: &Session, told: &Told, row: Option<&RunRow>) {
    let out = session.out;
    out.line(format!("heard    {}", told.heard.as_deref().unwrap_or("-")));
    match &told.error {
        Some((code, message)) => out.line(format!("failed   {message} ({code})")),
        None => out.line(format!("reply    {}", told.reply.as_deref().unwrap_or("-"))),
    }
    if let Some(row) = row {
        out.line(format!("timeline {}", runs::describe(row)));
    } else {
        let events: Vec<_> = told.events.iter().map(|(kind, ms)| format!("{kind} {ms}")).collect();
        out.line(format!("timeline {} ms (seen from outside: no bridge runs here)", events.join(", ")));
    }
    out.object(&json!({
        "heard": told.heard,
        "reply": told.reply,
        "response": told.response,
        "error": told.error.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
        "conversation": told.conversation,
        "events": told.events,
        "run": row,
    }));
}
