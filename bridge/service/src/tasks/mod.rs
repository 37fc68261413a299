//! The book of tasks: what was promised is committed here before it is said, and a result counts once. Requests and the
//! time in, what is true from now on out.
//!
//! A task is accepted, leased to a worker, and ends once: by a result, by giving up, by being cancelled, by its deadline.
//! Each lease is an [`Attempt`](helix_contract::Attempt) with a higher number than every one before it; only the highest
//! speaks for the task. Who has to be told of an end stands in the same transaction as the end. Everything may be asked
//! for twice: after a broken connection the caller asks again.
//!
//! It is kept in the SQLite file of the bridge, or in a PostgreSQL database of its own; the logic and, but for the locking
//! of rows, the SQL are the same.

mod call;
mod deliver;
mod end;
mod error;
mod keep;
mod lease;
mod postgres;
mod read;
mod row;
mod rules;
mod sql;
mod sweep;

pub use call::{Asked, Begun, Cost, Limit, ToolCalled};
pub use deliver::{Due, How, NewsState};
pub use end::{Cancelled, Finished, GivenBack, Returned};
pub use error::{PostgresError, TaskError};
pub use lease::{Accepted, Filter, Lease, Recorded, Renewed};
pub use read::{Counts, Which};
pub use row::{Origin, Task};
pub use rules::{Code, State};
pub use sweep::{Change, Swept};

use helix_contract::TaskId;
use secrecy::SecretString;

use crate::store::Store;
use row::TaskRow;
use sql::{Database, Tx, locking, values};

/// Tasks under way at once; more are refused until one has ended. A home has a few, the largest test of a cluster ten
/// thousand.
pub const ACTIVE_MAX: u32 = 10_000;

/// The book of tasks. A copy is the same book.
#[derive(Debug, Clone)]
pub struct TaskBook {
    database: Database,
    active_max: u32,
}

impl TaskBook {
    /// The book in the bridge's SQLite file.
    pub fn in_store(store: Store) -> Self {
        Self { database: Database::Sqlite(store), active_max: ACTIVE_MAX }
    }

    /// The book in the PostgreSQL database at `url`, which Helix has for its own: makes its tables, or brings them up to
    /// date, at once or as soon as a server that is away is there.
    ///
    /// # Errors
    /// [`PostgresError`] of a kind that waiting does not mend; nothing was changed.
    pub async fn in_postgres(url: &SecretString) -> Result<Self, PostgresError> {
        Ok(Self { database: Database::Postgres(postgres::open(url).await?), active_max: ACTIVE_MAX })
    }

    /// The same book, with room for `active_max` tasks under way.
    #[must_use]
    pub fn with_room_for(self, active_max: u32) -> Self {
        Self { active_max, ..self }
    }

    /// Commits what is under way and closes the connections. A SQLite file is its owner's to close.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(_) => {}
            Database::Postgres(server) => server.close().await,
        }
    }
}

/// The row of a task, which nobody else changes until the transaction ends.
async fn locked(tx: &mut Tx, task: &TaskId) -> Result<Option<TaskRow>, TaskError> {
    tx.one(locking!("SELECT * FROM task WHERE id = $1"), values![task.as_str()]).await
}
