//! The canonical reading of a sentence: which things of the home are named, what is asked of them, by which value.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Understanding;
use super::ask::{Said, Wanted, wanted, written};
use super::cover::{Cover, Piece, covers};
use super::follow::{LastAct, continued};
use super::frame::{Part, parts};
use super::index::{Index, STEM_COST};
use super::kinds::{Ask, Kind, Scale, Setting};
use super::scope::{Meant, Scope, Surroundings, Unclear, meant};
use super::singular::told_by_article;
use super::tokens::tokens;
use super::words::Tongue;
use crate::home::{EntityState, Registry};
use crate::{AreaId, EntityId, Language};

/// A sentence with more words than this is no command.
pub(super) const TOKENS_MAX: usize = 40;

/// Where and when a sentence is said.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "holds a function")]
pub struct Context<'a> {
    /// The home.
    pub registry: &'a Arc<Registry>,
    /// The language of the sentence.
    pub language: &'a Language,
    /// The area of the satellite.
    pub here: Option<&'a AreaId>,
    /// The state of an entity, for "a bit brighter".
    pub state: &'a (dyn Fn(&EntityId) -> Option<EntityState> + Sync),
    /// What was done last from the same satellite, if that is recent.
    pub last: Option<&'a LastAct>,
}

/// One thing that is asked of some entities.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is asked.
    pub ask: Ask,
    /// By which value, as the matcher of the language takes it.
    pub value: Option<String>,
    /// Of which entities.
    pub targets: BTreeSet<EntityId>,
    pub(super) scope: Scope,
}

/// What a sentence means, with every word explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// In the order in which they are said.
    pub steps: Vec<Step>,
    /// How far the next best meaning is behind; large if there is none. About 1 for one more slip.
    pub margin: f32,
    /// How far the words are from what they are taken for: 0 is letter by letter, about 1 a slip.
    pub slip: f32,
    pub(super) said: Said,
    pub(super) kind: Option<Kind>,
}

/// What reading a sentence led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// One meaning.
    Clear(Reading),
    /// It may mean any of these entities.
    OneOf(Vec<EntityId>),
    /// A room is missing.
    NoPlace,
    /// What is named is not exposed to voice.
    NotExposed,
    /// Nothing explains these words.
    Unexplained(Vec<String>),
    /// No command, or one of a kind that is not known here.
    Nothing,
}

impl Read {
    /// The one meaning, if there is one.
    pub fn reading(&self) -> Option<&Reading> {
        match self {
            Self::Clear(reading) => Some(reading),
            Self::OneOf(_) | Self::NoPlace | Self::NotExposed | Self::Unexplained(_) | Self::Nothing => None,
        }
    }

    /// In a few words, for an explanation; `None` if there is nothing to tell.
    pub fn describe(&self) -> Option<String> {
        match self {
            Self::Clear(reading) => {
                let steps = reading.steps.iter().map(Step::describe).collect::<Vec<_>>().join(", then ");
                let Reading { slip, margin, .. } = reading;
                Some(format!("{steps} (slip {slip:.1}, margin {margin:.1})"))
            }
            Self::OneOf(ids) => {
                let ids: Vec<_> = ids.iter().map(EntityId::as_str).collect();
                Some(format!("one of {}", ids.join(", ")))
            }
            Self::NoPlace => Some("a room is missing".to_owned()),
            Self::NotExposed => Some("names something that is not exposed".to_owned()),
            Self::Unexplained(words) => Some(format!("not explained: {}", words.join(", "))),
            Self::Nothing => None,
        }
    }
}

impl Reading {
    /// How sure this meaning is, 0 to 1, as the matrix compares it with its margins: one slip (0.8) without a rival
    /// is about 0.26, two are less than 0.1.
    pub fn certainty(&self) -> f32 {
        let by_slip = 0.1 + (1.45 - self.slip) * 0.25;
        let by_margin = 0.1 + (self.margin - 0.35) * 0.5;
        by_slip.min(by_margin).clamp(0.0, 1.0)
    }
}

impl Step {
    fn describe(&self) -> String {
        let ask = format!("{:?}", self.ask).to_lowercase();
        let value = self.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
        let targets: Vec<_> = self.targets.iter().map(EntityId::as_str).collect();
        format!("{ask}{value} {}", targets.join(" "))
    }
}

/// The margin of a meaning without rivals.
pub(super) const NO_RIVAL: f32 = 9.0;

