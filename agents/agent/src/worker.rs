//! An agent from its start to its end: a token in, the task carried out, its result told, and how the process ends out.

use std::fs;
use std::io;

use helix_contract::api::{AssignmentV1, LeaseRequestV1, path};
use helix_contract::{Failure, Happening, ModelRole, Name, Outcome, V1};
use hyper::StatusCode;
use tokio::io::AsyncReadExt as _;

use crate::bridge::{Bridge, CallError, Way};
use crate::clock::Clock;
use crate::pipe::{self, Pipe};
use crate::plan::failed;
use crate::run::{Run, Trouble};
use crate::{alone, plan};

/// The longest token, bytes.
const TOKEN_LEN_MAX: usize = 512;
/// How long the bridge lets a worker wait for a task, milliseconds; then the worker asks again.
const WAIT_MS: u32 = 20_000;

/// How an agent ended. What is from 64 to 78 is not worth another attempt, all other failures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The bridge knows the result, or does not want one any more; or there was no task.
    Told,
    /// The bridge was lost, or its answers cannot be used by this connection.
    Lost,
    /// The environment does not say where the bridge is, or a file with a token cannot be read.
    Usage,
    /// The task or an answer is of another version, or none.
    Unreadable,
    /// The token is wrong, or has run out.
    Refused,
}

impl End {
    /// What the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Told => 0,
            Self::Lost => 10,
            Self::Usage => 64,
            Self::Unreadable => 65,
            Self::Refused => 77,
        }
    }
}

/// How an agent comes to its task, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// By standard input and output; the first line that comes is the token.
    Stdio,
    /// By address, with the token of a task in a file.
    Task {
        /// `host:port`.
        address: String,
        /// The file.
        token_file: String,
    },
    /// By address, as a worker that waits for a task; its token is in a file.
    Pool {
        /// `host:port`.
        address: String,
        /// The file.
        token_file: String,
    },
}

/// An environment that does not say how an agent comes to its task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Where the bridge is cannot be read.
    #[error("HELIX_BRIDGE is {0:?}; it is `stdio` or `http://HOST:PORT`")]
    Bridge(String),
    /// There is no token.
    #[error("HELIX_BRIDGE is an address: HELIX_TASK_TOKEN_FILE or HELIX_POOL_TOKEN_FILE has to name a file")]
    Token,
}

impl Setup {
    /// What the variables say: `HELIX_BRIDGE` (`stdio` or `http://host:port`), `HELIX_TASK_TOKEN_FILE`,
    /// `HELIX_POOL_TOKEN_FILE`.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SetupError> {
        let bridge = variable("HELIX_BRIDGE").unwrap_or_else(|| "stdio".to_owned());
        if bridge == "stdio" {
            return Ok(Self::Stdio);
        }
        let address = bridge.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let is_address = |at: &&str| at.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = address.filter(is_address).filter(|at| !at.contains('/'));
        let address = address.ok_or_else(|| SetupError::Bridge(bridge.clone()))?.to_owned();
        match (variable("HELIX_TASK_TOKEN_FILE"), variable("HELIX_POOL_TOKEN_FILE")) {
            (Some(token_file), _) => Ok(Self::Task { address, token_file }),
            (None, Some(token_file)) => Ok(Self::Pool { address, token_file }),
            (None, None) => Err(SetupError::Token),
        }
    }
}

/// Carries out one task.
pub async fn serve(setup: Setup) -> End {
    let end = match setup {
        Setup::Stdio => by_stdio().await,
        Setup::Task { address, token_file } => match token(&token_file) {
            Ok(token) => first(Bridge::new(Way::Address(address), token, Clock::start())).await,
            Err(error) => Err(unreadable_file(&token_file, &error)),
        },
        Setup::Pool { address, token_file } => match token(&token_file) {
            Ok(token) => lease(Bridge::new(Way::Address(address), token, Clock::start())).await,
            Err(error) => Err(unreadable_file(&token_file, &error)),
        },
    };
    end.unwrap_or_else(|end| end)
}

fn unreadable_file(file: &str, error: &io::Error) -> End {
    eprintln!("helix-agent: the token in {file} cannot be read: {error}");
    End::Usage
}

