//! Which form of an agent new tasks get: what is known of its forms and how a task ended in, what becomes of them out.
//!
//! A form is a definition on a base. One that did well is a candidate; after its acceptance it is the current one, and the
//! one before it is what a roll back returns to. The image of a form is made and removed apart from that: without a
//! registry, or while it is away, everything here is the same.

use helix_contract::{AgentName, Digest};
use jiff::Timestamp;

use crate::collect::{Verdict, Version, unused};

/// So many failures in a row take a new form back.
const FAILURES_MAX: u32 = 3;
/// A form is new until so many of its tasks have ended.
const NEW_UNTIL: u32 = 20;
/// The shortest beginning of a digest that names a form, hexadecimal digits.
const NAMED_BY_MIN: usize = 8;

/// How a form stands among those of its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It did well, and waits for its acceptance.
    Candidate,
    /// The one of new tasks; an agent has one at most.
    Current,
    /// The one before; an agent has one at most.
    Previous,
    /// An older one.
    Kept,
    /// Its image does not start.
    Unfit,
    /// No task gets its image any more; it is removed at the next collection.
    Deleting,
    /// Its image was removed.
    Gone,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Candidate, Self::Current, Self::Previous, Self::Kept, Self::Unfit, Self::Deleting, Self::Gone];

    /// Its stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Kept => "kept",
            Self::Unfit => "unfit",
            Self::Deleting => "deleting",
            Self::Gone => "gone",
        }
    }

    /// The one of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == word)
    }

    /// Whether tasks may get its image.
    fn is_offered(self) -> bool {
        match self {
            Self::Current | Self::Previous | Self::Kept => true,
            Self::Candidate | Self::Unfit | Self::Deleting | Self::Gone => false,
        }
    }
}

/// An image in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The digest of its index.
    pub digest: Digest,
    /// The name by which it is run, with its digest.
    pub name: String,
}

/// A form of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The agent.
    pub agent: AgentName,
    /// The digest of its definition.
    pub definition: Digest,
    /// The digest of the base that its image stands on; none where no image can be made.
    pub base: Option<Digest>,
    /// Its image, once it was made.
    pub image: Option<Image>,
    /// How it stands.
    pub standing: Standing,
    /// It was taken back: it becomes current only if a person wants that.
    pub barred: bool,
    /// A person wants its image to stay.
    pub pinned: bool,
    /// When it was first good.
    pub created: Timestamp,
    /// When the last of its tasks ended.
    pub last_used: Timestamp,
    /// Tasks that ended with an answer.
    pub successes: u32,
    /// Tasks that it failed.
    pub failures: u32,
    /// … since the last success.
    pub failed_in_row: u32,
}

impl Form {
    /// One that just did well.
    pub fn candidate(agent: AgentName, definition: Digest, base: Option<Digest>, at: Timestamp) -> Self {
        Self {
            agent,
            definition,
            base,
            image: None,
            standing: Standing::Candidate,
            barred: false,
            pinned: false,
            created: at,
            last_used: at,
            successes: 0,
            failures: 0,
            failed_in_row: 0,
        }
    }

    fn is(&self, agent: &AgentName, definition: Digest, base: Option<Digest>) -> bool {
        self.agent == *agent && self.definition == definition && self.base == base
    }

    fn is_failing(&self) -> bool {
        let is_new = self.successes + self.failures < NEW_UNTIL;
        self.standing == Standing::Current && is_new && self.failed_in_row >= FAILURES_MAX
    }

    fn is_named_by(&self, digest: &str) -> bool {
        let wanted = digest.strip_prefix("sha256:").unwrap_or(digest);
        let names = |digest: Digest| {
            let text = digest.to_string();
            wanted.len() >= NAMED_BY_MIN && text.strip_prefix("sha256:").unwrap_or(&text).starts_with(wanted)
        };
        names(self.definition) || self.image.as_ref().is_some_and(|image| names(image.digest))
    }
}

/// What new tasks of an agent get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The digest of the definition.
    pub definition: Digest,
    /// The image that holds it.
    pub image: Option<String>,
}

/// A task that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Its agent.
    pub agent: AgentName,
    /// The definition that it had.
    pub definition: Digest,
    /// The image that it named.
    pub image: Option<String>,
    /// Whether the agent did well; nothing if that had other reasons.
    pub good: Option<bool>,
    /// When.
    pub at: Timestamp,
}

/// Why no other form becomes the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// There is no form before the current one.
    #[error("there is none before the current one; `helix agent show NAME` shows all that there are")]
    NonePrevious,
    /// No form has this digest.
    #[error("none has this digest; `helix agent show NAME` shows all that there are")]
    NotNamed,
    /// Several begin so.
    #[error("several digests begin so; give more of it")]
    Several,
    /// It is the current one.
    #[error("it is the current one")]
    IsCurrent,
}

