//! Opens the database: refuses a newer one, backs up an older one and brings it up to date, keeps a damaged one aside.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use helix_core::Calendar;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, SqlitePool};

use super::{Store, StoreError};

/// How long a statement waits for another process.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// How long a request waits for a connection of this process.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(10);
/// Readers at once; more wait.
const READERS_MAX: u32 = 2;

/// Every step from the empty database on, in order. What was released is never changed, only added to.
const MIGRATIONS: [(&str, &str); 9] = [
    ("egress", include_str!("../../migrations/0001_egress.sql")),
    ("delayed", include_str!("../../migrations/0002_delayed.sql")),
    ("shortcut", include_str!("../../migrations/0003_shortcut.sql")),
    ("spent", include_str!("../../migrations/0004_spent.sql")),
    ("request", include_str!("../../migrations/0005_request.sql")),
    ("task", include_str!("../../migrations/0006_task.sql")),
    ("task_call", include_str!("../../migrations/0007_task_call.sql")),
    ("definition", include_str!("../../migrations/0008_definition.sql")),
    ("agent_image", include_str!("../../migrations/0009_agent_image.sql")),
];

fn migrator() -> Migrator {
    let step = |(number, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(step).collect())
}

/// The newest version that this Helix knows.
pub(super) const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

pub(super) async fn open(path: &Path, calendar: Arc<dyn Calendar>) -> Result<Store, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::of_file(path, &error))?;
    }
    match prepare(path, Arc::clone(&calendar)).await {
        Err(StoreError::Damaged { reason, .. }) => {
            let aside =
                keep_aside(path, calendar.now()).map_err(|error| StoreError::of_file(path, &error))?;
            tracing::error!(
                reason,
                kept = %aside.display(),
                "the database is damaged; it was kept under another name, and an empty one begins"
            );
            let store = prepare(path, calendar).await?;
            Ok(Store { kept_aside: Some(aside.into()), ..store })
        }
        prepared => prepared,
    }
}

pub(super) async fn visit(path: &Path, calendar: Arc<dyn Calendar>) -> Result<Store, StoreError> {
    if !path.exists() {
        return Err(StoreError::Absent { path: path.to_owned() });
    }
    let store = connect(path, false, calendar);
    let found = version(&store.writer).await.map_err(|error| store.failed(&error))?;
    refuse_newer(path, found)?;
    if found < KNOWN {
        return Err(StoreError::Older { path: path.display().to_string() });
    }
    Ok(store)
}

async fn prepare(path: &Path, calendar: Arc<dyn Calendar>) -> Result<Store, StoreError> {
    let is_new = !path.exists();
    if is_new {
        // What people said will stand in it; SQLite gives its journal the same permissions.
        let mut options = std::fs::OpenOptions::new();
        let made = std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600)
            .write(true)
            .create_new(true)
            .open(path);
        made.map_err(|error| StoreError::of_file(path, &error))?;
    }
    let store = connect(path, true, calendar);
    match bring_up_to_date(&store, is_new).await {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

async fn bring_up_to_date(store: &Store, is_new: bool) -> Result<(), StoreError> {
    let (path, writer) = (&*store.path, &store.writer);
    let failed = |error: sqlx::Error| store.failed(&error);
    let check: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(writer).await.map_err(failed)?;
    if check != "ok" {
        return Err(StoreError::Damaged { path: path.to_owned(), reason: check });
    }
    let found = version(writer).await.map_err(failed)?;
    refuse_newer(path, found)?;
    if found == KNOWN {
        return Ok(());
    }
    if !is_new && found > 0 {
        let backup = back_up(store, found + 1).await?;
        tracing::info!(backup = %backup.display(), from = found, to = KNOWN, "the database is brought up to date");
    }
    migrator().run(writer).await.map_err(|error| {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
            return store.failed(error);
        }
        StoreError::Other { path: path.to_owned(), reason: error.to_string() }
    })
}

fn refuse_newer(path: &Path, found: i64) -> Result<(), StoreError> {
    if found <= KNOWN {
        return Ok(());
    }
    Err(StoreError::Newer { path: path.display().to_string(), found, known: KNOWN })
}

/// The number of the last step that was taken; 0 for an empty database.
pub(super) async fn version(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    let known = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(known).fetch_one(pool).await? == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await
}

fn connect(path: &Path, create: bool, calendar: Arc<dyn Calendar>) -> Store {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_LIMIT);
    let pool = |size: u32, options: SqliteConnectOptions| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_LIMIT)
            .connect_lazy_with(options)
    };
    let reader = pool(READERS_MAX, options.clone().create_if_missing(false).pragma("query_only", "on"));
    Store { path: path.into(), writer: pool(1, options), reader, calendar, kept_aside: None }
}

/// Copies the whole database beside it, durably: a half copy never has the name of a backup.
async fn back_up(store: &Store, before: i64) -> Result<PathBuf, StoreError> {
    let target = free_name(&beside(&store.path, &format!(".before-{before}")));
    let part = beside(&target, ".part");
    let failed = |error: std::io::Error| StoreError::of_file(&target, &error);
    let _ = std::fs::remove_file(&part);
    let copied = sqlx::query("VACUUM INTO $1").bind(part.to_string_lossy()).execute(&store.writer).await;
    if let Err(error) = copied {
        let _ = std::fs::remove_file(&part);
        return Err(store.failed(&error));
    }
    std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, &target).map_err(failed)?;
    Ok(target)
}

const DAMAGED: &str = ".damaged-";

/// Gives the damaged file and its journal another name.
fn keep_aside(path: &Path, now: jiff::Timestamp) -> std::io::Result<PathBuf> {
    let aside = free_name(&beside(path, &format!("{DAMAGED}{}", now.as_second())));
    std::fs::rename(path, &aside)?;
    for journal in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, journal), beside(&aside, journal)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}

pub(super) fn kept_aside(path: &Path) -> Vec<PathBuf> {
    let Some(folder) = path.parent() else { return Vec::new() };
    let start = beside(path, DAMAGED);
    let is_aside = |found: &PathBuf| {
        let (found, start) = (found.to_string_lossy(), start.to_string_lossy());
        found.starts_with(&*start) && !found.ends_with("-wal") && !found.ends_with("-shm")
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_aside).collect();
    found.sort();
    found
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// `wanted`, or the first of `wanted-2`, `wanted-3` … that no file has.
fn free_name(wanted: &Path) -> PathBuf {
    let numbered = (2_u32..).map(|number| beside(wanted, &format!("-{number}")));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| wanted.into())
}
