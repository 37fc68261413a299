//! One home of a language, made of what all test files name. Where a file names only an area, Home Assistant's tests
//! need nothing in it; here something that the intent is for is added, with a name that nobody says.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::files::{Test, TestFile, Thing};

/// A home has one of them, wherever it is.
const ONE_PER_HOUSE: [&str; 4] = ["lawn_mower", "vacuum", "todo", "weather"];

/// What `test_home:` of the test bed reads.
#[derive(Debug, Default, Serialize)]
pub(in crate::eval) struct Stage {
    pub(in crate::eval) floors: Vec<Value>,
    pub(in crate::eval) areas: Vec<Area>,
    pub(in crate::eval) entities: Vec<Entity>,
}

#[derive(Debug, Serialize)]
pub(in crate::eval) struct Area {
    pub(in crate::eval) name: String,
    pub(in crate::eval) floor: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(in crate::eval) struct Entity {
    pub(in crate::eval) id: String,
    pub(in crate::eval) name: String,
    pub(in crate::eval) area: Option<String>,
    pub(in crate::eval) state: String,
    pub(in crate::eval) attributes: Map<String, Value>,
}

impl Entity {
    pub(in crate::eval) fn domain(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

impl Stage {
    /// The home of all files.
    pub(super) fn of(files: &[TestFile]) -> Self {
        let mut stage = Self::default();
        stage.place_rooms(files);
        let mut things = merged(files);
        for (name, area) in named_places(files) {
            for thing in things.iter_mut().filter(|thing| thing.name == name) {
                thing.area.get_or_insert_with(|| area.clone());
            }
        }
        for thing in things {
            stage.add(&thing);
        }
        for file in files {
            for test in &file.tests {
                stage.supply(&file.intent, test);
            }
        }
        stage
    }

    fn place_rooms(&mut self, files: &[TestFile]) {
        let mut floors: Vec<&String> =
            files.iter().flat_map(|file| &file.floors).map(|floor| &floor.name).collect();
        floors.sort();
        floors.dedup();
        self.floors = floors.iter().map(|name| json!({ "name": name })).collect();
        let mut areas = BTreeMap::new();
        for area in files.iter().flat_map(|file| &file.areas) {
            let floor: &mut Option<String> = areas.entry(area.name.clone()).or_default();
            *floor = floor.take().or_else(|| area.floor.clone());
        }
        for area in files.iter().flat_map(|file| &file.entities).filter_map(|thing| thing.area.clone()) {
            areas.entry(area).or_default();
        }
        for (n, (name, floor)) in areas.into_iter().enumerate() {
            let floor = floor.or_else(|| floors.get(n % floors.len().max(1)).map(ToString::to_string));
            self.areas.push(Area { name, floor });
        }
    }

    fn add(&mut self, thing: &Thing) {
        let mut id = format!("{}.{}", thing.domain, slug(&thing.name));
        while self.entities.iter().any(|entity| entity.id == id) {
            id.push_str("_2");
        }
        let mut attributes = features(&thing.domain);
        attributes.extend(thing.attributes.clone());
        let state = thing.state.clone().unwrap_or_else(|| state_of(&thing.domain).to_owned());
        self.entities.push(Entity {
            id,
            name: thing.name.clone(),
            area: thing.area.clone(),
            state,
            attributes,
        });
    }

    /// Adds an entity that a test is for, if the place that it names has none.
    fn supply(&mut self, intent: &str, test: &Test) {
        let slots = &test.slots;
        if let Some(command) = slots.get("conversation_command") {
            return self.supply_later(command);
        }
        let Some(domain) = domain_of(intent, slots) else { return };
        let is_named = self.classify(domain, test);
        let here = (!is_named && !ONE_PER_HOUSE.contains(&domain)).then(|| self.satellite());
        if slots.contains_key("name") || !self.meant(intent, slots, here).is_empty() {
            return;
        }
        let area = match (slots.get("area"), slots.get("floor")) {
            (Some(area), _) => area.as_str().map(str::to_owned),
            (None, Some(floor)) => {
                let on_floor = |area: &&Area| area.floor.as_deref() == floor.as_str();
                self.areas.iter().find(on_floor).map(|area| area.name.clone())
            }
            (None, None) => Some(self.satellite().to_owned()),
        };
        let class = slots.get("device_class").cloned();
        let attributes = class.map(|class| ("device_class".to_owned(), class)).into_iter().collect();
        let name = invented(self.entities.len());
        self.add(&Thing { name, domain: domain.to_owned(), area, state: None, attributes });
    }

    /// What is to be done later in a room that is named is to its light.
    fn supply_later(&mut self, command: &Value) {
        let command = command.to_string();
        let named = |area: &&Area| command.contains(&area.name);
        let Some(area) = self.areas.iter().find(named).map(|area| area.name.clone()) else { return };
        let slots = json!({ "area": area, "domain": "light" }).as_object().cloned().unwrap_or_default();
        if self.meant("HassTurnOff", &slots, None).is_empty() {
            let name = invented(self.entities.len());
            let area = Some(area);
            self.add(&Thing { name, domain: "light".to_owned(), area, state: None, attributes: Map::new() });
        }
    }

    /// What sentences call by a name that is also the name of its kind is of this kind: "close the garage door".
    fn classify(&mut self, domain: &str, test: &Test) -> bool {
        let Some(class) = test.slots.get("device_class") else { return false };
        let is_called = |name: &str| {
            test.sentences.iter().any(|sentence| sentence.to_lowercase().ends_with(&name.to_lowercase()))
        };
        let mut is_named = false;
        for entity in
            self.entities.iter_mut().filter(|entity| entity.domain() == domain && is_called(&entity.name))
        {
            entity.attributes.entry("device_class").or_insert_with(|| class.clone());
            is_named = true;
        }
        is_named
    }

    /// Where somebody stands who names no place.
    pub(super) fn satellite(&self) -> &str {
        self.areas.first().map_or("", |area| area.name.as_str())
    }

    /// The entities that slots of an intent mean; in the area `here` if they name no place.
    pub(super) fn meant(&self, intent: &str, slots: &Map<String, Value>, here: Option<&str>) -> Vec<&Entity> {
        let text = |slot: &str| slots.get(slot).and_then(Value::as_str);
        let (name, class) = (text("name"), text("device_class"));
        let is_placed = name.is_some() || text("area").is_some() || text("floor").is_some();
        let area = text("area").or(here.filter(|_| !is_placed));
        let floor_of =
            |area: &str| self.areas.iter().find(|a| a.name == area).and_then(|a| a.floor.as_deref());
        let domain = domain_of(intent, slots);
        let is_meant = |entity: &&Entity| {
            let its_area = entity.area.as_deref();
            name.is_none_or(|name| entity.name.eq_ignore_ascii_case(name))
                && area.is_none_or(|area| its_area == Some(area))
                && text("floor").is_none_or(|floor| its_area.and_then(floor_of) == Some(floor))
                && domain.is_none_or(|domain| entity.domain() == domain)
                && class
                    .is_none_or(|class| entity.attributes.get("device_class").is_some_and(|is| is == class))
        };
        self.entities.iter().filter(is_meant).collect()
    }

    /// As a package of Home Assistant's configuration.
    pub(in crate::eval) fn package(&self) -> Result<String> {
        Ok(serde_yaml_ng::to_string(&BTreeMap::from([("test_home", self)]))?)
    }
}

/// Each entity once: of those with one name and kind the one of which most is known.
fn merged(files: &[TestFile]) -> Vec<Thing> {
    let mut things: Vec<Thing> = Vec::new();
    for thing in files.iter().flat_map(|file| &file.entities) {
        let known = |t: &Thing| (t.area.is_some(), t.state.is_some(), t.attributes.len());
        match things.iter_mut().find(|other| other.name == thing.name && other.domain == thing.domain) {
            Some(other) if known(thing) > known(other) => *other = thing.clone(),
            Some(_) => {}
            None => things.push(thing.clone()),
        }
    }
    things
}

/// Where a sentence looks for an entity that its file puts nowhere.
fn named_places(files: &[TestFile]) -> Vec<(String, String)> {
    let tests = files.iter().flat_map(|file| &file.tests);
    let pair = |slots: &Map<String, Value>| {
        Some((slots.get("name")?.as_str()?.to_owned(), slots.get("area")?.as_str()?.to_owned()))
    };
    tests.filter_map(|test| pair(&test.slots)).collect()
}

/// The domain that an intent is for, if it is for one only.
fn domain_of<'a>(intent: &'a str, slots: &'a Map<String, Value>) -> Option<&'a str> {
    if let Some(domain) = slots.get("domain").and_then(Value::as_str) {
        return Some(domain);
    }
    let of_intent = [
        ("HassLightSet", "light"),
        ("HassClimate", "climate"),
        ("HassFan", "fan"),
        ("HassMedia", "media_player"),
        ("HassSetVolume", "media_player"),
        ("HassVacuum", "vacuum"),
        ("HassLawnMower", "lawn_mower"),
        ("HassGetWeather", "weather"),
        ("HassListAddItem", "todo"),
    ];
    of_intent.into_iter().find(|(prefix, _)| intent.starts_with(prefix)).map(|(_, domain)| domain)
}

fn state_of(domain: &str) -> &'static str {
    match domain {
        "cover" | "valve" => "closed",
        "lock" => "locked",
        "media_player" => "playing",
        "climate" => "heat",
        "vacuum" | "lawn_mower" => "docked",
        "todo" => "0",
        "weather" => "cloudy",
        "person" => "home",
        _ => "off",
    }
}

/// Every feature that a real one of this kind can have.
fn features(domain: &str) -> Map<String, Value> {
    let value = match domain {
        "light" => json!({"supported_color_modes": ["color_temp", "hs"], "supported_features": 44}),
        "cover" => json!({"supported_features": 255, "current_position": 0}),
        "valve" => json!({"supported_features": 15, "current_position": 0}),
        "fan" => json!({"supported_features": 63, "percentage_step": 1}),
        "climate" => {
            json!({"supported_features": 441, "hvac_modes": ["heat", "off"], "min_temp": 0, "max_temp": 60,
                            "temperature": 20, "current_temperature": 19})
        }
        "media_player" => {
            json!({"supported_features": 8_388_607, "volume_level": 0.3, "is_volume_muted": false})
        }
        "vacuum" => json!({"supported_features": 65535}),
        "lawn_mower" => json!({"supported_features": 7}),
        "todo" => json!({"supported_features": 127}),
        _ => json!({}),
    };
    value.as_object().cloned().unwrap_or_default()
}

fn slug(name: &str) -> String {
    let plain = |c: char| match c {
        'ä' => "ae".to_owned(),
        'ö' => "oe".to_owned(),
        'ü' => "ue".to_owned(),
        'ß' => "ss".to_owned(),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        _ => "_".to_owned(),
    };
    name.to_lowercase().chars().map(plain).collect()
}

/// A name that is no word of any language.
pub(in crate::eval) fn invented(n: usize) -> String {
    let syllables = ["zo", "vrak", "ulm", "quei", "jix", "bropf", "ghu", "yaa"];
    format!("{}{} {n}", syllables[n % 8].to_uppercase(), syllables[n / 8 % 8])
}
