"""Humidifiers with two modes."""

from homeassistant.components.humidifier import HumidifierEntity, HumidifierEntityFeature
from homeassistant.helpers.restore_state import RestoreEntity


async def async_setup_platform(hass, config, async_add_entities, discovery_info=None):
    async_add_entities([Humidifier(**config["entity"])])


class Humidifier(HumidifierEntity, RestoreEntity):
    _attr_should_poll = False
    _attr_supported_features = HumidifierEntityFeature.MODES
    _attr_available_modes = ["normal", "sleep"]
    _attr_mode = "normal"
    _attr_is_on = False
    _attr_target_humidity = 45

    def __init__(self, entity_id, name):
        self.entity_id, self._attr_name, self._attr_unique_id = entity_id, name, entity_id

    async def async_added_to_hass(self):
        if last := await self.async_get_last_state():
            self._attr_is_on = last.state == "on"
            self._attr_mode = last.attributes.get("mode", self._attr_mode)
            self._attr_target_humidity = last.attributes.get("humidity", self._attr_target_humidity)

    async def async_turn_on(self, **kwargs):
        self._attr_is_on = True
        self.async_write_ha_state()

    async def async_turn_off(self, **kwargs):
        self._attr_is_on = False
        self.async_write_ha_state()

    async def async_set_humidity(self, humidity):
        self._attr_target_humidity = humidity
        self.async_write_ha_state()

    async def async_set_mode(self, mode):
        self._attr_mode = mode
        self.async_write_ha_state()
