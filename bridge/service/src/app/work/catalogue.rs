//! The kinds of agents: those that Helix brings, those of the user's folder, and every definition that was ever used.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;
use helix_contract::api::ImageTrouble;
use helix_contract::{AgentRef, DefinitionV1, Digest};
use helix_core::delegate;
use helix_image::{Chosen, Trouble};
use helix_kinds::{Kind, Limits, built_in, read_folder};

use crate::gateway::Definitions;
use crate::images::Images;
use crate::store::{Store, StoreError};

/// The user's own kinds, in the data folder: one folder each.
pub(super) const FOLDER: &str = "agents";

/// A kind as new tasks get it.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) digest: Digest,
    pub(super) definition: DefinitionV1,
    pub(super) limits: Limits,
    /// The image that holds the definition.
    pub(super) image: Option<String>,
}

/// The kinds of agents.
#[derive(Debug)]
pub(crate) struct Catalogue {
    newest: BTreeMap<String, Current>,
    kinds: Vec<delegate::Kind>,
    store: Store,
    images: Images,
}

/// The kinds that Helix brings and those of the user, by their names. One of the user takes the place of Helix's own of the
/// same name; one that is wrong is told of and left out.
///
/// # Errors
/// Helix's own kinds are wrong, or the user's folder cannot be read.
pub(super) fn kinds(data_dir: &Path) -> anyhow::Result<BTreeMap<String, Kind>> {
    let all = built_in()?.into_iter().chain(own(&data_dir.join(FOLDER))?);
    Ok(all.map(|kind| (kind.definition.name.to_string(), kind)).collect())
}

/// A kind as an order chooses it.
pub(super) fn offered(definition: &DefinitionV1) -> delegate::Kind {
    delegate::Kind { name: definition.name.to_string(), description: definition.description.clone() }
}

impl Catalogue {
    /// The catalogue of these kinds.
    ///
    /// # Errors
    /// A definition has no digest, which one that was read has.
    pub(super) fn new(
        store: Store,
        images: Images,
        kinds: impl IntoIterator<Item = Kind>,
    ) -> anyhow::Result<Self> {
        let mut newest = BTreeMap::new();
        for Kind { definition, limits, .. } in kinds {
            let current = Current { digest: definition.digest()?, definition, limits, image: None };
            newest.insert(current.definition.name.to_string(), current);
        }
        let kinds = newest.values().map(|current| offered(&current.definition)).collect();
        Ok(Self { newest, kinds, store, images })
    }

    pub(super) fn kinds(&self) -> &[delegate::Kind] {
        &self.kinds
    }

    /// Every kind with the digest of its definition.
    pub(super) fn all(&self) -> impl Iterator<Item = &Current> {
        self.newest.values()
    }

    /// What new tasks of this kind are given: its newest definition, or the one before if that was taken back; and the
    /// image that holds it, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if an older definition cannot be read.
    pub(super) async fn for_tasks(&self, kind: &str) -> Result<Option<Current>, StoreError> {
        let Some(newest) = self.newest.get(kind) else { return Ok(None) };
        let Chosen { definition: digest, image } = self.images.chosen(&newest.definition.name, newest.digest);
        if digest == newest.digest {
            return Ok(Some(Current { image, ..newest.clone() }));
        }
        let older = self.store.definitions().find(&digest).await?;
        let older = older.map(|definition| Current { digest, definition, image, limits: newest.limits });
        Ok(Some(older.unwrap_or_else(|| newest.clone())))
    }

    /// The images of agents.
    pub(super) fn images(&self) -> &Images {
        &self.images
    }

    /// Keeps a definition for good, before a task names it.
    ///
    /// # Errors
    /// [`StoreError`]; then no task may name it.
    pub(super) async fn keep(&self, current: &Current) -> Result<(), StoreError> {
        self.store.definitions().keep(&current.digest, &current.definition).await
    }
}

impl Definitions for Catalogue {
    fn find<'a>(&'a self, agent: &'a AgentRef) -> BoxFuture<'a, Result<Option<DefinitionV1>, String>> {
        Box::pin(async move {
            let newest = self.newest.get(agent.name.as_str());
            if let Some(current) = newest.filter(|current| current.digest == agent.definition) {
                return Ok(Some(current.definition.clone()));
            }
            self.store.definitions().find(&agent.definition).await.map_err(|error| error.to_string())
        })
    }

    fn is_offered(&self, image: &str) -> bool {
        self.images.is_offered(image)
    }

    fn troubled<'a>(&'a self, image: &'a str, trouble: ImageTrouble) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match trouble {
                ImageTrouble::Missing => self.images.troubled(image, Trouble::Missing).await,
                ImageTrouble::Unfit => self.images.troubled(image, Trouble::Unfit).await,
                ImageTrouble::Refused | ImageTrouble::Unknown => self.images.refused(image),
            }
        })
    }
}

/// The user's kinds.
fn own(folder: &Path) -> anyhow::Result<Vec<Kind>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let read = read_folder(folder)?;
    let told = |kind: Result<Kind, _>| {
        kind.inspect_err(|error| tracing::error!(%error, "a kind of agent is left out")).ok()
    };
    Ok(read.into_iter().filter_map(told).collect())
}