fn token(file: &str) -> io::Result<String> {
    let token = fs::read_to_string(file)?;
    let token = token.trim();
    let is_token =
        !token.is_empty() && token.len() <= TOKEN_LEN_MAX && token.bytes().all(|b| b.is_ascii_graphic());
    if is_token { Ok(token.to_owned()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

async fn by_stdio() -> Result<End, End> {
    let mut pipe = pipe::open().map_err(|error| {
        eprintln!("helix-agent: standard input and output are no pipes or sockets: {error}");
        End::Usage
    })?;
    let Some(token) = first_line(&mut pipe).await? else { return Ok(End::Told) };
    first(Bridge::new(Way::Pipe(Some(pipe)), token, Clock::start())).await
}

/// The token; nothing if whoever started this worker needs it no more. The bridge says nothing after it unasked.
async fn first_line(pipe: &mut Pipe) -> Result<Option<String>, End> {
    let mut line = [0; TOKEN_LEN_MAX + 1];
    let mut len = 0;
    while !line[..len].contains(&b'\n') {
        match pipe.read(&mut line[len..]).await {
            Ok(0) if len == 0 => return Ok(None),
            Ok(0) if len == line.len() => return Err(End::Refused),
            Ok(0) | Err(_) => return Err(End::Lost),
            Ok(read) => len += read,
        }
    }
    let token = line[..len].trim_ascii_end();
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(Some(token.to_owned()))
        }
        Ok(_) | Err(_) => Err(End::Refused),
    }
}

async fn first(mut bridge: Bridge) -> Result<End, End> {
    let assignment = bridge.ask::<AssignmentV1>(path::TASK).await.map_err(|error| end(&error))?;
    let assignment = assignment.ok_or(End::Unreadable)?;
    carry_out(bridge, assignment).await
}

async fn lease(mut bridge: Bridge) -> Result<End, End> {
    let request = LeaseRequestV1 { version: V1, runner: own_name(), agents: Vec::new(), wait_ms: WAIT_MS };
    loop {
        match bridge.post::<_, AssignmentV1>(path::LEASE, &request).await {
            Ok(Some(mut assignment)) => {
                bridge.show(assignment.token.take().ok_or(End::Unreadable)?);
                return carry_out(bridge, assignment).await;
            }
            // A bridge that is away comes back; nobody waits for this worker meanwhile.
            Ok(None) | Err(CallError::Lost(_) | CallError::Unavailable { .. } | CallError::Silent) => {}
            Err(error) => return Err(end(&error)),
        }
    }
}

/// The name of this machine, or pod, as a runner's name.
fn own_name() -> Name {
    let node = rustix::system::uname();
    let node = node.nodename().to_string_lossy().to_lowercase();
    let letters = node.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' });
    let name: String = "w-".chars().chain(letters).take(63).collect();
    let plain = name.trim_end_matches('-').parse();
    plain.unwrap_or_else(|_| "worker".parse().unwrap_or_else(|_| unreachable!("a name by its pattern")))
}

async fn carry_out(bridge: Bridge, assignment: AssignmentV1) -> Result<End, End> {
    let mut run = Run::new(bridge, assignment);
    let outcome = match work(&mut run).await {
        Ok(outcome) => outcome,
        Err(Trouble::Mute(error)) => return Err(end(&error)),
        Err(trouble) => told(&run, &trouble),
    };
    match run.end(outcome).await {
        Ok(()) => Ok(End::Told),
        Err(CallError::Refused { status, code, .. }) if status != StatusCode::CONFLICT => {
            eprintln!("helix-agent: the bridge refuses the result: {code}");
            let outcome = failed(Failure::Agent, &run.assignment.spec.language, &[]);
            run.end(outcome).await.map(|()| End::Told).map_err(|error| end(&error))
        }
        Err(CallError::Unsendable(error)) => {
            eprintln!("helix-agent: {error}");
            let outcome = failed(Failure::Agent, &run.assignment.spec.language, &[]);
            run.end(outcome).await.map(|()| End::Told).map_err(|error| end(&error))
        }
        Err(error) => Err(end(&error)),
    }
}

async fn work(run: &mut Run) -> Result<Outcome, Trouble> {
    run.news(Happening::Started).await?;
    match run.assignment.definition.model {
        ModelRole::None => alone::work(run).await,
        // What needs no thought is done without, if it has to be.
        ModelRole::Router | ModelRole::Agent if alone::calls(run).is_some() => {
            run.can_do_without();
            match plan::work(run).await {
                Err(Trouble::Unavailable | Trouble::Impossible | Trouble::Broken(_)) => {
                    alone::work(run).await
                }
                outcome => outcome,
            }
        }
        ModelRole::Router | ModelRole::Agent => plan::work(run).await,
    }
}

fn told(run: &Run, trouble: &Trouble) -> Outcome {
    let failure = match trouble {
        Trouble::Limit => Failure::Limit,
        Trouble::Unavailable => Failure::Unavailable,
        Trouble::Impossible => Failure::Impossible,
        Trouble::Broken(reason) => {
            eprintln!("helix-agent: {reason}");
            Failure::Agent
        }
        Trouble::Mute(error) => {
            eprintln!("helix-agent: {error}");
            Failure::Agent
        }
    };
    failed(failure, &run.assignment.spec.language, &run.sources)
}

fn end(error: &CallError) -> End {
    if !matches!(error, CallError::Over) {
        eprintln!("helix-agent: {error}");
    }
    match error {
        CallError::Over => End::Told,
        CallError::Token => End::Refused,
        CallError::Refused { .. } | CallError::Unreadable(_) => End::Unreadable,
        CallError::Lost(_) | CallError::Silent | CallError::Unavailable { .. } | CallError::Unsendable(_) => {
            End::Lost
        }
    }
}
