//! `helix doctor`: every part, one line each.

use std::process::ExitCode;
use std::time::Duration;

use helix::app::{Explainer, engine_config};
use helix::clock::SystemClock;
use helix::config::SpeechEngine;
use helix::control::{Answer, Ask, ask};
use helix::satellite::Espeak;
use helix::speech::Engine;
use helix_core::Language;
use serde_json::json;

use super::Session;

const LIMIT: Duration = Duration::from_secs(20);

/// How a part is.
enum Health {
    /// It works; what it is.
    Works(String),
    /// It is not there; what is lost without it.
    Missing(String),
    /// It is there and does not work; how to repair it.
    Broken(String),
}

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let (home, speech, bridge) =
        tokio::join!(home_assistant(&session), speech(&session), running_bridge(&session));
    let parts =
        [("Home Assistant", home), ("speech", speech), ("voice", own_voice().await), ("bridge", bridge)];
    let mut code = ExitCode::SUCCESS;
    for (part, health) in parts {
        let (word, text) = match health {
            Health::Works(text) => ("works", text),
            Health::Missing(text) => ("missing", text),
            Health::Broken(text) => {
                code = ExitCode::FAILURE;
                ("broken", text)
            }
        };
        session.out.line(format!("{word:<8} {part:<15} {text}"));
        session.out.object(&json!({ "part": part, "state": word, "text": text }));
    }
    Ok(code)
}

async fn home_assistant(session: &Session) -> Health {
    if session.config.home.is_none() {
        return Health::Broken(
            "not configured: set ha_url and ha_token in helix.toml, or HELIX_HA_URL and HELIX_HA_TOKEN"
                .into(),
        );
    }
    match Explainer::connect(&session.config, LIMIT).await {
        Ok(explainer) => match explainer.self_check() {
            Ok(facts) => Health::Works(facts),
            Err(why) => Health::Broken(why),
        },
        Err(error) => Health::Broken(format!("{error:#}")),
    }
}

async fn speech(session: &Session) -> Health {
    let language = session.config.language.clone().unwrap_or_else(Language::english);
    let engine = Engine::start(engine_config(&session.config, &language), SystemClock::start());
    let ready = tokio::time::timeout(LIMIT, engine.ready()).await;
    let health = match ready {
        Ok(Ok(())) => Health::Works(engine.describe().unwrap_or_else(|why| why)),
        Ok(Err(error)) => Health::Broken(error.to_string()),
        Err(_) => Health::Broken(match &session.config.speech {
            SpeechEngine::Child { .. } => "the model did not load within 20 s; is the machine busy?".into(),
            SpeechEngine::External { host, port } => {
                format!("the speech server {host}:{port} does not answer; check asr_host and asr_port")
            }
        }),
    };
    engine.stop().await;
    health
}

async fn own_voice() -> Health {
    match Espeak::find().await {
        Ok(_) => Health::Works("espeak-ng, offered where Home Assistant has no text-to-speech".into()),
        Err(error) => Health::Missing(format!("{error}; a home without text-to-speech stays mute")),
    }
}

async fn running_bridge(session: &Session) -> Health {
    match ask(&session.config.data_dir, &Ask::Status).await {
        Ok(Answer::Status(parts)) => match parts.iter().find(|part| !part.works) {
            Some(part) => Health::Broken(format!("{}: {}", part.part, part.text)),
            None => Health::Works(parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("; ")),
        },
        Ok(Answer::Runs(_) | Answer::Done(_) | Answer::Failed(_)) => {
            Health::Broken("the running Helix is of another version; restart it".into())
        }
        Err(error) => Health::Missing(error.to_string()),
    }
}
