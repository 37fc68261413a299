"""Entities of the test home that Home Assistant has no template for, and homes that are only looked at.

`valve:` and `humidifier:` entries of the platform `test_home` believe what they are told and remember it over restarts.

`test_home:` in the configuration makes floors, areas, a device in each area, and exposed entities with a state and nothing behind them:

    test_home:
      floors: [{name: Upstairs}]
      areas: [{name: Kitchen, floor: Upstairs}]
      entities: [{id: light.sink, name: Sink, area: Kitchen, state: "on", attributes: {device_class: outlet}}]
"""

from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.helpers import area_registry, device_registry, entity_registry, floor_registry
from homeassistant.helpers.start import async_at_start


async def async_setup(hass, config):
    async def begin(hass):
        furnish(hass, config["test_home"])

    if config.get("test_home"):
        async_at_start(hass, begin)
    return True


def furnish(hass, plan):
    floors, areas = floor_registry.async_get(hass), area_registry.async_get(hass)
    for area in list(areas.async_list_areas()):  # Home Assistant makes three of its own
        areas.async_delete(area.id)
    floor_ids = {floor["name"]: floors.async_create(floor["name"]).floor_id for floor in plan.get("floors", [])}
    area_ids = {}
    for area in plan.get("areas", []):
        made = areas.async_create(area["name"], floor_id=floor_ids.get(area.get("floor")))
        area_ids[area["name"]] = made.id
    devices = device_registry.async_get(hass)
    owner = hass.config_entries.async_entries()[0].entry_id
    for name, area_id in area_ids.items():
        device = devices.async_get_or_create(config_entry_id=owner, identifiers={("test_home", area_id)}, name=f"Satellite {name}")
        devices.async_update_device(device.id, area_id=area_id)
    for entity in plan.get("entities", []):
        place(hass, entity, area_ids.get(entity.get("area")))


def place(hass, entity, area_id):
    domain, object_id = entity["id"].split(".")
    attributes = {"friendly_name": entity["name"], **entity.get("attributes", {})}
    entities = entity_registry.async_get(hass)
    entities.async_get_or_create(
        domain, "test_home", entity["id"], suggested_object_id=object_id, original_name=entity["name"],
        original_device_class=attributes.get("device_class"))
    entities.async_update_entity(entity["id"], area_id=area_id)
    hass.states.async_set(entity["id"], entity["state"], attributes)
    async_expose_entity(hass, "conversation", entity["id"], True)
