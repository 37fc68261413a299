//! Why a language model did not answer: what happened, then what to do.

use std::time::Duration;

use crate::egress::Denied;

/// Why a language model did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// Nobody named one.
    #[error("no language model is named; `helix models` says how to name one")]
    NotConfigured,
    /// There is no connection.
    #[error(
        "{host} cannot be reached ({reason}); start the language model's server there or correct its address"
    )]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("{host} did not answer within {} s; a smaller model answers sooner", limit.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// As many requests as the queue holds are waiting, or one waited for too long.
    #[error("the language model is busy with other requests; try again in a moment")]
    Busy,
    /// 401, 403: the key is wrong or missing.
    #[error("{host} refuses the key; put a valid one into its key file or option")]
    Unauthorized {
        /// The host.
        host: String,
    },
    /// 404: the server does not have the model.
    #[error("{host} does not have the model {model}; {cure}")]
    ModelMissing {
        /// The host.
        host: String,
        /// The model.
        model: String,
        /// What to do, such as `get it with: ollama pull NAME`.
        cure: String,
    },
    /// 429.
    #[error("{host} takes no more requests for now{}", in_seconds(*.retry_after))]
    RateLimited {
        /// The host.
        host: String,
        /// When to ask again, if it says so.
        retry_after: Option<Duration>,
    },
    /// Any other 4xx: this request will never work.
    #[error("{host} refuses the request ({reason}); name another model")]
    Rejected {
        /// The host.
        host: String,
        /// What it says, without what was asked.
        reason: String,
    },
    /// 5xx.
    #[error("{host} has trouble of its own ({reason}); its log says why")]
    Server {
        /// The host.
        host: String,
        /// The status, or the error that it sent in a stream.
        reason: String,
    },
    /// Broken JSON, half a stream, an answer that does not follow the schema.
    #[error("{host} answered nonsense ({reason}); try again, or name another model")]
    Nonsense {
        /// The host.
        host: String,
        /// What was wrong with it.
        reason: &'static str,
    },
    /// More than an answer may have.
    #[error("{host} answered more than {limit} bytes; that is no answer, name another model")]
    TooLong {
        /// The host.
        host: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// What may be spent is spent.
    #[error("the budget of {what} for this {period} is spent; wait, or raise `{key}`")]
    Budget {
        /// `tokens` or `money`.
        what: &'static str,
        /// `day` or `month`.
        period: &'static str,
        /// The key of the configuration.
        key: &'static str,
    },
    /// It may not leave the house.
    #[error(transparent)]
    NotPermitted(#[from] Denied),
    /// The model cannot do what was asked of it: tools, vectors.
    #[error("{model} cannot do that ({what}); name a model that can")]
    Unable {
        /// The model.
        model: String,
        /// What it would have to do.
        what: &'static str,
    },
}

impl LlmError {
    /// A stable code for logs, the ledger and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "llm-not-configured",
            Self::Unreachable { .. } => "llm-unreachable",
            Self::Timeout { .. } => "llm-timeout",
            Self::Busy => "llm-busy",
            Self::Unauthorized { .. } => "llm-unauthorized",
            Self::ModelMissing { .. } => "llm-model-missing",
            Self::RateLimited { .. } => "llm-rate-limited",
            Self::Rejected { .. } => "llm-rejected",
            Self::Server { .. } => "llm-server-failed",
            Self::Nonsense { .. } => "llm-nonsense",
            Self::TooLong { .. } => "llm-too-long",
            Self::Budget { .. } => "llm-budget",
            Self::NotPermitted(denied) => denied.code(),
            Self::Unable { .. } => "llm-unable",
        }
    }

    /// Whether the same request may work a moment later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Busy
            | Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Nonsense { .. }
            | Self::TooLong { .. } => true,
            Self::NotConfigured
            | Self::Unauthorized { .. }
            | Self::ModelMissing { .. }
            | Self::Rejected { .. }
            | Self::Budget { .. }
            | Self::NotPermitted(_)
            | Self::Unable { .. } => false,
        }
    }
}

fn in_seconds(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(
        || "; try again later".to_owned(),
        |after| format!("; try again in {} s", after.as_secs()),
    )
}
