//! `helix models`: which language model is asked for what, whether it answers, what it has cost.

use std::process::ExitCode;

use helix::app::{models_row, open_models};
use helix::clock::SystemClock;
use helix::control::{Answer, Ask, ModelRow, ModelsRow, ask};

use super::Session;

const HOW_TO: &str = "no language model is named. Name a server: `ollama_url = \"http://HOST:11434\"` (at home), \
    `openai_url` (llama.cpp, vLLM, LM Studio), or `gemini_key_file` together with `cloud = \"public\"`";

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let models = shown(&session).await?;
    if models.duties.is_empty() {
        session.out.line(HOW_TO);
    }
    for row in &models.duties {
        let model = row.in_use.as_deref().unwrap_or(&row.named);
        let place = if row.outside { "outside" } else { "at home" };
        session.out.line(format!("{:<12} {model} at {} ({}, {place})", row.duty, row.host, row.server));
        session.out.line(format!("{:<12} {}", "", state(row)));
        if let Some(warning) = &row.warning {
            session.out.line(format!("{:<12} attention: {warning} (`{}`)", "", row.key));
        }
    }
    session.out.object(&models);
    session.out.line(line(
        "today",
        models.usd_day,
        models.usd_day_max,
        models.tokens_day,
        models.tokens_day_max,
    ));
    session.out.line(line(
        "this month",
        models.usd_month,
        models.usd_month_max,
        models.tokens_month,
        models.tokens_month_max,
    ));
    let broken = models.duties.iter().any(|row| row.looked && row.wrong.is_some());
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the running bridge knows; without one the servers at home are looked at now.
pub(super) async fn shown(session: &Session) -> anyhow::Result<ModelsRow> {
    if let Ok(Answer::Models(models)) = ask(&session.config.data_dir, &Ask::Models).await {
        return Ok(*models);
    }
    let store = session.store().await.unwrap_or_default();
    let models = open_models(&session.config.llm, store.as_ref(), SystemClock::start())?;
    models.load_spent().await;
    models.look_at(false).await;
    Ok(models_row(&models))
}

pub(super) fn state(row: &ModelRow) -> String {
    match (&row.wrong, row.looked) {
        (Some(wrong), _) => wrong.clone(),
        (None, true) => "answers".to_owned(),
        (None, false) => "not looked at yet; the running bridge does that".to_owned(),
    }
}

fn line(when: &str, usd: f64, usd_max: Option<f64>, tokens: u64, tokens_max: Option<u64>) -> String {
    let of = |max: Option<String>| max.map(|max| format!(" of {max}")).unwrap_or_default();
    format!(
        "{when:<12} {usd:.4}{} US dollars, {tokens}{} tokens outside",
        of(usd_max.map(|max| format!("{max:.2}"))),
        of(tokens_max.map(|max| max.to_string()))
    )
}
