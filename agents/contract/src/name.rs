//! Names that end up in file names, labels, image names and addresses: short, plain and checked when they are read.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest as _, Sha256};

/// Why a text is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no {1}: it has to match {2}")]
pub struct NameError(String, &'static str, &'static str);

/// The longest name: that of a Kubernetes label's value and of one DNS label.
const NAME_LEN_MAX: usize = 63;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let fits: fn(&str) -> bool = $fits;
                // A foreign text may be long: what is shown of it is not.
                let shown = || text.chars().take(NAME_LEN_MAX).collect();
                if fits(text) { Ok(Self(text.to_owned())) } else { Err(NameError(shown(), $what, $pattern)) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_label(text: &str, extra: u8) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= NAME_LEN_MAX
        && text.bytes().all(|b| inner(b) || b == extra)
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().last().is_some_and(inner)
}

name!(
    /// The name of a kind of agent (`research`): the folder of its definition, a repository of the registry, a label.
    AgentName, "name of an agent", "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", |text| is_label(text, b'-')
);
name!(
    /// The name of a tool (`web_search`), as a model calls it.
    ToolName, "name of a tool", "^[a-z]([a-z0-9_]{0,61}[a-z0-9])?$", |text| is_label(text, b'_')
);
name!(
    /// A name that a person gave in the configuration: of a tool server, a model.
    Name, "name", "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", |text| is_label(text, b'-')
);
name!(
    /// One task: the same for the same request, so that handing it in twice is handing it in once.
    TaskId, "id of a task", "^t-[0-9a-f]{20}$", |text| {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        text.strip_prefix("t-").is_some_and(|rest| rest.len() == 20 && rest.bytes().all(hex))
    }
);

impl TaskId {
    /// The id of what these parts name: the bridge, the conversation, the request. Each part counts for itself: moving
    /// a letter from one to the next makes another task.
    pub fn derive(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut id = "t-".to_owned();
        for byte in hash.finalize().iter().take(10) {
            let _ = write!(id, "{byte:02x}");
        }
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_or_label_is_refused() {
        assert!("research".parse::<AgentName>().is_ok() && "web_search".parse::<ToolName>().is_ok());
        for bad in ["", "../etc", "a/b", "Research", "1st", "a-", "a b", "a.b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad:?}");
            assert!(bad.parse::<ToolName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_same_request_is_the_same_task_and_a_moved_letter_another_one() {
        assert_eq!(TaskId::derive(&["a", "bc"]), TaskId::derive(&["a", "bc"]));
        assert_ne!(TaskId::derive(&["a", "bc"]), TaskId::derive(&["ab", "c"]));
        let id = TaskId::derive(&["a"]);
        assert_eq!(id.as_str().parse::<TaskId>().expect("its own text"), id);
    }

    #[test]
    fn a_long_text_is_not_repeated_whole_in_the_error() {
        let error = "x".repeat(100_000).parse::<TaskId>().expect_err("too long");
        assert!(error.to_string().len() < 200);
    }
}
