//! Building a part of the project in the middle of a test or a measurement.

use std::ffi::OsStr;
use std::process::Command;

/// A command that may call Cargo. What Cargo told this process of its own package is left out: a build script that looks
/// at such a variable (that of `ring` does) would run again each time, and all that stands on it be built anew.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// Cargo itself.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
