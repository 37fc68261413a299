//! Building a part of the project in the middle of a test or a measurement.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

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

/// What was built is not built again by the same process, for even to find nothing to do takes Cargo a second.
///
/// # Errors
/// Those of `build`.
pub fn once(what: &str, build: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    // Whoever comes second waits for it.
    let mut known = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(what) {
        return Ok(path.clone());
    }
    let path = build()?;
    known.insert(what.to_owned(), path.clone());
    Ok(path)
}
