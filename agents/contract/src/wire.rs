//! Bytes to values and back: length, then version, then form, then what the form cannot say.

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number 1, and no other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(D::Error::custom(format!("version {other} is not 1"))),
        }
    }
}

impl JsonSchema for V1 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version1".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "const": 1 })
    }
}

/// A message of this contract.
pub trait Wire: Serialize + DeserializeOwned + JsonSchema {
    /// What it is called in errors and in the name of its schema.
    const NAME: &'static str;
    /// The only version that this type reads.
    const VERSION: u32;
    /// The longest message, bytes.
    const LEN_MAX: usize;

    /// What the form cannot say: lengths, counts, ranges.
    ///
    /// # Errors
    /// [`WireError::Field`] names the field.
    fn check(&self) -> Result<(), WireError>;
}

/// Why bytes are no message, or a message may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// It was not read at all.
    #[error("a {name} of {len} bytes is too large; {max} bytes are allowed")]
    TooLarge {
        /// The message.
        name: &'static str,
        /// Its length, bytes.
        len: usize,
        /// The limit, bytes.
        max: usize,
    },
    /// Not JSON, or fields that are missing or of another type.
    #[error("this is no {name}: {source}")]
    Malformed {
        /// The message.
        name: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Of another version.
    #[error("a {name} of version {found} came, this Helix reads version {known}; update the older side")]
    Version {
        /// The message.
        name: &'static str,
        /// What came.
        found: u32,
        /// What is read.
        known: u32,
    },
    /// A field that is too long, too many or out of its range.
    #[error("{field} of a {name} {reason}")]
    Field {
        /// The message.
        name: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it, a predicate.
        reason: String,
    },
}

impl WireError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "contract-too-large",
            Self::Malformed { .. } => "contract-malformed",
            Self::Version { .. } => "contract-version",
            Self::Field { .. } => "contract-field",
        }
    }
}

/// The part of a message that every version has.
#[derive(Deserialize)]
struct Envelope {
    version: u32,
}

/// Reads a message.
///
/// # Errors
/// [`WireError`]; what is too large is not looked into.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > T::LEN_MAX {
        return Err(WireError::TooLarge { name: T::NAME, len: bytes.len(), max: T::LEN_MAX });
    }
    let malformed = |source| WireError::Malformed { name: T::NAME, source };
    let Envelope { version } = serde_json::from_slice(bytes).map_err(malformed)?;
    if version != T::VERSION {
        return Err(WireError::Version { name: T::NAME, found: version, known: T::VERSION });
    }
    let message: T = serde_json::from_slice(bytes).map_err(malformed)?;
    message.check()?;
    Ok(message)
}

/// Writes a message that the other side will accept.
///
/// # Errors
/// [`WireError`]: what this side may not send.
pub fn encode<T: Wire>(message: &T) -> Result<Vec<u8>, WireError> {
    message.check()?;
    let bytes =
        serde_json::to_vec(message).map_err(|source| WireError::Malformed { name: T::NAME, source })?;
    if bytes.len() > T::LEN_MAX {
        return Err(WireError::TooLarge { name: T::NAME, len: bytes.len(), max: T::LEN_MAX });
    }
    Ok(bytes)
}

/// Checks the length of a text, in bytes.
pub(crate) fn text<T: Wire>(field: &'static str, text: &str, max: usize) -> Result<(), WireError> {
    within::<T>(field, text.len(), max, "bytes")
}

/// Checks a number of entries.
pub(crate) fn count<T: Wire>(field: &'static str, len: usize, max: usize) -> Result<(), WireError> {
    within::<T>(field, len, max, "entries")
}

/// Checks the length of a JSON value as it is written, in bytes.
pub(crate) fn json<T: Wire>(
    field: &'static str,
    value: &impl Serialize,
    max: usize,
) -> Result<(), WireError> {
    let len = serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len());
    within::<T>(field, len, max, "bytes")
}

pub(crate) fn wrong<T: Wire>(field: &'static str, reason: impl Into<String>) -> WireError {
    WireError::Field { name: T::NAME, field, reason: reason.into() }
}

fn within<T: Wire>(field: &'static str, len: usize, max: usize, unit: &str) -> Result<(), WireError> {
    if len <= max { Ok(()) } else { Err(wrong::<T>(field, format!("has {len} {unit}; {max} are allowed"))) }
}
