//! The programs that carry out tasks, built as they are shipped: `helix-runner`, and `helix-agent` as one static file.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::bridge::{Profile, program};
use crate::build;

/// A folder with both, built if they are out of date.
///
/// # Errors
/// They cannot be built.
pub fn folder() -> Result<PathBuf> {
    let folder = crate::bridge::new_folder("agents")?;
    std::fs::copy(runner()?, folder.join("helix-runner"))?;
    std::fs::copy(agent()?, folder.join("helix-agent"))?;
    Ok(folder)
}

/// `helix-runner`.
///
/// # Errors
/// It cannot be built.
pub fn runner() -> Result<PathBuf> {
    program("helix-runner", Profile::Debug)
}

/// `helix-agent` for this machine.
///
/// # Errors
/// It cannot be built.
pub fn agent() -> Result<PathBuf> {
    build::once("helix-agent", built_agent)
}

fn built_agent() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents/agent/build");
    let built = build::command(script).arg("native").stderr(Stdio::inherit()).output()?;
    ensure!(built.status.success(), "helix-agent cannot be built");
    let line = String::from_utf8(built.stdout)?;
    let path = line.trim().split_once(' ').map(|(_, path)| PathBuf::from(path));
    path.context("the path of helix-agent")
}
