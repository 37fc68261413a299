//! What goes on in the background, one thing at a time: ends of tasks are counted, candidates accepted, images made and
//! named, old ones removed.

use std::sync::PoisonError;
use std::time::Duration;

use helix_core::Clock;
use helix_image::{End, Forms, Image, ImageError, Standing, Trouble};
use helix_kinds::{Unfit, accept};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Images, ImagesError, Inner};
use crate::store::Counted;
use crate::tasks::{Code, State, Task};
use helix_contract::{Digest, Failure};

/// Ends that are counted in one transaction.
const BATCH: u32 = 100;
/// How long a case of an acceptance may take.
const CASE_LIMIT: Duration = Duration::from_secs(30);

impl Images {
    /// Works until cancelled; `ends` changes when a task has ended. What was under way then is begun anew by the next start.
    pub async fn run(self, ends: watch::Receiver<u64>, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.inner.work(ends)).await;
    }

    /// Does once what there is to do now, but for collecting.
    ///
    /// # Errors
    /// What is in the way; it is tried again.
    pub async fn round(&self) -> Result<(), ImagesError> {
        self.inner.round().await
    }
}

impl Inner {
    async fn work(&self, mut ends: watch::Receiver<u64>) {
        let mut pause = self.pace.retry[0];
        let mut told = None;
        let mut collect_at = self.clock.now() + self.pace.collect_first;
        for definition in self.kinds.keys() {
            if let Err(error) = self.is_accepted(*definition).await {
                tracing::warn!(code = error.code(), %error, "an agent is tried later");
            }
        }
        loop {
            let wait = match self.round().await {
                Ok(()) => {
                    (pause, told) = (self.pace.retry[0], None);
                    collect_at.saturating_sub(self.clock.now())
                }
                Err(error) => {
                    if told != Some(error.code()) {
                        tracing::warn!(code = error.code(), %error, "images of agents are kept up later");
                        told = Some(error.code());
                    }
                    let wait = pause;
                    pause = (pause * 2).min(self.pace.retry[1]);
                    wait
                }
            };
            if self.clock.now() >= collect_at {
                collect_at = self.clock.now() + self.pace.collect;
                if let Err(error) = self.collect(false).await {
                    tracing::warn!(code = error.code(), %error, "unused images of agents stay for now");
                }
                continue;
            }
            self.pause(&mut ends, wait).await;
        }
    }

    /// Waits until ends of tasks can be counted, for a wish, or for `wait`.
    async fn pause(&self, ends: &mut watch::Receiver<u64>, wait: Duration) {
        let ended = async {
            if ends.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            sleep(self.until_count()).await;
        };
        tokio::select! {
            _ = timeout(wait, ended) => {}
            () = self.wake.notified() => {}
        }
    }

    async fn round(&self) -> Result<(), ImagesError> {
        self.count().await?;
        self.accept_candidates().await?;
        self.make_current().await
    }

    /// Counts the tasks that have ended since, unless that was done just now.
    async fn count(&self) -> Result<(), ImagesError> {
        if self.until_count() > Duration::ZERO {
            return Ok(());
        }
        let base = self.base().await;
        loop {
            let counted = self.table.counted().await?;
            let now = self.calendar.now();
            // A clock that was ahead must not hide what ends from now on.
            let (since, after) =
                counted.map_or((Timestamp::UNIX_EPOCH, None), |last| (last.ended_at.min(now), last.task));
            let ended = self.book.ended_since(since, after.as_ref(), BATCH).await?;
            let Some(last) = ended.last() else { return Ok(()) };
            let counted =
                Counted { ended_at: last.ended_at.unwrap_or(now), task: Some(last.spec.id.clone()) };
            let tell = |forms: &mut Forms| ended.iter().for_each(|task| one(forms, task, base));
            self.change_and_count(tell, Some(&counted)).await?;
            *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        }
    }

    /// How long what was counted last forbids to write again.
    fn until_count(&self) -> Duration {
        let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.map_or(Duration::ZERO, |at| (at + self.pace.count).saturating_sub(self.clock.now()))
    }

    /// Tries those that did well, and makes those that pass the current ones.
    async fn accept_candidates(&self) -> Result<(), ImagesError> {
        let forms = self.forms();
        for form in forms.all().iter().filter(|form| form.standing == Standing::Candidate) {
            if self.is_accepted(form.definition).await?.is_some_and(|why_not| why_not.is_none()) {
                let at = self.calendar.now();
                self.change(|forms| forms.promote(&form.agent, form.definition, form.base, at)).await?;
                tracing::info!(agent = %form.agent, definition = %form.definition, "an agent was accepted");
            }
        }
        Ok(())
    }

