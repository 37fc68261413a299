//! Which entities a part of a sentence means.

use std::collections::BTreeSet;

use super::ask::{Said, Wanted, implied, wanted};
use super::frame::{Part, Place};
use super::index::Named;
use super::kinds::{Ask, Kind, Sense};
use super::lexicon::Count;
use crate::home::{Entity, Registry};
use crate::id::FloorId;
use crate::{AreaId, EntityId};

/// What a part of a sentence means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    pub(super) targets: Vec<(EntityId, Wanted)>,
    pub(super) by: Scope,
}

/// How the targets were named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// By their own names, or as the only ones of their kind.
    Names,
    /// All of a kind in an area.
    Area(Kind, AreaId),
    /// All of a kind on a floor.
    Floor(Kind, FloorId),
    /// All of a kind in the home.
    Home(Kind),
}

/// Why a part of a sentence means nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unclear {
    /// What is named and what is asked do not fit together.
    Nothing,
    /// One of these.
    OneOf(Vec<EntityId>),
    /// Which room?
    NoPlace,
    /// It exists, but voice may not touch it.
    NotExposed,
}

/// Where somebody speaks and what there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) registry: &'a Registry,
    pub(super) here: Option<&'a AreaId>,
}

/// The entities that a part of a sentence means, each with what is asked of it.
pub(super) fn meant(part: &Part, around: Surroundings<'_>) -> Result<Meant, Unclear> {
    let Part { said, place, unexposed, .. } = part;
    if *unexposed {
        return Err(Unclear::NotExposed);
    }
    if let Some(cleaning) = cleaning(said, place, around) {
        return cleaning;
    }
    match place.entities.as_slice() {
        [] => by_kind(said, place, around),
        [mention] => by_name(said, place, mention, around),
        [_, _, ..] => Err(Unclear::Nothing),
    }
}

/// "Vacuum the kitchen" is for the kitchen and not for wherever the robot stands.
fn cleaning(said: &Said, place: &Place, around: Surroundings<'_>) -> Option<Result<Meant, Unclear>> {
    let areas = named_areas(place, around)?;
    let starts = |sense: &Sense| matches!(sense, Sense::Clean | Sense::Start | Sense::On);
    if said.senses.is_empty() || !said.senses.iter().all(starts) {
        return None;
    }
    let called = |entity: &&Entity| match place.entities.as_slice() {
        [] => place.nouns.iter().all(|(kind, _)| kind.holds(entity)),
        [mention] => mention.contains(&Named::Entity(entity.id.clone())),
        [_, _, ..] => false,
    };
    let named = !place.entities.is_empty() || !place.nouns.is_empty() || said.senses.contains(&Sense::Clean);
    let robots =
        around.registry.entities.values().filter(|entity| Kind::Vacuum.holds(entity) && entity.exposed);
    let robots: Vec<&Entity> = robots.filter(called).filter(|_| named).collect();
    let [robot] = robots.as_slice() else { return None };
    let mut areas = areas.into_iter();
    let (Some(area), None) = (areas.next(), areas.next()) else { return Some(Err(Unclear::Nothing)) };
    let targets = vec![(robot.id.clone(), Wanted::Plain(Ask::Clean))];
    Some(Ok(Meant { targets, by: Scope::Area(Kind::Vacuum, area) }))
}

fn by_name(
    said: &Said,
    place: &Place,
    mention: &BTreeSet<Named>,
    around: Surroundings<'_>,
) -> Result<Meant, Unclear> {
    if place.all && mention.len() == 1 {
        return Err(Unclear::Nothing);
    }
    let entities = mention.iter().filter_map(|named| match named {
        Named::Entity(id) => around.registry.entities.get(id),
        Named::Area(_) | Named::Floor(_) => None,
    });
    let areas = named_areas(place, around);
    let kinds: Vec<Kind> = place.nouns.iter().map(|(kind, _)| *kind).collect();
    let music = kinds.contains(&Kind::Music);
    let fitting: Vec<(&Entity, Wanted)> = entities
        .filter(|entity| {
            areas.as_ref().is_none_or(|areas| entity.area.as_ref().is_some_and(|area| areas.contains(area)))
        })
        .filter(|entity| kinds.iter().all(|kind| kind.holds(entity)))
        .filter_map(|entity| Some((entity, wanted(said, entity.id.domain(), music)?)))
        .collect();
    let near: Vec<_> =
        fitting.iter().filter(|(entity, _)| entity.area.as_ref() == around.here).cloned().collect();
    let chosen = match (fitting.as_slice(), near.as_slice()) {
        ([], _) => return Err(Unclear::Nothing),
        ([only], _) => only,
        (_, [near]) if around.here.is_some() => near,
        (several, _) => return Err(Unclear::OneOf(ids(several.iter().map(|(entity, _)| *entity)))),
    };
    Ok(Meant { targets: vec![(chosen.0.id.clone(), chosen.1.clone())], by: Scope::Names })
}

