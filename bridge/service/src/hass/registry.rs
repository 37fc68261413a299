//! What Home Assistant's registries say, joined into core's [`Registry`].

use std::collections::{BTreeMap, BTreeSet};

use helix_core::home::{Area, Caller, Entity, Floor, Registry};
use helix_core::id::FloorId;
use helix_core::{AreaId, DeviceId, EntityId};
use helix_hass::registry::{AreaRow, DeviceRow, EntityNames, EntityRow, FloorRow};
use helix_hass::{State, States};

/// How many parents a device may have above it, so that a loop in the registry ends.
const PARENTS_MAX: usize = 8;

/// The registries as they were read.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) entities: Vec<EntityRow>,
    /// Aliases and device classes, of the exposed entities only.
    pub(super) names: BTreeMap<String, Option<EntityNames>>,
    pub(super) devices: Vec<DeviceRow>,
    pub(super) areas: Vec<AreaRow>,
    pub(super) floors: Vec<FloorRow>,
    /// The entities exposed to conversation.
    pub(super) exposed: BTreeSet<String>,
    /// Whether the home counts in degrees Fahrenheit.
    pub(super) fahrenheit: bool,
}

impl Rows {
    /// Joins the registries with the names in the states.
    pub(super) fn registry(&self, states: &States) -> Registry {
        let device_areas = self.device_areas();
        let rows: BTreeMap<&str, &EntityRow> = self
            .entities
            .iter()
            .filter(|row| row.disabled_by.is_none())
            .map(|row| (row.entity_id.as_str(), row))
            .collect();
        let ids: BTreeSet<&str> = rows.keys().copied().chain(states.iter().map(|(id, _)| id)).collect();
        let entities = ids
            .into_iter()
            .map(|id| self.entity(id, rows.get(id).copied(), states.get(id), &device_areas))
            .map(|entity| (entity.id.clone(), entity))
            .collect();
        let (areas, floors, fahrenheit) = (self.areas(), self.floors(), self.fahrenheit);
        Registry { entities, areas, floors, device_areas, fahrenheit }
    }

    fn entity(
        &self,
        id: &str,
        row: Option<&EntityRow>,
        state: Option<&State>,
        device_areas: &BTreeMap<DeviceId, AreaId>,
    ) -> Entity {
        let names = self.names.get(id).and_then(Option::as_ref);
        let device = row.and_then(|row| row.device_id.clone()).map(DeviceId::from);
        let own_area = row.and_then(|row| row.area_id.clone()).map(AreaId::from);
        let area = own_area.or_else(|| device.as_ref().and_then(|device| device_areas.get(device).cloned()));
        let device_class = state.and_then(|state| state.text("device_class")).map(str::to_owned);
        Entity {
            id: EntityId::from(id),
            name: name(id, row, state),
            aliases: names.map(|names| names.aliases.iter().flatten().cloned().collect()).unwrap_or_default(),
            area,
            device,
            device_class: device_class
                .or_else(|| names.and_then(|n| n.device_class.clone().or(n.original_device_class.clone()))),
            exposed: self.exposed.contains(id),
        }
    }

    fn device_areas(&self) -> BTreeMap<DeviceId, AreaId> {
        let devices: BTreeMap<&str, &DeviceRow> =
            self.devices.iter().map(|row| (row.id.as_str(), row)).collect();
        let area_of = |row: &DeviceRow| {
            let parent =
                |row: &&DeviceRow| row.parent_device_id.as_deref().and_then(|id| devices.get(id).copied());
            std::iter::successors(Some(row), parent).take(PARENTS_MAX).find_map(|row| row.area_id.clone())
        };
        self.devices
            .iter()
            .filter_map(|row| Some((DeviceId::from(row.id.as_str()), AreaId::from(area_of(row)?))))
            .collect()
    }

    fn areas(&self) -> BTreeMap<AreaId, Area> {
        let area = |row: &AreaRow| Area {
            id: AreaId::from(row.area_id.as_str()),
            name: row.name.clone(),
            aliases: row.aliases.clone(),
            floor: row.floor_id.as_deref().map(FloorId::from),
        };
        self.areas.iter().map(area).map(|area| (area.id.clone(), area)).collect()
    }

    fn floors(&self) -> BTreeMap<FloorId, Floor> {
        let floor = |row: &FloorRow| Floor {
            id: FloorId::from(row.floor_id.as_str()),
            name: row.name.clone(),
            aliases: row.aliases.clone(),
        };
        self.floors.iter().map(floor).map(|floor| (floor.id.clone(), floor)).collect()
    }

    /// Where satellites are.
    pub(super) fn places(&self) -> Places {
        let satellites = self
            .entities
            .iter()
            .filter(|row| row.entity_id.starts_with("assist_satellite."))
            .map(|row| {
                let place = Place { device: row.device_id.clone(), own_area: row.area_id.clone() };
                (row.entity_id.clone(), place)
            })
            .collect();
        Places { satellites, device_areas: self.device_areas() }
    }
}

