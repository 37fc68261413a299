//! What a derived image consists of: configuration, manifest and index of the base in, those of the agent out.

use std::collections::BTreeMap;

use helix_contract::{DefinitionV1, Digest, canonical};
use oci_client::manifest::{
    IMAGE_LAYER_GZIP_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageIndex, OciImageManifest,
};
use serde_json::{Value, json};

use crate::DefinitionLayer;

/// Nothing in an image tells when it was made.
pub(crate) const CREATED: &str = "1970-01-01T00:00:00Z";
/// The label with the digest of the definition.
pub(crate) const DEFINITION_LABEL: &str = "run.helix.definition";
const BASE_LABEL: &str = "org.opencontainers.image.base.digest";

/// A document with its digest.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
}

impl Document {
    pub(crate) fn of(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        let bytes = canonical(value)?;
        Ok(Self { digest: Digest::of(&bytes), bytes })
    }

    fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }
}

/// One platform of an image.
#[derive(Debug)]
pub(crate) struct Platform {
    /// The entry of the base.
    pub(crate) entry: ImageIndexEntry,
    /// The layers of the base.
    pub(crate) base: Vec<OciDescriptor>,
    pub(crate) config: Document,
    pub(crate) manifest: Document,
}

/// What an image of an agent is made of.
#[derive(Debug)]
pub(crate) struct Recipe<'a> {
    pub(crate) definition: &'a DefinitionV1,
    pub(crate) layer: &'a DefinitionLayer,
    /// The digest of the base's index, or of its only manifest.
    pub(crate) base: Digest,
}

impl Recipe<'_> {
    /// The configuration of one platform, with the layer on top and labels that say what it is.
    pub(crate) fn config(&self, base: &[u8]) -> Result<Document, serde_json::Error> {
        let mut config: Value = serde_json::from_slice(base)?;
        config["created"] = json!(CREATED);
        push(&mut config["rootfs"]["diff_ids"], json!(self.layer.diff_id));
        push(
            &mut config["history"],
            json!({ "created": CREATED, "created_by": "helix", "comment": DEFINITION_LABEL }),
        );
        for (label, value) in self.labels() {
            config["config"]["Labels"][label] = json!(value);
        }
        Document::of(&config)
    }

    /// The manifest of one platform.
    pub(crate) fn manifest(
        &self,
        base: &OciImageManifest,
        config: &Document,
    ) -> Result<Document, serde_json::Error> {
        let mut manifest = base.clone();
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
        manifest.config =
            OciDescriptor { digest: config.digest.to_string(), size: config.size(), ..base.config.clone() };
        manifest.layers.push(OciDescriptor {
            media_type: IMAGE_LAYER_GZIP_MEDIA_TYPE.to_owned(),
            digest: self.layer.digest.to_string(),
            size: i64::try_from(self.layer.gzip.len()).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        });
        manifest.annotations = Some(self.labels());
        Document::of(&manifest)
    }

    /// The index of all platforms, in the order of the base.
    pub(crate) fn index(&self, platforms: &[Platform]) -> Result<Document, serde_json::Error> {
        let manifests = platforms.iter().map(|Platform { entry, manifest, .. }| ImageIndexEntry {
            media_type: OCI_IMAGE_MEDIA_TYPE.to_owned(),
            digest: manifest.digest.to_string(),
            size: manifest.size(),
            ..entry.clone()
        });
        Document::of(&OciImageIndex {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
            manifests: manifests.collect(),
            artifact_type: None,
            annotations: Some(self.labels()),
        })
    }

    fn labels(&self) -> BTreeMap<String, String> {
        [
            ("org.opencontainers.image.title", self.definition.name.to_string()),
            ("org.opencontainers.image.description", self.definition.description.clone()),
            (BASE_LABEL, self.base.to_string()),
            (DEFINITION_LABEL, self.layer.definition.to_string()),
        ]
        .map(|(label, value)| (label.to_owned(), value))
        .into()
    }
}

fn push(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    } else {
        *list = json!([item]);
    }
}
