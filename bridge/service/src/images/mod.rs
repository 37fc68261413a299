//! A registry of images as the other party: how tasks ended in, images of the agents that did well out; which of them new
//! tasks get. What is known of them stands in the store, so a registry that is away, full or not there at all delays
//! images and changes nothing else.

mod command;
mod error;
mod registry;
mod settings;
mod upkeep;
mod workshop;

pub use command::Collected;
pub use error::ImagesError;
pub use settings::{NoRegistry, Pace, RegistrySettings, is_host};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helix_contract::{AgentName, Digest};
use helix_core::{Calendar, Clock};
use helix_image::{Chosen, Form, Forms, NoWayBack, Trouble};
use helix_kinds::Kind;
use tokio::sync::{Notify, OnceCell};

use crate::clock::SystemClock;
use crate::store::{AgentImageTable, Counted, DefinitionTable, Store, StoreError};
use crate::tasks::TaskBook;
use registry::Shelf;
use workshop::Workshop;

/// What images of agents need of the rest of the bridge.
#[derive(Debug)]
pub struct Parts {
    /// Where they are written down.
    pub store: Store,
    /// The book of tasks: how they ended, which images are in use.
    pub book: TaskBook,
    /// The kinds of agents as new tasks get them.
    pub kinds: Vec<Kind>,
    /// The registry; none makes no images.
    pub registry: Option<RegistrySettings>,
    /// The folder in which `helix-agent` lies.
    pub programs: PathBuf,
    /// The wall clock.
    pub calendar: Arc<dyn Calendar>,
    /// How often what is done.
    pub pace: Pace,
}

/// The images of agents. A copy is the same.
#[derive(Debug, Clone)]
pub struct Images {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    table: AgentImageTable,
    definitions: DefinitionTable,
    book: TaskBook,
    kinds: BTreeMap<Digest, Kind>,
    registry: Option<Shelf>,
    programs: PathBuf,
    workshop: OnceCell<Option<Workshop>>,
    calendar: Arc<dyn Calendar>,
    clock: SystemClock,
    pace: Pace,
    forms: Mutex<Forms>,
    /// Who writes has it: what is written stems from what is known.
    writing: tokio::sync::Mutex<()>,
    /// Images that a registry did not give, and until when they are not offered.
    refused: Mutex<BTreeMap<String, Duration>>,
    /// Definitions that have passed their acceptance.
    accepted: Mutex<BTreeSet<Digest>>,
    /// When ends of tasks were written down last.
    written: Mutex<Option<Duration>>,
    /// There is something to do.
    wake: Notify,
}

impl Images {
    /// Reads what is known.
    ///
    /// # Errors
    /// The store cannot be read, or the registry has no name that an image could have.
    pub async fn open(parts: Parts) -> Result<Self, ImagesError> {
        let Parts { store, book, kinds, registry, programs, calendar, pace } = parts;
        let table = store.agent_images();
        let registry = registry.map(Shelf::open).transpose()?;
        let mut forms = table.all().await?;
        // Another registry has none of the images of the one before.
        forms.only_images_of(|image| registry.as_ref().is_some_and(|registry| registry.names(image)));
        let forms = Mutex::new(forms);
        let by_digest = |kind: Kind| Some((kind.definition.digest().ok()?, kind));
        let inner = Inner {
            table,
            definitions: store.definitions(),
            book,
            kinds: kinds.into_iter().filter_map(by_digest).collect(),
            registry,
            programs,
            workshop: OnceCell::new(),
            calendar,
            clock: SystemClock::start(),
            pace,
            forms,
            writing: tokio::sync::Mutex::default(),
            refused: Mutex::default(),
            accepted: Mutex::default(),
            written: Mutex::default(),
            wake: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What new tasks of an agent get whose newest definition is `newest`.
    pub fn chosen(&self, agent: &AgentName, newest: Digest) -> Chosen {
        let chosen = self.inner.forms().chosen(agent, newest);
        let image = chosen.image.filter(|image| !self.inner.is_refused(image));
        Chosen { image, ..chosen }
    }

    /// Whether a task may still be started from this image.
    pub fn is_offered(&self, image: &str) -> bool {
        self.inner.forms().is_offered(image)
    }

    /// An image could not be started: one that is missing is made anew, one that does not start is offered no more.
    pub async fn troubled(&self, image: &str, trouble: Trouble) {
        match self.inner.change(|forms| forms.troubled(image, trouble)).await {
            Ok(()) => self.inner.wake.notify_one(),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "that an image does not start is not kept");
            }
        }
    }

    /// The registry did not give an image to a runner: it is not offered for a while.
    pub fn refused(&self, image: &str) {
        let until = self.inner.clock.now() + self.inner.pace.refused;
        let mut refused = self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, until| *until > self.inner.clock.now());
        refused.insert(image.to_owned(), until);
    }

    /// Whether a definition has passed its acceptance. Those of today's kinds are tried soon after the start.
    pub fn has_accepted(&self, definition: Digest) -> bool {
        self.inner.accepted().contains(&definition)
    }

    /// Whether there is such an agent, or was.
    pub fn knows(&self, agent: &AgentName) -> bool {
        let is_kind = self.inner.kinds.values().any(|kind| kind.definition.name == *agent);
        is_kind || self.inner.forms().of(agent).next().is_some()
    }

    /// What is known of an agent.
    pub fn forms_of(&self, agent: &AgentName) -> Vec<Form> {
        self.inner.forms().of(agent).cloned().collect()
    }
}

impl Inner {
    fn forms(&self) -> Forms {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is known, once that is written down.
    async fn change<T>(&self, change: impl FnOnce(&mut Forms) -> T) -> Result<T, StoreError> {
        self.change_and_count(change, None).await
    }

    async fn change_and_count<T>(
        &self,
        change: impl FnOnce(&mut Forms) -> T,
        counted: Option<&Counted>,
    ) -> Result<T, StoreError> {
        let _writing = self.writing.lock().await;
        let before = self.forms();
        let mut now = before.clone();
        let made = change(&mut now);
        self.table.keep(&before, &now, counted).await?;
        *self.forms.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(made)
    }

    fn accepted(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_refused(&self, image: &str) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(image).is_some_and(|until| *until > self.clock.now())
    }

    /// What there is to try agents with and to make images of, looked for once.
    async fn workshop(&self) -> Option<&Workshop> {
        let look = async {
            let (folder, with_base) = (self.programs.clone(), self.registry.is_some());
            let look = move || Workshop::of(&folder, with_base);
            let found = tokio::task::spawn_blocking(look).await.ok().flatten();
            match &found {
                None => tracing::info!(
                    folder = %self.programs.display(),
                    "no helix-agent lies here, so no agent is tried and none becomes an image"
                ),
                Some(Workshop { base: None, .. }) if with_base => {
                    tracing::warn!(error = %ImagesError::NoBase, "no agent becomes an image");
                }
                Some(_) => {}
            }
            found
        };
        self.workshop.get_or_init(|| look).await.as_ref()
    }

    /// What images stand on now; none if there are none.
    async fn base(&self) -> Option<Digest> {
        self.registry.as_ref()?;
        self.workshop().await?.base.as_ref().map(helix_image::Base::digest)
    }

    fn no_way_back(agent: &AgentName) -> impl FnOnce(NoWayBack) -> ImagesError {
        let agent = agent.to_string();
        move |source| ImagesError::NoWayBack { agent, source }
    }
}
