//! Wyoming streams: `bridge/wyoming`.
#![no_main]

#[path = "../checks/wyoming_codec.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::stream(bytes));
