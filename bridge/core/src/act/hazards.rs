//! The hazards of `hazards.toml`: an entity and what is done to it in, the risk that it has at least out.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Risk;
use crate::home::Entity;
use crate::route::plain_words;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    risk: Risk,
    domains: Vec<String>,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    safe: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hazard: Vec<Entry>,
}

/// One entry, its words laid out to be looked up.
#[derive(Debug)]
struct Hazard {
    entry: Entry,
    whole: HashSet<String>,
    first: Vec<String>,
    endings: Vec<String>,
    words: HashSet<String>,
    phrases: Vec<String>,
}

static HAZARDS: LazyLock<Vec<Hazard>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("hazards.toml")).expect("hazards.toml is compiled in and tested");
    file.hazard.into_iter().map(Hazard::of).collect()
});

/// The risk that a verb such as `turn_on` has on this entity at least.
pub(super) fn risk_of(verb: &str, entity: &Entity) -> Risk {
    highest(entity, |hazard| !hazard.entry.safe.iter().any(|safe| safe == verb))
}

/// The risk of the riskiest that can be done to this entity, as far as it is known.
pub(super) fn worst_of(entity: &Entity) -> Risk {
    highest(entity, |_| true)
}

fn highest(entity: &Entity, counts: impl Fn(&Hazard) -> bool) -> Risk {
    let domain = entity.id.domain();
    let mut names = None;
    let of_domain = |hazard: &&Hazard| hazard.entry.domains.iter().any(|of| of == domain) && counts(hazard);
    HAZARDS
        .iter()
        .filter(of_domain)
        .filter(|hazard| {
            hazard.is_of_class(entity)
                || names.get_or_insert_with(|| names_of(entity)).iter().any(|name| hazard.is_called(name))
        })
        .map(|hazard| hazard.entry.risk)
        .max()
        .unwrap_or(Risk::R0)
}

/// What people call it, and what its id says.
fn names_of(entity: &Entity) -> Vec<String> {
    let id = entity.id.as_str().split_once('.').map_or("", |(_, id)| id).replace('_', " ");
    let said = std::iter::once(&entity.name).chain(&entity.aliases).map(|name| plain_words(name));
    said.chain([plain_words(&id)]).collect()
}

impl Hazard {
    fn of(entry: Entry) -> Self {
        let marked = |mark: char| entry.words.iter().filter_map(move |word| word.strip_prefix(mark));
        let plain =
            || entry.words.iter().filter(|word| !word.starts_with(['=', '^', '-'])).map(|w| plain_words(w));
        Self {
            whole: marked('=').map(plain_words).collect(),
            first: marked('^').map(plain_words).collect(),
            endings: marked('-').map(plain_words).collect(),
            words: plain().filter(|word| !word.contains(' ')).collect(),
            phrases: plain().filter(|word| word.contains(' ')).collect(),
            entry,
        }
    }

    fn is_of_class(&self, entity: &Entity) -> bool {
        entity.device_class.as_ref().is_some_and(|class| self.entry.classes.contains(class))
    }

    /// Whether a normalised name is one of this hazard.
    fn is_called(&self, name: &str) -> bool {
        let words = || name.split(' ');
        let begins = |first: &String| {
            name.strip_prefix(first.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let ends = |word: &str| {
            self.endings.iter().any(|end| word.len() > end.len() && word.ends_with(end.as_str()))
        };
        let is_meant = self.whole.contains(name)
            || self.first.iter().any(begins)
            || words().any(|word| self.words.contains(word) || ends(word))
            || self.phrases.iter().any(|phrase| holds(name, phrase));
        is_meant && !self.entry.except.iter().any(|other| holds(name, other))
    }
}

/// Whether whole words of `name` are `phrase`.
fn holds(name: &str, phrase: &str) -> bool {
    format!(" {name} ").contains(&format!(" {phrase} "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId;

    fn entity(id: &str, name: &str, class: Option<&str>) -> Entity {
        Entity {
            id: EntityId::from(id),
            name: name.into(),
            aliases: vec![],
            area: None,
            device: None,
            device_class: class.map(str::to_owned),
            exposed: true,
        }
    }

    #[test]
    fn an_oven_is_asked_about_before_it_is_turned_on_in_every_language_and_never_before_it_is_turned_off() {
        for name in [
            "Oven",
            "Bosch Oven Power",
            "Backofen",
            "Gasherd",
            "Combi-oven",
            "Four",
            "Four de la cuisine",
            "Horno",
            "Forno",
            "Piekarnik",
            "Trouba",
            "Sporák",
            "Kookplaat",
            "Grill",
            "Induktionskochfeld",
        ] {
            let oven = entity("switch.x1", name, None);
            assert_eq!(risk_of("turn_on", &oven), Risk::R3, "{name}");
            assert_eq!(risk_of("turn_off", &oven), Risk::R0, "{name}");
            assert_eq!(worst_of(&oven), Risk::R3, "{name}");
        }
        assert_eq!(risk_of("turn_on", &entity("switch.oven", "Betty", None)), Risk::R3, "by its id");
    }

    #[test]
    fn what_only_sounds_like_it_is_no_hazard() {
        for (id, name) in [
            ("switch.a", "Light Four"),
            ("switch.a", "Oven Light"),
            ("light.a", "Stove"),
            ("switch.a", "Coffee Machine"),
            ("switch.a", "Wasserkocher"),
            ("switch.a", "Monitor"),
            ("switch.a", "Garage Light"),
            ("switch.a", "Environment"),
            ("cover.a", "Kitchen Blinds"),
            ("cover.a", "Front Door Curtain"),
            ("cover.a", "Garage Blinds"),
        ] {
            assert_eq!(worst_of(&entity(id, name, None)), Risk::R0, "{name}");
        }
    }

    #[test]
    fn what_opens_the_house_is_known_by_its_class_and_without_one_by_its_name() {
        for (id, name, class) in [
            ("cover.a", "Left", Some("garage")),
            ("valve.a", "Main", Some("water")),
            ("cover.a", "Garage", None),
            ("cover.a", "Garagentor", None),
            ("cover.a", "Brama wjazdowa", None),
            ("switch.a", "Garage door relay", None),
            ("button.a", "Türöffner", None),
            ("script.a", "Disarm", None),
        ] {
            assert_eq!(worst_of(&entity(id, name, class)), Risk::R3, "{name}");
        }
        assert_eq!(risk_of("close_cover", &entity("cover.a", "Garage", None)), Risk::R3);
    }

    #[test]
    fn what_stays_hot_costs_more_than_a_lamp() {
        for name in ["Heater", "Heizlüfter", "Radiateur soufflant", "Přímotop", "Iron"] {
            let hot = entity("switch.a", name, None);
            assert_eq!((risk_of("turn_on", &hot), risk_of("turn_off", &hot)), (Risk::R2, Risk::R0), "{name}");
        }
    }
}
