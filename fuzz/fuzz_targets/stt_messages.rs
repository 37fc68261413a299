//! The messages between the bridge and its speech child: `bridge/speech/src/protocol.rs`.
#![no_main]

#[path = "../checks/stt_messages.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::stream(bytes));
