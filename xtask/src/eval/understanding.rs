//! The project's own sentences in eight languages: what must not act through the whole bridge, and natural commands
//! as they are written and with one slip of a recogniser, beside Home Assistant's strict matcher alone.

mod heard;
mod tables;

use anyhow::{Context, Result};
use helix_tests::bridge::Profile;

use super::Findings;
use heard::Heard;
use helix_tests::sets::LANGUAGES;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only this language; the page is not written then
    #[arg(long)]
    language: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, profile: Profile) -> Result<Findings> {
    let wanted = arguments.language.as_deref();
    if let Some(language) = wanted {
        let is_known = LANGUAGES.contains(&language);
        is_known.then_some(()).with_context(|| format!("{language} is none of {}", LANGUAGES.join(", ")))?;
    }
    let mut all = Vec::new();
    for language in LANGUAGES.into_iter().filter(|language| wanted.is_none_or(|wanted| wanted == *language)) {
        let heard = Heard::in_language(language, profile).await?;
        eprintln!("{}", tables::line(&heard));
        all.push(heard);
    }
    Ok(Findings {
        group: tables::GROUP,
        figures: tables::figures(&all)?,
        details: tables::details(&all)?,
        whole: wanted.is_none(),
    })
}
