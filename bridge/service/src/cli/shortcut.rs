//! `helix shortcut`: what language models made of sentences, and is done without one now; list and remove.

use std::process::ExitCode;

use anyhow::bail;
use helix::store::Store;
use helix_core::route::plain_words;
use helix_core::shortcut::RESOLVED_MIN;
use serde_json::json;

use super::Session;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what is known, by its words
    List,
    /// Forget what these words mean
    Remove {
        /// The words, as `helix shortcut list` shows them
        #[arg(required = true)]
        words: Vec<String>,
        /// Only in this language
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let store = session.store().await?;
    match command {
        Command::List => list(&session, store.as_ref()).await?,
        Command::Remove { words, language } => {
            let words = plain_words(&words.join(" "));
            let removed = match store {
                Some(store) => store.shortcuts().remove(&words, language.as_deref()).await?,
                None => 0,
            };
            if removed == 0 {
                bail!(
                    "no shortcut has the words `{words}`; `helix shortcut list` shows those that there are"
                );
            }
            session.out.line(format!("removed {removed} of `{words}`"));
            session.out.object(&json!({ "removed": removed, "words": words }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(session: &Session, store: Option<&Store>) -> anyhow::Result<()> {
    let shortcuts = match store {
        Some(store) => store.shortcuts().list().await?,
        None => Vec::new(),
    };
    if shortcuts.is_empty() {
        session.out.line("there are no shortcuts");
    }
    for shortcut in shortcuts {
        let area = shortcut.key.area.as_ref().map(ToString::to_string);
        let used = shortcut.resolved >= RESOLVED_MIN;
        session.out.object(&json!({
            "words": shortcut.key.words, "language": shortcut.key.language, "area": area, "used": used,
            "sentences": shortcut.sentences, "resolved": shortcut.resolved, "hits": shortcut.hits,
            "fingerprint": shortcut.fingerprint,
        }));
        let place = area.map(|area| format!(" in {area}")).unwrap_or_default();
        let state = if used { format!("{} hits", shortcut.hits) } else { "not used yet".to_owned() };
        let (words, language) = (&shortcut.key.words, &shortcut.key.language);
        session
            .out
            .line(format!("{words} ({language}{place}) -> {}  {state}", shortcut.sentences.join("; ")));
    }
    Ok(())
}
