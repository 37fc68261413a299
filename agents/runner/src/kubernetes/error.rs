//! Why Kubernetes does not do what it was asked.

use super::api::FORM;

/// Why Kubernetes does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// There is no usable configuration, in the cluster or as a kubeconfig.
    #[error("no cluster is configured: {0}. Set KUBECONFIG, or run in a pod with a ServiceAccount")]
    Config(String),
    /// The definitions of Helix's objects are missing.
    #[error("the cluster does not know {0}: kubectl apply --server-side -k deploy/kubernetes/base")]
    NoDefinition(String),
    /// They are older than this Helix.
    #[error(
        "the cluster's {name} is of form {found}, this Helix needs form {FORM}: \
         kubectl apply --server-side -k deploy/kubernetes/base"
    )]
    OldDefinition {
        /// The definition.
        name: String,
        /// Its form; 0 if it does not say.
        found: u32,
    },
    /// The API server refuses it, and will refuse it again.
    #[error("the API server refuses to {step}: {reason}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What it said.
        reason: String,
    },
    /// The API server does not answer, or has no time.
    #[error("the API server did not {step}: {reason}")]
    Away {
        /// What was tried.
        step: &'static str,
        /// How it failed.
        reason: String,
    },
}

impl KubernetesError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "kubernetes-config",
            Self::NoDefinition(_) => "kubernetes-no-definition",
            Self::OldDefinition { .. } => "kubernetes-old-definition",
            Self::Refused { .. } => "kubernetes-refused",
            Self::Away { .. } => "kubernetes-away",
        }
    }

    /// For `map_err`: what was tried when the API server did not do it.
    pub(crate) fn at(step: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |error| {
            let kube::Error::Api(status) = &error else {
                return Self::Away { step, reason: with_causes(&error) };
            };
            let reason = status.message.clone();
            if is_final(status.code) { Self::Refused { step, reason } } else { Self::Away { step, reason } }
        }
    }
}

/// Another try is refused as well: malformed, no such thing, not valid. A quota (403) may have room later.
fn is_final(status: u16) -> bool {
    matches!(status, 400 | 401 | 404 | 422)
}

/// Whether this is the answer that the object is not there.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether this is the answer to a POST that an object of this name is there.
pub(crate) fn is_known(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == "AlreadyExists")
}

/// Whether this is the answer that somebody was there first; a quota that others use at the same time is one, too.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
