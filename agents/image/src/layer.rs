//! The layer that holds a definition: a tar archive of one file, the same bytes for the same definition.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use helix_contract::{DefinitionV1, Digest, Wire as _, WireError, canonical};

/// Where an agent finds its definition.
pub const DEFINITION_PATH: &str = "agent/agent.json";

/// A layer, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionLayer {
    /// The digest of the definition in canonical form.
    pub definition: Digest,
    /// The digest of the archive as it is unpacked (`diff_id`).
    pub diff_id: Digest,
    /// The digest of [`Self::gzip`].
    pub digest: Digest,
    /// The archive, compressed.
    pub gzip: Vec<u8>,
}

impl DefinitionLayer {
    /// The layer of a definition. Nothing in it depends on when or where it is made: no time, no owner, no file name in
    /// the compressed stream.
    ///
    /// # Errors
    /// [`WireError`] if the definition breaks its bounds.
    pub fn of(definition: &DefinitionV1) -> Result<Self, WireError> {
        definition.check()?;
        let malformed = |source| WireError::Malformed { name: DefinitionV1::NAME, source };
        let json = canonical(definition).map_err(malformed)?;
        // Writing into memory does not fail, and the path is short.
        let tar = archive(&json).map_err(|error| malformed(serde_json::Error::io(error)))?;
        let gzip = compressed(&tar).map_err(|error| malformed(serde_json::Error::io(error)))?;
        Ok(Self { definition: Digest::of(&json), diff_id: Digest::of(&tar), digest: Digest::of(&gzip), gzip })
    }
}

fn archive(json: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(json.len() as u64);
    header.set_mode(0o444);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, DEFINITION_PATH, json)?;
    tar.into_inner()
}

pub(crate) fn compressed(tar: &[u8]) -> io::Result<Vec<u8>> {
    // The operating system's field of the header is "unknown" everywhere.
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(tar)?;
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn definition(prompt: &str) -> DefinitionV1 {
        let json = format!(
            r#"{{"version": 1, "name": "research", "description": "Finds things out.", "prompt": "{prompt}"}}"#
        );
        helix_contract::decode(json.as_bytes()).expect("a definition")
    }

    #[test]
    fn the_same_definition_is_the_same_layer_on_every_machine() {
        let layer = DefinitionLayer::of(&definition("Look it up.")).expect("a layer");
        assert_eq!(layer, DefinitionLayer::of(&definition("Look it up.")).expect("a layer"));
        // Another compressor, another archive format or another order of keys would show here.
        assert_eq!(
            layer.diff_id.to_string(),
            "sha256:0ae84467e96b0a656b120083a75793313d12f4cdb4ca302d6e4f00ce4d8d8b60"
        );
        assert_ne!(layer.digest, DefinitionLayer::of(&definition("Look twice.")).expect("a layer").digest);
    }

    #[test]
    fn the_layer_holds_the_definition_for_everybody_to_read() {
        let wanted = definition("Look it up.");
        let layer = DefinitionLayer::of(&wanted).expect("a layer");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(layer.gzip.as_slice()));
        let mut entries = archive.entries().expect("entries");
        let mut file = entries.next().expect("one").expect("a file");
        assert_eq!(file.path().expect("a path").to_str(), Some(DEFINITION_PATH));
        assert_eq!(file.header().mode().expect("a mode"), 0o444);
        let mut json = Vec::new();
        file.read_to_end(&mut json).expect("read");
        assert_eq!(helix_contract::decode::<DefinitionV1>(&json).expect("a definition"), wanted);
        assert!(entries.next().is_none());
    }
}
