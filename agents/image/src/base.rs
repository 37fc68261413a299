//! The image that all agents stand on: the program for each architecture in, one index with a platform for each out; for a
//! registry, or as files for whoever has none.

use std::io;

use helix_contract::Digest;
use oci_client::manifest::{IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde_json::{Value, json};

use crate::compose::{CREATED, Document};
use crate::layer::compressed;

/// Where the program lies in an image.
pub const PROGRAM_PATH: &str = "agent/bin";
/// Nobody: a user that owns no file of the image.
const USER: &str = "65532:65532";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The name of the image where it is loaded without a registry.
const NAME: &str = "helix-agent";

/// The base of all agents. The same programs have the same digest on every machine.
#[derive(Debug, Clone)]
pub struct Base {
    pub(crate) platforms: Vec<BasePlatform>,
    pub(crate) index: Document,
}

/// One architecture of a base.
#[derive(Debug, Clone)]
pub(crate) struct BasePlatform {
    architecture: String,
    pub(crate) layer: Document,
    pub(crate) config: Document,
    pub(crate) manifest: Document,
}

impl Base {
    /// The base with these programs, by the names of their architectures (`amd64`, `arm64`).
    ///
    /// # Errors
    /// None that depends on the input: writing into memory does not fail.
    pub fn of(programs: &[(&str, &[u8])]) -> io::Result<Self> {
        let platforms =
            programs.iter().map(|(architecture, program)| BasePlatform::of(architecture, program));
        let platforms: Vec<_> = platforms.collect::<io::Result<_>>()?;
        let manifests: Vec<_> = platforms.iter().map(BasePlatform::entry).collect();
        let index = json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": manifests,
            "annotations": { "org.opencontainers.image.title": NAME },
        });
        Ok(Self { platforms, index: Document::of(&index)? })
    }

    /// The digest of its index.
    pub fn digest(&self) -> Digest {
        self.index.digest
    }

    /// What is pulled for each architecture, bytes: its compressed layer, configuration and manifest.
    pub fn sizes(&self) -> Vec<(&str, u64)> {
        let size = |platform: &BasePlatform| {
            let BasePlatform { layer, config, manifest, .. } = platform;
            [layer, config, manifest].iter().map(|part| part.bytes.len() as u64).sum()
        };
        self.platforms.iter().map(|platform| (platform.architecture.as_str(), size(platform))).collect()
    }

    /// The files of an OCI layout, by their paths; a tar archive of them is also what `docker load` takes. It names the
    /// images `helix-agent:{version}-{architecture}`.
    ///
    /// # Errors
    /// None that depends on the input.
    pub fn layout(&self, version: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        let index = json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE,
            "manifests": [{
                "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "digest": self.index.digest, "size": self.index.bytes.len(),
                "annotations": { "org.opencontainers.image.ref.name": version },
            }],
        });
        let loaded = |platform: &BasePlatform| {
            json!({
                "Config": blob(&platform.config), "Layers": [blob(&platform.layer)],
                "RepoTags": [format!("{NAME}:{version}-{}", platform.architecture)],
            })
        };
        let loaded: Vec<Value> = self.platforms.iter().map(loaded).collect();
        let mut files = vec![
            ("oci-layout".to_owned(), serde_json::to_vec(&json!({ "imageLayoutVersion": "1.0.0" }))?),
            ("index.json".to_owned(), serde_json::to_vec(&index)?),
            ("manifest.json".to_owned(), serde_json::to_vec(&loaded)?),
        ];
        let parts = self.platforms.iter().flat_map(|platform| {
            let BasePlatform { layer, config, manifest, .. } = platform;
            [layer, config, manifest]
        });
        files.extend(parts.chain([&self.index]).map(|part| (blob(part), part.bytes.clone())));
        Ok(files)
    }
}

impl BasePlatform {
    fn of(architecture: &str, program: &[u8]) -> io::Result<Self> {
        let tar = archive(program)?;
        let gzip = compressed(&tar)?;
        let layer = Document { digest: Digest::of(&gzip), bytes: gzip };
        let config = Document::of(&json!({
            "architecture": architecture, "os": "linux", "created": CREATED,
            "config": { "Entrypoint": [format!("/{PROGRAM_PATH}")], "User": USER, "WorkingDir": "/" },
            "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar)] },
            "history": [{ "created": CREATED, "created_by": "helix", "comment": NAME }],
        }))?;
        let manifest = Document::of(&json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE_MEDIA_TYPE,
            "config": { "mediaType": CONFIG, "digest": config.digest, "size": config.bytes.len() },
            "layers": [{ "mediaType": IMAGE_LAYER_GZIP_MEDIA_TYPE, "digest": layer.digest, "size": layer.bytes.len() }],
        }))?;
        Ok(Self { architecture: architecture.to_owned(), layer, config, manifest })
    }

    fn entry(&self) -> Value {
        json!({
            "mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": self.manifest.digest, "size": self.manifest.bytes.len(),
            "platform": { "os": "linux", "architecture": self.architecture },
        })
    }
}

fn blob(part: &Document) -> String {
    part.digest.to_string().replace("sha256:", "blobs/sha256/")
}

fn archive(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o555);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, PROGRAM_PATH, program)?;
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn base(amd64: &[u8]) -> Base {
        Base::of(&[("amd64", amd64), ("arm64", b"for arm64")]).expect("a base")
    }

    #[test]
    fn the_same_programs_are_the_same_base_on_every_machine() {
        let digest = base(b"for amd64").digest();
        assert_eq!(digest, base(b"for amd64").digest());
        assert_ne!(digest, base(b"for amd64, changed").digest());
        // The archive, without the compressor: another form of it would show here.
        let unpacked = Digest::of(&archive(b"for amd64").expect("an archive"));
        assert_eq!(
            unpacked.to_string(),
            "sha256:d5fdebb9ae7c3789b36cf8fc3d0e396ab430ac8d65515325376948bb7ebd0faa"
        );
    }

    #[test]
    fn a_layout_holds_all_that_it_names_under_its_digest() {
        let files: BTreeMap<_, _> = base(b"for amd64").layout("1.2").expect("files").into_iter().collect();
        let json = |path: &str| serde_json::from_slice::<Value>(&files[path]).expect("JSON");
        let at = |digest: &Value| digest.as_str().expect("a digest").replace("sha256:", "blobs/sha256/");
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("blobs/")) {
            assert_eq!(*path, Digest::of(bytes).to_string().replace("sha256:", "blobs/sha256/"));
        }
        let index = json(&at(&json("index.json")["manifests"][0]["digest"]));
        let platforms = index["manifests"].as_array().expect("platforms").clone();
        let names: Vec<_> = platforms.iter().map(|entry| entry["platform"]["architecture"].clone()).collect();
        assert_eq!(names, ["amd64", "arm64"]);
        for entry in &platforms {
            let manifest = json(&at(&entry["digest"]));
            let config = json(&at(&manifest["config"]["digest"]));
            assert_eq!(config["config"]["Entrypoint"], json!(["/agent/bin"]));
            assert!(files.contains_key(&at(&manifest["layers"][0]["digest"])));
        }
        let loaded = json("manifest.json");
        assert_eq!(loaded[1]["RepoTags"], json!(["helix-agent:1.2-arm64"]));
        assert!(files.contains_key(loaded[1]["Config"].as_str().expect("a path")));
    }
}
