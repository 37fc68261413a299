//! `helix route`: decides about sentences and explains; never acts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use helix::app::Explainer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::Session;
use super::output::Output;

/// A line of standard input is at most this long, bytes.
const LINE_LEN_MAX: usize = 1 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The sentence
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin", value_name = "TEXT")]
    text: Vec<String>,
    /// Read JSON lines {"text","language"?,"area"?,"source"?} and answer each with one
    #[arg(long)]
    stdin: bool,
    /// The language [default: the configuration's, else Home Assistant's]
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The area it is said in
    #[arg(long, value_name = "AREA")]
    area: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    text: String,
    language: Option<String>,
    area: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

/// The answer to one sentence.
#[derive(Debug, Serialize)]
struct Row {
    text: String,
    route: &'static str,
    acts: bool,
    actions: Vec<Value>,
    risk: &'static str,
    reply: String,
    reason: String,
    dimensions: Map<String, Value>,
    gates: Vec<&'static str>,
    scores: Map<String, Value>,
    took_ms: f64,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let explainer = Explainer::connect(&session.config, Duration::from_secs(20)).await?;
    if !args.stdin {
        let line = Line { text: args.text.join(" "), language: args.language, area: args.area, source: None };
        let row = explain(&explainer, line).await?;
        show(&session, &row);
        return Ok(ExitCode::SUCCESS);
    }
    let mut input = BufReader::new(tokio::io::stdin());
    for number in 1.. {
        let mut text = String::new();
        let read = (&mut input)
            .take(LINE_LEN_MAX as u64 + 1)
            .read_line(&mut text)
            .await
            .context("standard input")?;
        if read == 0 {
            break;
        }
        if text.len() > LINE_LEN_MAX {
            bail!("line {number} is longer than 1 MiB");
        }
        if text.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&text) {
            Ok(line) => Output::always(&explain(&explainer, line).await?),
            Err(error) => {
                Output::always(&json!({ "line": number, "error": format!("not understood: {error}") }))
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn explain(explainer: &Explainer, line: Line) -> anyhow::Result<Row> {
    let passive = line.source.as_deref() == Some("passive");
    let result = explainer.explain(&line.text, line.language.as_deref(), line.area.as_deref()).await?;
    let mut row = Row {
        text: line.text,
        route: "refuse",
        acts: false,
        actions: Vec::new(),
        risk: "R0",
        reply: result.reply,
        reason: result.reason,
        dimensions: Map::new(),
        gates: Vec::new(),
        scores: Map::new(),
        took_ms: result.took.as_secs_f64() * 1000.0,
    };
    let Some(decision) = result.decision else { return Ok(row) };
    row.route = decision.route.as_str();
    row.risk = decision.risk.as_str();
    row.gates = vec![decision.gate.as_str()];
    row.dimensions.insert("speech_act".into(), decision.speech_act.as_str().into());
    row.dimensions.insert("intent".into(), decision.intent.clone().into());
    row.actions = decision.actions.iter().map(|action| {
        json!({ "action": action.service(), "targets": [action.target().as_str()], "data": action.data() })
    }).collect();
    row.acts = decision.acts();
    if passive {
        "passive speech never acts".clone_into(&mut row.reason);
        (row.route, row.acts) = ("refuse", false);
        row.actions.clear();
        row.gates = vec!["source"];
    }
    Ok(row)
}

fn show(session: &Session, row: &Row) {
    session.out.object(row);
    session.out.line(format!("route   {} ({})", row.route, row.reason));
    session.out.line(format!("acts    {}, risk {}", if row.acts { "yes" } else { "no" }, row.risk));
    for action in &row.actions {
        session.out.line(format!("action  {} {} {}", action["action"], action["targets"], action["data"]));
    }
    for (name, value) in &row.dimensions {
        session.out.line(format!("{name:<11} {value}"));
    }
    if !row.reply.is_empty() {
        session.out.line(format!("reply   {}", row.reply));
    }
    session.out.line(format!("took    {:.1} ms", row.took_ms));
}
