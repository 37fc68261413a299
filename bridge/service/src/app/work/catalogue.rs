//! The kinds of agents: those that Helix brings, those of the user's folder, and every definition that was ever used.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;
use helix_contract::{AgentRef, DefinitionV1, Digest, canonical};
use helix_core::delegate;
use helix_kinds::{Kind, Limits, built_in, read_folder};

use crate::gateway::Definitions;
use crate::store::{Store, StoreError};

/// The user's own kinds, in the data folder: one folder each.
pub(super) const FOLDER: &str = "agents";

/// A kind as new tasks get it.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) digest: Digest,
    pub(super) definition: DefinitionV1,
    pub(super) limits: Limits,
}

/// The kinds of agents.
#[derive(Debug)]
pub(crate) struct Catalogue {
    newest: BTreeMap<String, Current>,
    kinds: Vec<delegate::Kind>,
    store: Store,
}

impl Catalogue {
    /// Reads the kinds. One of the user takes the place of Helix's own of the same name; one that is wrong is told of and
    /// left out.
    ///
    /// # Errors
    /// Helix's own kinds are wrong, or the user's folder cannot be read.
    pub(super) fn open(store: Store, data_dir: &Path) -> anyhow::Result<Self> {
        let mut newest = BTreeMap::new();
        for Kind { definition, limits, .. } in built_in()?.into_iter().chain(own(&data_dir.join(FOLDER))?) {
            let current = Current { digest: definition.digest()?, definition, limits };
            newest.insert(current.definition.name.to_string(), current);
        }
        let kind = |current: &Current| delegate::Kind {
            name: current.definition.name.to_string(),
            description: current.definition.description.clone(),
        };
        Ok(Self { kinds: newest.values().map(kind).collect(), newest, store })
    }

    pub(super) fn kinds(&self) -> &[delegate::Kind] {
        &self.kinds
    }

    /// Every kind with the digest of its definition.
    pub(super) fn all(&self) -> impl Iterator<Item = &Current> {
        self.newest.values()
    }

    /// The definition that new tasks of this kind are given.
    pub(super) fn newest(&self, kind: &str) -> Option<&Current> {
        self.newest.get(kind)
    }

    /// Keeps a definition for good, before a task names it.
    ///
    /// # Errors
    /// [`StoreError`]; then no task may name it.
    pub(super) async fn keep(&self, current: &Current) -> Result<(), StoreError> {
        let Current { digest, definition, .. } = current;
        // Its digest was made of the same bytes, so it has a canonical form.
        let body = canonical(definition).unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        self.store.definitions().keep(digest, definition.name.as_str(), &body).await
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
