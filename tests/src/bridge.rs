//! The real `helix run`, in a data directory of its own; ended by SIGTERM, and nothing of it stays.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::control::{Answer, Ask, RunRow, ask};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bed::free_port;
use crate::build;
use crate::home::Home;
use crate::time::{now, poll_until, since};

/// A bridge has to be ready within this time, also on a busy machine.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// What SIGTERM is given by the bridge's own promise.
pub const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How a bridge is configured: `HELIX_*` by name.
#[derive(Debug, Clone)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    profile: Profile,
}

/// Which build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For tests.
    Debug,
    /// For benches.
    Release,
}

impl Settings {
    /// For a Home Assistant at an address, with the model of the tests.
    pub fn for_home(url: &str, token: &str) -> Self {
        let model =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("models/whisper-home-test-en/ggml-home-test.en.bin");
        let settings = Self { variables: BTreeMap::new(), profile: Profile::Debug };
        settings.with("HA_URL", url).with("HA_TOKEN", token).with("MODEL", &model.to_string_lossy())
    }

    /// The same with `HELIX_<key>`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.variables.insert(format!("HELIX_{key}"), value.to_owned());
        self
    }

    /// The same, built for benches.
    #[must_use]
    pub fn release(self) -> Self {
        Self { profile: Profile::Release, ..self }
    }
}

/// A running bridge.
#[derive(Debug)]
pub struct Bridge {
    child: Child,
    /// Where it speaks Wyoming, on loopback.
    pub port: u16,
    data_dir: PathBuf,
    settings: Settings,
}

impl Bridge {
    /// Starts it and waits until it is connected, can hear and is registered.
    ///
    /// # Errors
    /// What it said on its way out.
    pub async fn start(home: &Home) -> Result<Self> {
        Self::start_with(Settings::for_home(&home.url(), home.assistant().token())).await
    }

    /// Starts it differently, and waits as [`Bridge::start`] does.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub async fn start_with(settings: Settings) -> Result<Self> {
        let mut bridge = Self::launch(settings).await?;
        bridge.ready().await?;
        Ok(bridge)
    }

    /// Starts it and waits for nothing.
    ///
    /// # Errors
    /// There is no binary, or no port.
    pub async fn launch(settings: Settings) -> Result<Self> {
        Self::launch_in(settings, new_folder("bridge")?, free_port()?).await
    }

    /// Ends it as [`Bridge::stop`] does and starts it again with what it remembers, at `port`.
    ///
    /// # Errors
    /// As [`Bridge::stop`] and [`Bridge::start`].
    pub async fn start_again(mut self, settings: Settings, port: u16) -> Result<Self> {
        self.end().await?;
        let mut bridge = Self::launch_in(settings, std::mem::take(&mut self.data_dir), port).await?;
        bridge.ready().await?;
        Ok(bridge)
    }

    /// Ends it at once, as a power cut does, and starts it again later with what it remembers: call
    /// [`Bridge::start_in`] with the folder.
    ///
    /// # Errors
    /// It had ended already.
    pub async fn cut_off(mut self) -> Result<PathBuf> {
        self.signal(Signal::KILL)?;
        self.ended(STOP_LIMIT).await?;
        Ok(std::mem::take(&mut self.data_dir))
    }

    /// Starts it with what another one remembered.
    ///
    /// # Errors
    /// As [`Bridge::start`].
    pub async fn start_in(folder: PathBuf, settings: Settings) -> Result<Self> {
        let mut bridge = Self::launch_in(settings, folder, free_port()?).await?;
        bridge.ready().await?;
        Ok(bridge)
    }

    /// Starts it with what lies in a folder, and waits for nothing.
    ///
    /// # Errors
    /// As [`Bridge::launch`].
    pub async fn launch_from(folder: PathBuf, settings: Settings) -> Result<Self> {
        Self::launch_in(settings, folder, free_port()?).await
    }

    /// What it remembers is kept there.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    async fn launch_in(settings: Settings, data_dir: PathBuf, port: u16) -> Result<Self> {
        let profile = settings.profile;
        let (binary, stt_dir) = tokio::task::spawn_blocking(move || built(profile)).await??;
        let log = File::create(data_dir.join("log"))?;
        let child = command(&binary, &data_dir)
            .arg("run")
            .env("HELIX_LISTEN", format!("127.0.0.1:{port}"))
            .env("HELIX_ADVERTISE", "127.0.0.1")
            .env("HELIX_STT_DIR", stt_dir)
            .envs(&settings.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self { child, port, data_dir, settings })
    }

    /// Waits until every part works.
    ///
    /// # Errors
    /// It ended, or a part does not come up; with the log.
    pub async fn ready(&mut self) -> Result<()> {
        let begin = now();
        while since(begin) < READY_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the bridge ended ({status}):\n{}", self.log());
            }
            if self.works().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let parts = ask(&self.data_dir, &Ask::Status).await;
        anyhow::bail!("the bridge does not become ready: {parts:?}\n{}", self.log())
    }

    /// Whether every part works now.
    pub async fn works(&self) -> bool {
        match ask(&self.data_dir, &Ask::Status).await {
            Ok(Answer::Status(parts)) => parts.iter().all(|part| part.works),
            Ok(
                Answer::Runs(_)
                | Answer::Models(_)
                | Answer::Address(_)
                | Answer::Task(_)
                | Answer::Done(_)
                | Answer::Failed(_),
            )
            | Err(_) => false,
        }
    }

    /// Whether one part works now, and its words.
    ///
    /// # Errors
    /// The bridge does not answer.
    pub async fn part(&self, name: &str) -> Result<(bool, String)> {
        let Answer::Status(parts) = ask(&self.data_dir, &Ask::Status).await? else {
            anyhow::bail!("a status was expected");
        };
        let part = parts.into_iter().find(|part| part.part == name);
        part.map(|part| (part.works, part.text)).with_context(|| format!("no part {name}"))
    }

    /// The last runs, oldest first.
    ///
    /// # Errors
    /// The bridge does not answer.
    pub async fn runs(&self) -> Result<Vec<RunRow>> {
        match ask(&self.data_dir, &Ask::Runs { conversation: None }).await? {
            Answer::Runs(runs) => Ok(runs),
            other => anyhow::bail!("runs were expected, not {other:?}"),
        }
    }

    /// A command of `helix` beside it: its lines, each an object.
    ///
    /// # Errors
    /// Its own words, if it fails.
    pub async fn helix(&self, args: &[&str]) -> Result<Vec<Value>> {
        let mut command = command(&binary(self.settings.profile)?, &self.data_dir);
        command.args(args).arg("--json").envs(&self.settings.variables);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data_dir.join("log")).unwrap_or_default()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The processes it has started that are still there.
    pub fn children(&self) -> Vec<u32> {
        children_of(self.pid())
    }

    /// Those of its children that run this program.
    pub fn children_called(&self, name: &str) -> Vec<u32> {
        let program = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe"));
        let is_called = |pid: &u32| program(pid).is_ok_and(|path| path.ends_with(name));
        self.children().into_iter().filter(is_called).collect()
    }

    /// Sends a signal to the bridge.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.pid(), signal)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// It has not within `limit`; with the log.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let begin = now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(since(begin) < limit, "the bridge runs on after {limit:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it as a container would: by SIGTERM, with exit 0, leaving no process.
    ///
    /// # Errors
    /// It did not end so; with the log.
    pub async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    async fn end(&mut self) -> Result<()> {
        let children = self.children();
        self.signal(Signal::TERM)?;
        let status = self.ended(STOP_LIMIT).await?;
        ensure!(status.success(), "the bridge ended with {status}:\n{}", self.log());
        let is_left = |pid: &u32| is_alive(*pid);
        poll_until("no child is left", Duration::from_secs(2), || async {
            (!children.iter().any(is_left)).then_some(())
        })
        .await
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if std::thread::panicking() && matches!(self.child.try_wait(), Ok(None)) {
            eprintln!("--- the bridge's log ---\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Empty if another one goes on with it.
        if self.data_dir != PathBuf::new() {
            let _ = std::fs::remove_dir_all(&self.data_dir);
        }
    }
}

/// Sends a signal.
///
/// # Errors
/// There is no such process.
pub fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("a process id")?;
    Ok(kill_process(pid, signal)?)
}

