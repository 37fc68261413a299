//! Text to speech: whole texts, and texts in pieces.

use std::time::Duration;

use helix::satellite::Settings;
use helix_wyoming::Event;
use helix_wyoming::audio::AudioFormat;
use helix_wyoming::tts::{Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop};

use crate::client::Client;
use crate::home::Home;

const VOICE: AudioFormat = AudioFormat { rate: 22_050, width: 2, channels: 1 };

fn whole(text: &str) -> Synthesize {
    Synthesize { text: text.into(), voice: None }
}

fn piece(text: &str) -> SynthesizeChunk {
    SynthesizeChunk { text: text.into() }
}

/// The texts spoken, one for each chunk: the voice speaks one sample for each byte.
async fn speech(client: &mut Client) -> Vec<String> {
    assert!(matches!(client.next().await, Event::AudioStart(start) if start.format == VOICE));
    let mut texts = Vec::new();
    loop {
        match client.next().await {
            Event::AudioChunk(chunk) => {
                let bytes = chunk.audio.chunks_exact(2).map(|sample| sample[0]).collect();
                texts.push(String::from_utf8(bytes).expect("the text that was sent"));
            }
            Event::AudioStop(_) => return texts,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_whole_text_becomes_audio() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(whole("Hello there")).await;
    assert_eq!(speech(&mut client).await, ["Hello there"]);
}

#[tokio::test]
async fn a_text_in_pieces_is_spoken_once_and_from_its_first_sentence_on() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(SynthesizeStart::default()).await;
    client.send(piece("It is war")).await;
    client.send(piece("m. And d")).await;
    assert!(matches!(client.next().await, Event::AudioStart(start) if start.format == VOICE));
    assert!(
        matches!(client.next().await, Event::AudioChunk(chunk) if chunk.audio.len() == 2 * "It is warm. ".len())
    );
    client.send(piece("ry.")).await;
    client.send(whole("It is warm. And dry.")).await;
    client.send(SynthesizeStop {}).await;
    assert!(
        matches!(client.next().await, Event::AudioChunk(chunk) if chunk.audio.len() == 2 * "And dry.".len())
    );
    assert!(matches!(client.next().await, Event::AudioStop(_)));
    assert!(matches!(client.next().await, Event::SynthesizeStopped(_)));
}

#[tokio::test]
async fn a_text_without_words_is_a_moment_of_silence() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(whole(" ")).await;
    assert!(matches!(client.next().await, Event::AudioStart(_)));
    assert!(matches!(client.next().await, Event::AudioChunk(_)));
    assert!(matches!(client.next().await, Event::AudioStop(_)));
}

#[tokio::test]
async fn a_text_that_cannot_be_spoken_is_an_error_and_the_rest_of_it_is_skipped() {
    let home = Home::start(Settings::default()).await;
    let mut client = home.client().await;
    client.send(whole("mute")).await;
    assert_eq!(client.error().await.0, "tts-no-voice");
    client.send(SynthesizeStart::default()).await;
    client.send(piece(&"a".repeat(64_001))).await;
    client.send(whole("Hello")).await;
    client.send(SynthesizeStop {}).await;
    assert_eq!(client.error().await, ("text-too-long".into(), "too long".into()));
    client.send(whole("Hello again")).await;
    assert_eq!(speech(&mut client).await, ["Hello again"]);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let settings =
        Settings { write_limit: Duration::from_millis(100), connections_max: 1, ..Settings::default() };
    let home = Home::start(settings).await;
    let mut deaf = home.client().await;
    deaf.send(whole("for ever")).await;
    let freed = async {
        loop {
            let mut next = home.client().await;
            next.send(helix_wyoming::describe::Describe {}).await;
            if matches!(next.next().await, Event::Info(_)) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("the place is free again");
}
