//! The home of `tests/bed/home`, with a matcher of plain sentences, and a list of what was done in it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use helix_core::act::Action;
use helix_core::home::{
    Area, Caller, Entity, EntityState, Execution, ExecutionKind, Floor, HomeError, Match, MatchSource,
    Registry, StrictMatch,
};
use helix_core::{AreaId, DeviceId, EntityId, FloorId, Home, Language};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

#[derive(Deserialize)]
struct File {
    floors: BTreeMap<String, Thing>,
    areas: BTreeMap<String, Thing>,
    entities: BTreeMap<String, Thing>,
}

#[derive(Deserialize, Default)]
struct Thing {
    name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    area: Option<String>,
    floor: Option<String>,
    class: Option<String>,
    exposed: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Called {
    Name(String),
    More {
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

impl Called {
    fn parts(&self) -> (String, Vec<String>) {
        match self {
            Self::Name(name) => (name.clone(), Vec::new()),
            Self::More { name, aliases } => (name.clone(), aliases.clone()),
        }
    }
}

/// Names in another language, by section and id.
type Names = BTreeMap<String, BTreeMap<String, Called>>;

/// A plain sentence of a language: what stands before and after the name, the intent, the domains that it is for.
type Template = (&'static str, &'static str, &'static str, &'static [&'static str]);

const TURNED: &[&str] = &["light", "switch", "fan", "media_player", "climate", "scene", "input_boolean"];
const TEMPLATES: [Template; 17] = [
    ("turn on ", "", "HassTurnOn", TURNED),
    ("turn off ", "", "HassTurnOff", TURNED),
    ("activate ", "", "HassTurnOn", &["scene"]),
    ("open ", "", "HassTurnOn", &["cover"]),
    ("close ", "", "HassTurnOff", &["cover"]),
    ("lock ", "", "HassTurnOn", &["lock"]),
    ("unlock ", "", "HassTurnOff", &["lock"]),
    ("pause ", "", "HassMediaPause", &["media_player"]),
    ("start ", "", "HassVacuumStart", &["vacuum"]),
    ("set ", " brightness to {} percent", "HassLightSet", &["light"]),
    ("set ", " to {} degrees", "HassClimateSetTemperature", &["climate"]),
    ("schalte ", " ein", "HassTurnOn", TURNED),
    ("schalte ", " aus", "HassTurnOff", TURNED),
    ("öffne ", "", "HassTurnOn", &["cover"]),
    ("schließe ", "", "HassTurnOff", &["cover"]),
    ("dimme ", " auf {} prozent", "HassLightSet", &["light"]),
    ("entriegle ", "", "HassTurnOff", &["lock"]),
];

/// The home of the test bed; every entity obeys at once.
pub(crate) struct Furnished {
    pub(crate) registry: Registry,
    shown: Mutex<Option<Arc<Registry>>>,
    states: Mutex<BTreeMap<EntityId, EntityState>>,
    revision: watch::Sender<u64>,
    done: Mutex<Vec<(String, EntityId)>>,
}

impl Furnished {
    /// Furnished in a language: the bed's own names, or those of `names`.
    pub(crate) fn new(home: &str, names: Option<&str>) -> Self {
        let file: File = serde_yaml_ng::from_str(home).expect("the home of the bed");
        let names: Names =
            names.map(|names| serde_yaml_ng::from_str(names).expect("names")).unwrap_or_default();
        let called = |section: &str, id: &str, thing: &Thing| {
            let other = names.get(section).and_then(|of| of.get(id)).map(Called::parts);
            other.unwrap_or_else(|| (thing.name.clone().unwrap_or_default(), thing.aliases.clone()))
        };
        let mut registry = Registry::default();
        for (id, thing) in &file.floors {
            let (name, aliases) = called("floors", id, thing);
            let floor = Floor { id: FloorId::from(id.as_str()), name, aliases };
            registry.floors.insert(floor.id.clone(), floor);
        }
        for (id, thing) in &file.areas {
            let (name, aliases) = called("areas", id, thing);
            let floor = thing.floor.as_deref().map(FloorId::from);
            let area = Area { id: AreaId::from(id.as_str()), name, aliases, floor };
            registry.device_areas.insert(DeviceId::from(format!("tablet.{id}")), area.id.clone());
            registry.areas.insert(area.id.clone(), area);
        }
        for (id, thing) in &file.entities {
            let (name, aliases) = called("entities", id, thing);
            let entity = Entity {
                id: EntityId::from(id.as_str()),
                name,
                aliases,
                area: thing.area.as_deref().map(AreaId::from),
                device: None,
                device_class: thing.class.clone(),
                exposed: thing.exposed.unwrap_or(true),
            };
            registry.entities.insert(entity.id.clone(), entity);
        }
        let states = registry.entities.keys().map(|id| (id.clone(), at_rest(id))).collect();
        Self {
            registry,
            shown: Mutex::default(),
            states: Mutex::new(states),
            revision: watch::Sender::new(0),
            done: Mutex::default(),
        }
    }

    /// The intents that were carried out, with their targets.
    pub(crate) fn done(&self) -> Vec<(String, EntityId)> {
        lock(&self.done).clone()
    }

    /// Sets a state.
    pub(crate) fn shows(&self, id: &str, state: &str) {
        lock(&self.states).entry(EntityId::from(id)).and_modify(|now| state.clone_into(&mut now.state));
    }

    /// Adds an attribute to a state.
    pub(crate) fn attribute(&self, id: &str, name: &str, text: &str) {
        let mut states = lock(&self.states);
        let state = states.entry(EntityId::from(id)).or_insert_with(|| at_rest(&EntityId::from(id)));
        state.attributes.insert(name.to_owned(), text.into());
    }

    /// The entities of a name, told apart by their area if the sentence names it.
    fn called(&self, said: &str) -> BTreeSet<&EntityId> {
        let said = said.strip_prefix("the ").unwrap_or(said).to_lowercase();
        let (alone, area) =
            said.rsplit_once(" in ").map_or((said.as_str(), None), |(name, area)| (name, Some(area)));
        let names = |entity: &Entity, wanted: &str| {
            std::iter::once(&entity.name).chain(&entity.aliases).any(|name| name.to_lowercase() == wanted)
        };
        let lies = |entity: &Entity| {
            let of = entity.area.as_ref().and_then(|area| self.registry.areas.get(area));
            of.is_some_and(|of| Some(of.name.to_lowercase().as_str()) == area)
        };
        let fits = |entity: &&Entity| {
            entity.exposed && (names(entity, &said) || area.is_some() && names(entity, alone) && lies(entity))
        };
        self.registry.entities.values().filter(fits).map(|entity| &entity.id).collect()
    }

    fn matched(&self, sentence: &str) -> Match {
        let sentence = sentence.to_lowercase();
        let sentence = sentence.trim_end_matches(['.', '!', '?']);
        for (before, after, intent, domains) in TEMPLATES {
            let Some((name, value)) = taken(sentence, before, after) else { continue };
            let targets: Vec<EntityId> =
                self.called(name).into_iter().filter(|id| domains.contains(&id.domain())).cloned().collect();
            if targets.len() != 1 {
                continue;
            }
            let mut slots = BTreeMap::from([("name".to_owned(), json!(name))]);
            if let Some(value) = value {
                let slot = if intent == "HassLightSet" { "brightness" } else { "temperature" };
                slots.insert(slot.to_owned(), json!(value));
            }
            let source = MatchSource::Builtin;
            return Match::Strict(StrictMatch { intent: intent.into(), slots, targets, source });
        }
        Match::None
    }

    fn carry_out(&self, intent: &str, target: &EntityId, slots: &BTreeMap<String, Value>) {
        lock(&self.done).push((intent.to_owned(), target.clone()));
        let on = intent == "HassTurnOn";
        let state = match (target.domain(), intent) {
            ("cover", _) => {
                if on {
                    "open"
                } else {
                    "closed"
                }
            }
            ("lock", _) => {
                if on {
                    "locked"
                } else {
                    "unlocked"
                }
            }
            ("media_player", "HassMediaPause") => "paused",
            ("vacuum", _) => "cleaning",
            ("climate", "HassClimateSetTemperature") => "heat",
            ("light", "HassLightSet") => "on",
            _ => {
                if on {
                    "on"
                } else {
                    "off"
                }
            }
        };
        let mut states = lock(&self.states);
        let shown = states.entry(target.clone()).or_insert_with(|| at_rest(target));
        shown.state = state.into();
        if let Some(brightness) = slots.get("brightness").and_then(Value::as_f64) {
            shown.attributes.insert("brightness".into(), json!((brightness * 2.55).round()));
        }
        if let Some(temperature) = slots.get("temperature") {
            shown.attributes.insert("temperature".into(), temperature.clone());
        }
        drop(states);
        self.revision.send_modify(|revision| *revision += 1);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name and the value in a sentence of a template.
fn taken<'a>(sentence: &'a str, before: &str, after: &str) -> Option<(&'a str, Option<f64>)> {
    let rest = sentence.strip_prefix(before)?;
    let Some((from, to)) = after.split_once("{}") else { return Some((rest.strip_suffix(after)?, None)) };
    let (name, value) = rest.strip_suffix(to)?.rsplit_once(from)?;
    Some((name, Some(value.parse().ok()?)))
}

fn at_rest(id: &EntityId) -> EntityState {
    let state = match id.domain() {
        "cover" => "closed",
        "lock" => "locked",
        "climate" => "heat",
        "media_player" => "playing",
        "vacuum" => "docked",
        _ => "off",
    };
    EntityState { state: state.into(), attributes: Map::new() }
}

impl Home for Furnished {
    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        Ok(Arc::clone(lock(&self.shown).get_or_insert_with(|| Arc::new(self.registry.clone()))))
    }
    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        lock(&self.states).get(entity).cloned()
    }
    fn revision(&self) -> u64 {
        *self.revision.borrow()
    }
    async fn changed(&self, seen: u64) {
        let _ = self.revision.subscribe().wait_for(|now| *now > seen).await;
    }
    async fn dry_run(&self, texts: Vec<String>, _: &Language, _: &Caller) -> Result<Vec<Match>, HomeError> {
        Ok(texts.iter().map(|text| self.matched(text)).collect())
    }
    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        let intent = if action.service().ends_with("off") || action.service().contains("close") {
            "HassTurnOff"
        } else {
            "HassTurnOn"
        };
        self.carry_out(intent, action.target(), &BTreeMap::new());
        Ok(())
    }
    async fn process(&self, text: String, _: &Language, _: &Caller) -> Result<Execution, HomeError> {
        let Match::Strict(found) = self.matched(&text) else { panic!("never matched: {text}") };
        for target in &found.targets {
            self.carry_out(&found.intent, target, &found.slots);
        }
        let speech = format!("Done: {}", found.intent);
        Ok(Execution { kind: ExecutionKind::ActionDone, speech, done: found.targets, failed: vec![] })
    }
}