/// Reads a sentence.
pub(super) fn read_all(text: &str, context: &Context<'_>) -> Understanding {
    let nothing = |read| Understanding { read, asked: Vec::new(), open: false };
    let Some(tongue) = Tongue::of(context.language) else { return nothing(Read::Nothing) };
    let sentence = tokens(text, &tongue.words.elisions);
    let sentence = told_by_article(sentence, &tongue.words, &tongue.lexicon);
    if sentence.is_empty() || sentence.len() > TOKENS_MAX {
        return nothing(Read::Nothing);
    }
    let index = Index::of(context.registry, tongue);
    let covers = covers(&sentence, &index, tongue);
    if let Some(unknown) = covers.first().map(unknown_in).filter(|unknown| !unknown.is_empty()) {
        let words = unknown.into_iter().map(|at| sentence[at].text.clone()).collect();
        return nothing(Read::Unexplained(words));
    }
    let mut asked = Vec::new();
    let mut outcomes = Vec::new();
    let mut is_open = Vec::new();
    for cover in &covers {
        let Some(parts) = parts(cover) else { continue };
        asked.extend(parts.iter().map(|part| part.said.clone()).filter(Said::asks));
        let open = parts.iter().any(|part| part.open);
        is_open.push(open);
        // What asks for nothing is no sense of its own: "turn the lamp of"; and "all lights in the …" is no name, even
        // where one light is called so.
        let named =
            parts.iter().any(|part| !part.place.entities.is_empty() && !part.place.all && part.said.asks());
        let slip = cover.elements.iter().map(|element| element.slip).sum::<f32>();
        let found = if open { Err(Unclear::Nothing) } else { understand(&parts, context) };
        outcomes.push(Outcome { cost: cover.cost, slip, named: named || open, found });
    }
    let read = choose(outcomes);
    let open = read.reading().is_none() && is_open.first().is_some_and(|open| *open);
    Understanding { read, asked, open }
}

/// What one cover means, and what it costs.
struct Outcome {
    cost: f32,
    slip: f32,
    named: bool,
    found: Result<Understood, Unclear>,
}

impl Outcome {
    /// Whether this leaves a place open only because it takes the place for a slip of something else.
    fn misses_place(&self, best: &Self) -> bool {
        matches!(self.found, Err(Unclear::NoPlace)) && self.slip > 0.0 && self.slip >= best.slip
    }

    /// Whether this is a name with another ending, and `other` all things of the kind that the name stands for.
    fn is_called(&self, other: &Self) -> bool {
        self.named && self.slip <= STEM_COST && matches!(other.found, Err(Unclear::NoPlace))
    }
}

#[derive(Clone, PartialEq)]
struct Understood {
    steps: Vec<Step>,
    said: Said,
    kind: Option<Kind>,
}

fn unknown_in(cover: &Cover) -> Vec<usize> {
    let unknown = cover.elements.iter().filter(|element| element.piece == Piece::Unknown);
    unknown.map(|element| element.from).collect()
}

fn choose(mut outcomes: Vec<Outcome>) -> Read {
    outcomes.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let Some(at) = outcomes.iter().position(|outcome| outcome.found.is_ok()) else {
        return outcomes.iter().find_map(|outcome| unclear(&outcome.found)).unwrap_or(Read::Nothing);
    };
    let (before, rest) = outcomes.split_at(at);
    let Some((best, others)) = rest.split_first() else { return Read::Nothing };
    // What is said letter by letter but makes no sense is not taken for a slip of something else.
    if let Some(doubt) =
        before.iter().filter(|o| !best.is_called(o) && !o.misses_place(best)).find_map(|o| unclear(&o.found))
    {
        return doubt;
    }
    if before.iter().any(|outcome| outcome.named && outcome.slip < best.slip) {
        return Read::Nothing;
    }
    let Ok(found) = &best.found else { return Read::Nothing };
    let differs = |outcome: &&Outcome| match &outcome.found {
        Ok(other) => !same(&other.steps, &found.steps),
        Err(Unclear::OneOf(_) | Unclear::NotExposed) => true,
        Err(Unclear::Nothing | Unclear::NoPlace) => false,
    };
    let margin = others.iter().find(differs).map_or(NO_RIVAL, |rival| rival.cost - best.cost);
    let Understood { steps, said, kind } = found.clone();
    Read::Clear(Reading { steps, margin, slip: best.slip, said, kind })
}

fn unclear(found: &Result<Understood, Unclear>) -> Option<Read> {
    match found {
        Ok(_) | Err(Unclear::Nothing) => None,
        Err(Unclear::OneOf(ids)) => Some(Read::OneOf(ids.clone())),
        Err(Unclear::NoPlace) => Some(Read::NoPlace),
        Err(Unclear::NotExposed) => Some(Read::NotExposed),
    }
}

