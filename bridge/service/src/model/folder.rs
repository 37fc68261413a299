//! The folder that holds the models: what is in it, in which state, and how to remove it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use helix_speech::ggml::{self, Shape};

use super::catalogue::{is_name, plain_name};
use super::part::{Lock, checksum_of};
use super::{Catalogue, Checksum, Model, PullError, RemoveError};

/// `<data>/models`, with one `ggml-<name>.bin` per model.
///
/// Beside a model may lie `ggml-<name>.bin.sha256` (its checksum as downloaded, in the form of `sha256sum`),
/// `ggml-<name>.bin.part` and `.part.etag` (an unfinished download) and `.ggml-<name>.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    path: PathBuf,
}

/// What is known about an installed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Whole, and its checksum was that of the catalogue when it was downloaded.
    Verified(Shape),
    /// Whole, but not downloaded by Helix: its checksum was never compared, or it is not in the catalogue.
    Unverified(Shape),
    /// Cannot be used; the text says why and what to do.
    Damaged(String),
}

/// A model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The name of the model.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its length, bytes.
    pub bytes: u64,
    /// Whether it can be used.
    pub state: FileState,
    /// Whether the configuration names it.
    pub in_use: bool,
}

/// A download that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The name of the model.
    pub name: String,
    /// Bytes that are there.
    pub bytes: u64,
}

/// Everything about models on this machine.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Files in the folder, by name.
    pub installed: Vec<Installed>,
    /// Interrupted downloads, by name.
    pub unfinished: Vec<Unfinished>,
    /// Models of the catalogue that are not installed.
    pub available: Vec<Model>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The name of the model.
    pub name: String,
    /// Bytes that are free now.
    pub bytes: u64,
}

impl ModelFolder {
    /// The folder below the data directory; it need not exist yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("models") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that a configured model means: a path if it has a slash, else a name in this folder.
    pub fn resolve(&self, configured: &str) -> PathBuf {
        if configured.contains('/') { configured.into() } else { self.file(&plain_name(configured)) }
    }

    /// Reads the folder; takes milliseconds, as no weights are read.
    ///
    /// `in_use` is the configured model, a name or a path.
    ///
    /// # Errors
    /// [`PullError::Folder`] if it cannot be read; a folder that is not there is empty.
    pub fn list(&self, catalogue: &Catalogue, in_use: Option<&str>) -> Result<Listing, PullError> {
        let used = in_use.map(|configured| self.resolve(configured));
        let (mut installed, mut unfinished) = (Vec::new(), Vec::new());
        for file_name in self.file_names().map_err(|source| self.failed(source))? {
            if let Some(name) = model_name(&file_name, ".bin") {
                let path = self.path.join(&file_name);
                installed.push(Installed {
                    bytes: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
                    state: self.state(name, catalogue),
                    in_use: used.as_deref().is_some_and(|used| same_file(used, &path)),
                    name: name.to_owned(),
                    path,
                });
            } else if let Some(name) = model_name(&file_name, ".bin.part") {
                let bytes = fs::metadata(self.path.join(&file_name)).map_or(0, |metadata| metadata.len());
                if bytes > 0 {
                    unfinished.push(Unfinished { name: name.to_owned(), bytes });
                }
            }
        }
        let is_installed = |model: &&Model| installed.iter().all(|file: &Installed| file.name != model.name);
        let available = catalogue.models().iter().filter(is_installed).cloned().collect();
        Ok(Listing { installed, unfinished, available })
    }

