//! Why nothing can be done to what was named: what there is in its place, and the words for it.

use std::collections::BTreeMap;

use super::dimension::Target;
use super::{name_of, words};
use crate::act::Refusal;
use crate::home::{Entity, Registry, StrictMatch};
use crate::repair::can_be_a_name;
use crate::reply::Sentence;
use crate::{EntityId, Language};

/// What a refused draft was about, and what to say.
pub(super) fn untouchable(refusal: &Refusal, registry: &Registry) -> (Target, Sentence) {
    let name = |target: &EntityId| name_of(registry, target);
    match refusal {
        Refusal::Missing(target) => (Target::Missing, Sentence::NoSuchName { name: target.to_string() }),
        Refusal::NotExposed(target) => (Target::Hidden, Sentence::NotExposed { name: name(target) }),
        Refusal::UnknownRule { target, .. } => (Target::Unfit, Sentence::NotForThis { name: name(target) }),
        Refusal::NeedsConfirmation(target) => {
            (Target::Exposed, Sentence::NeedsConfirmation { name: name(target) })
        }
    }
}

/// The longest name that is plausible in "turn on the …", words.
const NAME_WORDS_MAX: usize = 4;

/// A template fits, but its slots do not: an unknown name is told only if it can be one, because Home Assistant's
/// open slots take in whole half-sentences ("I work | on | Sunday").
pub(super) fn near_miss(
    text: &str,
    language: &Language,
    unmatched: &BTreeMap<String, String>,
    registry: &Registry,
) -> (Target, Option<Sentence>) {
    let text = words::normalize(text);
    let mut slots = unmatched.iter();
    match (slots.next(), slots.next()) {
        (None, _) => (Target::Unplaced, Some(Sentence::NoPlace)),
        (Some((slot, heard)), None) if slot == "name" || slot == "area" || slot == "floor" => {
            let name = words::normalize(heard);
            if let Some(entity) = entity_named(registry, &name) {
                let (target, said) = out_of_reach(entity);
                return (target, Some(said));
            }
            let is_name = !name.is_empty()
                && can_be_a_name(&name, language)
                && name.split(' ').count() <= NAME_WORDS_MAX
                && !text.starts_with(&name)
                && words::Words::of(language).is_order(&text);
            if is_name {
                (Target::Missing, Some(Sentence::NoSuchName { name }))
            } else {
                (Target::None, None)
            }
        }
        (Some(_), _) => (Target::None, None),
    }
}

/// A strict match without targets: the name is known but not exposed or of something else, or there is nothing of its
/// kind.
pub(super) fn no_targets(found: &StrictMatch, registry: &Registry) -> Sentence {
    let named = found.slots.get("name").and_then(|name| name.as_str());
    let entity = named.and_then(|name| entity_named(registry, name));
    entity.map_or(Sentence::NoTargets, |entity| out_of_reach(entity).1)
}

/// Why nothing can be done to what is there: it is not exposed, or cannot do that.
fn out_of_reach(entity: &Entity) -> (Target, Sentence) {
    let name = entity.name.clone();
    if entity.exposed {
        (Target::Unfit, Sentence::NotForThis { name })
    } else {
        (Target::Hidden, Sentence::NotExposed { name })
    }
}

fn entity_named<'a>(registry: &'a Registry, name: &str) -> Option<&'a Entity> {
    let wanted = words::normalize(name);
    let called = |name: &String| words::normalize(name) == wanted;
    let named = |entity: &&Entity| called(&entity.name) || entity.aliases.iter().any(called);
    registry.entities.values().filter(named).max_by_key(|entity| entity.exposed)
}
