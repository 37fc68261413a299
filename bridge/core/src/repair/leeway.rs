//! What a sentence names and asks of it, although nothing explains some of its words: the most that anybody may make
//! of it. Whoever drafts an act for such a sentence is held to it.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Said, Wanted, wanted};
use super::cover::{Cover, Element, Piece, loose_covers};
use super::frame::{Part, parts};
use super::index::{Index, Named};
use super::judge::{does, touched};
use super::kinds::{Ask, Kind};
use super::lexicon::{Count, Meaning};
use super::read::{Context, NO_RIVAL, Reading, Step, TOKENS_MAX, changed};
use super::scope::{Scope, Surroundings, kind_of, named_areas};
use super::singular::told_by_article;
use super::tokens::{Token, tokens};
use super::words::Tongue;
use crate::home::{Entity, StrictMatch};
use crate::{AreaId, EntityId};

/// With more unexplained words than this the rest of the sentence is no proof of what is meant.
const UNEXPLAINED_MAX: usize = 3;
/// How far the words may be from what they are taken for, if others are not explained at all: one slip.
const SLIP_MAX: f32 = 0.8;
/// How far another meaning must be behind.
const RIVAL_COST: f32 = 0.35;
/// The shortest beginning of a compound that is a word of its own.
const COMPOUND_LEN_MIN: usize = 3;

/// The most that may be made of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leeway {
    wishes: Vec<Wish>,
    /// Whether the unexplained words only tell which of the things is meant ("the reading lamp"). Elsewhere they may be
    /// a time, a condition, another place: then a person has to be asked.
    pub(crate) sure: bool,
}

/// What one part of the sentence asks, and of what.
#[derive(Debug, Clone, PartialEq)]
struct Wish {
    /// Every entity that may be meant.
    of: BTreeMap<EntityId, Asked>,
    /// Whether one thing is meant.
    one: bool,
    said: Said,
    kind: Option<Kind>,
}

#[derive(Debug, Clone, PartialEq)]
struct Asked {
    ask: Ask,
    value: Option<String>,
    /// Whether the value was said, and not reckoned from the state.
    told: bool,
}

/// What somebody would like to do for a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) entity: EntityId,
    pub(crate) ask: Ask,
    pub(crate) value: Option<String>,
}

/// How a proposal goes beyond the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overstep {
    /// The sentence does not name it.
    NotNamed(EntityId),
    /// The sentence asks something else of it.
    OtherAsk(EntityId, Ask),
    /// The sentence says another value, or none.
    OtherValue(EntityId, Option<String>),
    /// The sentence means one thing.
    MoreThanOne,
    /// A part of the sentence would not be done.
    LeftOut,
}

impl Leeway {
    /// Whether the same is asked of the same.
    fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&Wish, &Wish)| a.of == b.of && a.one == b.one;
        self.wishes.len() == other.wishes.len() && self.wishes.iter().zip(&other.wishes).all(same)
    }

    /// The entities that may be meant, each with what is asked of it.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&EntityId, Ask)> {
        self.wishes.iter().flat_map(|wish| wish.of.iter().map(|(id, asked)| (id, asked.ask)))
    }

    /// Most acts that the sentence has room for.
    pub(crate) fn acts_max(&self) -> usize {
        self.wishes.iter().map(|wish| if wish.one { 1 } else { wish.of.len() }).sum()
    }

    /// What these proposals mean, if the sentence covers all of them and they cover all of the sentence.
    pub(crate) fn read(&self, proposals: &[Proposal]) -> Result<Reading, Overstep> {
        let mut steps: Vec<Step> = Vec::new();
        let mut done = vec![0_usize; self.wishes.len()];
        for proposal in proposals {
            let (at, asked) = self.granted(proposal)?;
            let known = |step: &&mut Step| step.ask == asked.ask && step.value == asked.value;
            let target = proposal.entity.clone();
            if steps.iter().any(|step| step.targets.contains(&target)) {
                continue;
            }
            done[at] += 1;
            match steps.iter_mut().find(known) {
                Some(step) => {
                    step.targets.insert(target);
                }
                None => steps.push(Step {
                    ask: asked.ask,
                    value: asked.value.clone(),
                    targets: [target].into(),
                    scope: Scope::Names,
                }),
            }
        }
        for (wish, done) in self.wishes.iter().zip(done) {
            match done {
                0 => return Err(Overstep::LeftOut),
                1 => {}
                _ if wish.one => return Err(Overstep::MoreThanOne),
                _ => {}
            }
        }
        let last = self.wishes.last().ok_or(Overstep::LeftOut)?;
        Ok(Reading { steps, margin: NO_RIVAL, slip: 0.0, said: last.said.clone(), kind: last.kind })
    }

    /// Whether everything that a sentence of the matcher does is named and asked here.
    pub(crate) fn covers(&self, strict: &StrictMatch) -> bool {
        let touched = touched(strict);
        let named = |id: &EntityId| {
            self.wishes.iter().filter_map(|wish| wish.of.get(id)).any(|asked| {
                let targets: BTreeSet<EntityId> = [id.clone()].into();
                let (ask, value) = (asked.ask, asked.value.clone());
                let step = Step { ask, value, targets: targets.clone(), scope: Scope::Names };
                does(&step, strict, &targets)
            })
        };
        !touched.is_empty() && touched.iter().all(named)
    }

    /// The part of the sentence that covers a proposal.
    fn granted(&self, proposal: &Proposal) -> Result<(usize, &Asked), Overstep> {
        let id = &proposal.entity;
        let mut wrong = Overstep::NotNamed(id.clone());
        for (at, wish) in self.wishes.iter().enumerate() {
            let Some(asked) = wish.of.get(id) else { continue };
            if !is_meant_by(proposal.ask, asked.ask) {
                wrong = Overstep::OtherAsk(id.clone(), asked.ask);
            } else if asked.told && !is_same(proposal.value.as_deref(), asked.value.as_deref()) {
                wrong = Overstep::OtherValue(id.clone(), asked.value.clone());
            } else {
                return Ok((at, asked));
            }
        }
        Err(wrong)
    }
}

