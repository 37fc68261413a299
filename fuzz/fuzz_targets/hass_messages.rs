//! The messages of Home Assistant's WebSocket: `bridge/hass`.
#![no_main]

#[path = "../checks/hass_messages.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::lines(bytes));
