//! A real Ollama with a real small model, started and stopped by `tests/bed/ollama`.

use anyhow::Result;

use crate::bed::{run, script};

/// A running Ollama; stopped when dropped. Its model's words are nonsense, everything else is real.
#[derive(Debug)]
pub struct Ollama {
    name: String,
    url: String,
}

impl Ollama {
    /// Its only model.
    pub const MODEL: &'static str = "smollm2-test";

    /// Starts an instance; `name` belongs to one test alone. Takes two seconds, the very first time ten minutes.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start(name: &str) -> Result<Self> {
        let url = run(script("ollama").args(["start", name]))?;
        Ok(Self { name: name.to_owned(), url })
    }

    /// Such as `http://127.0.0.1:20123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn stop(&self) -> Result<()> {
        run(script("ollama").args(["stop", &self.name])).map(drop)
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        // A test that has already failed is not to be hidden by the clean-up.
        let _ = self.stop();
    }
}
