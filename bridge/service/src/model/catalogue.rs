//! The speech models that can be downloaded: a compiled-in table (`catalogue.toml`), looked up by name.

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(include_str!("catalogue.toml"))
        .expect("the compiled-in catalogue is valid, as a test shows")
});

/// A SHA-256 checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Takes the 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, index) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[index..index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One model that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name here, such as `base.en-q8_0`.
    pub name: String,
    /// Length of the file, bytes.
    pub bytes: u64,
    /// Checksum of the file; a download that differs is thrown away.
    pub sha256: Checksum,
    /// Licence of the weights, SPDX.
    pub licence: String,
    /// What kind of model it is, in a few words.
    pub about: String,
    /// Scheme and host, without a slash at the end; a mirror takes its place.
    pub hub: String,
    /// Path on the hub, with a slash at the start.
    pub path: String,
}

impl Model {
    /// Whether it understands English alone.
    pub fn english_only(&self) -> bool {
        self.name.split('-').next().and_then(|family| family.strip_suffix(".en")).is_some()
    }

    /// The file name in the model folder.
    pub fn file_name(&self) -> String {
        format!("ggml-{}.bin", self.name)
    }
}

/// No model has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no speech model {name:?}{}; `helix model list` shows all", suggestion(.nearest))]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
    /// Up to three names that are close to it, the closest first.
    pub nearest: Vec<String>,
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        [one] => format!(", did you mean {one}"),
        several => format!(", did you mean one of {}", several.join(", ")),
    }
}

