//! An open question and what counts as its answer.

use secrecy::SecretString;

use super::words::{Assent, Words, control_of};
use crate::act::{Draft, Past};
use crate::home::{Area, Entity, Registry};
use crate::route::dimension::ControlAsk;
use crate::route::{begins_an_order, plain_words};
use crate::{EntityId, Language};

/// What is done once a person has said yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The words that led to the question.
    pub asked: String,
    /// What would be done, as it stands in "Shall I …?".
    pub act: String,
    /// What Home Assistant has to carry out.
    pub deed: Deed,
    /// Exactly what the question names.
    pub drafts: Vec<Draft>,
    /// Whether a language model drafted it.
    pub drafted: bool,
}

impl Pending {
    /// The words that may be repeated beside a yes: of several acts the words of one of them are no yes to all.
    fn repeatable(&self) -> &str {
        let steps = match &self.deed {
            Deed::Sentences(sentences) => sentences.len(),
            Deed::Restore(past) => past.len(),
        };
        if steps.max(self.drafts.len()) > 1 { "" } else { &self.asked }
    }
}

/// How it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Home Assistant carries these sentences out.
    Sentences(Vec<String>),
    /// What was changed is restored.
    Restore(Vec<Past>),
}

/// A sentence that may have meant any of several entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The words that led to the question.
    pub asked: String,
    /// What it may have meant; the question names the first [`CHOICES_MAX`].
    pub among: Vec<Candidate>,
}

/// An entity that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The entity.
    pub entity: EntityId,
    /// What it is called in the question.
    pub name: String,
    /// Other words that mean it: aliases, its area.
    pub aliases: Vec<String>,
}

/// Entities by their names; those of one name are told apart by their area.
pub fn candidates(ids: &[EntityId], registry: &Registry) -> Vec<Candidate> {
    let of = |id: &EntityId| {
        let entity = registry.entities.get(id)?;
        Some((entity, entity.area.as_ref().and_then(|area| registry.areas.get(area))))
    };
    let known: Vec<_> = ids.iter().filter_map(of).collect();
    let is_shared = |name: &str| known.iter().filter(|(other, _)| other.name == name).count() > 1;
    let candidate = |(entity, area): &(&Entity, Option<&Area>)| {
        let of_area = area.iter().flat_map(|area| std::iter::once(&area.name).chain(&area.aliases));
        let aliases = std::iter::once(&entity.name).chain(&entity.aliases).chain(of_area).cloned().collect();
        let name = match area {
            Some(area) if is_shared(&entity.name) => format!("{} ({})", entity.name, area.name),
            Some(_) | None => entity.name.clone(),
        };
        Candidate { entity: entity.id.clone(), name, aliases }
    };
    known.iter().map(candidate).collect()
}

impl Candidate {
    fn names(&self) -> impl Iterator<Item = String> {
        std::iter::once(&self.name).chain(&self.aliases).map(|name| plain_words(name))
    }
}

/// More than three names cannot be kept in mind.
pub const CHOICES_MAX: usize = 3;

/// One short question.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Yes or no?
    Confirm(Pending),
    /// The PIN?
    Pin(Pending),
    /// Which one?
    Choice(Choice),
    /// What a sentence leaves out: a room, a time, which one.
    More(Unfinished),
}

/// A sentence that leaves something out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The words that led to the question.
    pub asked: String,
    /// The key of the sentence that asked for the rest.
    pub key: &'static str,
}

/// What an utterance is to an open question.
#[derive(Debug)]
pub(super) enum Answer {
    Yes,
    No,
    Chosen(usize),
    /// It may be what was left out.
    More,
    Pin(SecretString),
    /// It holds digits, but not as many as a PIN, or among other words.
    Garbled,
    /// It is no answer.
    Other,
}

impl Question {
    pub(super) fn read(&self, text: &str, language: &Language) -> Answer {
        let words = Words::of(language);
        match self {
            Self::Confirm(pending) => match words.assent(text, pending.repeatable()) {
                Some(Assent::Yes) => Answer::Yes,
                Some(Assent::No) => Answer::No,
                None => Answer::Other,
            },
            Self::Pin(pending) => match words.digits(text) {
                Some(digits) => Answer::Pin(digits.into()),
                None if words.assent(text, &pending.asked) == Some(Assent::No) => Answer::No,
                None if words.holds_digits(text) => Answer::Garbled,
                None => Answer::Other,
            },
            Self::Choice(choice) => {
                let by_place = words.ordinal(text, choice.among.len().min(CHOICES_MAX));
                match by_place.or_else(|| named(text, &choice.among, words)) {
                    Some(chosen) => Answer::Chosen(chosen),
                    None if words.assent(text, "") == Some(Assent::No) => Answer::No,
                    None => Answer::Other,
                }
            }
            Self::More(_) if words.assent(text, "") == Some(Assent::No) => Answer::No,
            Self::More(_) if may_complete(text, language) => Answer::More,
            Self::More(_) => Answer::Other,
        }
    }
}

/// The longest answer to what was left out, in words: "the one in the guest room upstairs, please".
const MORE_WORDS_MAX: usize = 9;

/// Whether these words may stand beside an order: they are few, and none themselves.
fn may_complete(text: &str, language: &Language) -> bool {
    let words = plain_words(text);
    let count = words.split(' ').filter(|word| !word.is_empty()).count();
    (1..=MORE_WORDS_MAX).contains(&count)
        && !begins_an_order(&words, language)
        && control_of(text, language) == ControlAsk::None
}

impl Choice {
    /// Of two things the one that is none of these.
    pub(super) fn other_than(&self, last: &[&EntityId]) -> Option<usize> {
        let is_last = |candidate: &Candidate| last.contains(&&candidate.entity);
        match self.among.as_slice() {
            [first, second] if is_last(first) && !is_last(second) => Some(1),
            [first, second] if is_last(second) && !is_last(first) => Some(0),
            [..] => None,
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.among.iter().map(|one| one.name.clone()).collect()
    }
}

/// The only candidate whose name, alias or area is the answer, or else holds every word of it.
fn named(text: &str, among: &[Candidate], words: &Words) -> Option<usize> {
    let text = plain_words(text);
    let said = words.content(&text);
    let called = |candidate: &Candidate| candidate.names().any(|name| name == text);
    let holds_all = |candidate: &Candidate| {
        let names: Vec<_> = candidate.names().collect();
        let known = |word: &&str| names.iter().any(|name| name.split(' ').any(|of| of == *word));
        !said.is_empty() && said.iter().all(known)
    };
    only(among, called).or_else(|| only(among, holds_all))
}

fn only(among: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let mut fitting = among.iter().enumerate().filter(|(_, candidate)| fits(candidate)).map(|(at, _)| at);
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}
