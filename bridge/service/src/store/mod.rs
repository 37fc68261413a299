//! SQLite as the other party: what was promised or left the house is committed here before anything follows from it.
//! One file, one writer, any number of readers, also of other processes.

mod agent_image;
mod agent_vector;
mod definition;
mod delayed;
mod error;
mod ledger;
mod open;
mod request;
mod shortcut;
mod spent;

pub use agent_image::{AgentImageTable, Counted};
pub use agent_vector::AgentVectorTable;
pub use definition::DefinitionTable;
pub use delayed::{DelayedRow, DelayedTable};
pub use error::StoreError;
pub use ledger::{EgressRow, EgressTable};
pub use request::{RequestRow, RequestTable};
pub use shortcut::ShortcutTable;
pub use spent::SpentTable;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helix_core::Calendar;
use sqlx::SqlitePool;

/// The file's name in the data directory.
pub const FILE_NAME: &str = "helix.db";

/// The open database.
#[derive(Clone)]
pub struct Store {
    path: Arc<Path>,
    pub(crate) writer: SqlitePool,
    pub(crate) reader: SqlitePool,
    calendar: Arc<dyn Calendar>,
    kept_aside: Option<Arc<Path>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database of `data_dir` for the bridge: makes it, or brings it up to date after a backup. A damaged
    /// file is kept aside under another name, and an empty database begins.
    ///
    /// # Errors
    /// [`StoreError`]; the file is as it was.
    pub async fn open(data_dir: &Path, calendar: Arc<dyn Calendar>) -> Result<Self, StoreError> {
        open::open(&data_dir.join(FILE_NAME), calendar).await
    }

    /// Opens the database of `data_dir` beside a bridge that may be running; makes and changes no tables.
    ///
    /// # Errors
    /// [`StoreError::Absent`], [`StoreError::Newer`], [`StoreError::Older`] and what else keeps it from being read.
    pub async fn visit(data_dir: &Path, calendar: Arc<dyn Calendar>) -> Result<Self, StoreError> {
        open::visit(&data_dir.join(FILE_NAME), calendar).await
    }

    /// The ledger's entries.
    pub fn egress(&self) -> EgressTable {
        EgressTable { store: self.clone() }
    }

    /// Definitions of agents.
    pub fn definitions(&self) -> DefinitionTable {
        DefinitionTable { store: self.clone() }
    }

    /// Forms of agents and their images.
    pub fn agent_images(&self) -> AgentImageTable {
        AgentImageTable { store: self.clone() }
    }

    /// Vectors of known requests to agents.
    pub fn agent_vectors(&self) -> AgentVectorTable {
        AgentVectorTable { store: self.clone() }
    }

    /// Delayed commands.
    pub fn delayed(&self) -> DelayedTable {
        DelayedTable { store: self.clone() }
    }

    /// Requests that cannot be carried out yet.
    pub fn requests(&self) -> RequestTable {
        RequestTable { store: self.clone() }
    }

    /// Shortcuts.
    pub fn shortcuts(&self) -> ShortcutTable {
        ShortcutTable { store: self.clone() }
    }

    /// What models outside the house have cost.
    pub fn spent(&self) -> SpentTable {
        SpentTable { store: self.clone() }
    }

    /// Where the damaged database lies that this one took the place of.
    pub fn kept_aside(&self) -> Option<&Path> {
        self.kept_aside.as_deref()
    }

    /// The file, its size in bytes and its version.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn describe(&self) -> Result<String, StoreError> {
        let version = open::version(&self.reader).await.map_err(|error| self.failed(&error))?;
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        Ok(format!("{} (version {version}, {} kB)", self.path.display(), bytes.div_ceil(1000)))
    }

    /// Commits what is under way and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub(crate) fn failed(&self, error: &sqlx::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// Microseconds since 1970 UTC.
    fn now(&self) -> i64 {
        self.calendar.now().as_microsecond()
    }
}

/// Damaged databases that were kept aside in `data_dir`, oldest first.
pub fn kept_aside(data_dir: &Path) -> Vec<PathBuf> {
    open::kept_aside(&data_dir.join(FILE_NAME))
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
