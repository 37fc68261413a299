//! What the tests of the speech engine share: the real child, the real model, real synthetic speech.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use helix_core::transcribe::{DecodeRequest, Priority, RecognizeError, Recognizer};
use helix_core::{Clock, Language};
use helix_speech::supervisor::{Config, Status, Supervisor, Whisper};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Voices that say every sentence of `sentences.tsv` so that it comes out letter by letter.
pub const VOICES: [&str; 2] = ["flite:slt", "espeak:en-us"];

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct MachineClock(Instant);

impl MachineClock {
    #[allow(clippy::disallowed_methods, reason = "the clock of the tests")]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// `HELIX_CACHE`, or the folder that stands for it.
pub fn cache() -> PathBuf {
    std::env::var_os("HELIX_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/helix"),
        PathBuf::from,
    )
}

/// The folder with the built child.
pub fn stt_dir() -> PathBuf {
    let dir = std::env::var_os("HELIX_STT_DIR").map_or_else(|| cache().join("bin"), PathBuf::from);
    let built = ["helix-stt-avx2", "helix-stt-sse42", "helix-stt-baseline", "helix-stt"]
        .iter()
        .any(|name| dir.join(name).exists());
    assert!(
        built,
        "helix-stt is not in {}: build it with `bridge/stt/build`, or set HELIX_STT_DIR",
        dir.display()
    );
    dir
}

/// The best build for this processor.
pub fn stt_binary() -> PathBuf {
    let names = ["helix-stt-avx2", "helix-stt-sse42", "helix-stt-baseline", "helix-stt"];
    names.iter().map(|name| stt_dir().join(name)).find(|path| path.exists()).expect("checked by stt_dir")
}

/// A small Whisper that understands synthetic speech.
pub fn model() -> PathBuf {
    repository().join("tests/models/whisper-home-test-en/ggml-home-test.en.bin")
}

/// A model of the true shape of Whisper `shape`, with random weights.
pub fn random_weights(shape: &str) -> PathBuf {
    let printed = std::process::Command::new(repository().join("tests/bed/speech"))
        .args(["weights", shape, "--q8_0"])
        .output()
        .expect("tests/bed/speech runs");
    let path = String::from_utf8(printed.stdout).expect("a path");
    let path = PathBuf::from(path.trim_end());
    assert!(path.exists(), "tests/bed/speech weights {shape}: {}", String::from_utf8_lossy(&printed.stderr));
    path
}

/// Memory that a process holds.
pub fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux names it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// The sentences that the model understands letter by letter.
pub fn sentences() -> Vec<String> {
    let list = repository().join("tests/models/whisper-home-test-en/sentences.tsv");
    let list = std::fs::read_to_string(list).expect("the list of sentences is in the repository");
    list.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

/// Speech at 16 kHz.
pub fn speak(voice: &str, text: &str) -> Arc<[i16]> {
    let name = format!("helix-said-{}-{:?}.wav", std::process::id(), std::thread::current().id());
    let file = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
    let done = std::process::Command::new(repository().join("tests/bed/speech"))
        .args(["speak", voice, text])
        .arg(&file)
        .status()
        .expect("tests/bed/speech runs");
    assert!(done.success(), "{voice} did not say {text:?}");
    let samples = wav(&file);
    std::fs::remove_file(&file).expect("the file was just read");
    samples
}

pub fn wav(file: &Path) -> Arc<[i16]> {
    let mut reader = hound::WavReader::open(file).expect("a WAV file");
    reader.samples::<i16>().map(|sample| sample.expect("16 bit samples")).collect()
}

/// White noise, the same for the same seed; `loudness` is its peak.
pub fn noise(samples_len: usize, loudness: i16, seed: u32) -> Arc<[i16]> {
    let mut state = seed.max(1);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let unit = f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0;
        (unit * f64::from(loudness)) as i16
    };
    (0..samples_len).map(|_| next()).collect()
}

pub fn request(samples: &Arc<[i16]>, priority: Priority) -> DecodeRequest {
    DecodeRequest { samples: Arc::clone(samples), language: Language::english(), priority }
}

/// A running supervisor with its recogniser.
pub struct Engine {
    pub whisper: Whisper<MachineClock>,
    cancel: CancellationToken,
    running: JoinSet<()>,
}

impl Engine {
    pub fn start(config: Config) -> Self {
        let (supervisor, whisper) = Supervisor::new(config, MachineClock::start());
        let cancel = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(supervisor.run(cancel.clone()));
        Self { whisper, cancel, running }
    }

    pub async fn ready(config: Config) -> Self {
        let engine = Self::start(config);
        engine.until_ready().await;
        engine
    }

    /// Waits until the model is loaded.
    pub async fn until_ready(&self) {
        let status = self.until(|status| !matches!(status, Status::Loading)).await;
        assert!(matches!(status, Status::Ready(_)), "{status:?}");
    }

    /// Waits for a status.
    pub async fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.whisper.status();
        let found = tokio::time::timeout(Duration::from_secs(30), status.wait_for(wanted)).await;
        let status = found.expect("the status comes within 30 s").expect("the supervisor runs");
        status.clone()
    }

    /// Waits until the recogniser is in this state.
    pub async fn when(&self, wanted: impl Fn(&Whisper<MachineClock>) -> bool) {
        let seen = async {
            while !wanted(&self.whisper) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen).await.expect("within 20 s");
    }

    pub async fn hear(&self, samples: &Arc<[i16]>) -> Result<String, RecognizeError> {
        let transcript = self.whisper.transcribe(request(samples, Priority::Final)).await?;
        Ok(transcript.text.into_inner())
    }

    pub async fn stop(mut self) {
        self.cancel.cancel();
        while self.running.join_next().await.is_some() {}
    }
}

/// The test model with the child that was built.
pub fn config() -> Config {
    Config { stt_dir: Some(stt_dir()), ..Config::new(model()) }
}

/// A new, empty folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("helix-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

/// Process ids of this process's running children called `helix-stt…`.
pub fn children() -> Vec<i32> {
    let me = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("Linux");
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let (Some(from), Some(to)) = (stat.find('('), stat.rfind(')')) else { return false };
        let mut rest = stat[to + 2..].split(' ');
        let (state, parent) = (rest.next(), rest.next());
        stat[from..to].contains("helix-stt") && state != Some("Z") && parent == Some(me.as_str())
    })
    .collect()
}

/// Sends a signal by its name, such as `KILL`.
pub fn signal(name: &str, pid: i32) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.expect("kill runs").success(), "SIG{name} to {pid}");
}