fn by_kind(said: &Said, place: &Place, around: Surroundings<'_>) -> Result<Meant, Unclear> {
    // "Everything" is no kind: nobody means the heating as well.
    if place.all && place.nouns.is_empty() {
        return Err(Unclear::Nothing);
    }
    let (kind, count) = kind_of(said, place).ok_or(Unclear::Nothing)?;
    let music = kind == Kind::Music;
    let exposed = around.registry.entities.values().filter(|entity| entity.exposed && kind.holds(entity));
    let able: Vec<(&Entity, Wanted)> =
        exposed.filter_map(|entity| Some((entity, wanted(said, entity.id.domain(), music)?))).collect();
    let within = |areas: &BTreeSet<AreaId>| -> Vec<(&Entity, Wanted)> {
        able.iter()
            .filter(|(e, _)| e.area.as_ref().is_some_and(|area| areas.contains(area)))
            .cloned()
            .collect()
    };
    let here: Option<BTreeSet<AreaId>> = around.here.map(|area| BTreeSet::from([area.clone()]));
    let (found, by) = if let Some(areas) = named_areas(place, around) {
        (within(&areas), scope_of(place, kind, &areas))
    } else if place.here {
        let area = here.ok_or(Unclear::NoPlace)?;
        (within(&area), scope_of(place, kind, &area))
    } else if place.all && able.len() > 1 {
        (able.clone(), Scope::Home(kind))
    } else if let Some(area) = here.filter(|area| !within(area).is_empty()) {
        (within(&area), scope_of(place, kind, &area))
    } else if able.len() == 1 {
        (able.clone(), Scope::Names)
    } else {
        return Err(if able.is_empty() { Unclear::Nothing } else { several(&able) });
    };
    // "The light" is all light there; "the blind" is one.
    // Nobody names one thing by its loudness or warmth.
    let implied = place.nouns.is_empty();
    let one = count != Count::Many && !place.all && !implied && !matches!(kind, Kind::Light | Kind::Climate);
    let placed = !place.areas.is_empty() || !place.floors.is_empty();
    match found.as_slice() {
        [] => Err(Unclear::Nothing),
        [_] => Ok(Meant { targets: targets(&found), by: Scope::Names }),
        [_, _, ..] if one || (!placed && matches!(kind, Kind::Music | Kind::Media)) => Err(several(&found)),
        [_, _, ..] => Ok(Meant { targets: targets(&found), by }),
    }
}

fn targets(found: &[(&Entity, Wanted)]) -> Vec<(EntityId, Wanted)> {
    found.iter().map(|(entity, wanted)| (entity.id.clone(), wanted.clone())).collect()
}

/// Most choices that are told in one question.
const CHOICES_MAX: usize = 3;

fn several(found: &[(&Entity, Wanted)]) -> Unclear {
    if found.len() > CHOICES_MAX {
        return Unclear::NoPlace;
    }
    Unclear::OneOf(ids(found.iter().map(|(entity, _)| *entity)))
}

fn ids<'a>(entities: impl Iterator<Item = &'a Entity>) -> Vec<EntityId> {
    entities.map(|entity| entity.id.clone()).collect()
}

/// Everything that a part names, whatever is asked of it.
pub(super) fn named(part: &Part, around: Surroundings<'_>) -> Option<BTreeSet<EntityId>> {
    let place = &part.place;
    let areas = named_areas(place, around);
    let there = |entity: &Entity| {
        areas.as_ref().is_none_or(|areas| entity.area.as_ref().is_some_and(|area| areas.contains(area)))
    };
    let all = around.registry.entities.values().filter(|entity| entity.exposed && there(entity));
    let found: BTreeSet<EntityId> = match (place.entities.as_slice(), place.nouns.as_slice()) {
        ([mention], []) => all
            .filter(|entity| mention.contains(&Named::Entity(entity.id.clone())))
            .map(|e| e.id.clone())
            .collect(),
        ([], [(kind, _)]) if areas.is_some() => all.filter(|e| kind.holds(e)).map(|e| e.id.clone()).collect(),
        ([], []) if areas.is_some() => all.map(|entity| entity.id.clone()).collect(),
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// The one kind that is named or implied; a noun that only narrows it ("the volume of the music") agrees with it.
pub(super) fn kind_of(said: &Said, place: &Place) -> Option<(Kind, Count)> {
    let named = match place.nouns.as_slice() {
        [] => None,
        [one] => Some(*one),
        [first, rest @ ..] => {
            let narrowest =
                rest.iter().fold(*first, |kind, next| if kind.0 == Kind::Music { *next } else { kind });
            let agree = place.nouns.iter().all(|(kind, _)| *kind == narrowest.0 || *kind == Kind::Music);
            Some(narrowest).filter(|_| agree).map(Some)?
        }
    };
    named.or_else(|| implied(said).map(|kind| (kind, Count::One)))
}

/// The areas of the places that are named; `None` if none is.
pub(super) fn named_areas(place: &Place, around: Surroundings<'_>) -> Option<BTreeSet<AreaId>> {
    if place.areas.is_empty() && place.floors.is_empty() {
        return None;
    }
    let mut all: Option<BTreeSet<AreaId>> = None;
    for mention in place.areas.iter().chain(&place.floors) {
        let mut areas = BTreeSet::new();
        for named in mention {
            match named {
                Named::Area(area) => {
                    areas.insert(area.clone());
                }
                Named::Floor(floor) => {
                    let on = around.registry.areas.values().filter(|area| area.floor.as_ref() == Some(floor));
                    areas.extend(on.map(|area| area.id.clone()));
                }
                Named::Entity(_) => {}
            }
        }
        all = Some(all.map_or(areas.clone(), |so_far| so_far.intersection(&areas).cloned().collect()));
    }
    all
}

fn scope_of(place: &Place, kind: Kind, areas: &BTreeSet<AreaId>) -> Scope {
    let floors: Vec<&Named> = place.floors.iter().flatten().collect();
    match (areas.iter().next(), floors.as_slice()) {
        (Some(area), _) if areas.len() == 1 => Scope::Area(kind, area.clone()),
        (_, [Named::Floor(floor)]) if place.areas.is_empty() => Scope::Floor(kind, floor.clone()),
        _ => Scope::Names,
    }
}
