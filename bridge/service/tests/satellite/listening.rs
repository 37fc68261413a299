//! Utterances: audio in, a transcript out.

use std::time::Duration;

use helix::satellite::Settings;
use helix_wyoming::Event;
use helix_wyoming::asr::{Transcribe, Transcript};
use helix_wyoming::audio::{AudioFormat, AudioStart, AudioStop};
use tokio::io::AsyncWriteExt;

use crate::client::chunk;
use crate::home::{Home, UTTERANCE_LEN};

fn session() -> Vec<u8> {
    let format = AudioFormat::SPEECH;
    let events: [Event; 5] = [
        Transcribe { language: Some("de".into()), ..Transcribe::default() }.into(),
        AudioStart { format, timestamp: None }.into(),
        chunk(format, 320).into(),
        chunk(format, 320).into(),
        AudioStop::default().into(),
    ];
    events.into_iter().flat_map(Event::encode).collect()
}

#[tokio::test]
async fn an_utterance_that_arrives_byte_by_byte_is_heard_whole() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    for byte in session() {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.transcript().await, "320 de");
}

#[tokio::test]
async fn the_transcript_comes_before_the_audio_ends() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.audio(UTTERANCE_LEN).await;
    assert_eq!(client.transcript().await, "16000 en");
    client.audio(UTTERANCE_LEN).await;
    client.audio_stop().await;
    client.settle().await;
    client.transcribe().await;
    client.audio(1).await;
    client.audio_stop().await;
    assert_eq!(
        client.transcript().await,
        "1 en",
        "late audio of the first utterance is no part of the second"
    );
}

#[tokio::test]
async fn eight_speak_at_once_and_the_ninth_is_told_busy() {
    let home = Home::start(Settings::default()).await;
    let mut speakers = Vec::new();
    for _ in 0..8 {
        let mut client = home.client().await;
        client.transcribe().await;
        client.audio(160).await;
        speakers.push(client);
    }
    home.voice.open_runs(8).await;
    let mut ninth = home.client().await;
    ninth.transcribe().await;
    assert_eq!(ninth.error().await, ("busy".into(), "all ears are taken".into()));
    for client in &mut speakers {
        client.audio(160).await;
        client.audio_stop().await;
        assert_eq!(client.transcript().await, "320 en");
    }
    ninth.transcribe().await;
    ninth.audio(160).await;
    ninth.audio_stop().await;
    assert_eq!(ninth.transcript().await, "160 en");
    assert_eq!((home.counters.read().listens, home.counters.read().busy_listens), (9, 1));
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_ends_its_run_and_frees_its_place() {
    let home = Home::start(Settings { listens_max: 1, ..Settings::default() }).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.send_bytes(b"{\"type\":\"audio-chunk\",\"data_length\":44,\"payload_len").await;
    home.voice.open_runs(1).await;
    drop(client);
    home.voice.open_runs(0).await;
    let mut next = home.client().await;
    next.transcribe().await;
    next.audio(160).await;
    next.audio_stop().await;
    assert_eq!(next.transcript().await, "160 en");
    assert_eq!(home.counters.read().cancelled_runs, 1);
}

#[tokio::test]
async fn a_client_that_falls_silent_gets_what_was_heard() {
    let settings = Settings { silence_limit: Duration::from_millis(100), ..Settings::default() };
    let home = Home::start(settings).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.audio(160).await;
    assert_eq!(client.transcript().await, "160 en");
    client.transcribe().await;
    assert_eq!(client.error().await, ("stt-test".into(), "nothing to hear".into()));
}

#[tokio::test]
async fn pings_without_audio_do_not_keep_an_utterance_open() {
    let settings = Settings { silence_limit: Duration::from_millis(200), ..Settings::default() };
    let home = Home::start(settings).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.audio(160).await;
    loop {
        client.send(helix_wyoming::ping::Ping::default()).await;
        match client.next().await {
            Event::Pong(_) => tokio::task::yield_now().await,
            Event::Transcript(Transcript { text, .. }) => break assert_eq!(text, "160 en"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_never_stops_sending_is_let_go() {
    let settings = Settings { idle_limit: Duration::from_millis(200), ..Settings::default() };
    let home = Home::start(settings).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.audio(UTTERANCE_LEN).await;
    assert_eq!(client.transcript().await, "16000 en");
    let second = Event::from(chunk(AudioFormat::SPEECH, 32_000)).encode();
    let endless = async { while client.stream.write_all(&second).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), endless).await.expect("the server closes");
}

#[tokio::test]
async fn ten_minutes_of_audio_faster_than_real_time_end_by_themselves() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.transcribe().await;
    for _ in 0..600 {
        client.audio(16_000).await;
    }
    client.audio_stop().await;
    assert_eq!(client.transcript().await, "16000 en");
    client.settle().await;
}

#[tokio::test]
async fn other_formats_are_converted_or_refused_in_words() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.send(chunk(AudioFormat { rate: 48_000, width: 2, channels: 2 }, 48_000 * 4 / 2)).await;
    client.audio_stop().await;
    let heard = client.transcript().await;
    let samples: usize = heard.strip_suffix(" en").expect("language").parse().expect("a number");
    assert!((7_800..=8_200).contains(&samples), "half a second is {samples} samples");
    client.transcribe().await;
    client.send(chunk(AudioFormat { rate: 16_000, width: 9, channels: 1 }, 90)).await;
    let (code, text) = client.error().await;
    assert_eq!(code, "audio-format-unsupported");
    assert!(text.contains("9 bytes per sample") && text.contains("send"), "{text}");
    home.voice.open_runs(0).await;
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_and_ends_its_audio() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.transcribe().await;
    client.audio(160).await;
    client.send(Transcript { text: "hello".into(), ..Transcript::default() }).await;
    assert_eq!(client.transcript().await, "160 en");
    assert!(matches!(client.next().await, Event::Handled(_)));
}
