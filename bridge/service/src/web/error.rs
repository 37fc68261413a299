//! Why nothing came from the web; each says what to do instead, to a person or to a model.

use std::time::Duration;

use helix_core::egress::Denied;

use super::address::Refused;

/// Why a page was not read or nothing was searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// What was given is no address of a page.
    #[error("this is no address of a web page; one that begins with http:// or https:// is needed")]
    NoAddress,
    /// It holds a user name or a password.
    #[error("an address with a user name or a password is not read")]
    Credentials,
    /// The task may not read there.
    #[error("{host} lies outside of what this task may read")]
    OutOfScope {
        /// The host.
        host: String,
    },
    /// Nobody showed this address to the task.
    #[error(
        "this address is not known to the task; only addresses that the person said or that a search found are read"
    )]
    NotKnown,
    /// Enough was read there.
    #[error("enough pages of {host} were read; use what is known, or other sites")]
    EnoughOfSite {
        /// The host.
        host: String,
    },
    /// It is not on the public internet.
    #[error("{host} is not read: {refused}")]
    NotPublic {
        /// The host.
        host: String,
        /// Why.
        refused: Refused,
    },
    /// The name has no address.
    #[error("{host} has no address; check its name")]
    NoSuchHost {
        /// The host.
        host: String,
    },
    /// Nobody answers there.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("{host} did not answer within {limit:?}")]
    Timeout {
        /// The host.
        host: String,
        /// How long was waited.
        limit: Duration,
    },
    /// It sends from one address to the next.
    #[error("{host} sends elsewhere more than {limit} times")]
    Redirects {
        /// The host that sent elsewhere last.
        host: String,
        /// How often is followed.
        limit: usize,
    },
    /// It refuses or fails.
    #[error("{host} answers {status}")]
    Status {
        /// The host.
        host: String,
        /// The status of HTTP.
        status: u16,
    },
    /// It is something else than text.
    #[error("{host} has {kind} there, which cannot be read; only web pages and plain text can")]
    NotText {
        /// The host.
        host: String,
        /// What it is.
        kind: String,
    },
    /// It has no words.
    #[error("there is nothing to read on this page of {host}; it may need a browser")]
    Empty {
        /// The host.
        host: String,
    },
    /// Its answer makes no sense.
    #[error("the answer of {host} cannot be read: {reason}")]
    Nonsense {
        /// The host.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key is wrong.
    #[error("{host} does not take the key; check `{key}`")]
    Key {
        /// The host.
        host: String,
        /// The key of the configuration.
        key: &'static str,
    },
    /// Nobody searches.
    #[error("no search is set up; set `searxng_url`, a key of Gemini, or `search_key`")]
    NoSearch,
    /// The query says too little or too much.
    #[error("{0}")]
    Query(#[from] super::search::QueryError),
    /// It stays in the house.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl WebError {
    /// The same, where a server refuses: as the fault of `key`.
    pub(super) fn about_key(self, key: &'static str) -> Self {
        if let Self::Status { host, status: 401 | 403 } = &self {
            return Self::Key { host: host.clone(), key };
        }
        self
    }

    /// A stable code for logs and the ledger.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress => "web-no-address",
            Self::Credentials => "web-credentials",
            Self::OutOfScope { .. } => "web-out-of-scope",
            Self::NotKnown => "web-not-known",
            Self::EnoughOfSite { .. } => "web-enough-of-site",
            Self::NotPublic { .. } => "web-not-public",
            Self::NoSuchHost { .. } => "web-no-such-host",
            Self::Unreachable { .. } => "web-unreachable",
            Self::Timeout { .. } => "web-timeout",
            Self::Redirects { .. } => "web-redirects",
            Self::Status { .. } => "web-status",
            Self::NotText { .. } => "web-not-text",
            Self::Empty { .. } => "web-empty",
            Self::Nonsense { .. } => "web-nonsense",
            Self::Key { .. } => "web-key",
            Self::NoSearch => "web-no-search",
            Self::Query(_) => "web-query",
            Self::Denied(denied) => denied.code(),
        }
    }
}
