//! Opens a PostgreSQL database by its address: refuses a newer one, brings an older one up to date, one Helix at a time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, SqlSafeStr};
use tokio::sync::OnceCell;

use super::error::PostgresError;

/// Connections at once; more requests wait.
const CONNECTIONS_MAX: u32 = 8;
/// How long a request waits for a connection, a new one included.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);
/// What the server itself ends, milliseconds: a statement, the wait for a lock, a transaction that nobody goes on with.
const SERVER_LIMITS_MS: [(&str, &str); 3] = [
    ("statement_timeout", "5000"),
    ("lock_timeout", "4000"),
    ("idle_in_transaction_session_timeout", "10000"),
];

/// Every step from the empty database on, in order. What was released is never changed, only added to.
const MIGRATIONS: [(&str, &str); 2] = [
    ("task", include_str!("../../migrations/postgres/0001_task.sql")),
    ("task_call", include_str!("../../migrations/postgres/0002_task_call.sql")),
];

const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// The open database. One Helix has it for its own.
#[derive(Clone)]
pub(super) struct Postgres {
    pool: PgPool,
    up_to_date: Arc<OnceCell<()>>,
    /// Host, port and database.
    pub(super) place: Arc<str>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("place", &self.place).finish_non_exhaustive()
    }
}

pub(super) async fn open(url: &SecretString) -> Result<Postgres, PostgresError> {
    let options = PgConnectOptions::from_str(url.expose_secret())
        .map_err(|error| PostgresError::Address { reason: error.to_string() })?;
    let database = options.get_database().unwrap_or_default();
    let place = format!("{}:{}/{database}", options.get_host(), options.get_port()).into();
    // What was promised is on the disk before it is said, whatever the server's default is.
    let options =
        options.application_name("helix").options(SERVER_LIMITS_MS).options([("synchronous_commit", "on")]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_LIMIT)
        .connect_lazy_with(options);
    let server = Postgres { pool, up_to_date: Arc::default(), place };
    match server.pool().await {
        // It may be started later than Helix: whoever asks until then is told that it is away.
        Err(error) if error.is_retryable() => {
            tracing::warn!(code = error.code(), %error, "tasks wait for their database");
        }
        Err(error) => {
            server.close().await;
            return Err(error);
        }
        Ok(_) => {}
    }
    Ok(server)
}

impl Postgres {
    /// Its connections, its tables being up to date.
    pub(super) async fn pool(&self) -> Result<&PgPool, PostgresError> {
        self.up_to_date.get_or_try_init(|| bring_up_to_date(self)).await?;
        Ok(&self.pool)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn bring_up_to_date(server: &Postgres) -> Result<(), PostgresError> {
    let failed = |error: &sqlx::Error| PostgresError::of(&server.place, error);
    let found = version(&server.pool).await.map_err(|error| failed(&error))?;
    if found > KNOWN {
        return Err(PostgresError::Newer { place: server.place.to_string(), found, known: KNOWN });
    }
    // Holds an advisory lock while it runs.
    migrator().run(&server.pool).await.map_err(|error| {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
            return failed(error);
        }
        PostgresError::Other { place: server.place.to_string(), reason: error.to_string() }
    })
}

fn migrator() -> Migrator {
    let step = |(number, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(step).collect())
}

/// The number of the last step that was taken; 0 for an empty database.
async fn version(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let known = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
    if sqlx::query_scalar::<_, i64>(known).fetch_one(pool).await? == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What a migration does, without what it says about itself.
    fn statements(path: &Path) -> String {
        let text = std::fs::read_to_string(path).expect("a migration");
        let lines = text.lines().filter(|line| !line.starts_with("--")).map(str::trim_end);
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn tables_of_tasks_are_the_same_in_both_databases() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
            let mut names: Vec<_> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.retain(|name| name.split_once('_').is_some_and(|(_, what)| what.starts_with("task")));
            names.sort();
            names
        };
        let (own, twins) = (names(&folder), names(&folder.join("postgres")));
        assert_eq!(twins.len(), super::MIGRATIONS.len());
        assert_eq!(own.len(), twins.len(), "each step has its twin");
        for (own, twin) in own.iter().zip(&twins) {
            let (one, other) = (folder.join(own), folder.join("postgres").join(twin));
            assert_eq!(own.split_once('_').map(|it| it.1), twin.split_once('_').map(|it| it.1));
            assert_eq!(statements(&one), statements(&other), "{own} and postgres/{twin}");
        }
    }
}
