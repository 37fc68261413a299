//! What nobody said: silence and noise make no sentence and move nothing. `cargo xtask bench silence` listens to ten
//! minutes of each.
#![allow(clippy::print_stdout, reason = "measured times are shown")]

use std::time::Duration;

use anyhow::{Result, ensure};
use helix_tests::bridge::Bridge;
use helix_tests::home::Home;
use helix_tests::sound::{self, Noise};
use helix_tests::time::{now, since};
use helix_tests::wire::{Wire, chunk};
use helix_wyoming::Event;
use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioFormat, AudioStart, AudioStop};

const LENGTH: Duration = Duration::from_mins(2);
/// A run ends itself after 30 s at the latest, so a piece holds the sound of one run and the margin of the next.
const RUN: Duration = Duration::from_secs(35);

#[tokio::test(flavor = "multi_thread")]
async fn two_minutes_of_every_noise_say_nothing_and_move_nothing() -> Result<()> {
    let home = Home::start("noise").await?;
    let bridge = Bridge::start(&home).await?;
    let before = home.movables().await?;
    let mark = home.mark().await?;
    for noise in Noise::ALL {
        let begin = now();
        let (runs, invented) = listen_through(bridge.port, noise).await?;
        println!("2 min of {noise:?}: {runs} runs in {} s, invented: {invented:?}", since(begin).as_secs());
        ensure!(invented.is_empty(), "{noise:?} was taken for {invented:?}");
    }
    assert_eq!(home.moves_since(mark).await?, []);
    assert_eq!(home.movables().await?, before);
    bridge.stop().await
}

/// Runs one after another until all of the sound was heard; what was understood.
async fn listen_through(port: u16, noise: Noise) -> Result<(usize, Vec<String>)> {
    let all = noise.samples(LENGTH);
    let (mut at, mut runs, mut invented) = (0, 0, Vec::new());
    while at < all.len() {
        let piece = &all[at..all.len().min(at + sound::samples_in(RUN))];
        let mut wire = Wire::connect(port).await?;
        let (heard, text) = hear(&mut wire, piece).await?;
        if text.chars().any(char::is_alphabetic) {
            invented.push(text);
        }
        // A run that ended itself has heard at least what ends a run without a word.
        at += heard.max(sound::samples_in(Duration::from_secs(5)));
        runs += 1;
    }
    Ok((runs, invented))
}

/// How many samples were sent until the run ended, and its text.
async fn hear(wire: &mut Wire, samples: &[i16]) -> Result<(usize, String)> {
    wire.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    wire.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
    let piece_len = sound::RATE / 10;
    for (n, piece) in samples.chunks(piece_len).enumerate() {
        let is_open = wire.send(chunk(piece)).await.is_ok();
        let answer = tokio::time::timeout(Duration::from_millis(1), wire.next()).await;
        if let Ok(Ok(Some(Event::Transcript(transcript)))) = answer {
            return Ok(((n + 1) * piece_len, transcript.text));
        }
        ensure!(is_open && answer.is_err(), "the run was closed without a transcript");
    }
    wire.send(AudioStop::default()).await?;
    let Event::Transcript(transcript) = wire.answer().await? else { anyhow::bail!("no transcript") };
    Ok((samples.len(), transcript.text))
}
