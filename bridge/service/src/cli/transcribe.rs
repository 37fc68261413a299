//! `helix transcribe`: speech to text only.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use helix::app::engine_config;
use helix::clock::SystemClock;
use helix::speech::{Engine, read_wav};
use helix_core::transcribe::{DecodeRequest, Priority};
use helix_core::{Language, Recognizer};
use serde_json::json;

use super::Session;

/// Whisper's window; a longer recording is not one utterance.
const SECONDS_MAX: usize = 30;
const READY_LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Recordings (WAV, any rate, up to 30 s)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The language [default: the configuration's, else English]
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    let language = match &args.language {
        Some(tag) => Language::parse(tag).with_context(|| format!("`{tag}` is not a language tag"))?,
        None => session.config.language.clone().unwrap_or_else(Language::english),
    };
    let engine = Engine::start(engine_config(&session.config, &language), SystemClock::start());
    let done = transcribe_all(&session, &args.files, &language, &engine).await;
    engine.stop().await;
    done
}

async fn transcribe_all(
    session: &Session,
    files: &[PathBuf],
    language: &Language,
    engine: &Engine,
) -> anyhow::Result<ExitCode> {
    tokio::time::timeout(READY_LIMIT, engine.ready())
        .await
        .context("the model did not load within 60 s")??;
    for file in files {
        let samples = read_wav(file).with_context(|| format!("{} cannot be read", file.display()))?;
        if samples.len() > SECONDS_MAX * helix_core::transcribe::SAMPLE_RATE as usize {
            bail!("{} is longer than {SECONDS_MAX} s; cut it into utterances", file.display());
        }
        let request = DecodeRequest {
            samples: Arc::from(samples),
            language: language.clone(),
            priority: Priority::Final,
        };
        let transcript = engine.transcribe(request).await?;
        session.out.line(transcript.text.expose());
        session.out.object(&json!({
            "file": file, "text": transcript.text.expose(), "decode_ms": transcript.decode_ms,
        }));
    }
    Ok(ExitCode::SUCCESS)
}
