//! Whether an agent does what its kind promises: the real program works on a case, for a bridge of which every answer is
//! written down; what it asks and tells is judged.
//!
//! This is the gate that a definition passes before an agent is kept as an image. Tools always answer what the case says.
//! The model does, too, unless a [`Mind`] is given: then the same cases are put to a real model.

mod case;
mod desk;
mod judge;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub use case::{Case, Expected, Given, Said};
pub use desk::{Mind, Script};
pub use judge::Unfit;

use crate::kind::Kind;
use desk::Desk;

/// The most that is kept of what a program logs, bytes.
const LOG_LEN_MAX: u64 = 4 * 1024;

/// What came of a case.
#[derive(Debug)]
pub struct Verdict {
    /// The case.
    pub case: String,
    /// What is wrong; nothing if the agent did as it should.
    pub unfit: Vec<Unfit>,
}

impl Verdict {
    /// Whether the agent did as it should.
    pub fn is_fit(&self) -> bool {
        self.unfit.is_empty()
    }
}

/// Has the program at `agent` work on each case of a kind, one after the other, for at most `limit` each. `mind` is the
/// model; none: the answers that the cases have.
///
/// The program gets no environment, no network and no file, but it is started as it is: where it is not trusted, `agent` is
/// what starts it in a sandbox.
pub async fn accept(agent: &Path, kind: &Kind, mind: Option<Arc<dyn Mind>>, limit: Duration) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for case in &kind.cases {
        let unfit = match timeout(limit, try_case(agent, kind, case, mind.clone())).await {
            Ok(unfit) => unfit,
            Err(_) => vec![Unfit::Late(limit)],
        };
        verdicts.push(Verdict { case: case.name.clone(), unfit });
    }
    verdicts
}

async fn try_case(agent: &Path, kind: &Kind, case: &Case, mind: Option<Arc<dyn Mind>>) -> Vec<Unfit> {
    let is_scripted = mind.is_none();
    let mind = mind.unwrap_or_else(|| Arc::new(Script::new(case.model.clone())));
    let desk = match Desk::new(kind, case, mind) {
        Ok(desk) => Arc::new(desk),
        Err(error) => return vec![Unfit::Case(error.to_string())],
    };
    let (ours, mut child) = match start(agent) {
        Ok(started) => started,
        Err(error) => return vec![Unfit::Start(error.to_string())],
    };
    let mut log = child.stderr.take();
    let log = async {
        let mut text = String::new();
        if let Some(log) = log.as_mut() {
            // What is no text, or too much, is not worth reading.
            let _ = log.take(LOG_LEN_MAX).read_to_string(&mut text).await;
        }
        text
    };
    let served = desk::serve(Arc::clone(&desk), ours);
    let ((), log, status) = tokio::join!(served, log, child.wait());
    let code = status.ok().and_then(|status| status.code());
    judge::judge(&desk.heard(), &case.expect, is_scripted, code, &log)
}

fn start(agent: &Path) -> std::io::Result<(UnixStream, Child)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let input = std::os::fd::OwnedFd::from(theirs.try_clone()?);
    let mut command = Command::new(agent);
    command.env_clear().stdin(input).stdout(std::os::fd::OwnedFd::from(theirs)).stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn()?;
    Ok((UnixStream::from_std(ours)?, child))
}
