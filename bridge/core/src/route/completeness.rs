//! The semantic end of speech: a partial sentence and its dry run in, how long to wait for more out.

use super::words::{Words, begins, ends, holds, normalize};
use crate::Language;
use crate::act::{ExposedEntities, IntentKind, ProposedAction, Risk, kind_of};
use crate::dialogue::Clearance;
use crate::home::{Caller, Match, MatchSource, Registry, StrictMatch};
use crate::listen::Verdict;

/// Judges a partial transcript. Without a dry run (`None`: too slow, no home) nothing counts as complete.
pub fn judge(text: &str, language: &Language, found: Option<&Match>, registry: Option<&Registry>) -> Verdict {
    let text = normalize(text);
    if text.is_empty() {
        return Verdict::Nothing;
    }
    let words = Words::of(language);
    let dangles = || words.dangling.iter().any(|word| ends(&text, word));
    // "set the kitchen light" … "to fifty percent": an order that is not understood yet is half said.
    let half_said = || words.opening.iter().any(|word| begins(&text, word));
    match (found, registry) {
        // A sentence that matched is whole, whatever its last word is ("turn the garage light on").
        (Some(Match::Strict(strict)), Some(registry)) if is_complete(&text, words, strict, registry) => {
            Verdict::Complete
        }
        (Some(Match::None | Match::Unmatched { .. }), _) if dangles() || half_said() => Verdict::Dangling,
        (None, _) if dangles() => Verdict::Dangling,
        (Some(Match::Strict(_) | Match::None | Match::Unmatched { .. }) | None, _) => Verdict::Plain,
    }
}

fn is_complete(text: &str, words: &Words, found: &StrictMatch, registry: &Registry) -> bool {
    let known = kind_of(&found.intent) == Some(IntentKind::Act) && found.source != MatchSource::Trigger;
    known
        && !found.targets.is_empty()
        && found.slots.contains_key("name")
        && ProposedAction::all_of(found).into_iter().all(|proposed| {
            ExposedEntities::of(registry)
                .authorize(proposed, &Caller::default(), &Clearance::none())
                .is_ok_and(|action| action.risk() <= Risk::R1)
        })
        && !can_grow(text, words, registry)
}

/// Whether more words could turn this sentence into another one.
fn can_grow(text: &str, words: &Words, registry: &Registry) -> bool {
    let last = text.rsplit(' ').next().unwrap_or_default();
    let number =
        |word: &str| word.bytes().any(|b| b.is_ascii_digit()) || words.numbers.iter().any(|n| n == word);
    number(last)
        || words.growing.iter().any(|word| holds(text, word))
        || names_of_areas(registry).any(|name| ends(text, &name))
        || names_of_exposed(registry).any(|name| continues(text, &name))
}

fn names_of_areas(registry: &Registry) -> impl Iterator<Item = String> + '_ {
    let areas = registry.areas.values().flat_map(|a| std::iter::once(&a.name).chain(&a.aliases));
    let floors = registry.floors.values().flat_map(|f| std::iter::once(&f.name).chain(&f.aliases));
    areas.chain(floors).map(|name| normalize(name)).filter(|name| !name.is_empty())
}

fn names_of_exposed(registry: &Registry) -> impl Iterator<Item = String> + '_ {
    let exposed = registry.entities.values().filter(|entity| entity.exposed);
    exposed.flat_map(|e| std::iter::once(&e.name).chain(&e.aliases)).map(|name| normalize(name))
}

/// Whether `text` ends with the beginning of `name`, so that `name` may still be being said.
fn continues(text: &str, name: &str) -> bool {
    name.match_indices(' ').any(|(at, _)| ends(text, &name[..at]) && !ends(text, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::EntityId;
    use crate::home::{Area, Entity};

    fn registry() -> Registry {
        let entity = |id: &str, name: &str| Entity {
            id: EntityId::from(id),
            name: name.into(),
            aliases: vec![],
            area: None,
            device: None,
            device_class: None,
            exposed: true,
        };
        let entities = [
            entity("light.kitchen_light", "Kitchen Light"),
            entity("light.desk", "Desk"),
            entity("light.desk_lamp", "Desk Lamp"),
            entity("cover.blinds", "Blind"),
        ];
        let area = Area { id: "kitchen".into(), name: "Kitchen".into(), aliases: vec![], floor: None };
        Registry {
            entities: entities.into_iter().map(|e| (e.id.clone(), e)).collect(),
            areas: BTreeMap::from([(area.id.clone(), area)]),
            ..Registry::default()
        }
    }

    fn strict(intent: &str, name: &str, target: &str) -> Match {
        Match::Strict(StrictMatch {
            intent: intent.into(),
            slots: BTreeMap::from([("name".to_owned(), json!(name))]),
            targets: vec![EntityId::from(target)],
            source: MatchSource::Builtin,
        })
    }

    fn verdict(text: &str, found: &Match) -> Verdict {
        judge(text, &Language::english(), Some(found), Some(&registry()))
    }

    #[test]
    fn a_named_target_of_low_risk_is_complete() {
        let found = strict("HassTurnOn", "kitchen light", "light.kitchen_light");
        assert_eq!(verdict("Turn on the kitchen light.", &found), Verdict::Complete);
    }

    #[test]
    fn a_sentence_that_matched_is_whole_whatever_its_last_word_is() {
        let found = strict("HassTurnOn", "kitchen light", "light.kitchen_light");
        assert_eq!(verdict("Turn the kitchen light on.", &found), Verdict::Complete);
        assert_eq!(verdict("Turn on the kitchen light please.", &found), Verdict::Complete);
    }

    #[test]
    fn a_cover_is_never_ended_early() {
        let found = strict("HassTurnOn", "blind", "cover.blinds");
        assert_eq!(verdict("Open the blind.", &found), Verdict::Plain);
    }

    #[test]
    fn a_name_that_is_the_beginning_of_another_may_grow() {
        let found = strict("HassTurnOn", "desk", "light.desk");
        assert_eq!(verdict("Turn on the desk", &found), Verdict::Plain);
    }

    #[test]
    fn a_number_or_an_area_at_the_end_may_grow() {
        let found = strict("HassLightSet", "kitchen light", "light.kitchen_light");
        assert_eq!(verdict("Set the kitchen light to fifty", &found), Verdict::Plain);
        assert_eq!(verdict("Set the kitchen light to 50", &found), Verdict::Plain);
        assert_eq!(verdict("Turn on the light in the kitchen", &found), Verdict::Plain);
    }

    #[test]
    fn half_an_order_dangles_whether_or_not_it_ends_in_a_small_word() {
        assert_eq!(verdict("Turn on the", &Match::None), Verdict::Dangling);
        assert_eq!(verdict("Set the kitchen light", &Match::None), Verdict::Dangling);
        assert_eq!(verdict("Anna is asleep", &Match::None), Verdict::Plain);
    }

    #[test]
    fn without_a_dry_run_nothing_is_complete() {
        assert_eq!(judge("Turn on the kitchen light", &Language::english(), None, None), Verdict::Plain);
        assert_eq!(judge(" . ", &Language::english(), None, None), Verdict::Nothing);
    }
}
