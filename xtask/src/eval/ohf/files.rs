//! Home Assistant's test files: the folder names the intent, a file the home and, for each sentence, the slots.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A file.
#[derive(Debug, Deserialize)]
pub(super) struct TestFile {
    #[serde(skip)]
    pub(super) intent: String,
    /// Such as `name_area`: the slots of all its sentences.
    #[serde(skip)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) floors: Vec<Place>,
    #[serde(default)]
    pub(super) areas: Vec<Place>,
    #[serde(default)]
    pub(super) entities: Vec<Thing>,
    pub(super) tests: Vec<Test>,
}

/// A floor or an area.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) name: String,
    #[serde(default)]
    pub(super) floor: Option<String>,
}

/// An entity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) domain: String,
    #[serde(default)]
    pub(super) area: Option<String>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) attributes: Map<String, Value>,
}

/// Sentences that mean the same.
#[derive(Debug, Deserialize)]
pub(super) struct Test {
    pub(super) sentences: Vec<String>,
    #[serde(default)]
    pub(super) slots: Map<String, Value>,
}

impl TestFile {
    /// All files of a language, in the order of their names.
    pub(super) fn all(language: &str) -> Result<Vec<Self>> {
        let root =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/testdata/ohf-intents").join(language);
        let mut all = Vec::new();
        for folder in sorted(&root)? {
            for path in sorted(&folder)? {
                let text = std::fs::read_to_string(&path)?;
                let file: Self =
                    serde_yaml_ng::from_str(&text).with_context(|| path.display().to_string())?;
                let name = |path: &PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
                let (intent, kind) = (name(&folder).context("a name")?, name(&path).context("a name")?);
                all.push(Self { intent, kind, ..file });
            }
        }
        Ok(all)
    }
}

fn sorted(folder: &PathBuf) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
