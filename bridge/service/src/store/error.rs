//! Why nothing can be kept or read: an error of SQLite in, what happened and what to do out.

use std::path::{Path, PathBuf};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer Helix made it.
    #[error(
        "{path} was made by a newer Helix (version {found} of the database, this Helix knows {known}). Install that Helix \
         again, or stop Helix and put the backup `{path}.before-{}` in its place; what was kept since then is lost then",
        known + 1
    )]
    Newer {
        /// The file.
        path: String,
        /// The version found.
        found: i64,
        /// The newest version that this Helix knows.
        known: i64,
    },
    /// An older Helix made it, and this command may not change it.
    #[error(
        "{path} was made by an older Helix; start this one once (`helix run`), which brings it up to date"
    )]
    Older {
        /// The file.
        path: String,
    },
    /// There is none yet.
    #[error("nothing is kept yet: {path} is not there; `helix run` makes it")]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error(
        "there is no room left for {path}: nothing was lost, but nothing new can be kept; make room there"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged or no database.
    #[error(
        "{path} is damaged ({reason}); stop Helix and put a backup in its place, if there is one beside it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Permissions, a read-only disk.
    #[error("{path} cannot be written ({reason}); check the permissions of its folder")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another process holds it for longer than the limit.
    #[error("{path} is in use by another program; stop that, then try again")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("{path} cannot be used: {reason}")]
    Other {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "store-newer",
            Self::Older { .. } => "store-older",
            Self::Absent { .. } => "store-absent",
            Self::Full { .. } => "store-full",
            Self::Damaged { .. } => "store-damaged",
            Self::Unwritable { .. } => "store-unwritable",
            Self::Busy { .. } => "store-busy",
            Self::Other { .. } => "store-failed",
        }
    }

    /// What an error of SQLite or of the pool means for the file at `path`.
    pub(super) fn of(path: &Path, error: &sqlx::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy { path };
        }
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        // The primary result code is the low byte of an extended one: https://sqlite.org/rescode.html
        match code.map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full { path },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged { path, reason },
            Some(SQLITE_BUSY | SQLITE_LOCKED) => Self::Busy { path },
            // Without room SQLite cannot grow the index of its journal, and calls that an error of the disk.
            Some(SQLITE_IOERR | SQLITE_CANTOPEN) if is_full(&path) => Self::Full { path },
            Some(SQLITE_READONLY | SQLITE_CANTOPEN | SQLITE_PERM) => Self::Unwritable { path, reason },
            Some(_) | None => Self::Other { path, reason },
        }
    }

    /// What an error of the file system means for the file at `path`.
    pub(super) fn of_file(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        let no_room = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
        if no_room.contains(&error.kind()) {
            Self::Full { path }
        } else {
            Self::Unwritable { path, reason: error.to_string() }
        }
    }
}

const SQLITE_PERM: u32 = 3;
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

/// SQLite grows the index of its journal by this much at once, bytes.
const JOURNAL_INDEX_LEN: u64 = 32 * 1024;

fn is_full(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    rustix::fs::statvfs(folder)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < JOURNAL_INDEX_LEN)
}
