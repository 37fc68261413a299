//! `helix route`: decides about sentences and explains; never acts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use futures_util::{Stream, StreamExt, stream};
use helix::app::Explainer;
use helix_core::act::Draft;
use helix_core::draft::Helped;
use helix_core::route::Route;
use helix_core::route::dimension::{Dimension, Found, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};

use super::output::Output;
use super::{Session, told};

/// A line of standard input is at most this long, bytes.
const LINE_LEN_MAX: usize = 1 << 20;
/// Sentences that are decided about at the same time: enough that Home Assistant never waits for the next question, few
/// enough that it answers others at once. It matches one sentence after the other.
const AT_ONCE: usize = 2;
/// Actions that are shown to people: a command may concern a hundred lights.
const SHOWN_MAX: usize = 4;

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
    /// Those that were asked, in order; the last one decided.
    gates: Vec<&'static str>,
    scores: Map<String, Value>,
    /// How sure the reading of a repaired sentence is, 0 to 1.
    certainty: Option<f64>,
    took_ms: f64,
    /// How much of it was waiting for Home Assistant.
    home_ms: f64,
    /// About how many sentences Home Assistant was asked for that, in how many questions.
    home_sentences: usize,
    home_questions: usize,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let explainer = Explainer::connect(&session.config, Duration::from_secs(20)).await?;
    if args.stdin {
        let defaults = Defaults { language: args.language, area: args.area };
        return answer_all(&explainer, &defaults).await;
    }
    let line = Line { text: args.text.join(" "), language: args.language, area: args.area, source: None };
    let row = explain(&explainer, line).await?;
    session.out.object(&row);
    show(&session, &row);
    Ok(ExitCode::SUCCESS)
}

/// What holds for a line that does not say it.
struct Defaults {
    language: Option<String>,
    area: Option<String>,
}

