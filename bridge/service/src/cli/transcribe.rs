//! `helix transcribe`: speech to text only.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use helix::app::{engine_config, model_choice};
use helix::clock::SystemClock;
use helix::speech::{Engine, read_wav};
use helix_core::transcribe::{DecodeRequest, Priority, Transcript};
use helix_core::{Language, Recognizer};
use serde_json::json;

use super::{Session, told};

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
    if let Some(missing) = model_choice(&session.config, &language).and_then(|model| model.missing()) {
        bail!("{missing}");
    }
    let engine = Engine::start(engine_config(&session.config, &language), SystemClock::start());
    let done = transcribe_all(&session, &args.files, &language, &engine).await;
    engine.stop().await;
    done
}

/// Goes on after a file that cannot be transcribed.
async fn transcribe_all(
    session: &Session,
    files: &[PathBuf],
    language: &Language,
    engine: &Engine,
) -> anyhow::Result<ExitCode> {
    tokio::time::timeout(READY_LIMIT, engine.ready())
        .await
        .context("the model did not load within 60 s; choose a smaller one: `helix model list`")??;
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match transcribe(file, language, engine).await {
            Ok(transcript) => {
                let text = transcript.text.expose();
                session.out.line(text);
                let decode_ms = transcript.decode_ms;
                session.out.object(&json!({ "file": file, "text": text, "decode_ms": decode_ms }));
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                let error = told(&error);
                eprintln!("helix: {}: {error}", file.display());
                session.out.object(&json!({ "file": file, "error": error }));
            }
        }
    }
    Ok(code)
}

async fn transcribe(file: &Path, language: &Language, engine: &Engine) -> anyhow::Result<Transcript> {
    let samples = read_wav(file)?;
    let seconds = samples.len() / helix_core::transcribe::SAMPLE_RATE as usize;
    if seconds > SECONDS_MAX {
        bail!("the recording has {seconds} s, and {SECONDS_MAX} s are possible; cut it into utterances");
    }
    let request =
        DecodeRequest { samples: Arc::from(samples), language: language.clone(), priority: Priority::Final };
    Ok(engine.transcribe(request).await?)
}
