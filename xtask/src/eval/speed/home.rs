//! A home of 500 exposed entities in 40 areas, and sentences about it: plain ones that the strict matcher knows, and
//! natural ones with a slip. No sentence comes twice.

use anyhow::Result;
use serde_json::{Map, json};

use crate::eval::ohf::stage::{Area, Entity, Stage};
use crate::eval::slips::Slips;

const AREAS: [&str; 40] = [
    "Kitchen",
    "Pantry",
    "Scullery",
    "Dining Room",
    "Living Room",
    "Library",
    "Music Room",
    "Home Theater",
    "Hallway",
    "Entrance",
    "Cloakroom",
    "Master Bedroom",
    "Dressing Room",
    "Master Bathroom",
    "Guest Bedroom",
    "Guest Bathroom",
    "Nursery",
    "Playroom",
    "Study",
    "Workshop",
    "Laundry",
    "Boiler Room",
    "Wine Cellar",
    "Basement",
    "Attic",
    "Loft",
    "Landing",
    "Staircase",
    "Conservatory",
    "Veranda",
    "Terrace",
    "Balcony",
    "Garden",
    "Greenhouse",
    "Orchard",
    "Pool House",
    "Sauna",
    "Gym",
    "Garage",
    "Driveway",
];
const FLOORS: [&str; 3] = ["Ground Floor", "Upper Floor", "Outdoors"];
/// Domain, what follows the area's name, state.
const THINGS: [(&str, &str, &str); 13] = [
    ("light", "Ceiling Light", "off"),
    ("light", "Floor Lamp", "off"),
    ("light", "Wall Light", "off"),
    ("light", "Shelf Light", "off"),
    ("switch", "Heater", "off"),
    ("switch", "Charger", "off"),
    ("fan", "Fan", "off"),
    ("cover", "Blinds", "closed"),
    ("cover", "Curtains", "closed"),
    ("climate", "Thermostat", "heat"),
    ("media_player", "Speaker", "playing"),
    ("sensor", "Temperature", "20.5"),
    ("binary_sensor", "Motion", "off"),
];
pub(super) const ENTITIES: usize = 500;

/// The home.
pub(super) fn stage() -> Stage {
    let floor = |n: usize| Some(FLOORS[n / 16 % 3].to_owned());
    let pairs = THINGS.iter().flat_map(|thing| AREAS.iter().map(move |area| (*thing, *area)));
    Stage {
        floors: FLOORS.iter().map(|name| json!({ "name": name })).collect(),
        areas: AREAS
            .iter()
            .enumerate()
            .map(|(n, name)| Area { name: (*name).to_owned(), floor: floor(n) })
            .collect(),
        entities: pairs
            .take(ENTITIES)
            .map(|((domain, kind, state), area)| entity(domain, kind, state, area))
            .collect(),
    }
}

fn entity(domain: &str, kind: &str, state: &str, area: &str) -> Entity {
    let name = format!("{area} {kind}");
    let attributes = match domain {
        "light" => json!({"supported_color_modes": ["color_temp", "hs"]}),
        "cover" => {
            json!({"device_class": if kind == "Blinds" { "blind" } else { "curtain" }, "supported_features": 255})
        }
        "climate" => {
            json!({"supported_features": 385, "hvac_modes": ["heat", "off"], "min_temp": 5, "max_temp": 30})
        }
        "fan" => json!({"supported_features": 49}),
        "media_player" => json!({"supported_features": 8_388_607, "volume_level": 0.3}),
        "sensor" => json!({"device_class": "temperature", "unit_of_measurement": "°C"}),
        "binary_sensor" => json!({"device_class": "motion"}),
        _ => json!({}),
    };
    let id = format!("{domain}.{}", name.to_lowercase().replace(' ', "_"));
    let attributes = attributes.as_object().cloned().unwrap_or_else(Map::new);
    Entity { id, name, area: Some(area.to_owned()), state: state.to_owned(), attributes }
}

/// The n-th sentence that the strict matcher accepts.
pub(super) fn plain(n: usize) -> String {
    let thing = THINGS[n % 4].1;
    let area = AREAS[n / 4 % AREAS.len()];
    format!("set the {area} {thing} brightness to {} percent", 1 + n / (4 * AREAS.len()) % 100).to_lowercase()
}

