//! Clients that do not behave: whatever they send, Helix answers the next one.
#![allow(clippy::print_stdout, reason = "measured times are shown")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::{Bridge, resident_kib};
use helix_tests::home::Home;
use helix_tests::sound::{self, Noise, VOICES, speech};
use helix_tests::wire::{self, Wire, chunk};
use helix_wyoming::Event;
use helix_wyoming::asr::{Transcribe, Transcript};
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
use tokio::task::JoinSet;

/// Nothing that a client does may take longer to be ended: the longest run has 30 s.
const LIMIT: Duration = Duration::from_secs(20);
/// The debug build, with room: this only catches what grows without end.
const RESIDENT_MAX_KIB: u64 = 200 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn bad_clients_are_answered_or_ended_and_harm_nobody() -> Result<()> {
    let home = Home::start("hostile").await?;
    let bridge = Bridge::start(&home).await?;
    let mark = home.mark().await?;
    garbage_is_ended(&bridge).await.context("garbage")?;
    a_client_that_stops_in_the_middle_is_forgotten(&bridge).await.context("stops in the middle")?;
    many_clients_that_stop_leave_room(&bridge).await.context("many that stop")?;
    one_that_never_ends_is_ended(&bridge).await.context("never ends")?;
    short_and_long_sound_is_answered(&bridge).await.context("lengths")?;
    a_megabyte_of_text_is_refused_in_words(&bridge).await.context("a megabyte")?;
    ensure!(home.moves_since(mark).await?.is_empty(), "something moved");
    other_formats_are_understood(&bridge).await.context("formats")?;
    let resident = resident_kib(bridge.pid())?;
    println!("resident after all of it: {} MiB", resident >> 10);
    assert!(resident < RESIDENT_MAX_KIB, "{resident} KiB");
    assert!(!bridge.log().contains("panicked"), "{}", bridge.log());
    bridge.stop().await
}

/// The next client is served as if nothing had been.
async fn works(bridge: &Bridge) -> Result<()> {
    ensure!(!wire::describe(bridge.port).await?.handle.is_empty(), "describe");
    let text = wire::transcript(bridge.port, &speech(VOICES[0], "Turn on the kitchen light.")?).await?;
    ensure!(text.to_lowercase().starts_with("turn on the kitchen light"), "`{text}`");
    Ok(())
}

/// Waits until the bridge has closed the connection; the events that came before.
async fn closed(wire: &mut Wire) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let end = async {
        while let Ok(Some(event)) = wire.next().await {
            events.push(event);
        }
    };
    tokio::time::timeout(LIMIT, end).await.context("the connection stays open")?;
    Ok(events)
}

async fn garbage_is_ended(bridge: &Bridge) -> Result<()> {
    let long = vec![b'{'; 80 << 10];
    let pieces: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"{\"type\": 7}\n",
        b"{\"type\": \"audio-chunk\", \"payload_length\": 18446744073709551615}\n",
        b"{\"type\": \"transcribe\", \"data_length\": 4}\nnull",
        &long,
    ];
    for bytes in pieces {
        let mut wire = Wire::connect(bridge.port).await?;
        // The other side may close before all of it was read.
        let _ = wire.send_bytes(bytes).await;
        closed(&mut wire)
            .await
            .with_context(|| format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)])))?;
    }
    works(bridge).await
}

async fn begun(bridge: &Bridge, format: AudioFormat) -> Result<Wire> {
    let mut wire = Wire::connect(bridge.port).await?;
    wire.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    wire.send(AudioStart { format, timestamp: None }).await?;
    Ok(wire)
}

async fn a_client_that_stops_in_the_middle_is_forgotten(bridge: &Bridge) -> Result<()> {
    let said = speech(VOICES[0], "Turn on the kitchen light.")?;
    let mut wire = begun(bridge, AudioFormat::SPEECH).await?;
    wire.send(chunk(&said[..said.len() / 2])).await?;
    wire.send_bytes(b"{\"type\": \"audio-chunk\", \"payload_length\": 4000}\nhalf").await?;
    drop(wire);
    works(bridge).await
}

async fn many_clients_that_stop_leave_room(bridge: &Bridge) -> Result<()> {
    for _ in 0..40 {
        drop(begun(bridge, AudioFormat::SPEECH).await?);
    }
    helix_tests::time::poll_until("room for the next one", LIMIT, || async { works(bridge).await.ok() }).await
}

