//! Speech models on this machine: a name in, a checked model file out, downloaded where it is missing.
//!
//! [`Catalogue`] says what there is, [`default_model`] what a home gets unasked, [`pull`] downloads,
//! [`ModelFolder`] lists and removes, [`verify`] tells whether a file is a whole Whisper model.

mod catalogue;
mod choose;
mod error;
mod folder;
mod hub;
mod part;
mod progress;
mod pull;

pub use catalogue::{Catalogue, CatalogueError, Checksum, Model, UnknownModel};
pub use choose::{Cpu, default_model};
pub use error::{PullError, RemoveError};
pub use folder::{FileState, Installed, Listing, ModelFolder, Removed, Unfinished};
pub use helix_speech::ggml::{GgmlError, Kind, Shape, inspect_file as verify};
pub use hub::{Hub, HubLimits, MIRROR_VARIABLE};
pub use progress::Progress;
pub use pull::{Pulled, pull};
