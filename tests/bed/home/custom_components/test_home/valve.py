"""Valves that are open or closed."""

from homeassistant.components.valve import ValveDeviceClass, ValveEntity, ValveEntityFeature
from homeassistant.helpers.restore_state import RestoreEntity


async def async_setup_platform(hass, config, async_add_entities, discovery_info=None):
    async_add_entities([Valve(**config["entity"])])


class Valve(ValveEntity, RestoreEntity):
    _attr_should_poll = False
    _attr_reports_position = False
    _attr_supported_features = ValveEntityFeature.OPEN | ValveEntityFeature.CLOSE
    _attr_is_closed = False

    def __init__(self, entity_id, name, device_class):
        self.entity_id, self._attr_name, self._attr_unique_id = entity_id, name, entity_id
        self._attr_device_class = ValveDeviceClass(device_class)

    async def async_added_to_hass(self):
        if last := await self.async_get_last_state():
            self._attr_is_closed = last.state == "closed"

    async def async_open_valve(self):
        self._attr_is_closed = False
        self.async_write_ha_state()

    async def async_close_valve(self):
        self._attr_is_closed = True
        self.async_write_ha_state()
