//! Ten minutes of every kind of sound that nobody said, faster than real time: no sentence, no action.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::sound::{self, Noise};
use helix_tests::time::{now, since};
use helix_tests::wire::{Wire, chunk};
use helix_wyoming::Event;
use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioFormat, AudioStart, AudioStop};

use crate::figure::Figure;

/// A run ends itself after 30 s at the latest.
const RUN: Duration = Duration::from_secs(35);
/// A run that nobody spoke in has heard at least this much.
const NO_SPEECH: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Minutes of each kind
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

#[derive(Default)]
struct Heard {
    runs: usize,
    invented: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-silence").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token()).release();
    let bridge = Bridge::start_with(settings).await?;
    let mark = home.mark().await?;
    let (mut runs, mut invented) = (0, 0);
    for noise in Noise::ALL {
        let begin = now();
        let heard =
            listen_through(bridge.port, &noise.samples(Duration::from_mins(arguments.minutes))).await?;
        let (minutes, took) = (arguments.minutes, since(begin).as_secs());
        eprintln!(
            "{minutes} min of {noise:?}: {} runs in {took} s, invented {:?}",
            heard.runs, heard.invented
        );
        runs += heard.runs;
        invented += heard.invented.len();
    }
    let calls = home.moves_since(mark).await?;
    for call in &calls {
        eprintln!("acted: {call:?}");
    }
    bridge.stop().await?;
    Ok(vec![
        count("silence.invented-sentences", "sentences", invented, runs),
        count("silence.actions", "actions", calls.len(), runs),
    ])
}

fn count(name: &'static str, unit: &'static str, value: usize, n: usize) -> Figure {
    let holds = Some(value == 0);
    Figure { name: name.into(), value: value as f64, unit, peer: None, ratio: None, n, goal: "0", holds }
}

/// Runs one after another until all of the sound was heard.
async fn listen_through(port: u16, samples: &[i16]) -> Result<Heard> {
    let (mut at, mut all) = (0, Heard::default());
    while at < samples.len() {
        let piece = &samples[at..samples.len().min(at + sound::samples_in(RUN))];
        let (heard_len, text) = hear(port, piece).await?;
        if text.chars().any(char::is_alphabetic) {
            all.invented.push(text);
        }
        at += heard_len.max(sound::samples_in(NO_SPEECH));
        all.runs += 1;
    }
    Ok(all)
}

/// How many samples were sent until the run ended, and its text.
async fn hear(port: u16, samples: &[i16]) -> Result<(usize, String)> {
    let mut wire = Wire::connect(port).await?;
    wire.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    wire.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
    let piece_len = sound::RATE / 10;
    for (n, piece) in (1..).zip(samples.chunks(piece_len)) {
        let is_open = wire.send(chunk(piece)).await.is_ok();
        let answer = tokio::time::timeout(Duration::from_millis(1), wire.next()).await;
        if let Ok(Ok(Some(Event::Transcript(transcript)))) = answer {
            return Ok((n * piece_len, transcript.text));
        }
        ensure!(is_open && answer.is_err(), "the run was closed without a transcript");
    }
    wire.send(AudioStop::default()).await?;
    let Event::Transcript(transcript) = wire.answer().await? else { bail!("no transcript") };
    Ok((samples.len(), transcript.text))
}
