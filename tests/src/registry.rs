//! Real registries of images, started and stopped by `tests/bed/registry`, and a plain client to look into them.

use anyhow::{Context, Result, ensure};
use helix_contract::Digest;
use serde_json::{Value, json};

use crate::bed::{run, script};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A registry that was empty when it was started; it is thrown away when it is dropped.
#[derive(Debug)]
pub struct Registry {
    name: String,
    /// Its host and port.
    pub host: String,
    http: reqwest::Client,
}

impl Registry {
    /// Starts a registry; `name` belongs to one test alone. `options` are those of `tests/bed/registry start`. The very
    /// first one is built, which takes some minutes.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start(name: &str, options: &[&str]) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let host = run(script("registry").args(["start", name]).args(options))?;
        Ok(Self { name: name.to_owned(), host, http: reqwest::Client::new() })
    }

    /// Stops it, and what it holds is gone.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn stop(&self) -> Result<()> {
        run(script("registry").args(["stop", &self.name])).map(drop)
    }

    /// Pushes a base image: an index with a platform for each architecture.
    ///
    /// # Errors
    /// What the registry refuses.
    pub async fn push_base(&self, repository: &str, architectures: &[&str]) -> Result<()> {
        let mut manifests = Vec::new();
        for architecture in architectures {
            let layer = format!("the program for {architecture}").into_bytes();
            let config = json!({
                "architecture": architecture, "os": "linux", "config": { "Entrypoint": ["/agent/bin"] },
                "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
                "of_another_tool": { "kept": true },
            });
            let config = serde_json::to_vec(&config)?;
            for blob in [&layer, &config] {
                self.push_blob(repository, blob).await?;
            }
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": { "mediaType": CONFIG, "digest": Digest::of(&config), "size": config.len() },
                "layers": [{ "mediaType": LAYER, "digest": Digest::of(&layer), "size": layer.len() }],
            });
            let manifest = serde_json::to_vec(&manifest)?;
            self.put(repository, &Digest::of(&manifest).to_string(), MANIFEST, manifest.clone()).await?;
            manifests.push(json!({
                "mediaType": MANIFEST, "digest": Digest::of(&manifest), "size": manifest.len(),
                "platform": { "architecture": architecture, "os": "linux" },
            }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.put(repository, "latest", INDEX, serde_json::to_vec(&index)?).await
    }

    /// Pushes an index as it is.
    ///
    /// # Errors
    /// What the registry refuses.
    pub async fn push_index(&self, repository: &str, tag: &str, index: &Value) -> Result<()> {
        self.put(repository, tag, INDEX, serde_json::to_vec(index)?).await
    }

    /// A manifest or an index; `None` if it is not there.
    ///
    /// # Errors
    /// What is no JSON.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<Value>> {
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.host);
        let answer = self.http.get(url).header("accept", format!("{INDEX}, {MANIFEST}")).send().await?;
        if answer.status() == 404 {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }

    /// A blob, checked by its digest.
    ///
    /// # Errors
    /// What is not there, or other bytes.
    pub async fn blob(&self, repository: &str, digest: &str) -> Result<Vec<u8>> {
        let url = format!("http://{}/v2/{repository}/blobs/{digest}", self.host);
        let bytes = self.http.get(url).send().await?.error_for_status()?.bytes().await?.to_vec();
        ensure!(Digest::of(&bytes).to_string() == digest, "{digest} has other bytes");
        Ok(bytes)
    }

    async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Result<()> {
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let begun = self.http.post(url).send().await?.error_for_status()?;
        let place = begun.headers().get("location").context("a place to upload to")?.to_str()?;
        let url = format!("{place}&digest={}", Digest::of(bytes));
        let body = bytes.to_vec();
        let put = self.http.put(url).header("content-type", "application/octet-stream").body(body);
        put.send().await?.error_for_status()?;
        Ok(())
    }

    async fn put(&self, repository: &str, reference: &str, kind: &str, body: Vec<u8>) -> Result<()> {
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.host);
        self.http.put(url).header("content-type", kind).body(body).send().await?.error_for_status()?;
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Where a test failed already, its own words matter more.
        let _ = self.stop();
    }
}
