//! Why a backend does not do what it was asked.

use std::io;

use helix_contract::api::ImageTrouble;

use super::AgentKey;

/// Why a backend does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There is no such image, here or in its registry.
    #[error("the image {0} is not there: build or push it, or correct its name")]
    ImageMissing(String),
    /// It is for other processors.
    #[error("the image {image} is for {found}, this machine is {here}")]
    ImageArchitecture {
        /// Its name.
        image: String,
        /// What it is for.
        found: String,
        /// What this machine is.
        here: String,
    },
    /// The registry does not give it.
    #[error("the registry does not give {image}: {reason}")]
    ImageRefused {
        /// Its name.
        image: String,
        /// What the registry said.
        reason: String,
    },
    /// It is there, but its program does not start.
    #[error("the agent does not start: {0}")]
    DoesNotStart(String),
    /// Something of the sandbox that may not be missing.
    #[error("an agent cannot be confined here: {0}; see helix-runner doctor")]
    Confinement(String),
    /// Whoever starts agents for the runner is away.
    #[error("{what} is away: {reason}")]
    Away {
        /// Who.
        what: &'static str,
        /// What was tried and how it failed.
        reason: String,
    },
    /// It is there, but does not do it.
    #[error("{what} refuses: {reason}")]
    Refused {
        /// Who.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// No agent of this name is there.
    #[error("no agent {0} is there")]
    Unknown(AgentKey),
    /// This backend does not do that.
    #[error("this backend cannot {0}")]
    Incapable(&'static str),
    /// The machine refused something else.
    #[error("{step}: {source}")]
    Machine {
        /// What was tried.
        step: &'static str,
        /// What the machine said.
        source: io::Error,
    },
}

impl BackendError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ImageMissing(_) => "runner-image-missing",
            Self::ImageArchitecture { .. } => "runner-image-architecture",
            Self::ImageRefused { .. } => "runner-image-refused",
            Self::DoesNotStart(_) => "runner-does-not-start",
            Self::Confinement(_) => "runner-confinement",
            Self::Away { .. } => "runner-backend-away",
            Self::Refused { .. } => "runner-backend-refuses",
            Self::Unknown(_) => "runner-unknown-agent",
            Self::Incapable(_) => "runner-incapable",
            Self::Machine { .. } => "runner-machine",
        }
    }

    /// What it says about the image that was to be started; nothing if it is about something else.
    pub fn image(&self) -> Option<ImageTrouble> {
        match self {
            Self::ImageMissing(_) => Some(ImageTrouble::Missing),
            Self::ImageArchitecture { .. } | Self::DoesNotStart(_) => Some(ImageTrouble::Unfit),
            Self::ImageRefused { .. } => Some(ImageTrouble::Refused),
            Self::Confinement(_)
            | Self::Away { .. }
            | Self::Refused { .. }
            | Self::Unknown(_)
            | Self::Incapable(_)
            | Self::Machine { .. } => None,
        }
    }

    /// For `map_err`: what was tried when the machine refused.
    pub fn at(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Machine { step, source }
    }
}
