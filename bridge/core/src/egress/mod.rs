//! What may leave the local network: a request in, a [`Permit`] or the reason against it out. What is permitted is
//! committed to the ledger, word for word, before it can be sent.

mod place;

pub use crate::route::dimension::Privacy;
pub use place::is_local;

use std::fmt;
use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use serde::Deserialize;

use crate::{Pii, UtteranceId};

/// The longest text that may leave at once, bytes: ten times the largest context of a model at home.
pub const BODY_LEN_MAX: usize = 1 << 20;

/// Why something leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To understand a sentence that the matcher declined.
    Understand,
    /// To answer a question.
    Answer,
    /// To work on a task.
    Task,
    /// To search the web.
    Search,
    /// To read a page of the web.
    Page,
    /// To look whether a model is there; carries no words of anybody.
    Probe,
}

impl Purpose {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Understand => "understand",
            Self::Answer => "answer",
            Self::Task => "task",
            Self::Search => "search",
            Self::Page => "page",
            Self::Probe => "probe",
        }
    }
}

/// What the user lets out of the house; each setting includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Nothing.
    #[default]
    Off,
    /// Public knowledge.
    Public,
    /// The names and states of the home as well.
    Home,
    /// What concerns the person who asks as well.
    Personal,
}

impl Cloud {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Public => "public",
            Self::Home => "home",
            Self::Personal => "personal",
        }
    }
}

/// A request that wants to leave.
#[derive(Debug, Clone)]
pub struct Egress {
    /// The run that it belongs to, if one does.
    pub run: Option<UtteranceId>,
    /// The host that it goes to.
    pub host: String,
    /// Why.
    pub purpose: Purpose,
    /// How private the text is.
    pub privacy: Privacy,
    /// Whether it stems from speech that was addressed to nobody here.
    pub passive: bool,
    /// Whether the person was asked about this request and said yes.
    pub asked: bool,
    /// The exact text that will be sent. Keys and tokens travel in headers and are no part of it.
    pub body: Pii<String>,
}

/// Why a request stays at home.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Overheard speech never leaves.
    #[error("speech that was not addressed to Helix never leaves the house")]
    Passive,
    /// The class never leaves.
    #[error("a text about other people, health, money or children never leaves the house")]
    Private,
    /// The setting does not let this class out.
    #[error("`cloud` is `{is}`; set it to `{needs}` to let such a text leave the house")]
    NotAllowed {
        /// The setting that would let it out.
        needs: &'static str,
        /// The setting as it is.
        is: &'static str,
    },
    /// It may leave once the person was asked and said yes.
    #[error("a text about yourself leaves the house only after you said yes")]
    Ask,
    /// More than may leave at once.
    #[error("{len} bytes are more than may leave the house at once ({BODY_LEN_MAX})")]
    TooLong {
        /// Its length, bytes.
        len: usize,
    },
    /// What is not written down does not leave.
    #[error("the ledger cannot be written, so nothing leaves the house: {0}")]
    Ledger(String),
}

impl Denied {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Passive => "egress-passive",
            Self::Private => "egress-private",
            Self::NotAllowed { .. } => "egress-not-allowed",
            Self::Ask => "egress-ask",
            Self::TooLong { .. } => "egress-too-long",
            Self::Ledger(_) => "egress-ledger-failed",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressOutcome {
    /// It was answered.
    Answered,
    /// It failed or was refused, with a stable code such as `http-429`.
    Failed(String),
    /// It was given up before an answer came.
    Abandoned,
}

impl EgressOutcome {
    /// A stable word or code.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Answered => "answered",
            Self::Failed(code) => code,
            Self::Abandoned => "abandoned",
        }
    }
}

/// Leave to send one text to one host, once. Only [`Ledger::permit`] makes one, after the text was committed.
#[derive(Debug)]
pub struct Permit {
    id: String,
    host: String,
    body: Pii<String>,
}

impl Permit {
    /// The entry in the ledger.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The only host that it may go to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The text that may be sent, and no other.
    pub fn body(&self) -> &str {
        self.body.expose()
    }
}

/// Where permitted requests are written down. A commit is durable before it completes.
pub trait EgressLog: fmt::Debug + Send + Sync + 'static {
    /// Writes a request down; the id of the entry.
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>>;
    /// Adds how it ended.
    fn close<'a>(&'a self, id: &'a str, outcome: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>>;
}

/// The one door to the outside.
#[derive(Debug, Clone)]
pub struct Ledger {
    log: Arc<dyn EgressLog>,
    cloud: Cloud,
}

impl Ledger {
    /// A ledger that permits what `cloud` allows and writes it to `log`.
    pub fn new(log: Arc<dyn EgressLog>, cloud: Cloud) -> Self {
        Self { log, cloud }
    }

    /// Permits a request and commits it.
    ///
    /// # Errors
    /// [`Denied`]: nothing was written, and nothing may be sent.
    pub async fn permit(&self, egress: Egress) -> Result<Permit, Denied> {
        clear(&egress, self.cloud)?;
        let id = self.log.commit(&egress).await.map_err(Denied::Ledger)?;
        Ok(Permit { id, host: egress.host, body: egress.body })
    }

    /// Notes how a permitted request ended. A ledger that fails now is only logged: the text is written down already.
    pub async fn close(&self, permit: &Permit, outcome: &EgressOutcome) {
        if let Err(error) = self.log.close(permit.id(), outcome).await {
            tracing::warn!(error, "the outcome of a request could not be written to the ledger");
        }
    }
}

/// The gates, in order.
fn clear(egress: &Egress, cloud: Cloud) -> Result<(), Denied> {
    if egress.passive {
        return Err(Denied::Passive);
    }
    let gate = GATES.of(egress.privacy);
    let Some(needs) = gate.cloud else { return Err(Denied::Private) };
    let asked = gate.asked && cloud != Cloud::Off;
    if cloud < needs && !(asked && egress.asked) {
        return Err(if asked {
            Denied::Ask
        } else {
            Denied::NotAllowed { needs: needs.as_str(), is: cloud.as_str() }
        });
    }
    let len = egress.body.expose().len();
    if len > BODY_LEN_MAX { Err(Denied::TooLong { len }) } else { Ok(()) }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    cloud: Option<Cloud>,
    #[serde(default)]
    asked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "UPPERCASE")]
struct Gates {
    p0: Gate,
    p1: Gate,
    p2: Gate,
    p3: Gate,
}

impl Gates {
    fn of(&self, privacy: Privacy) -> Gate {
        match privacy {
            Privacy::Public => self.p0,
            Privacy::Home => self.p1,
            Privacy::Personal => self.p2,
            Privacy::Others => self.p3,
        }
    }
}

/// Whether a text of this class may leave without anybody being asked about it.
pub fn is_let_out(privacy: Privacy, cloud: Cloud) -> bool {
    GATES.of(privacy).cloud.is_some_and(|needs| cloud >= needs)
}

static GATES: LazyLock<Gates> = LazyLock::new(|| {
    toml::from_str(include_str!("gates.toml")).expect("the gates are compiled in and tested")
});

#[cfg(test)]
mod tests;
