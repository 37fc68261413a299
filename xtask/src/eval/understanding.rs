//! The project's own sentences in eight languages: what must not act through the whole bridge, and natural commands
//! as they are written and with one slip of a recogniser, beside Home Assistant's strict matcher alone.

mod heard;
mod tables;

use anyhow::{Context, Result};
use helix_tests::bridge::Profile;

use super::{Findings, Selection};
use heard::Heard;
use helix_tests::sets::LANGUAGES;

pub(super) async fn run(selection: &Selection, profile: Profile) -> Result<Findings> {
    if let Some(language) = selection.language.as_deref() {
        let is_known = LANGUAGES.contains(&language);
        is_known.then_some(()).with_context(|| format!("{language} is none of {}", LANGUAGES.join(", ")))?;
    }
    let mut all = Vec::new();
    for language in LANGUAGES.into_iter().filter(|language| selection.wants(language)) {
        let heard = Heard::in_language(language, selection, profile).await?;
        eprintln!("{}", tables::line(&heard));
        all.push(heard);
    }
    Ok(Findings {
        group: tables::GROUP,
        figures: tables::figures(&all)?,
        details: tables::details(&all)?,
        whole: selection.is_whole(),
    })
}
