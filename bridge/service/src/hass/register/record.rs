//! What we remember of our registration: Home Assistant tells neither the address of an entry nor who made it.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RegisterError;

/// A JSON file; unknown or unreadable content counts as nothing remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// Our configuration entry.
    pub(super) entry: Option<String>,
    /// Host and port that it was made with.
    pub(super) address: Option<String>,
    /// Our pipeline.
    pub(super) pipeline: Option<String>,
    /// Whether ours was to be preferred the last time. Only the beginning of that counts: a person who has
    /// preferred another one since is obeyed.
    pub(super) prefer: bool,
    /// The pipeline that was preferred before ours.
    pub(super) preferred_before: Option<String>,
    /// The Supervisor's message.
    pub(super) discovery: Option<String>,
    /// The second agent.
    pub(super) agent: AgentRecord,
}

/// What we remember of the second agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AgentRecord {
    /// Its configuration entry.
    pub(super) entry: Option<String>,
    /// A digest of all that the entry was made with, its secret address among it.
    pub(super) shape: Option<String>,
    /// Its pipeline.
    pub(super) pipeline: Option<String>,
}

impl Record {
    pub(super) fn read(path: &Path) -> Result<Self, RegisterError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(RegisterError::Record { path: path.to_owned(), source }),
        }
    }

    /// Writes only what is new, and never half a file.
    pub(super) fn write(&self, path: &Path) -> Result<(), RegisterError> {
        if Self::read(path)? == *self {
            return Ok(());
        }
        let failed = |source| RegisterError::Record { path: path.to_owned(), source };
        let beside = path.with_extension("partial");
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        std::fs::write(&beside, text).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)
    }

    pub(super) fn remove(path: &Path) -> Result<(), RegisterError> {
        match std::fs::remove_file(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(RegisterError::Record { path: path.to_owned(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_and_a_broken_one_counts_as_none() {
        let path = std::env::temp_dir().join(format!("helix-record-{}.json", std::process::id()));
        let record = Record { entry: Some("e".into()), ..Record::default() };
        record.write(&path).expect("written");
        assert_eq!(Record::read(&path).expect("read"), record);
        std::fs::write(&path, "{half").expect("written");
        assert_eq!(Record::read(&path).expect("read"), Record::default());
        Record::remove(&path).expect("removed");
        assert_eq!(Record::read(&path).expect("read"), Record::default());
    }
}