    /// Removes a model with its checksum file and whatever an interrupted download left.
    ///
    /// # Errors
    /// [`RemoveError::InUse`] unless `force`, if `in_use` (a name or a path) is this model;
    /// [`RemoveError::NotInstalled`], [`RemoveError::Busy`], [`RemoveError::File`].
    pub fn remove(&self, name: &str, in_use: Option<&str>, force: bool) -> Result<Removed, RemoveError> {
        let name = plain_name(name);
        let file = self.file(&name);
        let parts = [file.clone(), receipt(&file), part(&file), validator(&file)];
        if !is_name(&name) || !(file.exists() || part(&file).exists()) {
            return Err(RemoveError::NotInstalled { installed: self.installed_names(), name });
        }
        let used = in_use.map(|configured| self.resolve(configured));
        if !force && used.is_some_and(|used| same_file(&used, &file)) {
            return Err(RemoveError::InUse { name });
        }
        let failed = |path: &Path, source| RemoveError::File { path: path.to_owned(), source };
        let lock = Lock::take(&self.lock(&name)).map_err(|error| failed(&file, error))?;
        let Some(_lock) = lock else { return Err(RemoveError::Busy { name }) };
        let mut bytes = 0;
        for path in parts {
            let len = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            match fs::remove_file(&path) {
                Ok(()) => bytes += len,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Ok(Removed { name, bytes })
    }

    /// Compares the whole file with the catalogue (seconds for a large model) and notes the result.
    ///
    /// # Errors
    /// [`PullError::WrongChecksum`] (the file stays), [`PullError::Folder`].
    pub fn verify_checksum(&self, model: &Model) -> Result<(), PullError> {
        let file = self.file(&model.name);
        let failed = |source| PullError::Folder { path: file.clone(), source };
        let found = checksum_of(&file).map_err(failed)?;
        if found != model.sha256 {
            return Err(PullError::WrongChecksum { name: model.name.clone(), expected: model.sha256, found });
        }
        self.write_receipt(model).map_err(failed)
    }

    fn state(&self, name: &str, catalogue: &Catalogue) -> FileState {
        let file = self.file(name);
        let shape = match ggml::inspect_file(&file) {
            Ok(shape) => shape,
            Err(error) => return FileState::Damaged(error.to_string()),
        };
        match catalogue.find(name) {
            Ok(model) if self.receipt_of(model) == Some(model.sha256) => FileState::Verified(shape),
            _ => FileState::Unverified(shape),
        }
    }

    /// The checksum that was noted for the file, if the file still has the length of the catalogue and has not
    /// been written since.
    pub(super) fn receipt_of(&self, model: &Model) -> Option<Checksum> {
        let file = self.file(&model.name);
        let (written, noted) = (fs::metadata(&file).ok()?, fs::metadata(receipt(&file)).ok()?);
        if written.len() != model.bytes
            || noted.len() > 1024
            || written.modified().ok()? > noted.modified().ok()?
        {
            return None;
        }
        Checksum::parse(fs::read_to_string(receipt(&file)).ok()?.split_whitespace().next()?)
    }

    pub(super) fn write_receipt(&self, model: &Model) -> io::Result<()> {
        let file = self.file(&model.name);
        fs::write(receipt(&file), format!("{}  {}\n", model.sha256, model.file_name()))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("ggml-{name}.bin"))
    }

    pub(super) fn lock(&self, name: &str) -> PathBuf {
        self.path.join(format!(".ggml-{name}.lock"))
    }

    pub(super) fn failed(&self, source: io::Error) -> PullError {
        PullError::Folder { path: self.path.clone(), source }
    }

    fn installed_names(&self) -> Vec<String> {
        let names = self.file_names().unwrap_or_default();
        names.iter().filter_map(|file| model_name(file, ".bin")).map(str::to_owned).collect()
    }

    fn file_names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }
}

/// The unfinished file of a model file.
pub(super) fn part(file: &Path) -> PathBuf {
    with_suffix(file, ".part")
}

/// Where the entity tag of the unfinished file is kept.
pub(super) fn validator(file: &Path) -> PathBuf {
    with_suffix(file, ".part.etag")
}

fn receipt(file: &Path) -> PathBuf {
    with_suffix(file, ".sha256")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn model_name<'a>(file_name: &'a str, suffix: &str) -> Option<&'a str> {
    let name = file_name.strip_prefix("ggml-")?.strip_suffix(suffix)?;
    is_name(name).then_some(name)
}

fn same_file(left: &Path, right: &Path) -> bool {
    match (fs::canonicalize(left), fs::canonicalize(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => left == right,
    }
}
