//! The work on a registry: a form in, its image there out; one thing at a time.

use std::collections::BTreeMap;

use helix_contract::{AgentName, DefinitionV1, Digest};
use helix_image::{Base, Image, ImageError, LATEST, Registry, Specialised};
use tokio::sync::Mutex;

use super::settings::RegistrySettings;

/// A registry, and what is known to be there.
#[derive(Debug)]
pub(super) struct Shelf {
    registry: Registry,
    settings: RegistrySettings,
    there: Mutex<There>,
}

/// What was put there since the start.
#[derive(Debug, Default)]
struct There {
    /// The name of the base.
    base: Option<String>,
    /// What `latest` of each agent means.
    latest: BTreeMap<AgentName, Digest>,
}

impl Shelf {
    pub(super) fn open(settings: RegistrySettings) -> Result<Self, ImageError> {
        Ok(Self { registry: settings.open()?, settings, there: Mutex::default() })
    }

    /// Whether an image has a name of this registry.
    pub(super) fn names(&self, image: &str) -> bool {
        image.strip_prefix(self.settings.pull()).is_some_and(|rest| {
            rest.strip_prefix('/').and_then(|rest| rest.strip_prefix(&self.settings.prefix)).is_some()
        })
    }

    /// Makes an image of a definition, if it is not there.
    pub(super) async fn make(&self, base: &Base, definition: &DefinitionV1) -> Result<Image, ImageError> {
        let mut there = self.there.lock().await;
        let name = match there.base.take() {
            Some(name) => name,
            None => self.registry.push_base(base).await?,
        };
        let Specialised { digest, known, platforms, .. } =
            self.registry.specialise(&name, definition).await?;
        // After a failure it is pushed anew: somebody may have emptied the registry.
        there.base = Some(name);
        let agent = &definition.name;
        tracing::info!(%agent, %digest, known, ?platforms, "an agent became an image");
        let (host, prefix) = (self.settings.pull(), &self.settings.prefix);
        Ok(Image { digest, name: format!("{host}/{prefix}agent-{agent}@{digest}") })
    }

    /// Lets `latest` of an agent mean this image.
    pub(super) async fn point(&self, agent: &AgentName, digest: Digest) -> Result<(), ImageError> {
        let mut there = self.there.lock().await;
        if there.latest.get(agent) != Some(&digest) {
            self.registry.point(agent, LATEST, digest).await?;
            there.latest.insert(agent.clone(), digest);
        }
        Ok(())
    }

    /// Removes an image, but for what those of `kept` need.
    pub(super) async fn remove(
        &self,
        agent: &AgentName,
        digest: Digest,
        kept: &[Digest],
    ) -> Result<(), ImageError> {
        let mut there = self.there.lock().await;
        there.latest.remove(agent);
        let removed = self.registry.remove(agent, digest, kept).await?;
        tracing::info!(%agent, %digest, manifests = removed.manifests, "the image of an agent was removed");
        Ok(())
    }
}
