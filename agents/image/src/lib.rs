//! A definition in, an image of an agent in a registry out.
//!
//! An agent's image is the generic one and a layer that holds its definition. Nothing is built: the base's layers are
//! mounted, and what is new, some hundred bytes, is pushed by the registry's HTTP API. The same definition on the same
//! base has the same digest everywhere, so whether there is anything to push is a question of one request.
//!
//! [`Base`] is what all of them stand on. [`Registry::specialise`] makes an image, [`Registry::point`] gives it a name, [`Registry::remove`] takes it away;
//! what may be taken away, [`unused`] says. Which of them new tasks get, [`Forms`] decide.

mod base;
mod collect;
mod compose;
mod error;
mod forms;
mod layer;
mod program;
mod registry;

pub use base::{Base, PROGRAM_PATH};
pub use collect::{KEPT_FOR, Reason, Verdict, Version, unused};
pub use error::ImageError;
pub use forms::{Chosen, End, Form, Forms, Image, NoWayBack, Standing, Trouble};
pub use layer::{DEFINITION_PATH, DefinitionLayer};
pub use oci_client::Reference;
pub use oci_client::secrets::RegistryAuth;
pub use program::architecture;
pub use registry::{LATEST, Registry, Removed, Scheme, Specialised};
