//! Which entities a model is told about: the words of a sentence and the home in, the closest exposed entities out.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::act::ExposedEntities;
use crate::home::{Entity, Registry};
use crate::repair::Leeway;
use crate::route::{Matrix, plain_words};
use crate::{AreaId, EntityId};

/// Most entities that a model is told about.
pub const RETRIEVED_MAX: usize = 30;
/// Most of them that the sentence does not name, but that are close to it: a model on a small machine reads ten in a
/// second.
const CLOSE_MAX: usize = 8;
/// The domains whose entities can be asked for anything, and whose state is a word of Home Assistant: no text that
/// somebody wrote, such as the items of a list, the entries of a calendar or what is being played.
const DOMAINS: [&str; 12] = [
    "light",
    "switch",
    "input_boolean",
    "fan",
    "cover",
    "climate",
    "media_player",
    "vacuum",
    "lawn_mower",
    "humidifier",
    "scene",
    "script",
];

/// The entities for a sentence, those that it names first, then the closest ones; always the same for the same home.
/// What is only ever touched after a confirmation is never among them.
pub(super) fn retrieve<'a>(
    text: &str,
    leeway: &Leeway,
    registry: &'a Registry,
    here: Option<&AreaId>,
    matrix: &Matrix,
) -> Vec<&'a Entity> {
    let words: BTreeSet<String> = plain_words(text).split(' ').map(str::to_owned).collect();
    let named: BTreeSet<&EntityId> = leeway.asked().map(|(id, _)| id).collect();
    let guarded = ExposedEntities::of(registry).judged_by(matrix);
    let offered = registry.entities.values().filter(|entity| {
        entity.exposed && DOMAINS.contains(&entity.id.domain()) && !guarded.guards(&entity.id)
    });
    let mut ranked: Vec<(bool, usize, &Entity)> = offered
        .map(|entity| (named.contains(&entity.id), closeness(entity, &words, registry, here), entity))
        .filter(|(named, close, _)| *named || *close > 0)
        .collect();
    ranked.sort_by_key(|(named, close, entity)| (Reverse(*named), Reverse(*close), &entity.id));
    let named = ranked.iter().filter(|(named, ..)| *named).count();
    let most = (named + CLOSE_MAX).min(RETRIEVED_MAX);
    ranked.into_iter().take(most).map(|(_, _, entity)| entity).collect()
}

/// How many words of the sentence stand in the names of an entity and its area; one more for the room of the speaker.
fn closeness(entity: &Entity, words: &BTreeSet<String>, registry: &Registry, here: Option<&AreaId>) -> usize {
    let area = entity.area.as_ref().and_then(|area| registry.areas.get(area));
    let places = area.into_iter().flat_map(|area| std::iter::once(&area.name).chain(&area.aliases));
    let names = std::iter::once(&entity.name).chain(&entity.aliases).chain(places);
    let theirs: BTreeSet<String> =
        names.flat_map(|name| plain_words(name).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    words.intersection(&theirs).count() + usize::from(here.is_some() && entity.area.as_ref() == here)
}
