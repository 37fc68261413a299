//! A real Ollama with a real small model, started and stopped by `tests/bed/ollama`.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

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

    /// Has all instances serve a real model of vectors as well; its name. The very first time it is fetched, 84 MB.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn vectors() -> Result<String> {
        run(script("ollama").arg("vectors"))
    }

    /// A vector for each text, by this model.
    ///
    /// # Errors
    /// Its own words.
    pub async fn embed(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        #[derive(Deserialize)]
        struct Embedded {
            embeddings: Vec<Vec<f32>>,
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = reqwest::Client::new().post(format!("{}/api/embed", self.url));
        let answer = asked.json(&json!({ "model": model, "input": texts })).send().await?;
        let embedded: Embedded = answer.error_for_status()?.json().await.context("vectors")?;
        Ok(embedded.embeddings)
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
