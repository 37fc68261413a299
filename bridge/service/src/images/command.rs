//! What a person wants of the images of agents: a name in, what was done out.

use std::collections::BTreeMap;
use std::time::Duration;

use helix_contract::{AgentName, Digest};
use helix_image::{Form, Image, KEPT_FOR, Standing, Verdict};
use tokio::time::timeout;

use super::{Images, ImagesError, Inner};
use crate::tasks::Which;

/// How long a person waits for the registry.
const REGISTRY_LIMIT: Duration = Duration::from_secs(10);

/// What a collection did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Images that were removed.
    pub removed: Vec<String>,
    /// Images that no task gets any more; the next collection removes them.
    pub leaving: Vec<String>,
    /// How many stay.
    pub kept: usize,
}

impl Images {
    /// Makes the form before the current one the current one again, or that of a digest. The other one is not promoted again
    /// by itself.
    ///
    /// # Errors
    /// [`ImagesError`]. If only the registry is away, it is done there later.
    pub async fn return_to(&self, agent: &AgentName, digest: Option<&str>) -> Result<Form, ImagesError> {
        let inner = &self.inner;
        inner.change(|forms| forms.return_to(agent, digest)).await?.map_err(Inner::no_way_back(agent))?;
        match timeout(REGISTRY_LIMIT, inner.make_current()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(code = error.code(), %error, "the registry is told later"),
            Err(_) => tracing::warn!("the registry is told later: it does not answer"),
        }
        inner.wake.notify_one();
        inner.current(agent)
    }

    /// Makes the image of an agent with its newest definition, if it passes its acceptance, whatever was taken back before.
    ///
    /// # Errors
    /// [`ImagesError`]
    pub async fn build(&self, agent: &AgentName) -> Result<Image, ImagesError> {
        let inner = &self.inner;
        let newest = inner.kinds.iter().find(|(_, kind)| kind.definition.name == *agent);
        let (definition, kind) = newest.ok_or_else(|| ImagesError::Unknown(agent.to_string()))?;
        let definition = *definition;
        if inner.registry.is_none() {
            return Err(ImagesError::NoRegistry);
        }
        let why_not = inner.is_accepted(definition).await?.ok_or(ImagesError::NoProgram)?;
        if let Some(why) = why_not {
            return Err(ImagesError::Unaccepted(agent.to_string(), why));
        }
        let base = inner.base().await.ok_or(ImagesError::NoBase)?;
        let at = inner.calendar.now();
        inner.definitions.keep(&definition, &kind.definition).await?;
        inner.change(|forms| forms.promote(agent, definition, Some(base), at)).await?;
        inner.make_current().await?;
        inner.current(agent)?.image.ok_or(ImagesError::NoBase)
    }

    /// Lets the image of an agent's current form stay however long nobody uses it, or lets all of its images go as others
    /// do; how many that concerns.
    ///
    /// # Errors
    /// [`ImagesError`]
    pub async fn pin(&self, agent: &AgentName, pinned: bool) -> Result<usize, ImagesError> {
        Ok(self.inner.change(|forms| forms.pin(agent, pinned)).await?)
    }

    /// Removes what nobody used, in two steps.
    ///
    /// # Errors
    /// [`ImagesError`]; what was removed before stays removed.
    pub async fn collect(&self, dry_run: bool) -> Result<Collected, ImagesError> {
        self.inner.collect(dry_run).await
    }

    /// Removes the images of an agent now, but for those that tasks use. Its definitions stay.
    ///
    /// # Errors
    /// [`ImagesError`]; what was removed before stays removed.
    pub async fn remove(&self, agent: &AgentName, dry_run: bool) -> Result<Collected, ImagesError> {
        let inner = &self.inner;
        let forms = inner.forms();
        let in_flight = inner.in_flight().await?;
        let images = forms.of(agent).filter_map(|form| form.image.as_ref());
        let (used, free): (Vec<_>, Vec<_>) = images.partition(|image| in_flight.contains_key(&image.name));
        let mut collected = Collected { kept: used.len(), ..Collected::default() };
        for image in free {
            if !dry_run {
                inner.change(|forms| forms.deleting(image.digest)).await?;
                inner.remove(agent, image).await?;
            }
            collected.removed.push(image.name.clone());
        }
        Ok(collected)
    }
}

impl Inner {
    fn current(&self, agent: &AgentName) -> Result<Form, ImagesError> {
        self.forms().current(agent).cloned().ok_or_else(|| ImagesError::Unknown(agent.to_string()))
    }

    pub(super) async fn collect(&self, dry_run: bool) -> Result<Collected, ImagesError> {
        if self.registry.is_none() {
            return Ok(Collected::default());
        }
        let in_flight = self.in_flight().await?;
        let forms = self.forms();
        let flights = |name: &str| in_flight.get(name).copied().unwrap_or_default();
        let mut collected = Collected::default();
        for (form, verdict) in forms.judged(flights, self.calendar.now()) {
            let Some(image) = &form.image else { continue };
            match verdict {
                Verdict::Keep(_) => collected.kept += 1,
                Verdict::Remove if form.standing == Standing::Deleting => {
                    if !dry_run {
                        self.remove(&form.agent, image).await?;
                    }
                    collected.removed.push(image.name.clone());
                }
                Verdict::Remove => {
                    if !dry_run {
                        self.change(|forms| forms.deleting(image.digest)).await?;
                    }
                    collected.leaving.push(image.name.clone());
                }
            }
        }
        let days = KEPT_FOR.as_hours() / 24;
        let (removed, leaving) = (collected.removed.len(), collected.leaving.len());
        tracing::info!(
            removed,
            leaving,
            kept = collected.kept,
            days,
            dry_run,
            "images of agents were looked through"
        );
        Ok(collected)
    }

    async fn remove(&self, agent: &AgentName, image: &Image) -> Result<(), ImagesError> {
        let Some(registry) = &self.registry else { return Err(ImagesError::NoRegistry) };
        let forms = self.forms();
        let digests = forms.of(agent).filter_map(|form| Some(form.image.as_ref()?.digest));
        let kept: Vec<Digest> = digests.filter(|digest| *digest != image.digest).collect();
        registry.remove(agent, image.digest, &kept).await?;
        Ok(self.change(|forms| forms.gone(image.digest)).await?)
    }

    /// How many tasks that have not ended name an image.
    async fn in_flight(&self) -> Result<BTreeMap<String, u32>, ImagesError> {
        let mut in_flight = BTreeMap::new();
        for task in self.book.list(Which::UnderWay, crate::tasks::ACTIVE_MAX).await? {
            if let Some(image) = task.spec.agent.image {
                *in_flight.entry(image).or_default() += 1;
            }
        }
        Ok(in_flight)
    }
}
