//! hass