    /// Why a definition does not pass its acceptance, `Some(None)` if it does; `None` if nobody can try it.
    pub(super) async fn is_accepted(
        &self,
        definition: Digest,
    ) -> Result<Option<Option<String>>, ImagesError> {
        let (Some(workshop), Some(kind)) = (self.workshop().await, self.kinds.get(&definition)) else {
            return Ok(None);
        };
        if let Some(fit) = self.table.verdict(&definition, &workshop.program).await? {
            self.note(definition, fit);
            return Ok(Some(
                (!fit).then(|| "it did not when it was tried; the log of then says why".to_owned()),
            ));
        }
        let verdicts = accept(&workshop.agent, kind, None, CASE_LIMIT).await;
        // Then it says nothing about the definition, and is tried again.
        let elsewhere = |unfit: &Unfit| matches!(unfit, Unfit::Start(_) | Unfit::Late(_));
        if let Some(why) = verdicts.iter().flat_map(|verdict| &verdict.unfit).find(|unfit| elsewhere(unfit)) {
            tracing::warn!(agent = %kind.definition.name, %why, "an agent cannot be tried now");
            return Ok(None);
        }
        let wrong = verdicts.iter().find_map(|verdict| Some((verdict, verdict.unfit.first()?)));
        let why_not = match wrong {
            Some((verdict, unfit)) => Some(format!("{}: {unfit}", verdict.case)),
            None if verdicts.is_empty() => Some("it has no case in `accept.jsonl`".to_owned()),
            None => None,
        };
        if let Some(why) = &why_not {
            tracing::warn!(agent = %kind.definition.name, why, "an agent is not accepted, so it becomes no image");
        }
        self.table.judge(&definition, &workshop.program, why_not.is_none()).await?;
        self.note(definition, why_not.is_none());
        Ok(Some(why_not))
    }

    fn note(&self, definition: Digest, fit: bool) {
        if fit {
            self.accepted().insert(definition);
        }
    }

    /// Makes the images of current forms that have none, and lets `latest` mean them.
    pub(super) async fn make_current(&self) -> Result<(), ImagesError> {
        let Some(registry) = &self.registry else { return Ok(()) };
        let forms = self.forms();
        for form in forms.all().iter().filter(|form| form.standing == Standing::Current) {
            let Some(image) = (match &form.image {
                Some(image) => Some(image.clone()),
                None => self.make(form).await?,
            }) else {
                continue;
            };
            match registry.point(&form.agent, image.digest).await {
                Err(ImageError::Missing { .. }) => {
                    self.change(|forms| forms.troubled(&image.name, Trouble::Missing)).await?;
                    self.wake.notify_one();
                }
                pointed => pointed?,
            }
        }
        Ok(())
    }

    /// The image of a form; none if it stands on another base than that of today, or its definition is not known.
    async fn make(&self, form: &helix_image::Form) -> Result<Option<Image>, ImagesError> {
        let base = self.workshop().await.and_then(|workshop| workshop.base.as_ref());
        let (Some(registry), Some(base)) =
            (&self.registry, base.filter(|base| Some(base.digest()) == form.base))
        else {
            return Ok(None);
        };
        let known = self.kinds.get(&form.definition).map(|kind| kind.definition.clone());
        let definition = match known {
            Some(definition) => Some(definition),
            None => self.definitions.find(&form.definition).await?,
        };
        let Some(definition) = definition else { return Ok(None) };
        let image = registry.make(base, &definition).await?;
        self.change(|forms| forms.made(&form.agent, form.definition, form.base, image.clone())).await?;
        Ok(Some(image))
    }
}

fn one(forms: &mut Forms, task: &Task, base: Option<Digest>) {
    let agent = &task.spec.agent;
    let end = End {
        agent: agent.name.clone(),
        definition: agent.definition,
        image: agent.image.clone(),
        good: did_well(task),
        at: task.ended_at.unwrap_or(task.accepted_at),
    };
    if let Some(definition) = forms.ended(&end, base) {
        tracing::warn!(agent = %end.agent, %definition, "an agent failed again and again since it changed; the one before it is back");
    }
}

/// Whether an agent did well; nothing if a person, the time or a part of the house decided.
fn did_well(task: &Task) -> Option<bool> {
    let by_agent = [Code::Attempts, Code::Said(Failure::Agent), Code::Said(Failure::Limit)];
    match task.state {
        State::Done => Some(true),
        State::Failed => {
            let code = task.code.as_deref()?;
            by_agent.iter().any(|known| known.as_str() == code).then_some(false)
        }
        State::Queued | State::Leased | State::Cancelled | State::Expired => None,
    }
}
