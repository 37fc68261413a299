//! `helix model`: list, pull, remove.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use helix::app::model_choice;
use helix::clock::SystemClock;
use helix::config::Config;
use helix::model::{
    Catalogue, Cpu, FileState, Hub, HubLimits, Installed, ModelFolder, Progress, default_model, pull,
};
use helix_core::Language;
use serde_json::json;

use super::Session;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the installed models and those that can be downloaded
    List,
    /// Download a model, with progress; an interrupted download goes on where it stopped
    Pull {
        /// Name of the model [default: what suits the configured language and this CPU]
        name: Option<String>,
    },
    /// Delete a model
    Remove {
        /// Name of the model
        name: String,
        /// Also if the configuration uses it
        #[arg(long)]
        force: bool,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let folder = ModelFolder::new(&session.config.data_dir);
    match command {
        Command::List => list(&session, &folder)?,
        Command::Pull { name } => {
            let language = session.config.language.clone().unwrap_or_else(Language::english);
            let name = name.unwrap_or_else(|| default_model(&language, Cpu::detect()).to_owned());
            fetch(&session, &folder, &name).await?;
        }
        Command::Remove { name, force } => {
            let removed = folder.remove(&name, in_use(&session.config).as_deref(), force)?;
            session.out.line(format!("removed {} ({})", removed.name, megabytes(removed.bytes)));
            session.out.object(&json!({ "removed": removed.name, "bytes": removed.bytes }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The configured model, else the one that the bridge would choose.
fn in_use(config: &Config) -> Option<String> {
    let language = config.language.clone().unwrap_or_else(Language::english);
    model_choice(config, &language).map(|model| model.name)
}

fn list(session: &Session, folder: &ModelFolder) -> anyhow::Result<()> {
    let used = in_use(&session.config);
    let listing = folder.list(Catalogue::builtin(), used.as_deref())?;
    if let Some(path) = used.as_deref().filter(|name| name.contains('/')) {
        let state = if Path::new(path).exists() { "a file of its own" } else { "missing" };
        session.out.line(format!("{path}  {state} in use"));
        session.out.object(&json!({ "path": path, "state": state, "in_use": true }));
    }
    for model in &listing.installed {
        let state = state_of(model);
        let mark = if model.in_use { "in use" } else { "" };
        session.out.line(format!("{:<22} {:>9}  {state} {mark}", model.name, megabytes(model.bytes)));
        session.out.object(&json!({
            "name": model.name, "bytes": model.bytes, "path": model.path, "state": state, "in_use": model.in_use,
        }));
    }
    for part in &listing.unfinished {
        session.out.line(format!(
            "{:<22} {:>9}  unfinished; `helix model pull {}` goes on",
            part.name,
            megabytes(part.bytes),
            part.name
        ));
        session.out.object(&json!({ "name": part.name, "bytes": part.bytes, "state": "unfinished" }));
    }
    for model in &listing.available {
        let in_use = used.as_deref() == Some(&model.name);
        let state = if in_use { "in use, to be pulled" } else { "can be pulled" };
        session.out.line(format!(
            "{:<22} {:>9}  {state}: {}",
            model.name,
            megabytes(model.bytes),
            model.about
        ));
        session.out.object(&json!({
            "name": model.name, "bytes": model.bytes, "state": "available", "english_only": model.english_only(),
            "sha256": model.sha256.to_string(), "in_use": in_use,
        }));
    }
    Ok(())
}

fn state_of(model: &Installed) -> String {
    match &model.state {
        FileState::Verified(_) => "verified".into(),
        FileState::Unverified(_) => "whole (checksum never compared)".into(),
        FileState::Damaged(why) => format!("damaged: {why}"),
    }
}

async fn fetch(session: &Session, folder: &ModelFolder, name: &str) -> anyhow::Result<()> {
    let model = Catalogue::builtin().find(name)?;
    let hub = Hub::open(session.config.model_hub.as_deref(), HubLimits::default())?;
    let shown = std::io::stderr().is_terminal();
    let mut show = |progress: Progress| {
        if shown {
            eprint!("\r\x1b[K{}", line_of(&progress));
            let _ = std::io::stderr().flush();
        } else if !matches!(progress, Progress::Downloading { .. }) {
            eprintln!("{}", line_of(&progress));
        }
    };
    let pulled = pull(model, folder, &hub, &SystemClock::start(), &mut show).await;
    if shown {
        eprintln!();
    }
    let pulled = pulled?;
    session.out.line(format!("{} is at {} ({})", model.name, pulled.path.display(), megabytes(pulled.bytes)));
    session.out.object(&json!({
        "name": model.name, "path": pulled.path, "bytes": pulled.bytes, "downloaded": pulled.downloaded,
    }));
    Ok(())
}

fn line_of(progress: &Progress) -> String {
    match progress {
        Progress::Resuming { done, total } => {
            format!("going on at {} of {}", megabytes(*done), megabytes(*total))
        }
        Progress::Downloading { done, total, bytes_per_second } => format!(
            "{} of {} ({} %), {:.1} MB/s",
            megabytes(*done),
            megabytes(*total),
            done * 100 / (*total).max(1),
            bytes_per_second / 1e6
        ),
        Progress::Retrying { attempt, why, after } => {
            format!("{why}; attempt {attempt} in {:.0} s", after.as_secs_f64())
        }
        Progress::Checking => "comparing the checksum".into(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
