//! The speech-to-text server that Helix is compared with, on the same weights, by `tests/bed/wyoming-peer`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::bed::free_port;

/// A running wyoming-faster-whisper with the model of the tests; it ends when dropped.
#[derive(Debug)]
pub struct Peer {
    /// Where it speaks Wyoming, on loopback.
    pub port: u16,
}

impl Peer {
    /// Starts one with more options of wyoming-faster-whisper.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start(options: &[&str]) -> Result<Self> {
        let port = free_port()?;
        ask(Command::new(bed("wyoming-peer")).args(["start", "test", &port.to_string()]).args(options))?;
        Ok(Self { port })
    }

    /// The Python that has faster-whisper.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn python() -> Result<PathBuf> {
        Ok(ask(Command::new(bed("wyoming-peer")).arg("python"))?.into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What has already failed is not to be hidden by the clean-up.
        let _ = ask(Command::new(bed("wyoming-peer")).args(["stop", &self.port.to_string()]));
    }
}

/// A whisper.cpp model of a true shape with random weights, which always says the same.
///
/// # Errors
/// The test bed's own words.
pub fn weights(shape: &str, kind: &str) -> Result<PathBuf> {
    Ok(ask(Command::new(bed("speech")).args(["weights", shape, kind]))?.into())
}

/// A command of the test bed.
pub fn bed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bed").join(name)
}

/// Runs a command and gives what it printed.
fn ask(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
