//! What bridge, runner and agent say to each other about a task.
//!
//! A task travels as a [`TaskSpecV1`], reports [`TaskEventV1`]s and ends with one [`TaskResultV1`]; what makes an agent
//! special is a [`DefinitionV1`]. All are JSON with a `version`. Within a version fields may be added: who does not know
//! a field ignores it, who misses an optional one has its default. Anything else is a new version, which an older reader
//! refuses in words.
//!
//! ```
//! use helix_contract::{TaskSpecV1, WireError, decode};
//!
//! let future = br#"{"version": 2, "id": "t-00000000000000000000"}"#;
//! let error = decode::<TaskSpecV1>(future).unwrap_err();
//! assert!(matches!(error, WireError::Version { found: 2, .. }));
//! ```

pub mod api;
mod definition;
mod digest;
mod event;
mod name;
pub mod plugin;
mod result;
mod scope;
mod task;
mod wire;

pub use definition::{DefinitionV1, Example};
pub use digest::{Digest, canonical};
pub use event::{Happening, TaskEventV1};
pub use name::{AgentName, Name, NameError, TaskId, ToolName};
pub use result::{Failure, Outcome, Source, TaskResultV1, Usage};
pub use scope::{HomeScope, ModelRole, Place, Scope, WebScope};
pub use task::{AgentRef, Attempt, Class, Limits, TaskSpecV1};
pub use wire::{V1, Wire, WireError, decode, encode};
