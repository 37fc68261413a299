//! The registries: entities, devices, areas, floors; and the events that announce their changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Command;

/// The events after which the registries have to be read again.
pub const UPDATE_EVENTS: [&str; 4] =
    ["entity_registry_updated", "device_registry_updated", "area_registry_updated", "floor_registry_updated"];

/// `config/entity_registry/list`; it leaves out aliases and device classes.
#[derive(Debug, Clone, Serialize)]
pub struct ListEntities {}

/// An entry of the entity registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntityRow {
    /// `domain.object_id`.
    pub entity_id: String,
    /// Stable within the integration; only in the registry.
    #[serde(default)]
    pub unique_id: serde_json::Value,
    /// The name that the user gave.
    #[serde(default)]
    pub name: Option<String>,
    /// The name that the integration gave.
    #[serde(default)]
    pub original_name: Option<String>,
    /// Its own area; else that of the device counts.
    #[serde(default)]
    pub area_id: Option<String>,
    /// The device.
    #[serde(default)]
    pub device_id: Option<String>,
    /// The configuration entry that it came with.
    #[serde(default)]
    pub config_entry_id: Option<String>,
    /// The integration.
    #[serde(default)]
    pub platform: String,
    /// By whom it was switched off; such an entity has no state.
    #[serde(default)]
    pub disabled_by: Option<String>,
}

impl Command for ListEntities {
    const TYPE: &'static str = "config/entity_registry/list";
    type Answer = Vec<EntityRow>;
}

/// `config/entity_registry/get_entries`: the whole entries of some entities.
#[derive(Debug, Clone, Serialize)]
pub struct GetEntities {
    /// Which.
    pub entity_ids: Vec<String>,
}

/// What [`GetEntities`] knows beyond [`EntityRow`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntityNames {
    /// Names for voice; `None` stands for the entity's own name, which is not matched when it is missing here.
    #[serde(default)]
    pub aliases: Vec<Option<String>>,
    /// The device class that the user chose.
    #[serde(default)]
    pub device_class: Option<String>,
    /// The device class that the integration gave.
    #[serde(default)]
    pub original_device_class: Option<String>,
}

impl Command for GetEntities {
    const TYPE: &'static str = "config/entity_registry/get_entries";
    type Answer = BTreeMap<String, Option<EntityNames>>;
}

/// `config/device_registry/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListDevices {}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeviceRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its area.
    #[serde(default)]
    pub area_id: Option<String>,
    /// A device without an area is where its parent is.
    #[serde(default)]
    pub parent_device_id: Option<String>,
}

impl Command for ListDevices {
    const TYPE: &'static str = "config/device_registry/list";
    type Answer = Vec<DeviceRow>;
}

/// `config/area_registry/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListAreas {}

/// An area.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AreaRow {
    /// A slug.
    pub area_id: String,
    /// The name.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The floor.
    #[serde(default)]
    pub floor_id: Option<String>,
}

impl Command for ListAreas {
    const TYPE: &'static str = "config/area_registry/list";
    type Answer = Vec<AreaRow>;
}

/// `config/floor_registry/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListFloors {}

/// A floor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FloorRow {
    /// A slug.
    pub floor_id: String,
    /// The name.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl Command for ListFloors {
    const TYPE: &'static str = "config/floor_registry/list";
    type Answer = Vec<FloorRow>;
}

/// `subscribe_events` for one type of event.
#[derive(Debug, Clone, Serialize)]
pub struct SubscribeEvents {
    /// Such as `area_registry_updated`.
    pub event_type: String,
}

impl Command for SubscribeEvents {
    const TYPE: &'static str = "subscribe_events";
    type Answer = serde_json::Value;
}
