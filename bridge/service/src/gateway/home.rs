//! The home as an agent may read it: exposed entities within the scope of its task, never more.

use helix_contract::HomeScope;
use helix_contract::api::{ToolOutcome, ToolSpec};
use helix_core::home::{Area, Entity, HomeError, Registry};
use helix_core::{AreaId, EntityId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Home;
use super::scope::HOME_STATES;

/// Entities in one answer: a large home has some hundreds in all.
const ENTITIES_MAX: usize = 300;
/// Attributes that say how something is. The others are pictures, tokens, lists of what could be set.
const ATTRIBUTES: [&str; 12] = [
    "unit_of_measurement",
    "device_class",
    "current_temperature",
    "temperature",
    "current_humidity",
    "humidity",
    "hvac_action",
    "brightness",
    "current_position",
    "percentage",
    "battery_level",
    "media_title",
];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    area: Option<String>,
    #[serde(default)]
    domain: Option<String>,
}

/// The tool, as a model is told of it.
pub(super) fn spec() -> Option<ToolSpec> {
    Some(ToolSpec {
        name: HOME_STATES.parse().ok()?,
        description: "Reads how things at home are now: their names, rooms, states and measurements. Without an area it \
                      reads all of them; narrow it down with an area (its name) or a domain (light, sensor, climate, lock …)."
            .into(),
        input: json!({
            "type": "object",
            "properties": { "area": { "type": "string" }, "domain": { "type": "string" } },
            "additionalProperties": false,
        }),
    })
}

/// The states that `input` asks for.
///
/// # Errors
/// The home cannot be asked now.
pub(super) fn states(home: &dyn Home, scope: &HomeScope, input: &Value) -> Result<ToolOutcome, HomeError> {
    let failed =
        |code: &str, message: &str| ToolOutcome::Failed { code: code.into(), message: message.into() };
    let Ok(wanted) = Wanted::deserialize(input) else {
        return Ok(failed(
            "tool-input",
            "the input has an area and a domain, both texts, or neither; ask again",
        ));
    };
    let registry = home.registry()?;
    let area = match wanted.area.as_deref().map(str::trim).filter(|area| !area.is_empty()) {
        Some(named) => match find_area(&registry, scope, named) {
            Some(area) => Some(area),
            None => {
                return Ok(failed(
                    "home-no-such-area",
                    "there is no such area, or the task may not look into it",
                ));
            }
        },
        None => None,
    };
    let is_wanted = |entity: &&Entity| {
        entity.exposed
            && within(scope, entity.area.as_ref())
            && area.is_none_or(|area| entity.area.as_ref() == Some(&area.id))
            && wanted.domain.as_deref().is_none_or(|domain| domain_of(&entity.id) == domain.trim())
    };
    let found: Vec<_> = registry.entities.values().filter(is_wanted).take(ENTITIES_MAX + 1).collect();
    if found.len() > ENTITIES_MAX {
        return Ok(failed("home-too-many", "these are too many; narrow them down by an area or a domain"));
    }
    let entities: Vec<_> = found.into_iter().map(|entity| told(home, &registry, entity)).collect();
    Ok(ToolOutcome::Answered { output: json!({ "entities": entities }), sources: Vec::new() })
}

fn told(home: &dyn Home, registry: &Registry, entity: &Entity) -> Value {
    let mut told = Map::new();
    told.insert("name".into(), entity.name.as_str().into());
    told.insert("domain".into(), domain_of(&entity.id).into());
    if let Some(area) = entity.area.as_ref().and_then(|area| registry.areas.get(area)) {
        told.insert("area".into(), area.name.as_str().into());
    }
    match home.state(&entity.id) {
        Some(state) => {
            told.insert("state".into(), state.state.into());
            let known = ATTRIBUTES
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), state.attributes.get(name)?.clone())));
            told.extend(
                known.filter(|(_, value)| !value.is_null() && !value.is_object() && !value.is_array()),
            );
        }
        None => drop(told.insert("state".into(), "unknown".into())),
    }
    Value::Object(told)
}

fn within(scope: &HomeScope, area: Option<&AreaId>) -> bool {
    match scope {
        HomeScope::None => false,
        HomeScope::All => true,
        HomeScope::Areas(areas) => area.is_some_and(|area| areas.iter().any(|id| id == area.as_str())),
    }
}

fn find_area<'a>(registry: &'a Registry, scope: &HomeScope, named: &str) -> Option<&'a Area> {
    let is_named = |name: &str| name.to_lowercase() == named.to_lowercase();
    let reached = registry.areas.values().filter(|area| within(scope, Some(&area.id)));
    reached.into_iter().find(|area| {
        is_named(area.id.as_str()) || is_named(&area.name) || area.aliases.iter().any(|alias| is_named(alias))
    })
}

fn domain_of(entity: &EntityId) -> &str {
    entity.as_str().split('.').next().unwrap_or_default()
}
