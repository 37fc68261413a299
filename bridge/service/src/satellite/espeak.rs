//! espeak-ng as a child process: a text in, mono samples out.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use helix_core::{Language, Pii};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::voice::{SpeakError, Spoken};

/// Length of the header that espeak-ng writes.
const WAV_HEADER_LEN: usize = 44;
/// Bytes read at once: 0.1 s at 22050 samples per second.
const READ_LEN: usize = 4 << 10;
/// The longest speech, bytes of samples: 20 minutes at 22050 samples per second.
const SPEECH_LEN_MAX: usize = 2 * 22_050 * 60 * 20;
/// The longest list of voices, bytes; version 1.51 has 130 voices in 12 KiB.
const VOICES_LEN_MAX: u64 = 256 << 10;
/// How long espeak-ng may take for its next output; it speaks a thousand times faster than a person.
const OUTPUT_LIMIT: Duration = Duration::from_secs(10);

/// Why espeak-ng does not speak.
#[derive(Debug, thiserror::Error)]
pub enum EspeakError {
    /// There is no such program.
    #[error("espeak-ng is not installed: install it (Debian, Ubuntu: apt install espeak-ng)")]
    Missing,
    /// It cannot be started or talked to.
    #[error("espeak-ng cannot be used: {0}")]
    Failed(#[from] io::Error),
    /// It hangs.
    #[error("espeak-ng gave no sound in time")]
    TooSlow,
    /// What it wrote is not the WAV header it should be.
    #[error("espeak-ng gave no sound: `espeak-ng --stdout hello` shows why")]
    NoSound,
    /// It lists no voices.
    #[error("espeak-ng has no voices: install its data (Debian, Ubuntu: apt install espeak-ng-data)")]
    NoVoices,
}

impl EspeakError {
    /// A stable code for logs, metrics and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "tts-missing",
            Self::Failed(_) => "tts-failed",
            Self::TooSlow => "tts-too-slow",
            Self::NoSound => "tts-no-sound",
            Self::NoVoices => "tts-no-voices",
        }
    }
}

/// espeak-ng, found and asked for its languages.
#[derive(Debug, Clone)]
pub struct Espeak {
    program: PathBuf,
    languages: BTreeSet<String>,
}

impl Espeak {
    /// Looks for `espeak-ng` on the path.
    pub async fn find() -> Result<Self, EspeakError> {
        Self::at(Path::new("espeak-ng")).await
    }

    /// Uses this program.
    pub async fn at(program: &Path) -> Result<Self, EspeakError> {
        let mut child = start(Command::new(program).arg("--voices").stdin(Stdio::null()))?;
        let mut list = String::new();
        let output = stdout(&mut child)?;
        let reading = async { output.take(VOICES_LEN_MAX).read_to_string(&mut list).await };
        timeout(OUTPUT_LIMIT, reading).await.map_err(|_| EspeakError::TooSlow)??;
        let languages = languages(&list);
        if languages.is_empty() {
            return Err(EspeakError::NoVoices);
        }
        Ok(Self { program: program.to_owned(), languages })
    }

    /// The languages it speaks, as its own tags (lower case, such as `pt-br`).
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.iter().map(String::as_str)
    }

    /// The best voice for a language: the same tag, else the same primary language, else English.
    pub fn voice(&self, language: &Language) -> &str {
        let tag = language.as_str().to_ascii_lowercase().replace('_', "-");
        // Its tags name the macro languages differently.
        let primary = match language.primary().as_str() {
            "zh" => "cmn".to_owned(),
            "no" => "nb".to_owned(),
            primary => primary.to_owned(),
        };
        // Its list has English only by region, but `en` is its own default.
        if primary == "en" && !self.languages.contains(&tag) {
            return "en";
        }
        let regional = format!("{primary}-");
        let same = self.languages.get(&tag).or_else(|| self.languages.get(&primary));
        let related = || self.languages.iter().find(|language| language.starts_with(&regional));
        same.or_else(related).map_or("en", String::as_str)
    }

    /// Speaks a text. The child lives as long as the samples are wanted.
    pub async fn speak(&self, text: &Pii<String>, language: &Language) -> Result<Spoken, EspeakError> {
        let mut command = Command::new(&self.program);
        command.args(["--stdout", "--stdin", "-b", "1", "-v", self.voice(language)]).stdin(Stdio::piped());
        let mut child = start(&mut command)?;
        let mut output = stdout(&mut child)?;
        let mut header = [0; WAV_HEADER_LEN];
        let started = async {
            let mut input = child.stdin.take().ok_or(EspeakError::NoSound)?;
            input.write_all(text.expose().as_bytes()).await?;
            drop(input);
            output.read_exact(&mut header).await.map_err(|_| EspeakError::NoSound)?;
            rate(&header).ok_or(EspeakError::NoSound)
        };
        let rate = timeout(OUTPUT_LIMIT, started).await.map_err(|_| EspeakError::TooSlow)??;
        let speaking = Speaking { _child: child, output, half_sample: None, left: SPEECH_LEN_MAX };
        Ok(Spoken { rate, samples: stream::unfold(Some(speaking), Speaking::next).boxed() })
    }
}

struct Speaking {
    /// Killed when dropped.
    _child: Child,
    output: ChildStdout,
    half_sample: Option<u8>,
    left: usize,
}

type Piece = Result<Vec<i16>, SpeakError>;

impl Speaking {
    async fn next(speaking: Option<Self>) -> Option<(Piece, Option<Self>)> {
        let mut speaking = speaking?;
        let mut bytes = [0; READ_LEN];
        let room = READ_LEN.min(speaking.left);
        match timeout(OUTPUT_LIMIT, speaking.output.read(&mut bytes[..room])).await {
            Ok(Ok(0)) => None,
            Ok(Ok(len)) => {
                speaking.left -= len;
                let samples = speaking.samples(&bytes[..len]);
                Some((Ok(samples), Some(speaking)))
            }
            Ok(Err(error)) => Some((Err(EspeakError::from(error).into()), None)),
            Err(_) => Some((Err(EspeakError::TooSlow.into()), None)),
        }
    }

    fn samples(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        for &byte in bytes {
            match self.half_sample.take() {
                Some(low) => samples.push(i16::from_le_bytes([low, byte])),
                None => self.half_sample = Some(byte),
            }
        }
        samples
    }
}

fn start(command: &mut Command) -> Result<Child, EspeakError> {
    command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            EspeakError::Missing
        } else {
            EspeakError::Failed(error)
        }
    })
}

fn stdout(child: &mut Child) -> Result<ChildStdout, EspeakError> {
    child.stdout.take().ok_or(EspeakError::NoSound)
}

/// The second column of `espeak-ng --voices`, below its heading.
fn languages(list: &str) -> BTreeSet<String> {
    let tag = |line: &str| Some(line.split_whitespace().nth(1)?.to_ascii_lowercase());
    list.lines().skip(1).filter_map(tag).filter(|tag| Language::parse(tag).is_some()).collect()
}

/// Samples per second, if the header announces 16 bit mono.
fn rate(header: &[u8; WAV_HEADER_LEN]) -> Option<u32> {
    let marks = [(0, b"RIFF"), (8, b"WAVE"), (12, b"fmt "), (36, b"data")];
    let marked = marks.iter().all(|(at, mark)| header[*at..].starts_with(*mark));
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (pcm, mono, bits) = (short(20) == 1, short(22) == 1, short(34) == 16);
    let rate = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
    (marked && pcm && mono && bits && rate > 0).then_some(rate)
}
