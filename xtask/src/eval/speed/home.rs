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

/// The n-th sentence as people say it, most of them with a slip.
pub(super) fn natural(n: usize, slips: &Slips, names: &[String]) -> String {
    let thing = THINGS[n % 4].1;
    let area = AREAS[n / 4 % AREAS.len()];
    let level = 1 + n / (4 * AREAS.len()) % 100;
    let name = format!("{area} {thing}").to_lowercase();
    let sentence = match n % 5 {
        0 => format!("I'd like the {name} at {level} percent"),
        1 => format!("could you put the {name} to {level} percent for me"),
        2 => format!("please dim the {name} down to {level} percent"),
        3 => format!("can we have the {name} at about {level} percent"),
        _ => format!("hey, make the {name} {level} percent, would you"),
    };
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
        let slips = Slips::of("en").expect("slips");
        let said: BTreeSet<_> = (0..5_000).flat_map(|n| [plain(n), natural(n, &slips, &[])]).collect();
        assert!(said.len() > 9_900, "{}", said.len());
    }
}
