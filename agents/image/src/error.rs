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
    /// Its disk is full, or what this user may store there is used up.
    #[error(
        "there is no room left in {registry} (HTTP {code}), no image was changed; remove images there, let it collect what \
         has no name, or give it more room"
    )]
    Full {
        /// The registry.
        registry: String,
        /// Its answer.
        code: u16,
    },
    /// It takes nothing new.
    #[error("{registry} is read-only; let it take images (`storage.maintenance.readonly`)")]
    ReadOnly {
        /// The registry.
        registry: String,
    },
    /// It was asked too often.
    #[error("{registry} was asked too often; try again in a minute")]
    Busy {
        /// The registry.
        registry: String,
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
            Self::ReadOnly { .. } => "registry-read-only",
            Self::Busy { .. } => "registry-busy",
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
            Self::Unreachable { .. } | Self::Registry { .. } | Self::Busy { .. } => true,
            Self::Definition(_)
            | Self::Name { .. }
            | Self::Missing { .. }
            | Self::NoBase { .. }
            | Self::Refused { .. }
            | Self::Full { .. }
            | Self::ReadOnly { .. }
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
        Oci::ServerError { code: 405, .. } => ImageError::ReadOnly { registry },
        Oci::ServerError { code: 429, .. } => ImageError::Busy { registry },
        Oci::ServerError { code, message, .. } if is_full(*code, message) => {
            ImageError::Full { registry, code: *code }
        }
        Oci::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
            Some(Code::ManifestUnknown | Code::NameUnknown | Code::BlobUnknown | Code::NotFound) => {
                ImageError::Missing { image: image.to_owned() }
            }
            Some(Code::Unauthorized | Code::Denied) => ImageError::Refused { registry },
            Some(Code::Toomanyrequests) => ImageError::Busy { registry },
            Some(Code::Unsupported) => ImageError::ReadOnly { registry },
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

/// 413 and 507 say so. distribution has no code for it: it answers 500 with the words of its system.
fn is_full(code: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    let said = ["no space left", "disk quota exceeded", "quota exceeded"];
    matches!(code, 413 | 507) || (code >= 500 && said.iter().any(|words| message.contains(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, message: &str) -> ImageError {
        let url = "http://registry/v2/".to_owned();
        told(OciDistributionError::ServerError { code, url, message: message.into() }, "registry", "image")
    }

    #[test]
    fn a_full_registry_is_told_from_one_that_is_broken_or_busy() {
        let no_space = r#"{"errors":[{"code":"UNKNOWN","detail":{"Err":28,"Op":"write"},"message":"write: No space left on device"}]}"#;
        let cases = [
            (500, no_space, "registry-full"),
            (507, "", "registry-full"),
            (413, "", "registry-full"),
            (503, "disk quota exceeded", "registry-full"),
            (500, "panic", "registry-failed"),
            (429, "", "registry-busy"),
            (405, "", "registry-read-only"),
            (404, "no space left on device", "image-missing"),
        ];
        for (code, message, expected) in cases {
            assert_eq!(answered(code, message).code(), expected, "{code} {message}");
        }
        let full = answered(500, no_space);
        assert!(!full.is_retryable() && full.to_string().contains("remove images"), "{full}");
        assert!(answered(429, "").is_retryable());
    }
}