fn same(a: &[Step], b: &[Step]) -> bool {
    let key = |step: &Step| (step.ask, step.value.clone(), step.targets.clone());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| key(a) == key(b))
}

fn understand(parts: &[Part], context: &Context<'_>) -> Result<Understood, Unclear> {
    let around = Surroundings { registry: context.registry, here: context.here };
    let mut steps: Vec<Step> = Vec::new();
    let (mut said, mut kind) = (Said::default(), None);
    for part in parts {
        let filled = context.last.and_then(|last| continued(part, last, around));
        let part = filled.as_ref().unwrap_or(part);
        if part.excepted {
            except(&mut steps, part, around)?;
            continue;
        }
        if part.place.pronoun && part.place.is_empty() {
            return Err(Unclear::Nothing);
        }
        let meant = meant(part, around)?;
        kind = Kind::of(&meant.targets, context.registry);
        said = part.said.clone();
        steps.extend(settle(meant, &part.said, context)?);
    }
    if steps.is_empty() { Err(Unclear::Nothing) } else { Ok(Understood { steps, said, kind }) }
}

/// Takes what is excepted away from the step before.
fn except(steps: &mut [Step], part: &Part, around: Surroundings<'_>) -> Result<(), Unclear> {
    let step = steps.last_mut().ok_or(Unclear::Nothing)?;
    if part.said.asks() || step.targets.len() < 2 {
        return Err(Unclear::Nothing);
    }
    let excepted = super::scope::named(part, around).ok_or(Unclear::Nothing)?;
    if !excepted.is_subset(&step.targets) || excepted.len() == step.targets.len() {
        return Err(Unclear::Nothing);
    }
    step.targets.retain(|id| !excepted.contains(id));
    step.scope = Scope::Names;
    Ok(())
}

/// Turns more and less into values, and puts targets of one value together.
fn settle(meant: Meant, said: &Said, context: &Context<'_>) -> Result<Vec<Step>, Unclear> {
    let mut steps: Vec<Step> = Vec::new();
    for (target, wanted) in meant.targets {
        let (ask, value) = match wanted {
            Wanted::Plain(ask) => (ask, None),
            Wanted::With(ask, value) => (ask, Some(value)),
            Wanted::Change(ask, sign, by) => {
                let state = (context.state)(&target).ok_or(Unclear::Nothing)?;
                let value = changed(ask, &state, sign, by, said.bit).ok_or(Unclear::Nothing)?;
                (ask, Some(written(value)))
            }
        };
        if let Some(step) = steps.iter_mut().find(|step| step.ask == ask && step.value == value) {
            step.targets.insert(target);
        } else {
            steps.push(Step { ask, value, targets: BTreeSet::from([target]), scope: meant.by.clone() });
        }
    }
    if steps.len() > 1 {
        for step in &mut steps {
            step.scope = Scope::Names;
        }
    }
    Ok(steps)
}

/// The value after "a bit brighter" and the like, from what the state shows.
pub(super) fn changed(ask: Ask, state: &EntityState, sign: f64, by: Option<f64>, bit: bool) -> Option<f64> {
    let number = |name: &str| state.attributes.get(name).and_then(serde_json::Value::as_f64);
    let off = state.state == "off";
    let Setting::Number(scale) = ask.setting() else { return None };
    let (now, step, range) = match scale {
        Scale::Brightness => {
            (number("brightness").map(|b| b / 2.55).or(off.then_some(0.0))?, 20.0, (1.0, 100.0))
        }
        Scale::Speed => (number("percentage").or(off.then_some(0.0))?, 20.0, (1.0, 100.0)),
        Scale::Volume => (number("volume_level")? * 100.0, 10.0, (0.0, 100.0)),
        Scale::Temperature => {
            let limits = (number("min_temp").unwrap_or(5.0), number("max_temp").unwrap_or(35.0));
            (number("temperature")?, 1.0, limits)
        }
        Scale::Position => return None,
    };
    // A light that is off gets no darker.
    if now == 0.0 && sign < 0.0 {
        return None;
    }
    let half = if bit && ask != Ask::Temperature { 0.5 } else { 1.0 };
    let next = now + sign * by.unwrap_or(step * half);
    let next = if ask == Ask::Temperature { next } else { next.round() };
    Some(next.max(range.0).min(range.1))
}

/// What the words ask of an entity of this domain.
pub(super) fn asks_of(said: &Said, domain: &str) -> Option<Ask> {
    Some(match wanted(said, domain, false)? {
        Wanted::Plain(ask) | Wanted::With(ask, _) | Wanted::Change(ask, ..) => ask,
    })
}