const OPENERS: [&str; 12] = [
    "",
    "please ",
    "hey, ",
    "could you ",
    "can you ",
    "okay, now ",
    "would you please ",
    "I'd like you to ",
    "hey, can you ",
    "now ",
    "go ahead and ",
    "um, ",
];
const CLOSERS: [&str; 8] =
    ["", " please", " for me", " now", ", thanks", " for me please", " again", ", would you"];
/// Thing, and what people ask of it; `{}` is its name, `#` a number.
const ASKED: [(&str, &str); 14] = [
    ("Ceiling Light", "get the {} on"),
    ("Ceiling Light", "put the {} to # percent"),
    ("Floor Lamp", "make the {} # percent"),
    ("Floor Lamp", "kill the {}"),
    ("Wall Light", "switch the {} off"),
    ("Wall Light", "dim the {} down to # percent"),
    ("Shelf Light", "bring the {} up to # percent"),
    ("Heater", "get the {} going"),
    ("Charger", "put the {} off"),
    ("Fan", "start the {}"),
    ("Blinds", "let the {} down"),
    ("Curtains", "pull the {} open"),
    ("Thermostat", "get the {} to # degrees"),
    ("Speaker", "make the {} # percent loud"),
];
/// Numbers that are usual in percent as well as in degrees.
const LEVELS: [usize; 7] = [18, 19, 20, 21, 22, 23, 24];

/// The n-th sentence as people say it, most of them with a slip.
pub(super) fn natural(n: usize, slips: &Slips, names: &[String]) -> String {
    let (thing, ask) = ASKED[n % ASKED.len()];
    let n = n / ASKED.len();
    let area = AREAS[n % AREAS.len()];
    let round = n / AREAS.len();
    let (opener, closer) =
        (OPENERS[round % OPENERS.len()], CLOSERS[(n + round / OPENERS.len()) % CLOSERS.len()]);
    let name = format!("{area} {thing}").to_lowercase();
    let level = LEVELS[round % LEVELS.len()].to_string();
    let sentence = format!("{opener}{}{closer}", ask.replace("{}", &name).replace('#', &level));
    slips.slip(&sentence, names, &[]).map_or(sentence, |slipped| slipped.sentence)
}

/// Lights, all of which are off.
const LIGHTS: usize = 4;

/// The n-th command to turn off what is off, as the strict matcher knows it.
pub(super) fn off(n: usize) -> String {
    format!("turn off the {} {}", AREAS[n / LIGHTS % AREAS.len()], THINGS[n % LIGHTS].1).to_lowercase()
}

/// The n-th command to turn off what is off, as people say it, most of them with a slip.
pub(super) fn kill(n: usize, slips: &Slips, names: &[String]) -> String {
    let name = format!("{} {}", AREAS[n / LIGHTS % AREAS.len()], THINGS[n % LIGHTS].1).to_lowercase();
    let (opener, closer) = (OPENERS[1 + n % (OPENERS.len() - 1)], CLOSERS[n % CLOSERS.len()]);
    let sentence = format!("{opener}kill the {name}{closer}");
    slips.slip(&sentence, names, &[]).map_or(sentence, |slipped| slipped.sentence)
}

/// The home as a package of Home Assistant's configuration.
pub(super) fn package() -> Result<String> {
    stage().package()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ENTITIES, natural, plain, stage};
    use crate::eval::slips::Slips;

    #[test]
    fn the_home_is_as_large_as_it_says() {
        let stage = stage();
        let ids: BTreeSet<_> = stage.entities.iter().map(|entity| &entity.id).collect();
        assert_eq!((stage.areas.len(), ids.len()), (40, ENTITIES));
    }

    #[test]
    fn no_sentence_comes_twice() {
        let slips = Slips::of("en", 0).expect("slips");
        let names: Vec<String> = stage().entities.into_iter().map(|entity| entity.name).collect();
        let said: BTreeSet<_> = (0..11_000).map(|n| natural(n, &slips, &names)).collect();
        assert!(said.len() > 10_950, "{}", said.len());
        assert_eq!((0..5_000).map(plain).collect::<BTreeSet<_>>().len(), 5_000);
    }
}
