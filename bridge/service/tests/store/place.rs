//! A folder, a calendar that stands still, and this test again as another process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use helix::store::{Store, StoreError};
use helix_core::egress::{Egress, Privacy, Purpose};
use helix_core::{Calendar, Pii};
use jiff::Timestamp;

/// A folder that is removed when dropped.
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("helix-store-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(helix::store::FILE_NAME)
    }

    pub(crate) async fn open(&self) -> Result<Store, StoreError> {
        Store::open(&self.path, at("2026-11-21T12:00:00Z")).await
    }

    /// Runs SQL past Helix.
    pub(crate) async fn run(&self, sql: &'static str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
        let pool = sqlx::SqlitePool::connect_with(options).await.expect("opened");
        sqlx::query(sql).execute(&pool).await.expect("executed");
        pool.close().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[derive(Debug)]
struct StandingStill(Timestamp);

impl Calendar for StandingStill {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) fn at(moment: &str) -> Arc<dyn Calendar> {
    Arc::new(StandingStill(moment.parse().expect("a time")))
}

pub(crate) fn micros(moment: &str) -> i64 {
    moment.parse::<Timestamp>().expect("a time").as_microsecond()
}

pub(crate) fn egress(text: &str) -> Egress {
    Egress {
        run: None,
        host: "api.example.com".into(),
        purpose: Purpose::Answer,
        privacy: Privacy::Public,
        passive: false,
        asked: false,
        body: Pii::new(text.to_owned()),
    }
}

/// The folder that this process works in as the child of a test.
pub(crate) fn given_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// The test `name` again, as a child that works in `folder`.
pub(crate) fn child(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.args(only(name)).env(CHILD, folder);
    command
}

/// The same, in a file system of its own that holds so many kB.
pub(crate) fn again_on_a_small_disk(name: &str, folder: &Path, kilobytes: u32) -> Command {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o \"size=$1k\" none \"$2\" && shift 2 && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", &kilobytes.to_string()]);
    command.arg(folder).arg(std::env::current_exe().expect("a program")).args(only(name)).env(CHILD, folder);
    command
}

const CHILD: &str = "HELIX_STORE_CHILD";

fn only(name: &str) -> [&str; 4] {
    ["--exact", name, "--nocapture", "--test-threads=1"]
}
