//! Why a model is not there: each text says what happened and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helix_speech::ggml::GgmlError;
use rustls::CertificateError;

use super::{Checksum, MIRROR_VARIABLE, UnknownModel};

/// Why a download did not end with a checked model.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No model has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownModel),
    /// The address of the mirror is not one.
    #[error("{MIRROR_VARIABLE} must be an http or https address without a path, not {address:?}: {why}")]
    Mirror {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client cannot start, for instance because the machine has no root certificates.
    #[error(
        "the download cannot start: {0}; are the system's root certificates (ca-certificates) installed?"
    )]
    Client(String),
    /// Another process downloads the same model.
    #[error("{name} is being downloaded by another process; wait until it is done")]
    Busy {
        /// The model.
        name: String,
    },
    /// The model folder or a file in it cannot be written.
    #[error("{} cannot be written: {source}; check who owns the folder and whether it is mounted read-only", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not enough free space, found before anything was downloaded.
    #[error(
        "{} has {} free, the model needs {}; make room, or choose a smaller model with `helix model list`",
        path.display(), size(*free), size(*needed)
    )]
    NoSpace {
        /// The model folder.
        path: PathBuf,
        /// Free for this user, bytes.
        free: u64,
        /// Still to be written, bytes.
        needed: u64,
    },
    /// The disk became full while downloading.
    #[error(
        "the disk is full: {} holds {} of {}, which are kept; make room and run `helix model pull` again to go on",
        path.display(), size(*kept), size(*total)
    )]
    DiskFull {
        /// The unfinished file.
        path: PathBuf,
        /// Bytes that are kept.
        kept: u64,
        /// Bytes of the whole model.
        total: u64,
    },
    /// The hub cannot be reached, or the connection broke more often than is retried.
    #[error(
        "{host} cannot be reached: {why}. {}Check the network, set HTTPS_PROXY behind a proxy, \
         or {MIRROR_VARIABLE} to the address of a mirror", kept_text(*kept)
    )]
    Unreachable {
        /// The host that was asked.
        host: String,
        /// The last error.
        why: String,
        /// Bytes that are kept for the next time.
        kept: u64,
    },
    /// The certificate of the hub is not trusted.
    #[error(
        "the certificate of {host} is not trusted: {why}. Check the date and time of this machine; \
         if a proxy of your network opens connections, add its certificate to the system's"
    )]
    Untrusted {
        /// The host that was asked.
        host: String,
        /// What is wrong with the certificate.
        why: String,
    },
    /// The hub answers that something is wrong with it, or that it is asked too often.
    #[error("{host} answers with an error ({status}). {}Try again in a few minutes", kept_text(*kept))]
    HubFailed {
        /// The host that was asked.
        host: String,
        /// HTTP status.
        status: u16,
        /// Bytes that are kept for the next time.
        kept: u64,
    },
    /// The hub does not let us in.
    #[error(
        "{host} refuses the download ({status}); a filter in your network may be the reason, \
         otherwise set {MIRROR_VARIABLE} to the address of a mirror"
    )]
    Refused {
        /// The host that was asked.
        host: String,
        /// HTTP status: 401, 403 or 451.
        status: u16,
    },
    /// The file is not on the hub.
    #[error("{url} does not exist ({status}); choose another model with `helix model list`")]
    NotThere {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// A redirect that is not followed: too many, without an address, or away from https.
    #[error("{host} redirects in a way that is not followed: {why}")]
    Redirect {
        /// The host that redirects.
        host: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The hub offers another file than the one that Helix knows under this name.
    #[error(
        "{host} offers another file than this version of Helix knows: {what} is {offered}, expected {expected}; \
         nothing was downloaded. Update Helix or choose another model"
    )]
    Changed {
        /// The host that was asked.
        host: String,
        /// `length` or `checksum`.
        what: &'static str,
        /// What the hub states.
        offered: String,
        /// What the catalogue states.
        expected: String,
    },
    /// What the hub sends is no model from its first bytes on.
    #[error("{host} does not send a model: {source}")]
    NotAModel {
        /// The host that was asked.
        host: String,
        /// What it is instead.
        source: GgmlError,
    },
    /// The whole file is there, but its checksum is another one. The file has been removed.
    #[error(
        "the checksum of {name} is wrong (expected {expected}, found {found}); the file has been removed, \
         run `helix model pull {name}` again. If it happens twice, something between here and the hub changes files"
    )]
    WrongChecksum {
        /// The model.
        name: String,
        /// As in the catalogue.
        expected: Checksum,
        /// Of the file.
        found: Checksum,
    },
}