/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the TOML that is expected.
    #[error("the model catalogue cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A model names a source that is not there.
    #[error("model {model} names the unknown source {source_name}")]
    UnknownSource {
        /// The model.
        model: String,
        /// The source that it names.
        source_name: String,
    },
    /// A checksum is not 64 hexadecimal digits.
    #[error("the checksum of model {0} is not 64 hexadecimal digits")]
    Checksum(String),
    /// A name that is no safe part of a file name, or is there twice.
    #[error("{0:?} cannot be the name of a model")]
    Name(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    source: Vec<SourceRow>,
    model: Vec<ModelRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRow {
    name: String,
    hub: String,
    folder: String,
    about: String,
    licence: String,
    #[allow(dead_code, reason = "for readers of the file")]
    page: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelRow {
    name: String,
    source: String,
    file: String,
    bytes: u64,
    sha256: String,
}

/// The models that can be downloaded.
#[derive(Debug, Clone)]
pub struct Catalogue {
    models: Vec<Model>,
}

impl Catalogue {
    /// The one that is compiled in.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads a catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let table: Table = toml::from_str(text)?;
        let mut models: Vec<Model> = Vec::with_capacity(table.model.len());
        for row in table.model {
            let Some(source) = table.source.iter().find(|source| source.name == row.source) else {
                return Err(CatalogueError::UnknownSource { model: row.name, source_name: row.source });
            };
            if !is_name(&row.name) || models.iter().any(|model| model.name == row.name) {
                return Err(CatalogueError::Name(row.name));
            }
            let Some(sha256) = Checksum::parse(&row.sha256) else {
                return Err(CatalogueError::Checksum(row.name));
            };
            models.push(Model {
                path: format!("/{}/{}", source.folder, row.file),
                hub: source.hub.clone(),
                licence: source.licence.clone(),
                about: source.about.clone(),
                name: row.name,
                bytes: row.bytes,
                sha256,
            });
        }
        Ok(Self { models })
    }

    /// All models, in the order of the file.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of this name; `ggml-base.en.bin` and `Base.en` are understood as `base.en`.
    ///
    /// # Errors
    /// [`UnknownModel`] with the closest names.
    pub fn find(&self, name: &str) -> Result<&Model, UnknownModel> {
        let plain = plain_name(name);
        self.models.iter().find(|model| model.name == plain).ok_or_else(|| UnknownModel {
            nearest: self.nearest(&plain),
            name: name.chars().take(64).collect(),
        })
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        let name: String = name.chars().take(64).collect();
        let mut close: Vec<(usize, &str)> = self
            .models
            .iter()
            .map(|model| (distance(&name, &model.name), model.name.as_str()))
            .filter(|(distance, candidate)| *distance <= 3.max(candidate.len() / 3))
            .collect();
        close.sort_by_key(|(distance, _)| *distance);
        close.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
    }
}

/// The name as the catalogue writes it: without `ggml-`, `whisper-` and `.bin`, in lower case.
pub(super) fn plain_name(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let plain = lower.strip_prefix("ggml-").unwrap_or(&lower);
    let plain = plain.strip_prefix("whisper-").unwrap_or(plain);
    plain.strip_suffix(".bin").unwrap_or(plain).to_owned()
}

/// Whether it may become a part of a file name: letters, digits, `.`, `-`, `_`, no dot at the start.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Levenshtein distance; `-`, `_` and `.` count as the same.
fn distance(left: &str, right: &str) -> usize {
    let same = |a: char, b: char| a == b || ("-_.".contains(a) && "-_.".contains(b));
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(!same(a, *b));
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_catalogue_is_valid_and_complete() {
        let models = Catalogue::builtin().models();
        for name in ["tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "large-v3-turbo"] {
            for suffix in ["", "-q8_0"] {
                let wanted = format!("{name}{suffix}");
                assert!(models.iter().any(|model| model.name == wanted), "{wanted}");
            }
        }
        for model in models {
            assert!(model.hub.starts_with("https://") && !model.hub.ends_with('/'), "{}", model.name);
            assert!((30_000_000..2_000_000_000).contains(&model.bytes), "{}", model.name);
            assert_eq!(model.english_only(), model.name.contains(".en"), "{}", model.name);
        }
    }

    #[test]
    fn no_two_models_of_the_catalogue_have_the_same_checksum_or_address() {
        let models = Catalogue::builtin().models();
        for (index, model) in models.iter().enumerate() {
            for other in &models[index + 1..] {
                assert_ne!(model.sha256, other.sha256, "{} and {}", model.name, other.name);
                assert_ne!(model.path, other.path);
            }
        }
    }

    #[test]
    fn an_english_model_is_a_little_larger_than_its_multilingual_twin() {
        let catalogue = Catalogue::builtin();
        for model in catalogue.models().iter().filter(|model| model.english_only()) {
            let Ok(twin) = catalogue.find(&model.name.replace(".en", "")) else { continue };
            let difference = model.bytes.abs_diff(twin.bytes);
            assert!((10_000..20_000).contains(&difference), "{}: {difference}", model.name);
        }
    }

    #[test]
    fn names_are_understood_in_the_forms_that_people_type() {
        let catalogue = Catalogue::builtin();
        for typed in ["base.en-q8_0", "ggml-base.en-q8_0.bin", " Base.EN-Q8_0 ", "whisper-base.en-q8_0"] {
            assert_eq!(catalogue.find(typed).map(|model| model.name.as_str()), Ok("base.en-q8_0"), "{typed}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_closest_ones() {
        let nearest = |name| Catalogue::builtin().find(name).expect_err("unknown").nearest;
        assert_eq!(nearest("base_en_q8")[0], "base.en-q8_0");
        assert_eq!(nearest("smal")[0], "small");
        assert!(nearest("large-turbo").contains(&"large-v3-turbo".to_owned()));
        assert!(nearest("xyzzy-quux-gnorf").is_empty());
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_no_name() {
        for bad in ["../base", "a/b", "", ".hidden", "a b", "a\0"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_checksum_that_is_not_hexadecimal_is_refused() {
        assert!(Checksum::parse(&"ab".repeat(32)).is_some());
        for bad in ["ab".repeat(31), "zz".repeat(32), "+1".repeat(32), "é".repeat(32)] {
            assert!(Checksum::parse(&bad).is_none(), "{bad}");
        }
    }
}
