//! The speech child dies in mid-utterance, again and again: the run says so, and the next one works.
#![allow(clippy::print_stdout, reason = "measured times are shown")]

use std::time::Duration;

use anyhow::{Context, Result};
use helix_tests::bridge::{Bridge, is_alive, send};
use helix_tests::home::Home;
use helix_tests::sound::{self, VOICES, speech};
use helix_tests::time::{now, poll_until, since};
use helix_tests::wire::{self, Wire, chunk};
use helix_wyoming::Event;
use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioFormat, AudioStart, AudioStop};
use rustix::process::Signal;

const TIMES: usize = 50;
/// The promise is 2 s on an idle machine; this only catches what hangs.
const SAFETY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_speech_child_that_is_killed_is_told_and_replaced() -> Result<()> {
    let home = Home::start("speech-child").await?;
    let bridge = Bridge::start(&home).await?;
    let said = speech(VOICES[0], "Turn on the kitchen light.")?;
    let (mut slowest, mut children) = (Duration::ZERO, Vec::new());
    for n in 0..TIMES {
        let child = the_child(&bridge).await.with_context(|| format!("before kill {n}"))?;
        children.push(child);
        // The point of the kill wanders through the utterance, up to and beyond its end.
        let at = said.len() * n / TIMES + 1;
        let took =
            a_run_with_a_kill_ends(&bridge, &said, at, child).await.with_context(|| format!("kill {n}"))?;
        assert!(took < SAFETY, "kill {n}: the reply came after {took:?}");
        slowest = slowest.max(took);
        let next = poll_until("the next run is understood", SAFETY, || async {
            let text = wire::transcript(bridge.port, &said).await.ok()?;
            text.to_lowercase().starts_with("turn on the kitchen light").then_some(())
        });
        next.await.with_context(|| format!("after kill {n}: {}", bridge.log()))?;
    }
    println!("{TIMES} kills: the slowest reply came {} ms after the kill", slowest.as_millis());
    bridge.stop().await?;
    assert!(!children.into_iter().any(is_alive), "a child is left");
    Ok(())
}

async fn the_child(bridge: &Bridge) -> Result<u32> {
    poll_until("a speech child", SAFETY, || async { bridge.children().first().copied() }).await
}

/// Kills the child when `at` samples were sent; how long it took from then until a reply was there.
async fn a_run_with_a_kill_ends(bridge: &Bridge, said: &[i16], at: usize, child: u32) -> Result<Duration> {
    let mut wire = Wire::connect(bridge.port).await?;
    wire.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    wire.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
    wire.send(chunk(&said[..at])).await?;
    send(child, Signal::KILL)?;
    let killed = now();
    wire.send(chunk(&said[at..])).await?;
    wire.send(chunk(&sound::silence(Duration::from_secs(2)))).await?;
    wire.send(AudioStop::default()).await?;
    let Event::Transcript(transcript) = wire.answer().await? else { anyhow::bail!("no transcript") };
    // What Home Assistant does with a transcript: it gives it to the agent, whose words are spoken.
    let (kind, reply) = wire::handle(bridge.port, &transcript.text, "en", None).await?;
    let understood = transcript.text.to_lowercase().starts_with("turn on the kitchen light");
    let honest = reply.contains("speech recognition") || (understood && kind == "handled");
    assert!(honest, "neither honest nor right: `{}` -> {kind} `{reply}`", transcript.text);
    Ok(since(killed))
}