impl PullError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "model-unknown",
            Self::Mirror { .. } => "model-mirror-invalid",
            Self::Client(_) => "model-client-failed",
            Self::Busy { .. } => "model-busy",
            Self::Folder { .. } => "model-folder-failed",
            Self::NoSpace { .. } => "model-no-space",
            Self::DiskFull { .. } => "model-disk-full",
            Self::Unreachable { .. } => "model-hub-unreachable",
            Self::Untrusted { .. } => "model-hub-untrusted",
            Self::HubFailed { .. } => "model-hub-failed",
            Self::Refused { .. } => "model-hub-refused",
            Self::NotThere { .. } => "model-not-there",
            Self::Redirect { .. } => "model-redirect-refused",
            Self::Changed { .. } => "model-changed",
            Self::NotAModel { .. } => "model-not-a-model",
            Self::WrongChecksum { .. } => "model-checksum-wrong",
        }
    }

    /// Whether the same call may succeed later without anybody doing something.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Unreachable { .. }
            | Self::HubFailed { .. }
            | Self::WrongChecksum { .. } => true,
            Self::Unknown(_)
            | Self::Mirror { .. }
            | Self::Client(_)
            | Self::Folder { .. }
            | Self::NoSpace { .. }
            | Self::DiskFull { .. }
            | Self::Untrusted { .. }
            | Self::Refused { .. }
            | Self::NotThere { .. }
            | Self::Redirect { .. }
            | Self::Changed { .. }
            | Self::NotAModel { .. } => false,
        }
    }

    /// A failed write: a full disk, a quota, a limit on file size, or anything else.
    pub(super) fn writing(path: &Path, total: u64, source: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        if full.contains(&source.kind()) {
            let kept = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            return Self::DiskFull { path: path.to_owned(), kept, total };
        }
        Self::Folder { path: path.to_owned(), source }
    }
}

/// Why a model was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// No such model in the folder.
    #[error("{name} is not installed{}", if installed.is_empty() { String::new() } else { format!("; installed: {}", installed.join(", ")) })]
    NotInstalled {
        /// What was asked for.
        name: String,
        /// What is there.
        installed: Vec<String>,
    },
    /// The configuration names it.
    #[error("{name} is the model in use; choose another one in the configuration first, or add --force")]
    InUse {
        /// The model.
        name: String,
    },
    /// It is being downloaded.
    #[error("{name} is being downloaded by another process; stop that first")]
    Busy {
        /// The model.
        name: String,
    },
    /// The file cannot be removed.
    #[error("{} cannot be removed: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RemoveError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => "model-not-installed",
            Self::InUse { .. } => "model-in-use",
            Self::Busy { .. } => "model-busy",
            Self::File { .. } => "model-folder-failed",
        }
    }
}

/// Why one attempt ended early, in words for [`PullError::Unreachable`] and for progress.
pub(super) fn network_words(error: &reqwest::Error, limit: Duration) -> String {
    if error.is_timeout() {
        return format!("no data for {} s", limit.as_secs_f32());
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What is wrong with the certificate of the other side, if that is what failed.
pub(super) fn certificate_words(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(plain_words(why));
        }
        // The source of an I/O error is that of the error in it: that one itself would be skipped.
        link = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn plain_words(why: &CertificateError) -> String {
    use CertificateError as E;
    if matches!(why, E::Expired | E::ExpiredContext { .. }) {
        "it has expired".into()
    } else if matches!(why, E::NotValidYet | E::NotValidYetContext { .. }) {
        "it is not valid yet".into()
    } else if matches!(why, E::NotValidForName | E::NotValidForNameContext { .. }) {
        "it was issued for another name".into()
    } else if matches!(why, E::UnknownIssuer) {
        "its issuer is unknown to this machine".into()
    } else {
        why.to_string()
    }
}

fn kept_text(kept: u64) -> String {
    if kept == 0 {
        String::new()
    } else {
        format!("The {} so far are kept and continued next time. ", size(kept))
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} kB", bytes.div_ceil(1000))
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_however_deep_it_is_wrapped() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused));
        assert!(certificate_words(&wrapped).is_some_and(|why| why.contains("expired")));
        assert_eq!(certificate_words(&io::Error::other(io::Error::other("cut"))), None);
    }

    #[test]
    fn what_is_kept_is_said_and_nothing_is_said_of_nothing() {
        let unreachable =
            |kept| PullError::Unreachable { host: "hub".into(), why: "cut".into(), kept }.to_string();
        assert!(unreachable(1_500_000).starts_with("hub cannot be reached: cut. The 1.5 MB so far are kept"));
        assert!(unreachable(0).starts_with("hub cannot be reached: cut. Check the network"));
    }
}
