//! Runs `helix` in a place of its own and looks at what it leaves.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use helix::clock::SystemClock;
use helix_core::Clock;
use serde_json::Value;

use crate::bridge::Bridge;

/// Nobody listens there.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";
/// Longer than any command takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that is removed when dropped.
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    /// `name` belongs to one test alone. It is short: a socket's path has 107 bytes at most.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("helix-cli-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self { path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path.join(name);
        std::fs::write(&path, content).expect("written");
        path.into_os_string().into_string().expect("a path in UTF-8")
    }

    /// The command, with nothing of this machine's environment but the search path.
    pub(crate) fn helix(&self, arguments: &[&str]) -> Helix {
        let mut command = Command::new(env!("CARGO_BIN_EXE_helix"));
        command.args(arguments).env_clear().current_dir(&self.path);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.path);
        command.env("HELIX_DATA_DIR", self.path("data")).env("HELIX_LISTEN", "127.0.0.1:0");
        Helix { command, log: self.path("log") }
    }

    /// A bridge whose Home Assistant does not answer, and that recognises speech.
    pub(crate) fn lonely_bridge(&self) -> Bridge {
        self.helix(&["run"]).at(NOWHERE, "token").hearing().start()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A command that is about to be run.
pub(crate) struct Helix {
    command: Command,
    log: PathBuf,
}

impl Helix {
    pub(crate) fn with(mut self, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(variable, value);
        self
    }

    pub(crate) fn at(self, url: &str, token: &str) -> Self {
        self.with("HELIX_HA_URL", url).with("HELIX_HA_TOKEN", token)
    }

    /// With the small model of the tests and the real engine.
    pub(crate) fn hearing(self) -> Self {
        self.with("HELIX_MODEL", model()).with("HELIX_STT_DIR", engine_dir())
    }

    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    pub(crate) fn run(self) -> Done {
        self.run_with(b"")
    }

    pub(crate) fn run_with(mut self, input: &[u8]) -> Done {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("helix starts");
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut stdin = child.stdin.take().expect("piped");
        // One that has ended reads no more.
        let _ = stdin.write_all(input);
        drop(stdin);
        let status = wait(&mut child, PATIENCE).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("{:?} did not end", self.command)
        });
        let [out, err] = [out, err].map(|text| text.join().expect("read"));
        Done { code: status.code(), out, err }
    }

    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().expect("helix starts")
    }

    /// Starts the bridge and waits until its port is open.
    pub(crate) fn start(mut self) -> Bridge {
        let log = std::fs::File::create(&self.log).expect("a log");
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Bridge::new(self.command.spawn().expect("helix starts"), self.log)
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn works(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It ended with 1, and its complaint has all these words.
    #[track_caller]
    pub(crate) fn complains(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in {}", self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(self, word: &str) -> Self {
        assert!(self.out.contains(word), "`{word}` is not in {self:#?}");
        self
    }

    /// The output, which must be JSON objects, one a line.
    #[track_caller]
    pub(crate) fn objects(&self) -> Vec<Value> {
        let object = |line: &str| match serde_json::from_str(line) {
            Ok(value @ Value::Object(_)) => value,
            Ok(_) | Err(_) => panic!("not an object: {line}"),
        };
        self.out.lines().map(object).collect()
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let command = format!("kill -{name} {pid}");
    let done = Command::new("sh").args(["-c", &command]).status().expect("a shell");
    assert!(done.success(), "{command}");
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

/// Looks again and again, at most for `limit`.
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock::start();
    loop {
        let found = look();
        if found.is_some() || clock.now() > limit {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    until(limit, || child.try_wait().expect("a child"))
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    let mut stream = stream.expect("piped");
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("UTF-8");
        text
    })
}

pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A small Whisper that understands synthetic speech.
pub(crate) fn model() -> PathBuf {
    repository().join("tests/models/whisper-home-test-en/ggml-home-test.en.bin")
}

/// Where `bridge/stt/build` puts the engine.
fn engine_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("HELIX_STT_DIR") {
        return dir.into();
    }
    let cache = std::env::var_os("HELIX_CACHE").map(PathBuf::from);
    let dir = cache
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache/helix"))
        .join("bin");
    assert!(dir.is_dir(), "helix-stt is not in {}: build it with `bridge/stt/build`", dir.display());
    dir
}