/// Whether who proposes `proposed` means `ask`: to turn a scene on is to start it.
fn is_meant_by(proposed: Ask, ask: Ask) -> bool {
    let on = proposed == Ask::On && matches!(ask, Ask::Start | Ask::Resume | Ask::Press | Ask::Open);
    let off = proposed == Ask::Off && matches!(ask, Ask::Pause | Ask::Close);
    proposed == ask || on || off
}

/// A value that is left out is the one that was said.
fn is_same(proposed: Option<&str>, said: Option<&str>) -> bool {
    let Some(proposed) = proposed else { return true };
    let number = |text: &str| text.trim().trim_end_matches(['%', '°']).parse::<f64>().ok();
    said.is_some_and(|said| match (number(proposed), number(said)) {
        (Some(proposed), Some(said)) => (proposed - said).abs() < 0.05,
        (_, _) => proposed.trim().eq_ignore_ascii_case(said),
    })
}

/// What a sentence lets be made of it; `None` if it names nothing, asks nothing, or holds a word that nobody may pass
/// over: a negation, a condition, a time, a person, an exception.
pub(crate) fn leeway(text: &str, context: &Context<'_>) -> Option<Leeway> {
    let tongue = Tongue::of(context.language)?;
    let sentence = tokens(text, &tongue.words.elisions);
    let sentence = told_by_article(sentence, &tongue.words, &tongue.lexicon);
    if sentence.is_empty() || sentence.len() > TOKENS_MAX {
        return None;
    }
    let index = Index::of(context.registry, tongue);
    let covers = loose_covers(&sentence, &index, tongue);
    let unexplained: Vec<usize> = covers.first()?.unexplained().collect();
    if unexplained.is_empty() || unexplained.iter().any(|at| tongue.lexicon.is_known(&sentence[*at])) {
        return None;
    }
    let few = unexplained.len() <= UNEXPLAINED_MAX;
    let of = |cover: &Cover| Some((cover.cost, made_of(cover, &sentence, tongue, context)?));
    let mut made = covers.iter().filter_map(of);
    let (cost, best) = made.next()?;
    let rivals = made.take_while(|(other, _)| other - cost < RIVAL_COST);
    let alone = rivals.into_iter().all(|(_, other)| other.is_same(&best));
    Some(Leeway { sure: best.sure && few && alone, ..best })
}

/// What one way to explain a sentence lets be made of it.
fn made_of(cover: &Cover, sentence: &[Token], tongue: &Tongue, context: &Context<'_>) -> Option<Leeway> {
    let told = told(cover, sentence, tongue)?;
    let slip: f32 = told.cover.elements.iter().map(|element| element.slip).sum();
    let (mut wishes, mut sure) = (Vec::new(), told.within_names && slip <= SLIP_MAX);
    for part in parts(&told.cover)? {
        let (wish, plain) = wish(&part, context)?;
        sure &= plain;
        wishes.push(wish);
    }
    (!wishes.is_empty()).then_some(Leeway { wishes, sure })
}

/// The part of a sentence that is explained.
struct Told {
    cover: Cover,
    /// Whether everything else stands right in front of a thing, or is a compound with one.
    within_names: bool,
}

fn told(cover: &Cover, sentence: &[Token], tongue: &Tongue) -> Option<Told> {
    let mut elements: Vec<Element> = Vec::new();
    let (mut within_names, mut pending) = (true, false);
    // Of each joined piece: whether something in it is not explained, and whether it names a thing itself.
    let (mut open, mut named) = (false, false);
    for element in &cover.elements {
        let piece = match &element.piece {
            Piece::Word(Meaning::Except) => return None,
            Piece::Unknown => compound(&sentence[element.from], tongue),
            known @ (Piece::Named(..) | Piece::Noun(..) | Piece::Word(_) | Piece::Value(_)) => {
                Some(known.clone())
            }
        };
        let Some(piece) = piece else {
            (open, pending) = (true, true);
            continue;
        };
        let joins = piece == Piece::Word(Meaning::Joining);
        if joins && open && !named {
            return None;
        }
        let thing = is_thing(&piece);
        (open, named) = (open && !joins, (named && !joins) || thing);
        within_names &= !pending || thing;
        pending = false;
        let mut element = element.clone();
        element.piece = piece;
        elements.push(element);
    }
    let whole = !open || named;
    let cover = Cover { elements, cost: cover.cost };
    whole.then_some(Told { cover, within_names: within_names && !pending })
}