/// Whether a process runs; a zombie does not.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Memory that a process occupies, KiB.
///
/// # Errors
/// There is no such process.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The processes that a process has started and that are still there.
pub fn children_of(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// An empty folder that belongs to the caller.
///
/// # Errors
/// The disk is full.
pub fn new_folder(name: &str) -> Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("helix-{name}-{}-{n}", std::process::id()));
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

/// `helix` with this folder for its own.
fn command(binary: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env("HELIX_DATA_DIR", data_dir).env("XDG_CONFIG_HOME", data_dir);
    command
}

/// Builds what is out of date; the binary and the folder of `helix-stt`.
fn built(profile: Profile) -> Result<(PathBuf, PathBuf)> {
    Ok((binary(profile)?, stt_folder()?))
}

/// The binary `helix`, which is built if it is out of date.
///
/// # Errors
/// It cannot be built.
pub fn binary(profile: Profile) -> Result<PathBuf> {
    program("helix", profile)
}

/// The binary of the package of the same name, which is built if it is out of date.
///
/// # Errors
/// It cannot be built.
pub fn program(name: &str, profile: Profile) -> Result<PathBuf> {
    build::once(&format!("{name} {profile:?}"), || built_program(name, profile))
}

fn built_program(name: &str, profile: Profile) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the root")?;
    let mut cargo = build::cargo();
    cargo.current_dir(root).args([
        "build",
        "--quiet",
        // With a test, and so with the features that tests add: nothing is built twice.
        "--workspace",
        "--test",
        "tidy",
        "--bin",
        name,
        "--message-format",
        "json-render-diagnostics",
    ]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let built = cargo.stderr(Stdio::inherit()).output().context("cargo")?;
    ensure!(built.status.success(), "{name} cannot be built");
    let messages = String::from_utf8(built.stdout)?;
    let objects = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let binary = objects
        .filter(|message| message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    binary.with_context(|| format!("the path of {name}"))
}

/// The folder of `helix-stt`, which is built if it is out of date.
///
/// # Errors
/// It cannot be built.
pub fn stt_folder() -> Result<PathBuf> {
    // Set where it was built before.
    if let Some(folder) = std::env::var_os("HELIX_STT_DIR") {
        return Ok(folder.into());
    }
    build::once("helix-stt", built_stt)
}

fn built_stt() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bridge/stt/build");
    let built = build::command(script).stderr(Stdio::inherit()).output()?;
    ensure!(built.status.success(), "helix-stt cannot be built");
    let lines = String::from_utf8(built.stdout)?;
    let path = lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, path)| PathBuf::from(path))
        .next_back();
    path.and_then(|path| path.parent().map(Path::to_path_buf)).context("the path of helix-stt")
}