/// What kept an image from being started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is no longer there.
    Missing,
    /// It cannot be started there.
    Unfit,
}

/// All forms of all agents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forms(Vec<Form>);

impl From<Vec<Form>> for Forms {
    fn from(forms: Vec<Form>) -> Self {
        Self(forms)
    }
}

impl Forms {
    /// All, in no order.
    pub fn all(&self) -> &[Form] {
        &self.0
    }

    /// Those of an agent.
    pub fn of(&self, agent: &AgentName) -> impl Iterator<Item = &Form> {
        self.0.iter().filter(move |form| form.agent == *agent)
    }

    /// The current one of an agent.
    pub fn current(&self, agent: &AgentName) -> Option<&Form> {
        self.of(agent).find(|form| form.standing == Standing::Current)
    }

    /// What new tasks get of an agent whose newest definition is `newest`: that one, unless it was taken back.
    pub fn chosen(&self, agent: &AgentName, newest: Digest) -> Chosen {
        let barred = self.of(agent).any(|form| form.definition == newest && form.barred);
        let current = self.current(agent).filter(|_| barred);
        let definition = current.map_or(newest, |form| form.definition);
        let order = |form: &&Form| match form.standing {
            Standing::Current => 0,
            Standing::Previous => 1,
            Standing::Kept | Standing::Candidate | Standing::Unfit | Standing::Deleting | Standing::Gone => 2,
        };
        let fits = |form: &&Form| form.definition == definition && form.standing.is_offered() && !form.barred;
        let best = self.of(agent).filter(fits).filter(|form| form.image.is_some()).min_by_key(order);
        Chosen {
            definition,
            image: best.and_then(|form| form.image.as_ref()).map(|image| image.name.clone()),
        }
    }

    /// Whether a task may still be started from this image; one that nobody knows is somebody else's to judge.
    pub fn is_offered(&self, image: &str) -> bool {
        self.by_image(image).is_none_or(|index| self.0[index].standing.is_offered())
    }

    /// A task has ended. `base` is what images are made on now. A form that did well becomes a candidate, unless it stands
    /// already or was taken back; answers the form that was taken back because it fails.
    pub fn ended(&mut self, end: &End, base: Option<Digest>) -> Option<Digest> {
        let index = end.image.as_deref().and_then(|image| self.by_image(image)).or_else(|| {
            let of = |form: &Form| form.agent == end.agent && form.definition == end.definition;
            let current = self.0.iter().position(|form| of(form) && form.standing == Standing::Current);
            current.or_else(|| self.0.iter().position(|form| form.is(&end.agent, end.definition, base)))
        });
        if let Some(form) = index.map(|index| &mut self.0[index]) {
            form.last_used = form.last_used.max(end.at);
            match end.good {
                Some(true) => (form.successes, form.failed_in_row) = (form.successes + 1, 0),
                Some(false) => {
                    form.failures += 1;
                    form.failed_in_row += 1;
                }
                None => {}
            }
        }
        if end.good == Some(true) {
            self.is_wanted(end, base, index.is_none());
        }
        let index = index.filter(|index| self.0[*index].is_failing())?;
        let failing = self.0[index].definition;
        self.return_to(&end.agent, None).ok().map(|()| failing)
    }

    fn is_wanted(&mut self, end: &End, base: Option<Digest>, uncounted: bool) {
        let form = self.0.iter_mut().find(|form| form.is(&end.agent, end.definition, base));
        match form {
            Some(form) if form.barred => {}
            Some(form) => match form.standing {
                Standing::Candidate | Standing::Current | Standing::Unfit => {}
                Standing::Deleting if form.pinned => {}
                Standing::Previous | Standing::Kept | Standing::Deleting | Standing::Gone => {
                    form.standing = Standing::Candidate;
                }
            },
            None => {
                let mut form = Form::candidate(end.agent.clone(), end.definition, base, end.at);
                form.successes = u32::from(uncounted);
                self.0.push(form);
            }
        }
    }

    /// Makes a form the current one: it was accepted, or a person wants it.
    pub fn promote(&mut self, agent: &AgentName, definition: Digest, base: Option<Digest>, at: Timestamp) {
        let index = self.0.iter().position(|form| form.is(agent, definition, base)).unwrap_or_else(|| {
            self.0.push(Form::candidate(agent.clone(), definition, base, at));
            self.0.len() - 1
        });
        self.make_current(index);
    }

