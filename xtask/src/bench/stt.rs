//! One decode of the same sound by both engines in turn, both with the same threads.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use helix::clock::SystemClock;
use helix::speech::{Engine, EngineConfig};
use helix_core::transcribe::{DecodeRequest, Priority};
use helix_core::{Language, Recognizer};
use helix_tests::bridge::{new_folder, stt_folder};
use helix_tests::peer::{Peer, bed, weights};
use helix_tests::sound::{self, VOICES};
use helix_tests::time::{now, since};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::figure::{Figure, Series, ms, rounded};

const SENTENCE: &str = "Turn on the kitchen light.";
/// Samples of the utterance: 2.5 s, silence around the words included.
const SAMPLES_LEN: usize = 40_000;
const WARM_UP: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many decodes of each
    #[arg(long, default_value_t = 30)]
    decodes: usize,
    /// Threads of both
    #[arg(long, default_value_t = 2)]
    threads: u8,
}

/// What both took, milliseconds.
pub(super) struct Decodes {
    pub(super) ours: Series,
    pub(super) peer: Series,
}

/// One shape of model in the forms that both engines read.
pub(super) struct Model {
    ours: PathBuf,
    /// In whisper.cpp's form, float16; converted to `CTranslate2` int8.
    peer: PathBuf,
}

impl Model {
    /// The shape of base.en with random weights that always say the same.
    pub(super) fn base() -> Result<Self> {
        Ok(Self { ours: weights("base.en", "--q8_0")?, peer: weights("base.en", "--f16")? })
    }

    /// The model of the tests.
    pub(super) fn test() -> Self {
        let model = bed("../models/whisper-home-test-en/ggml-home-test.en.bin");
        Self { ours: model.clone(), peer: model }
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let decodes = measure(&Model::base()?, arguments.decodes, arguments.threads).await?;
    eprintln!("{}", decodes.ours.line("helix-stt, base.en q8_0"));
    eprintln!("{}", decodes.peer.line("faster-whisper, base.en int8, beam 1"));
    let (ours, peer) = (decodes.ours.p50(), decodes.peer.p50());
    Ok(vec![Figure {
        name: "stt.base-en.decode.p50".into(),
        value: rounded(ours, 1),
        unit: "ms",
        peer: Some(rounded(peer, 1)),
        ratio: Some(rounded(ours / peer, 3)),
        n: decodes.ours.len(),
        goal: ">= 3x faster",
        holds: Some(peer >= 3.0 * ours),
    }])
}

/// Decodes in turn.
pub(super) async fn measure(model: &Model, decodes: usize, threads: u8) -> Result<Decodes> {
    let folder = new_folder("bench-stt")?;
    let mut samples = sound::speech(VOICES[0], SENTENCE)?;
    samples.resize(SAMPLES_LEN, 0);
    let mut peer = Python::start(model, &folder, &samples, threads).await?;
    let stt_dir = Some(tokio::task::spawn_blocking(stt_folder).await??);
    let config = EngineConfig::Child { model_path: model.ours.clone(), threads: Some(threads), stt_dir };
    let engine = Engine::start(config, SystemClock::start());
    engine.ready().await?;
    let samples: Arc<[i16]> = samples.into();
    let (mut ours_ms, mut peer_ms) = (Vec::new(), Vec::new());
    for n in 0..WARM_UP + decodes {
        let (ours, theirs) = (decode(&engine, &samples).await?, peer.decode().await?);
        if n >= WARM_UP {
            ours_ms.push(ours);
            peer_ms.push(theirs);
        }
    }
    engine.stop().await;
    peer.stop().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(Decodes { ours: Series::new(ours_ms), peer: Series::new(peer_ms) })
}

/// As the bridge does it: the sound goes to the child and the words come back.
async fn decode(engine: &Engine, samples: &Arc<[i16]>) -> Result<f64> {
    let request = DecodeRequest {
        samples: Arc::clone(samples),
        language: Language::english(),
        priority: Priority::Final,
    };
    let begin = now();
    let transcript = engine.transcribe(request).await?;
    let took = ms(since(begin));
    ensure!(is_the_sentence(transcript.text.expose()), "helix-stt understood something else");
    Ok(took)
}

fn is_the_sentence(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case(SENTENCE)
}

/// faster-whisper, which decodes when it is asked to.
struct Python {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Python {
    async fn start(model: &Model, folder: &Path, samples: &[i16], threads: u8) -> Result<Self> {
        let python = tokio::task::spawn_blocking(Peer::python).await??;
        let (model_folder, recording) = (folder.join("model"), folder.join("said.wav"));
        let mut make = Command::new(&python);
        make.arg(bed("ggml2ct2.py")).args([&model.peer, &model_folder]).arg("int8").stdout(Stdio::null());
        ensure!(make.status().await?.success(), "the model cannot be converted");
        write(&recording, samples)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/peer_decodes.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(model_folder)
            .arg(threads.to_string())
            .arg(recording)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().context("standard input")?;
        let answers = BufReader::new(child.stdout.take().context("standard output")?).lines();
        Ok(Self { child, orders, answers })
    }

    async fn decode(&mut self) -> Result<f64> {
        self.orders.write_all(b"go\n").await?;
        let line = self.answers.next_line().await?.context("faster-whisper ended")?;
        let (took, words) = line.split_once(' ').context("a time and words")?;
        ensure!(is_the_sentence(words), "faster-whisper understood `{words}`");
        Ok(took.parse()?)
    }

    async fn stop(mut self) -> Result<()> {
        drop(self.orders);
        ensure!(self.child.wait().await?.success(), "faster-whisper failed");
        Ok(())
    }
}

fn write(path: &Path, samples: &[i16]) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: u32::try_from(sound::RATE)?,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    Ok(writer.finalize()?)
}
