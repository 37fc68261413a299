//! The messages about tasks: `agents/contract`.
#![no_main]

#[path = "../checks/task_messages.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::message(bytes));
