//! Trains the model that tells a command from everything else that people say.

use std::fs;

use anyhow::{Context, Result, ensure};
use helix_core::Language;
use helix_core::route::guard::{CLASSES, digest as digest_in_use, features};
use helix_core::route::linear::digest;

use super::linear::{Example, Settings, calibrate, fit};
use super::{Corpus, root};

const WEIGHTS: &str = "bridge/core/src/route/guard/weights.bin";
const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];

const SETTINGS: Settings =
    Settings { classes: CLASSES.len(), buckets: 1 << 15, epochs: 6, step: 0.1, decay: 1e-4 };

/// One sentence in so many is kept aside to calibrate the probabilities.
const ASIDE: usize = 10;

pub(super) fn run(check: bool) -> Result<()> {
    let (examples, digest) = examples()?;
    if check {
        ensure!(digest_in_use() == digest, "{WEIGHTS} is older than its data: run `cargo xtask train guard`");
        return Ok(());
    }
    let (aside, seen): (Vec<_>, Vec<_>) =
        examples.iter().cloned().enumerate().partition(|(at, _)| at % ASIDE == 0);
    let part = fit(&seen.into_iter().map(|(_, example)| example).collect::<Vec<_>>(), &SETTINGS);
    let judged: Vec<_> = aside.iter().map(|(_, e)| (part.scores(&e.features), e.class)).collect();
    let right = judged.iter().filter(|(scores, class)| best(scores) == *class).count();
    let sharpness = calibrate(&judged);
    let bytes = fit(&examples, &SETTINGS).write(digest, sharpness);
    fs::write(root().join(WEIGHTS), &bytes).context(WEIGHTS)?;
    let (all, n, bytes) = (examples.len(), judged.len(), bytes.len());
    eprintln!(
        "{WEIGHTS}: {all} sentences, {right} of {n} unseen right, {bytes} bytes, sharpness {sharpness:.2}"
    );
    Ok(())
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
}

/// The sentences of all languages, and their digest. A word more in a language's frames changes features a little and
/// outdates nothing.
fn examples() -> Result<(Vec<Example>, u64)> {
    let (mut examples, mut parts) = (Vec::new(), vec![format!("{SETTINGS:?} {ASIDE}")]);
    for tag in LANGUAGES {
        let path = format!("xtask/data/speech-acts/{tag}.txt");
        let text = fs::read_to_string(root().join(&path)).context(path.clone())?;
        let language = Language::parse(tag).context("a language tag")?;
        for (label, text) in Corpus::parse(&text).context(path)?.0 {
            let class = CLASSES.iter().position(|act| act.as_str() == label);
            let class = class.with_context(|| format!("{label} is no speech act"))?;
            let features = features(&text, &language);
            parts.push(format!("{tag} {label} {text}"));
            examples.push(Example { features, class, weight: 1.0 });
        }
    }
    Ok((examples, digest(parts.iter().map(String::as_bytes))))
}
