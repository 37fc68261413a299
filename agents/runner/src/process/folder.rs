//! What a runner remembers of its agents on disk: one file for each, with its process and when that began.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::sleep;

use crate::backend::{AgentKey, BackendError};

/// How long a killed process may take to be gone, and how often that is looked at.
const GONE: (u32, Duration) = (200, Duration::from_millis(10));

/// The folder of one runner; nobody else has it while this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    agents: PathBuf,
    empty: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, BackendError> {
        let (agents, empty) = (path.join("agents"), path.join("empty"));
        fs::create_dir_all(&agents).map_err(BackendError::at("make the runner's folder"))?;
        fs::create_dir_all(&empty).map_err(BackendError::at("make the runner's folder"))?;
        let lock = File::create(path.join("lock")).map_err(BackendError::at("make the runner's lock"))?;
        lock.try_lock().map_err(|error| {
            let used = format!("the folder {} is used by another runner ({error})", path.display());
            BackendError::at("lock the runner's folder")(io::Error::other(used))
        })?;
        Ok(Self { agents, empty, _lock: lock })
    }

    /// A folder with nothing in it.
    pub(super) fn empty(&self) -> &Path {
        &self.empty
    }

    fn file(&self, key: &AgentKey) -> PathBuf {
        self.agents.join(key.to_string())
    }

    pub(super) fn note(&self, key: &AgentKey, pid: u32) -> Result<(), BackendError> {
        let since = began(pid).unwrap_or_default();
        fs::write(self.file(key), format!("{pid} {since}")).map_err(BackendError::at("note an agent"))
    }

    pub(super) fn forget(&self, key: &AgentKey) -> Result<(), BackendError> {
        match fs::remove_file(self.file(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BackendError::at("forget an agent")(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn noted(&self) -> Result<Vec<AgentKey>, BackendError> {
        let read = || -> io::Result<Vec<_>> {
            let mut keys = Vec::new();
            for entry in fs::read_dir(&self.agents)? {
                keys.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()));
            }
            Ok(keys)
        };
        read().map_err(BackendError::at("look for agents"))
    }

    /// Kills the process that a runner before this one noted, if it is still that one.
    pub(super) async fn end(&self, key: &AgentKey) -> Result<(), BackendError> {
        let Ok(note) = fs::read_to_string(self.file(key)) else { return Ok(()) };
        let Some((pid, since)) = note
            .split_once(' ')
            .and_then(|(pid, since)| Some((pid.parse::<u32>().ok()?, since.parse::<u64>().ok()?)))
        else {
            return Ok(());
        };
        let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return Ok(()) };
        // Looked at after the handle is open: a number that was given to another process shows here.
        if began(pid) != Some(since) {
            return Ok(());
        }
        let killed = pidfd_send_signal(&handle, Signal::KILL);
        tracing::warn!(agent = %key, pid, "an agent of a runner before this one was still there");
        killed.map_err(|error| BackendError::at("kill an agent")(error.into()))?;
        for _ in 0..GONE.0 {
            if began(pid) != Some(since) || state(pid).is_none_or(|state| state == 'Z') {
                return Ok(());
            }
            sleep(GONE.1).await;
        }
        Err(BackendError::at("kill an agent")(io::ErrorKind::TimedOut.into()))
    }
}

/// What `/proc` says of a process after its name, which may hold anything.
fn stat(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.to_owned())
}

/// When a process began, in ticks since the machine did.
fn began(pid: u32) -> Option<u64> {
    stat(pid)?.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn state(pid: u32) -> Option<char> {
    stat(pid)?.trim_start().chars().next()
}
