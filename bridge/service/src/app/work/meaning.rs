//! Which kind of agent words mean that no rule knows: they are compared with what each kind is for and with its examples, as
//! a model of vectors sees them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helix_contract::Digest;
use helix_core::Pii;
use helix_core::delegate::{Known, Meaning, Order, Thresholds, meaning};
use helix_core::egress::{Privacy, Purpose};
use helix_core::llm::Origin;
use helix_kinds::Kind;
use tokio_util::sync::CancellationToken;

use crate::images::Images;
use crate::llm::Models;
use crate::store::AgentVectorTable;

/// How often it is looked whether another model makes vectors now.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// … and while they are missing.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(5);
/// Texts that become vectors in one request.
const BATCH: usize = 16;

/// A text that tells what a kind is for.
#[derive(Debug)]
struct Text {
    kind: String,
    /// The digest of the kind's definition, which has to be accepted.
    definition: Digest,
    words: String,
}

/// What is known, as one model sees it.
#[derive(Debug)]
struct Seen {
    model: String,
    /// In the order of the texts.
    known: Vec<Known>,
}

/// What the kinds of agents are for, as vectors.
#[derive(Debug)]
pub(crate) struct Meanings {
    models: Arc<Models>,
    table: AgentVectorTable,
    images: Images,
    texts: Vec<Text>,
    seen: Mutex<Option<Seen>>,
}

impl Meanings {
    pub(super) fn new<'k>(
        models: Arc<Models>,
        table: AgentVectorTable,
        images: Images,
        kinds: impl IntoIterator<Item = &'k Kind>,
    ) -> Self {
        let texts = kinds.into_iter().filter_map(|Kind { definition, .. }| {
            let digest = definition.digest().ok()?;
            let requests = definition.examples.iter().map(|example| &example.request);
            let texts = std::iter::once(&definition.description).chain(requests);
            let text = |text: &String| Text {
                kind: definition.name.to_string(),
                definition: digest,
                words: text.clone(),
            };
            Some(texts.map(text).collect::<Vec<_>>())
        });
        Self { models, table, images, texts: texts.flatten().collect(), seen: Mutex::default() }
    }

    /// Makes the vectors that are missing until cancelled.
    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        if self.models.vectors().is_none() {
            return;
        }
        let work = async {
            loop {
                let looked = self.look().await;
                let rest = if looked.is_ok() { LOOK_EVERY } else { LOOK_AGAIN_EVERY };
                if let Err(error) = looked {
                    tracing::debug!(error, "what agents are for is compared later");
                }
                tokio::time::sleep(rest).await;
            }
        };
        let _ = cancel.run_until_cancelled(work).await;
    }

    async fn look(&self) -> Result<(), String> {
        let model = self.models.vectors_by().ok_or("no model makes vectors now")?;
        if self.is_seen_by(&model) {
            return Ok(());
        }
        let mut vectors = self.table.of(&model).await.map_err(|error| error.to_string())?;
        let missing = self.texts.iter().filter(|text| !vectors.contains_key(&digest(&text.words)));
        let missing: Vec<_> = missing.collect();
        for texts in missing.chunks(BATCH) {
            let words: Vec<_> = texts.iter().map(|text| Pii::new(text.words.clone())).collect();
            let made = self.vectors(&words, Privacy::Public).await?;
            let made: Vec<_> = texts.iter().map(|text| digest(&text.words)).zip(made).collect();
            self.table.keep(&model, &made).await.map_err(|error| error.to_string())?;
            vectors.extend(made);
        }
        let known = |text: &Text| {
            let vector = vectors.get(&digest(&text.words)).cloned().unwrap_or_default();
            Known { kind: text.kind.clone(), vector }
        };
        let known = self.texts.iter().map(known).collect();
        *self.seen() = Some(Seen { model, known });
        Ok(())
    }

    /// The kind that is meant by an order. Nothing is known of it without a model, or before its vectors are there.
    pub(super) async fn of(&self, order: &Order) -> Meaning {
        let Some(model) = self.models.vectors_by().filter(|model| self.is_seen_by(model)) else {
            return Meaning::Unknown;
        };
        let made = self.vectors(std::slice::from_ref(&order.words), order.privacy).await;
        let made = made.inspect_err(|error| tracing::debug!(error, "words are compared with nothing"));
        let Some(words) = made.ok().and_then(|mut made| made.pop()) else { return Meaning::Unknown };
        match self.seen().as_ref().filter(|seen| seen.model == model) {
            Some(seen) => {
                meaning(&words, &self.accepted(&seen.known), Thresholds::of(&model, &order.language))
            }
            None => Meaning::Unknown,
        }
    }

    /// Those of kinds that have passed their acceptance.
    fn accepted(&self, known: &[Known]) -> Vec<Known> {
        let all = known.iter().zip(&self.texts);
        let accepted = all.filter(|(_, text)| self.images.has_accepted(text.definition));
        accepted.map(|(known, _)| known.clone()).collect()
    }

    async fn vectors(&self, words: &[Pii<String>], privacy: Privacy) -> Result<Vec<Vec<f32>>, String> {
        let model = self.models.vectors().ok_or("no model makes vectors")?;
        let origin = Origin::addressed(Purpose::Task, privacy, None);
        model.embed(words, &origin).await.map_err(|error| error.to_string())
    }

    fn is_seen_by(&self, model: &str) -> bool {
        self.seen().as_ref().is_some_and(|seen| seen.model == model)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}
