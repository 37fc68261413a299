//! Starts a child and waits until its model is loaded; says why if that fails.

use std::path::Path;
use std::time::Duration;

use helix_core::Clock;
use helix_core::clock::within;

use super::child::Child;
use super::{Config, Failure, binary};
use crate::protocol::{FailureCode, Load, Message, Order, Ready, Report, VERSION};

/// Why a child did not become ready.
#[derive(Debug)]
pub(super) enum StartError {
    /// It said why.
    Refused(Failure),
    /// It ended or hung without a word.
    Ended(Failure),
}

impl StartError {
    pub(super) fn failure(&self) -> &Failure {
        match self {
            Self::Refused(failure) | Self::Ended(failure) => failure,
        }
    }
}

/// Starts the best build that runs on this processor.
pub(super) async fn start(config: &Config, clock: &impl Clock) -> Result<(Child, Ready), StartError> {
    let programs = binary::candidates(config.stt_dir.as_deref()).map_err(StartError::Refused)?;
    let mut result = Err(StartError::Refused(no_program()));
    for program in programs {
        let (next_may_run, error) = match start_program(&program, config, clock).await {
            Ok(started) => return Ok(started),
            Err(failed) => failed,
        };
        result = Err(error);
        if !next_may_run {
            break;
        }
        tracing::warn!(program = %program.display(), "this processor cannot run this build of the speech engine");
    }
    result
}

/// Starts one build. The error says whether another build may fare better.
async fn start_program(
    program: &Path,
    config: &Config,
    clock: &impl Clock,
) -> Result<(Child, Ready), (bool, StartError)> {
    let mut child = Child::spawn(program).map_err(|error| (true, not_started(program, &error)))?;
    let load = Load {
        version: VERSION,
        model_path: config.model_path.to_string_lossy().into_owned(),
        threads: config.threads,
    };
    let first = async {
        // A child that ended at once has said why.
        let _ = child.send(&Order::Load(load).encode()).await;
        child.next_report().await
    };
    match within(clock, config.load_timeout, first).await {
        Some(Some(Report::Ready(ready))) => Ok((child, ready)),
        Some(Some(Report::Failed(failed))) => {
            let other_build = failed.code == FailureCode::CpuUnsupported;
            let failure = Failure { why: failed.text, what_to_do: failed.remedy };
            child.stop(clock).await;
            Err((other_build, StartError::Refused(failure)))
        }
        Some(Some(Report::Decoded(_)) | None) => {
            let obituary = child.obituary(clock).await;
            let failure = ended(config, &obituary.text());
            Err((obituary.is_illegal_instruction(), StartError::Ended(failure)))
        }
        None => {
            child.kill().await;
            Err((false, StartError::Ended(hung(config.load_timeout))))
        }
    }
}

fn no_program() -> Failure {
    Failure {
        why: "No build of the speech engine runs on this processor.".into(),
        what_to_do: "Build one on this machine: `bridge/stt/build baseline`.".into(),
    }
}

fn not_started(program: &Path, error: &std::io::Error) -> StartError {
    StartError::Refused(Failure {
        why: format!("The speech engine {} could not be started: {error}.", program.display()),
        what_to_do: "Build it again with `bridge/stt/build`; it must be an executable file.".into(),
    })
}

fn ended(config: &Config, how: &str) -> Failure {
    Failure {
        why: format!("The speech engine ended while it loaded {} ({how}).", config.model_path.display()),
        what_to_do: "Is there enough free memory? Choose a smaller model: `helix model list`.".into(),
    }
}

fn hung(limit: Duration) -> Failure {
    Failure {
        why: format!("The speech engine did not load its model within {} s.", limit.as_secs()),
        what_to_do: "Choose a smaller model: `helix model list`.".into(),
    }
}
