//! The launcher: takes from its own process what an agent may not have, and becomes the agent.
//!
//! `helix-runner confine` is started by the runner for each agent. It has one thread. In this order it gives up priority,
//! namespaces, user, resources, the life after its parent, new privileges, files and system calls; what then remains runs
//! the agent's program, which it opened before. An agent keeps three open files: stdin, stdout, stderr.

mod filter;
mod limits;

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use nix::fcntl::AtFlags;
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Pid, Signal};

pub(crate) use limits::{Limits, Order};

/// The exit code of a launcher that could not confine or start its agent; no agent has it, as no shell gives it away.
pub(crate) const UNCONFINED: u8 = 126;
/// An agent gives way to whatever a person waits for.
const NICENESS: i32 = 10;

/// Why an agent is not started.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub(crate) struct ConfineError {
    step: &'static str,
    source: io::Error,
}

fn at<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> ConfineError {
    move |source| ConfineError { step, source: source.into() }
}

/// What this system gave to confine an agent with, beyond what it has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confined {
    /// A network and shared memory of its own.
    pub(crate) namespaces: bool,
    /// Another user than the runner's.
    pub(crate) user: bool,
    /// Files and the network are forbidden a second time, by Landlock.
    pub(crate) landlock: bool,
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespaces, user, landlock } = self;
        write!(f, "{namespaces} {user} {landlock}")
    }
}

impl Confined {
    /// Reads what another process of this program wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace().map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { namespaces: next()?, user: next()?, landlock: next()? })
    }
}

/// Becomes the agent that `order` names; returns only if that fails.
pub(crate) fn become_agent(order: &Order) -> Result<Infallible, ConfineError> {
    let program = File::open(&order.program).map_err(at("open the agent's program"))?;
    confine(order, &program)?;
    let name = CString::new(format!("helix-agent {}", order.name)).unwrap_or_default();
    let env = [c"HELIX_BRIDGE=stdio"];
    nix::unistd::execveat(&program, c"", &[name.as_c_str()], &env as &[&CStr], AtFlags::AT_EMPTY_PATH)
        .map_err(at("start the agent"))
}

/// Gives everything up that an agent does not have, and says what the system had to offer.
pub(crate) fn confine(order: &Order, program: &File) -> Result<Confined, ConfineError> {
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let namespaces = namespaces();
    let user = own_user(order.user)?;
    order.limits.apply().map_err(at("limit resources"))?;
    // After the change of the user, which clears it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(at("die with the runner"))?;
    if rustix::process::getppid() != Pid::from_raw(order.parent) {
        return Err(at("die with the runner")(io::Error::other("it is gone already")));
    }
    rustix::thread::set_no_new_privs(true).map_err(at("give up new privileges"))?;
    let landlock = forbid_files(program).map_err(|error| at("forbid files")(io::Error::other(error)))?;
    filter::install(program).map_err(|error| at("forbid system calls")(io::Error::other(error)))?;
    Ok(Confined { namespaces, user, landlock })
}

/// A network, a host name and shared memory of its own, where the runner may make them; no agent could use those of the
/// host either way.
fn namespaces() -> bool {
    let all = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    unshare(all).or_else(|_| unshare(all | CloneFlags::CLONE_NEWUSER)).is_ok()
}

/// Gives up root. Whoever is not root keeps the user that it has.
fn own_user(user: Option<u32>) -> Result<bool, ConfineError> {
    let Some(user) = user.filter(|_| rustix::process::geteuid().is_root()) else { return Ok(false) };
    let (uid, gid) = (rustix::process::Uid::from_raw(user), rustix::process::Gid::from_raw(user));
    rustix::thread::set_thread_groups(&[]).map_err(at("give up groups"))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(at("give up the group root"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(at("give up root"))?;
    Ok(true)
}

fn forbid_files(program: &File) -> Result<bool, landlock::RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rule(PathBeneath::new(program, AccessFs::Execute | AccessFs::ReadFile))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => true,
        RulesetStatus::NotEnforced => false,
    })
}

/// Confines this process as for an agent, with this program itself in place of one, and says what the system had to
/// offer.
pub(crate) fn probe(order: &Order) -> Result<Confined, ConfineError> {
    let program = File::open(Path::new("/proc/self/exe")).map_err(at("open this program"))?;
    confine(order, &program)
}
