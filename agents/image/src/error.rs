//! Why an image was not made, named or removed: what happened, then what to do.

use helix_contract::WireError;
use oci_client::errors::{OciDistributionError, OciErrorCode};
use reqwest::StatusCode;

/// What went wrong between Helix and a registry.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The definition breaks its bounds.
    #[error("this definition makes no image: {0}")]
    Definition(#[from] WireError),
    /// A name that no registry takes.
    #[error("{name:?} is no name of an image: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The image is not there.
    #[error("{image} is not in the registry; push it first, or correct its name")]
    Missing {
        /// The image.
        image: String,
    },
    /// It is there and cannot be built upon.
    #[error("{image} is no image to build upon: {reason}")]
    NoBase {
        /// The image.
        image: String,
        /// Why.
        reason: &'static str,
    },
    /// The credentials are wrong or missing.
    #[error("{registry} refuses this access; correct its user and password, or let it write")]
    Refused {
        /// The registry.
        registry: String,
    },
    /// The disk is full, a quota is reached, or the registry is read-only.
    #[error("{registry} cannot store more (HTTP {code}); free some space there")]
    Full {
        /// The registry.
        registry: String,
        /// Its answer.
        code: u16,
    },
    /// There is no connection, or it took too long.
    #[error("{registry} cannot be reached; start it or correct its address")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why.
        source: Box<OciDistributionError>,
    },
    /// The registry keeps what it has: deleting is switched off.
    #[error("{registry} does not let images be removed; switch deleting on there (`storage.delete.enabled`)")]
    KeepsAll {
        /// The registry.
        registry: String,
    },
    /// Anything else that it answered.
    #[error("{registry} answers what it should not; its log says more")]
    Registry {
        /// The registry.
        registry: String,
        /// What.
        source: Box<OciDistributionError>,
    },
}

impl ImageError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Definition(_) => "image-definition",
            Self::Name { .. } => "image-name",
            Self::Missing { .. } => "image-missing",
            Self::NoBase { .. } => "image-no-base",
            Self::Refused { .. } => "registry-refused",
            Self::Full { .. } => "registry-full",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::KeepsAll { .. } => "registry-keeps-all",
            Self::Registry { .. } => "registry-failed",
        }
    }

    /// Whether an image was asked for that is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Whether the same may work a moment later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Registry { .. } | Self::Full { .. } => true,
            Self::Definition(_)
            | Self::Name { .. }
            | Self::Missing { .. }
            | Self::NoBase { .. }
            | Self::Refused { .. }
            | Self::KeepsAll { .. } => false,
        }
    }
}

/// What a failed request for `image` of `registry` means.
pub(crate) fn told(error: OciDistributionError, registry: &str, image: &str) -> ImageError {
    use OciDistributionError as Oci;
    use OciErrorCode as Code;
    let registry = registry.to_owned();
    // The library's list of errors is long, and the rest of it is one to whoever reads it.
    #[expect(clippy::wildcard_enum_match_arm)]
    match &error {
        Oci::ImageManifestNotFoundError(_) | Oci::ServerError { code: 404, .. } => {
            ImageError::Missing { image: image.to_owned() }
        }
        Oci::UnauthorizedError { .. }
        | Oci::AuthenticationFailure(_)
        | Oci::ServerError { code: 401 | 403, .. } => ImageError::Refused { registry },
        // 405: read-only; 413: too large; 429: a quota; 507: the disk is full.
        Oci::ServerError { code: code @ (405 | 413 | 429 | 507), .. } => {
            ImageError::Full { registry, code: *code }
        }
        Oci::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
            Some(Code::ManifestUnknown | Code::NameUnknown | Code::BlobUnknown | Code::NotFound) => {
                ImageError::Missing { image: image.to_owned() }
            }
            Some(Code::Unauthorized | Code::Denied) => ImageError::Refused { registry },
            Some(Code::Toomanyrequests) => ImageError::Full { registry, code: 429 },
            Some(Code::Unsupported) => ImageError::Full { registry, code: 405 },
            _ => ImageError::Registry { registry, source: Box::new(error) },
        },
        // The status of an answer is an error of the server; a request fails by itself if none came.
        Oci::RequestError(request) if request.status() == Some(StatusCode::NOT_FOUND) => {
            ImageError::Missing { image: image.to_owned() }
        }
        Oci::RequestError(request)
            if matches!(request.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) =>
        {
            ImageError::Refused { registry }
        }
        Oci::RequestError(request) if request.status().is_none() => {
            ImageError::Unreachable { registry, source: Box::new(error) }
        }
        _ => ImageError::Registry { registry, source: Box::new(error) },
    }
}
