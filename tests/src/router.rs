//! `helix route --stdin` as a child process: sentences in, decisions out.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::bed::HomeAssistant;
use crate::bridge::{Profile, binary};

/// No sentence takes longer, not even the first one after Home Assistant's start.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A sentence and where it is said.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    /// What is said.
    #[serde(rename = "text")]
    pub sentence: String,
    /// Id or name of the area that it is said in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
}

/// What Helix would do.
#[derive(Debug, Clone, Deserialize)]
pub struct Decision {
    /// Such as `act` or `clarify`.
    pub route: String,
    /// Whether the home would change at once.
    pub acts: bool,
    /// What would be done at once, or after a yes.
    pub actions: Vec<Done>,
    /// What Helix would say itself.
    pub reply: String,
    /// Why.
    pub reason: String,
    /// The gates that were asked, the one that decided last.
    pub gates: Vec<String>,
    /// What is known about the sentence.
    pub dimensions: Map<String, Value>,
    /// How sure the reading of a repaired sentence is, 0 to 1.
    #[serde(default)]
    pub certainty: Option<f64>,
    /// How long it took.
    pub took_ms: f64,
    /// How much of it was waiting for Home Assistant.
    pub home_ms: f64,
    /// About how many sentences Home Assistant was asked.
    pub home_sentences: usize,
    /// In how many questions.
    pub home_questions: usize,
}

/// An action of Home Assistant that would be called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Done {
    /// Such as `light.turn_on`.
    pub action: String,
    /// Entity ids.
    pub targets: Vec<String>,
    /// Its service data.
    pub data: Map<String, Value>,
}

impl Decision {
    /// The gate that decided.
    pub fn gate(&self) -> &str {
        self.gates.last().map_or("none", String::as_str)
    }

    /// Why, in one line.
    pub fn explanation(&self) -> String {
        let Self { route, reason, reply, .. } = self;
        let gate = self.gate();
        let actions: Vec<_> = self.actions.iter().map(Done::to_string).collect();
        let actions = if actions.is_empty() { "nothing".to_owned() } else { actions.join(", ") };
        format!("{route} ({gate}): {reason}; {actions}; says {reply:?}")
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.action, self.targets.join(" "))?;
        if self.data.is_empty() { Ok(()) } else { write!(f, " {}", Value::from(self.data.clone())) }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Decision(Box<Decision>),
    Error { error: String },
}

/// The running command.
#[derive(Debug)]
pub struct Router {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Router {
    /// Starts it in the language of the home.
    ///
    /// # Errors
    /// There is no binary.
    pub fn start(home: &HomeAssistant, language: &str, profile: Profile) -> Result<Self> {
        let mut command = Command::new(binary(profile)?);
        command.args(["route", "--stdin", "--json", "--language", language]);
        command.env("HELIX_HA_URL", home.url()).env("HELIX_HA_TOKEN", home.token());
        // A person's own configuration is not to be measured.
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let input = child.stdin.take().context("its standard input")?;
        let output = BufReader::new(child.stdout.take().context("its standard output")?).lines();
        Ok(Self { child, input, output })
    }

    /// What it decides about one sentence.
    ///
    /// # Errors
    /// It has ended, or has no answer.
    pub async fn ask(&mut self, question: &Question) -> Result<Decision> {
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        self.input.write_all(&line).await.context("helix route has ended")?;
        next(&mut self.output).await.with_context(|| format!("{question:?}"))
    }

    /// Its process.
    ///
    /// # Errors
    /// It has ended.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("helix route has ended")
    }

    /// Sends all without waiting for answers, and reads these as they come; how many act.
    ///
    /// # Errors
    /// As [`Router::ask`].
    pub async fn stream(&mut self, questions: Vec<Question>) -> Result<usize> {
        let Self { input, output, .. } = self;
        let count = questions.len();
        let send = async {
            for question in questions {
                let mut line = serde_json::to_vec(&question)?;
                line.push(b'\n');
                input.write_all(&line).await.context("helix route has ended")?;
            }
            anyhow::Ok(())
        };
        let receive = async {
            let mut acting = 0;
            for _ in 0..count {
                acting += usize::from(next(output).await?.acts);
            }
            Ok(acting)
        };
        Ok(tokio::try_join!(send, receive)?.1)
    }
}

async fn next(output: &mut Lines<BufReader<ChildStdout>>) -> Result<Decision> {
    let answer = tokio::time::timeout(ANSWER_LIMIT, output.next_line()).await.context("no answer")??;
    match serde_json::from_str(&answer.context("helix route has ended")?)? {
        Line::Decision(decision) => Ok(*decision),
        Line::Error { error } => bail!("{error}"),
    }
}
