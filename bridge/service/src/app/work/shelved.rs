//! The images of agents for commands of a person.

use helix_contract::AgentName;
use helix_image::{Form, Image};

use crate::control::{Answer, FormRow, ImagesAsk};
use crate::images::{Collected, Images, ImagesError};

/// Does what a person wants of the images.
pub(super) async fn shelved(images: &Images, ask: ImagesAsk) -> Answer {
    let done = match ask {
        ImagesAsk::Rollback { name, digest } => rolled_back(images, &name, digest.as_deref()).await,
        ImagesAsk::Build { name } => built(images, &name).await,
        ImagesAsk::Pin { name, pinned } => kept(images, &name, pinned).await,
        ImagesAsk::Collect { dry_run } => images.collect(dry_run).await.map(|done| lines(&done, dry_run)),
        ImagesAsk::Remove { name, dry_run } => removed(images, &name, dry_run).await,
    };
    done.map_or_else(|error| Answer::Failed(error.to_string()), Answer::Done)
}

async fn rolled_back(images: &Images, name: &str, digest: Option<&str>) -> Result<Vec<String>, ImagesError> {
    let Form { definition, image, .. } = images.return_to(&agent(images, name)?, digest).await?;
    let image = image
        .map_or_else(|| "its image is made later, if there is a registry".to_owned(), |image| image.name);
    Ok(vec![format!("new tasks of `{name}` get the definition {definition}"), image])
}

async fn built(images: &Images, name: &str) -> Result<Vec<String>, ImagesError> {
    let name = name.parse().map_err(|_| ImagesError::Unknown(name.to_owned()))?;
    let Image { name, .. } = images.build(&name).await?;
    Ok(vec![name])
}

async fn kept(images: &Images, name: &str, pinned: bool) -> Result<Vec<String>, ImagesError> {
    let changed = images.pin(&agent(images, name)?, pinned).await?;
    Ok(vec![match (changed, pinned) {
        (0, _) => format!("`{name}` has no image; `helix agent build {name}` makes one"),
        (_, true) => format!("the image of `{name}` stays, however long nobody uses it"),
        (_, false) => format!("images of `{name}` go when nobody has used them for 30 days"),
    }])
}

async fn removed(images: &Images, name: &str, dry_run: bool) -> Result<Vec<String>, ImagesError> {
    let done = images.remove(&agent(images, name)?, dry_run).await?;
    Ok(lines(&done, dry_run))
}

/// An agent of which something is known.
fn agent(images: &Images, name: &str) -> Result<AgentName, ImagesError> {
    let unknown = || ImagesError::Unknown(name.to_owned());
    let agent = name.parse().map_err(|_| unknown())?;
    if images.knows(&agent) { Ok(agent) } else { Err(unknown()) }
}

fn lines(done: &Collected, dry_run: bool) -> Vec<String> {
    let word = |word: &'static str| move |image: &String| format!("{word:<8} {image}");
    let gone = if dry_run { "would go" } else { "removed" };
    let lines = done.removed.iter().map(word(gone)).chain(done.leaving.iter().map(word("unused")));
    lines.chain([format!("{} images stay", done.kept)]).collect()
}

/// The forms of an agent, the newest first.
pub(super) fn form_rows(images: &Images, agent: &AgentName) -> Vec<FormRow> {
    let mut forms = images.forms_of(agent);
    forms.sort_by_key(|form| std::cmp::Reverse(form.created));
    let row = |form: Form| FormRow {
        definition: form.definition.to_string(),
        image: form.image.map(|image| image.name),
        standing: form.standing.as_str().to_owned(),
        taken_back: form.barred,
        pinned: form.pinned,
        last_used: form.last_used.to_string(),
        successes: form.successes,
        failures: form.failures,
    };
    forms.into_iter().map(row).collect()
}