    /// Makes another form the current one, the one before or that of a digest. The one that was is taken back if it is the
    /// newer one: it is never promoted again by itself.
    ///
    /// # Errors
    /// [`NoWayBack`]
    pub fn return_to(&mut self, agent: &AgentName, digest: Option<&str>) -> Result<(), NoWayBack> {
        let mut fitting = (0..self.0.len()).filter(|index| {
            let form = &self.0[*index];
            form.agent == *agent
                && match digest {
                    Some(digest) => form.is_named_by(digest) && form.standing != Standing::Candidate,
                    None => form.standing == Standing::Previous && !form.barred,
                }
        });
        let none = if digest.is_some() { NoWayBack::NotNamed } else { NoWayBack::NonePrevious };
        let index = fitting.next().ok_or(none)?;
        if fitting.next().is_some() {
            return Err(NoWayBack::Several);
        }
        if self.0[index].standing == Standing::Current {
            return Err(NoWayBack::IsCurrent);
        }
        let since = self.0[index].created;
        let is_left = |form: &Form| form.agent == *agent && form.standing == Standing::Current;
        let left = self.0.iter().position(|form| is_left(form) && form.created >= since);
        self.make_current(index);
        // Who goes forward again takes nothing back.
        if let Some(left) = left {
            (self.0[left].barred, self.0[left].standing) = (true, Standing::Kept);
        }
        Ok(())
    }

    fn make_current(&mut self, index: usize) {
        let agent = self.0[index].agent.clone();
        for form in self.0.iter_mut().filter(|form| form.agent == agent) {
            form.standing = match form.standing {
                Standing::Current => Standing::Previous,
                Standing::Previous => Standing::Kept,
                other @ (Standing::Candidate
                | Standing::Kept
                | Standing::Unfit
                | Standing::Deleting
                | Standing::Gone) => other,
            };
        }
        let form = &mut self.0[index];
        (form.standing, form.barred, form.failed_in_row) = (Standing::Current, false, 0);
    }

    /// The image of a form was made.
    pub fn made(&mut self, agent: &AgentName, definition: Digest, base: Option<Digest>, image: Image) {
        if let Some(form) = self.0.iter_mut().find(|form| form.is(agent, definition, base)) {
            form.image = Some(image);
        }
    }

    /// An image could not be started. One that is missing is made anew; one that does not start is offered no more.
    pub fn troubled(&mut self, image: &str, trouble: Trouble) {
        let Some(index) = self.by_image(image) else { return };
        match trouble {
            Trouble::Missing => self.0[index].image = None,
            Trouble::Unfit => self.0[index].standing = Standing::Unfit,
        }
    }

    /// Forgets the images that have other names.
    pub fn only_images_of(&mut self, is_of: impl Fn(&str) -> bool) {
        for form in &mut self.0 {
            form.image = form.image.take().filter(|image| is_of(&image.name));
        }
    }

    /// Whether a person wants the image of an agent's current form to stay; without `pinned` all of its images may go. How
    /// many that concerns.
    pub fn pin(&mut self, agent: &AgentName, pinned: bool) -> usize {
        let held = |form: &&mut Form| form.agent == *agent && form.image.is_some();
        let wanted = |form: &&mut Form| !pinned || form.standing == Standing::Current;
        let changed = self.0.iter_mut().filter(held).filter(wanted).map(|form| form.pinned = pinned);
        changed.count()
    }

    /// What a collection does now: what becomes of each image. `in_flight` tells how many open tasks name an image.
    pub fn judged(&self, in_flight: impl Fn(&str) -> u32, now: Timestamp) -> Vec<(&Form, Verdict)> {
        let there = self.0.iter().filter_map(|form| Some((form, form.image.as_ref()?)));
        let (forms, versions): (Vec<_>, Vec<_>) = there
            .map(|(form, image)| {
                let version = Version {
                    agent: form.agent.clone(),
                    digest: image.digest,
                    created: form.created,
                    last_used: form.last_used,
                    pinned: form.pinned,
                    in_flight: in_flight(&image.name),
                };
                (form, version)
            })
            .unzip();
        forms.into_iter().zip(unused(&versions, now)).collect()
    }

    /// No task gets this image any more.
    pub fn deleting(&mut self, image: Digest) {
        self.with_image(image, |form| form.standing = Standing::Deleting);
    }

    /// It was removed.
    pub fn gone(&mut self, image: Digest) {
        self.with_image(image, |form| (form.standing, form.image) = (Standing::Gone, None));
    }

    fn with_image(&mut self, digest: Digest, change: impl Fn(&mut Form)) {
        let has = |form: &&mut Form| form.image.as_ref().is_some_and(|image| image.digest == digest);
        self.0.iter_mut().filter(has).for_each(change);
    }

    fn by_image(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|form| form.image.as_ref().is_some_and(|image| image.name == name))
    }
}

#[cfg(test)]
mod tests;