fn is_thing(piece: &Piece) -> bool {
    match piece {
        Piece::Noun(..) => true,
        Piece::Named(of, _) => of.iter().any(|named| matches!(named, Named::Entity(_))),
        Piece::Word(_) | Piece::Value(_) | Piece::Unknown => false,
    }
}

/// "Leselampe": a word that nobody knows and a noun of a kind in one.
fn compound(token: &Token, tongue: &Tongue) -> Option<Piece> {
    if !tongue.words.compounds.allowed {
        return None;
    }
    let ends = |(noun, _): &(&String, &Vec<(Kind, Count)>)| {
        let first = token.folded.strip_suffix(noun.as_str());
        first.is_some_and(|first| first.chars().count() >= COMPOUND_LEN_MIN)
    };
    let (_, kinds) = tongue.lexicon.nouns.iter().filter(ends).max_by_key(|(noun, _)| noun.len())?;
    let [(kind, count)] = kinds.as_slice() else { return None };
    Some(Piece::Noun(*kind, *count, None))
}

/// What a part asks and of what, and whether that is plain; `None` if it asks nothing, or of nothing that is named.
fn wish(part: &Part, context: &Context<'_>) -> Option<(Wish, bool)> {
    let Part { said, place, excepted, unexposed, open, .. } = part;
    let pointed = place.pronoun && place.is_empty();
    if *excepted || *unexposed || *open || pointed || !said.asks() {
        return None;
    }
    let around = Surroundings { registry: context.registry, here: context.here };
    let areas = named_areas(place, around);
    let there = |entity: &&Entity| {
        areas.as_ref().is_none_or(|areas| entity.area.as_ref().is_some_and(|area| areas.contains(area)))
    };
    let exposed = context.registry.entities.values().filter(|entity| entity.exposed).filter(there);
    let kinds: Vec<Kind> = place.nouns.iter().map(|(kind, _)| *kind).collect();
    let (found, kind, count): (Vec<&Entity>, Option<Kind>, Count) = if place.entities.is_empty() {
        let (kind, count) = kind_of(said, place)?;
        let all: Vec<&Entity> = exposed.filter(|entity| kind.holds(entity)).collect();
        let near = |area: &AreaId| all.iter().filter(|e| e.area.as_ref() == Some(area)).copied().collect();
        let near: Vec<&Entity> = context.here.filter(|_| areas.is_none()).map_or_else(Vec::new, near);
        let found = if near.is_empty() && !place.here { all } else { near };
        (found, Some(kind), count)
    } else {
        let called = |entity: &&Entity| {
            let of = Named::Entity(entity.id.clone());
            place.entities.iter().any(|mention| mention.contains(&of))
                && kinds.iter().all(|kind| kind.holds(entity))
        };
        (exposed.filter(called).collect(), None, Count::One)
    };
    let music = kinds.contains(&Kind::Music);
    let of: BTreeMap<EntityId, Asked> = found
        .into_iter()
        .filter_map(|entity| Some((entity.id.clone(), asked(said, entity, music, context)?)))
        .collect();
    let placed =
        areas.is_some() || of.len() == 1 || place.here || !place.entities.is_empty() || near(&of, context);
    let plain = placed && place.entities.len() <= 1 && !place.all && count != Count::Many;
    let one = !place.all && count != Count::Many;
    (!of.is_empty()).then(|| (Wish { of, one, said: said.clone(), kind }, plain))
}

/// Whether all of these are where somebody speaks.
fn near(of: &BTreeMap<EntityId, Asked>, context: &Context<'_>) -> bool {
    let here = |id: &EntityId| {
        let area = context.registry.entities.get(id).and_then(|entity| entity.area.as_ref());
        area.is_some() && area == context.here
    };
    of.keys().all(here)
}

fn asked(said: &Said, entity: &Entity, music: bool, context: &Context<'_>) -> Option<Asked> {
    Some(match wanted(said, entity.id.domain(), music)? {
        Wanted::Plain(ask) => Asked { ask, value: None, told: false },
        Wanted::With(ask, value) => Asked { ask, value: Some(value), told: true },
        Wanted::Change(ask, sign, by) => {
            let state = (context.state)(&entity.id)?;
            let value = changed(ask, &state, sign, by, said.bit)?;
            Asked { ask, value: Some(super::ask::written(value)), told: false }
        }
    })
}
