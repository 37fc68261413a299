//! Identifiers: one newtype each, so that an area can never be passed as an entity.

use std::fmt;
use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as its owner writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
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

id!(
    /// Home Assistant's entity id, `domain.object_id`.
    EntityId
);
id!(
    /// Home Assistant's area id, a slug.
    AreaId
);
id!(
    /// Home Assistant's floor id, a slug.
    FloorId
);
id!(
    /// Home Assistant's device registry id, 32 hexadecimal digits.
    DeviceId
);
id!(
    /// One utterance, and so one run: the same id in spans, timelines and replies (`UUIDv7`).
    UtteranceId
);

impl EntityId {
    /// The part before the dot, such as `light`.
    pub fn domain(&self) -> &str {
        self.0.split_once('.').map_or("", |(domain, _)| domain)
    }
}
