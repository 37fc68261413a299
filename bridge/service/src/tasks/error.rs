//! Why a task cannot be kept or read: an error of either database in, what happened and what to do out.

use std::borrow::Cow;
use std::time::Duration;

use helix_contract::{TaskId, WireError};

use crate::store::StoreError;

/// Why nothing came of a request to the book.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Another task has this id.
    #[error("there is another task {task} already; what was kept first stays")]
    Conflict {
        /// The id.
        task: TaskId,
    },
    /// So many tasks are waited for that no more are taken.
    #[error("{active} tasks are under way already; try again in {} s", retry_after.as_secs())]
    QueueFull {
        /// How many.
        active: u32,
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// It could not be done in time even if it were begun now.
    #[error("the deadline of task {task} has passed already; give it a later one")]
    TooLate {
        /// The id.
        task: TaskId,
    },
    /// What is to be kept breaks the contract.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// What is kept was written by another hand, or by a later Helix.
    #[error("task {task} cannot be read by this Helix: {reason}")]
    Unreadable {
        /// The id.
        task: String,
        /// What was found.
        reason: String,
    },
    /// The SQLite file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The PostgreSQL server.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

impl TaskError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "task-conflict",
            Self::QueueFull { .. } => "task-queue-full",
            Self::TooLate { .. } => "task-too-late",
            Self::Wire(error) => error.code(),
            Self::Unreadable { .. } => "task-unreadable",
            Self::Store(error) => error.code(),
            Self::Postgres(error) => error.code(),
        }
    }

    /// Whether the same request may succeed later, with nobody doing anything. Everything in the book may be asked for
    /// twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::QueueFull { .. } => true,
            Self::Conflict { .. } | Self::TooLate { .. } | Self::Wire(_) | Self::Unreadable { .. } => false,
            Self::Store(error) => matches!(error, StoreError::Busy { .. }),
            Self::Postgres(error) => error.is_retryable(),
        }
    }
}

/// Why the PostgreSQL server cannot be used. No variant holds the password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The address cannot be understood.
    #[error(
        "this is no address of a PostgreSQL database ({reason}); it looks like postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers, or the connection broke.
    #[error(
        "PostgreSQL at {place} does not answer ({reason}); tasks go on as soon as it does: check that it runs"
    )]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// It does not let Helix in.
    #[error(
        "PostgreSQL at {place} refuses Helix ({reason}); check user, password, database and the user's rights"
    )]
    Refused {
        /// Host, port and database.
        place: String,
        /// What it said.
        reason: String,
    },
    /// It is too busy, or a statement took too long.
    #[error("PostgreSQL at {place} was too slow ({reason}); try again")]
    Slow {
        /// Host, port and database.
        place: String,
        /// What was too slow.
        reason: String,
    },
    /// Its disk is full.
    #[error(
        "there is no room left for PostgreSQL at {place}: nothing was lost, but nothing new can be kept; make room there"
    )]
    Full {
        /// Host, port and database.
        place: String,
    },
    /// A newer Helix made its tables.
    #[error(
        "the tables in {place} were made by a newer Helix (version {found}, this Helix knows {known}); install that Helix \
         again, or name another database"
    )]
    Newer {
        /// Host, port and database.
        place: String,
        /// The version found.
        found: i64,
        /// The newest version that this Helix knows.
        known: i64,
    },
    /// Anything else.
    #[error("PostgreSQL at {place} cannot be used: {reason}")]
    Other {
        /// Host, port and database.
        place: String,
        /// What it said.
        reason: String,
    },
}

impl PostgresError {
    /// A stable code for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "postgres-address",
            Self::Unreachable { .. } => "postgres-unreachable",
            Self::Refused { .. } => "postgres-refused",
            Self::Slow { .. } => "postgres-slow",
            Self::Full { .. } => "postgres-full",
            Self::Newer { .. } => "postgres-newer",
            Self::Other { .. } => "postgres-failed",
        }
    }

    /// Whether the same request may succeed later, with nobody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Slow { .. } => true,
            Self::Address { .. }
            | Self::Refused { .. }
            | Self::Full { .. }
            | Self::Newer { .. }
            | Self::Other { .. } => false,
        }
    }

    /// What an error of the driver means for the server at `place`.
    pub(super) fn of(place: &str, error: &sqlx::Error) -> Self {
        let (place, reason) = (place.to_owned(), error.to_string());
        let is_broken = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if is_broken {
            return Self::Unreachable { place, reason };
        }
        let code = error.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
        let code = code.as_deref().unwrap_or_default();
        // Class and code: https://www.postgresql.org/docs/current/errcodes-appendix.html
        match (code.get(..2), code) {
            (_, "53100") => Self::Full { place },
            (_, "57014" | "55P03") => Self::Slow { place, reason },
            (Some("08" | "53" | "57"), _) => Self::Unreachable { place, reason },
            (Some("28" | "3D"), _) | (_, "42501" | "25006") => Self::Refused { place, reason },
            (Some(_) | None, _) => Self::Other { place, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_waited_for_and_a_wrong_address_is_not() {
        let broken = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        let error = TaskError::from(PostgresError::of("db:5432/helix", &broken));
        assert!(error.is_retryable() && error.code() == "postgres-unreachable", "{error}");
        let error = TaskError::from(PostgresError::Address { reason: "no host".into() });
        assert!(!error.is_retryable());
    }
}