/// Answers the lines of standard input in their order, some of them worked on at the same time.
async fn answer_all(explainer: &Explainer, defaults: &Defaults) -> anyhow::Result<ExitCode> {
    let lines = lines(BufReader::new(tokio::io::stdin())).enumerate();
    let answers = lines.map(|(at, line)| async move {
        let line = line.context("standard input")?;
        anyhow::Ok(answer(explainer, at + 1, &line, defaults).await)
    });
    let mut answers = std::pin::pin!(answers.buffered(AT_ONCE));
    while let Some(answer) = answers.next().await {
        if let Some(answer) = answer? {
            Output::always(&answer);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What one line is answered with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Row(Box<Row>),
    Error { line: usize, error: String },
}

/// Answers one line, whatever it holds; an empty one not at all.
async fn answer(explainer: &Explainer, number: usize, text: &[u8], defaults: &Defaults) -> Option<Answer> {
    let error = |error: String| Some(Answer::Error { line: number, error });
    if text.len() > LINE_LEN_MAX {
        return error("the line is longer than 1 MiB; send shorter ones".into());
    }
    if text.trim_ascii().is_empty() {
        return None;
    }
    let mut line: Line = match serde_json::from_slice(text) {
        Ok(line) => line,
        Err(wrong) => return error(format!("not a JSON object with a text: {wrong}")),
    };
    line.language = line.language.or_else(|| defaults.language.clone());
    line.area = line.area.or_else(|| defaults.area.clone());
    match explain(explainer, line).await {
        Ok(row) => Some(Answer::Row(Box::new(row))),
        Err(wrong) => error(told(&wrong)),
    }
}

/// Its lines, each as long as it is allowed to be.
fn lines(input: impl AsyncBufRead + Unpin) -> impl Stream<Item = std::io::Result<Vec<u8>>> {
    stream::try_unfold(input, |mut input| async move {
        Ok(next_line(&mut input).await?.map(|line| (line, input)))
    })
}

/// The next line without its end; of one that is too long, only its beginning. `None` is the end.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let piece = input.fill_buf().await?;
        if piece.is_empty() {
            return Ok(any.then_some(line));
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let part = &piece[..end.unwrap_or(piece.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_LEN_MAX + 1 - line.len())]);
        let read = end.map_or(piece.len(), |end| end + 1);
        input.consume(read);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

async fn explain(explainer: &Explainer, line: Line) -> anyhow::Result<Row> {
    let source = match line.source.as_deref() {
        None => Source::Addressed,
        Some(word) => Source::parse(word)
            .with_context(|| format!("`{word}` is no source; addressed, follow-up, passive and text are"))?,
    };
    let (language, area) = (line.language.as_deref(), line.area.as_deref());
    let result = explainer.explain(&line.text, language, area, source).await?;
    let decision = result.decision;
    let in_words = |dimension: &Dimension| {
        (dimension.as_str().to_owned(), Value::from(decision.dimensions.value(*dimension)))
    };
    let mut dimensions: Map<_, _> = Dimension::ALL.iter().map(in_words).collect();
    dimensions.insert("task".into(), result.task.into());
    dimensions.insert("intent".into(), decision.intent.clone().into());
    dimensions.insert("guard".into(), decision.speech.describe().into());
    dimensions.insert("reading".into(), decision.read.describe().into());
    let rewritten = matches!(decision.dimensions.found, Found::Repaired | Found::Drafted);
    dimensions.insert("help".into(), decision.helped.as_ref().map(Helped::describe).into());
    dimensions.insert("sentences".into(), rewritten.then(|| decision.sentences.join("; ")).into());
    let score = |(route, score): &(Route, f32)| (route.as_str().to_owned(), Value::from(round(*score)));
    let action = |draft: &Draft| json!({ "action": draft.service(), "targets": [draft.target().as_str()], "data": draft.data() });
    Ok(Row {
        text: line.text,
        route: decision.route().as_str(),
        acts: decision.acts(),
        // What is refused is not done: only what would be done at once or after a yes is told.
        actions: match decision.route() {
            Route::Act | Route::Clarify => decision.drafts.iter().map(action).collect(),
            Route::Answer | Route::Delegate | Route::Remember | Route::Control | Route::Refuse => Vec::new(),
        },
        risk: decision.dimensions.risk.as_str(),
        reply: result.reply,
        reason: result.reason,
        dimensions,
        gates: decision.judgement.asked.iter().map(|(gate, _)| gate.as_str()).collect(),
        scores: decision.judgement.scores.iter().map(score).collect(),
        certainty: decision
            .read
            .reading()
            .filter(|_| decision.dimensions.found == Found::Repaired)
            .map(|reading| round(reading.certainty())),
        took_ms: result.took.as_secs_f64() * 1000.0,
        home_ms: result.asked.waited.as_secs_f64() * 1000.0,
        home_sentences: result.asked.sentences,
        home_questions: result.asked.questions,
    })
}

fn round(score: f32) -> f64 {
    (f64::from(score) * 1000.0).round() / 1000.0
}

fn show(session: &Session, row: &Row) {
    let out = session.out;
    out.line(format!("route       {}: {}", row.route, row.reason));
    out.line(format!("acts        {}, risk {}", if row.acts { "yes" } else { "no" }, row.risk));
    for action in row.actions.iter().take(SHOWN_MAX) {
        let target = action["targets"][0].as_str().unwrap_or_default();
        let with = action["data"].as_object().filter(|data| !data.is_empty());
        let with = with.map(|data| format!(" {}", Value::from(data.clone()))).unwrap_or_default();
        out.line(format!("action      {} {target}{with}", action["action"].as_str().unwrap_or_default()));
    }
    if let Some(more) = row.actions.len().checked_sub(SHOWN_MAX + 1) {
        out.line(format!("            and {} more (--json shows all)", more + 1));
    }
    // One screen: what is not there is told to scripts only.
    let known = |value: &Value| value.as_str().filter(|value| *value != "none").map(str::to_owned);
    for (name, value) in row.dimensions.iter().filter_map(|(name, value)| Some((name, known(value)?))) {
        out.line(format!("{name:<11} {value}"));
    }
    if !row.gates.is_empty() {
        out.line(format!("gates       {} decided", row.gates.join(", ")));
    }
    let scores: Vec<_> = row.scores.iter().map(|(route, score)| format!("{route} {score}")).collect();
    if !scores.is_empty() {
        out.line(format!("scores      {}", scores.join(", ")));
    }
    if !row.reply.is_empty() {
        out.line(format!("reply       {}", row.reply));
    }
    out.line(format!(
        "took        {:.1} ms, {:.1} ms of it for Home Assistant's answers",
        row.took_ms, row.home_ms
    ));
}
