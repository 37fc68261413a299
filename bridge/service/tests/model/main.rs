//! Speech models are downloaded from a real server over loopback, with all that goes wrong on the way.

mod bench;
#[allow(dead_code, reason = "shared with the tests of the format")]
#[path = "../../../speech/tests/support/ggml_file.rs"]
mod ggml_file;
mod hub_server;

mod faults;
mod folder;
mod kill;
mod resume;