/// The full name that people see; before the first state, the name in the registry.
fn name(id: &str, row: Option<&EntityRow>, state: Option<&State>) -> String {
    state
        .and_then(State::name)
        .or_else(|| row.and_then(|row| row.name.as_deref().or(row.original_name.as_deref())))
        .unwrap_or(id)
        .to_owned()
}

/// Where satellites are, for the device that a request names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    satellites: BTreeMap<String, Place>,
    device_areas: BTreeMap<DeviceId, AreaId>,
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    device: Option<String>,
    own_area: Option<String>,
}

impl Places {
    /// The device of the caller: the dry run knows a place only by its device.
    pub(super) fn device_of(&self, caller: &Caller) -> Option<String> {
        let named = caller.device.as_ref().map(|device| device.as_str().to_owned());
        named.or_else(|| self.place_of(caller).and_then(|place| place.device.clone()))
    }

    /// The satellite, unless Home Assistant would take another area from it than from its device.
    /// The dry run sees only the device, and both must mean the same room.
    pub(super) fn satellite_like_its_device(&self, caller: &Caller) -> Option<String> {
        let satellite = caller.satellite.as_ref()?;
        let own_area = self.place_of(caller)?.own_area.as_deref();
        let device = self.device_of(caller).map(DeviceId::from);
        let device_area = device.and_then(|device| self.device_areas.get(&device)).map(AreaId::as_str);
        (own_area.is_none() || own_area == device_area).then(|| satellite.as_str().to_owned())
    }

    fn place_of(&self, caller: &Caller) -> Option<&Place> {
        self.satellites.get(caller.satellite.as_ref()?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn rows() -> Rows {
        Rows {
            entities: from_value(json!([
                {"entity_id": "light.a", "device_id": "lamp", "name": "Named"},
                {"entity_id": "light.off", "disabled_by": "user"},
                {"entity_id": "assist_satellite.s", "device_id": "lamp", "area_id": "hall"},
                {"entity_id": "assist_satellite.t", "device_id": "lamp"},
            ]))
            .expect("rows"),
            names: from_value(json!({"light.a": {"aliases": [null, "glow"], "original_device_class": "x"}}))
                .expect("names"),
            devices: from_value(json!([
                {"id": "lamp", "parent_device_id": "hub"},
                {"id": "hub", "area_id": "kitchen", "parent_device_id": "lamp"},
                {"id": "lost", "parent_device_id": "lost"},
            ]))
            .expect("devices"),
            areas: from_value(json!([{"area_id": "kitchen", "name": "Kitchen", "floor_id": "g"}]))
                .expect("areas"),
            floors: from_value(json!([{"floor_id": "g", "name": "Ground"}])).expect("floors"),
            exposed: ["light.a".to_owned()].into(),
            fahrenheit: false,
        }
    }

    #[test]
    fn an_entity_is_where_its_device_is_and_a_device_where_its_parent_is() {
        let registry = rows().registry(&States::default());
        let light = &registry.entities[&EntityId::from("light.a")];
        assert_eq!(light.area, Some(AreaId::from("kitchen")));
        assert_eq!(light.aliases, ["glow"]);
        assert!(light.exposed);
        assert!(!registry.device_areas.contains_key(&DeviceId::from("lost")));
    }

    #[test]
    fn the_name_in_the_state_counts_and_an_entity_without_a_registry_entry_exists() {
        let mut states = States::default();
        let event = json!({"a": {"light.a": {"s": "on", "a": {"friendly_name": "Lamp Glow"}},
                                 "sun.sun": {"s": "up", "a": {}}}});
        states.apply(&event.to_string()).expect("readable");
        let registry = rows().registry(&states);
        assert_eq!(registry.entities[&EntityId::from("light.a")].name, "Lamp Glow");
        assert_eq!(registry.entities[&EntityId::from("sun.sun")].name, "sun.sun");
        assert!(!registry.entities.contains_key(&EntityId::from("light.off")));
    }

    #[test]
    fn the_unit_is_that_of_the_home_whatever_one_appliance_can_reach() {
        let mut states = States::default();
        let event = json!({"a": {"climate.kiln": {"s": "heat", "a": {"max_temp": 250}}}});
        states.apply(&event.to_string()).expect("readable");
        assert!(!rows().registry(&states).fahrenheit);
        assert!(Rows { fahrenheit: true, ..rows() }.registry(&States::default()).fahrenheit);
    }

    #[test]
    fn a_satellite_in_another_room_than_its_device_is_named_only_by_its_device() {
        let places = rows().places();
        let at = |satellite: &str| Caller { device: None, satellite: Some(satellite.into()) };
        assert_eq!(places.device_of(&at("assist_satellite.s")).as_deref(), Some("lamp"));
        assert_eq!(places.satellite_like_its_device(&at("assist_satellite.s")), None);
        let same = places.satellite_like_its_device(&at("assist_satellite.t"));
        assert_eq!(same.as_deref(), Some("assist_satellite.t"));
    }
}
