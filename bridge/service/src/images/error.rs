//! Why something about the images of agents was not done.

use helix_image::{ImageError, NoWayBack};

use crate::store::StoreError;
use crate::tasks::TaskError;

/// Why something about the images of agents was not done.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// What is known of them cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The book of tasks cannot be read.
    #[error(transparent)]
    Tasks(#[from] TaskError),
    /// The registry does not do it.
    #[error(transparent)]
    Registry(#[from] ImageError),
    /// There is no form to return to.
    #[error("`{agent}` stays as it is: {source}")]
    NoWayBack {
        /// The agent.
        agent: String,
        /// Why.
        source: NoWayBack,
    },
    /// Nobody knows such an agent.
    #[error("there is no agent `{0}`; `helix agent list` shows those that there are")]
    Unknown(String),
    /// The acceptance says no.
    #[error("`{0}` does not pass its own acceptance: {1}")]
    Unaccepted(String, String),
    /// Nobody can try an agent here.
    #[error(
        "no agent can be tried: `helix-agent` has to lie beside helix, or in `agents_dir`, and to start; the log says more"
    )]
    NoProgram,
    /// There is no registry.
    #[error("no registry is set, so there are no images; set `registry`")]
    NoRegistry,
    /// No image can be made of the program that is there.
    #[error(
        "the `helix-agent` beside helix needs libraries, so no image can be made of it; take the one that `agents/agent/build` makes"
    )]
    NoBase,
}

impl ImagesError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Tasks(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::NoWayBack { .. } => "agent-no-way-back",
            Self::Unknown(_) => "agent-unknown",
            Self::Unaccepted(..) => "agent-unaccepted",
            Self::NoProgram => "agent-no-program",
            Self::NoRegistry => "agent-no-registry",
            Self::NoBase => "agent-no-base",
        }
    }
}