/// Silence without an end, faster than real time: five seconds of it end the run.
async fn one_that_never_ends_is_ended(bridge: &Bridge) -> Result<()> {
    let mut wire = begun(bridge, AudioFormat::SPEECH).await?;
    let second = sound::silence(Duration::from_secs(1));
    let endless = async {
        loop {
            if wire.send(chunk(&second)).await.is_err() {
                return wire.next().await;
            }
            if let Ok(answer) = tokio::time::timeout(Duration::from_millis(20), wire.next()).await {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(LIMIT, endless).await.context("it goes on and on")??;
    let Some(Event::Transcript(transcript)) = answer else { anyhow::bail!("{answer:?}") };
    ensure!(transcript.text.is_empty(), "`{}`", transcript.text);
    works(bridge).await
}

async fn short_and_long_sound_is_answered(bridge: &Bridge) -> Result<()> {
    let lengths = [Duration::ZERO, Duration::from_millis(100), Duration::from_mins(10)];
    for length in lengths {
        let text = wire::transcript(bridge.port, &Noise::Pink.samples(length))
            .await
            .with_context(|| format!("{length:?}"))?;
        ensure!(!text.chars().any(char::is_alphabetic), "{length:?}: `{text}`");
    }
    works(bridge).await
}

async fn a_megabyte_of_text_is_refused_in_words(bridge: &Bridge) -> Result<()> {
    let (kind, reply) =
        wire::handle(bridge.port, &"turn on the kitchen light and ".repeat(35_000), "en", None).await?;
    ensure!(kind != "handled" && reply.contains("too much"), "{kind}: {reply}");
    let mut wire = Wire::connect(bridge.port).await?;
    // Beyond every limit: the connection may be closed instead.
    let _ = wire.send(Transcript { text: "a".repeat(8 << 20), ..Transcript::default() }).await;
    closed(&mut wire).await?;
    works(bridge).await
}

/// 44.1 kHz, two channels, 24 bit; 8 kHz; 48 kHz: converted, and understood.
async fn other_formats_are_understood(bridge: &Bridge) -> Result<()> {
    let said = speech(VOICES[1], "Turn on the kitchen light.")?;
    let formats = [
        AudioFormat { rate: 44_100, width: 3, channels: 2 },
        AudioFormat { rate: 48_000, width: 2, channels: 1 },
        AudioFormat { rate: 22_050, width: 4, channels: 1 },
    ];
    let mut all = JoinSet::new();
    for format in formats {
        let audio = converted(&said, format);
        let mut wire = begun(bridge, format).await?;
        all.spawn(async move {
            for piece in audio.chunks(format.rate as usize / 10 * usize::from(format.width * format.channels))
            {
                if wire.send(AudioChunk { format, timestamp: None, audio: piece.to_vec() }).await.is_err() {
                    break;
                }
            }
            let _ = wire.send(AudioStop::default()).await;
            let Event::Transcript(transcript) = wire.answer().await? else { anyhow::bail!("{format:?}") };
            Ok((format, transcript.text))
        });
    }
    for result in all.join_all().await {
        let (format, text) = result?;
        ensure!(text.to_lowercase().starts_with("turn on the kitchen light"), "{format:?}: `{text}`");
    }
    works(bridge).await
}

/// Linear interpolation is enough for speech that was recorded at 16 kHz.
fn converted(samples: &[i16], format: AudioFormat) -> Vec<u8> {
    let ratio = sound::RATE as f64 / f64::from(format.rate);
    let len = (samples.len() as f64 / ratio) as usize;
    let at = |n: usize| f64::from(samples.get(n).copied().unwrap_or_default());
    let mut bytes = Vec::new();
    for n in 0..len {
        let place = n as f64 * ratio;
        let (whole, part) = (place as usize, place.fract());
        let value = (at(whole) * (1.0 - part) + at(whole + 1) * part) as i32;
        // Little endian with the 16 bits at the top.
        let wide = (value << 16).to_le_bytes();
        for _ in 0..format.channels {
            bytes.extend_from_slice(&wide[4 - usize::from(format.width)..]);
        }
    }
    bytes
}
