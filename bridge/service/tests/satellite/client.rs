//! A Wyoming client with a plain socket.

use std::net::SocketAddr;
use std::time::Duration;

use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStop};
use helix_wyoming::ping::Ping;
use helix_wyoming::{Decoder, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, decoder: Decoder::default() }
    }

    pub(crate) async fn send(&mut self, event: impl Into<Event>) {
        self.send_bytes(&event.into().encode()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    pub(crate) async fn transcribe(&mut self) {
        self.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await;
    }

    /// Sends silence of this many samples.
    pub(crate) async fn audio(&mut self, samples: usize) {
        self.send(chunk(AudioFormat::SPEECH, samples * 2)).await;
    }

    pub(crate) async fn audio_stop(&mut self) {
        self.send(AudioStop::default()).await;
    }

    /// Waits until the server has taken everything that was sent.
    pub(crate) async fn settle(&mut self) {
        self.send(Ping { text: Some("settled".into()) }).await;
        let answer = self.next().await;
        assert!(
            matches!(&answer, Event::Pong(pong) if pong.text.as_deref() == Some("settled")),
            "{answer:?}"
        );
    }

    pub(crate) async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.next_or_end())
            .await
            .expect("an answer in time")
            .expect("an answer, not the end")
    }

    /// Waits for the end of the connection; whatever else comes fails.
    pub(crate) async fn end(&mut self) {
        let end = timeout(PATIENCE, self.next_or_end()).await.expect("an end in time");
        assert!(end.is_none(), "{end:?} instead of the end");
    }

    pub(crate) async fn transcript(&mut self) -> String {
        match self.next().await {
            Event::Transcript(transcript) => transcript.text,
            other => panic!("{other:?} instead of a transcript"),
        }
    }

    /// The code and text of an error event.
    pub(crate) async fn error(&mut self) -> (String, String) {
        match self.next().await {
            Event::Error(error) => (error.code.expect("a code"), error.text),
            other => panic!("{other:?} instead of an error"),
        }
    }

    async fn next_or_end(&mut self) -> Option<Event> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("the server speaks Wyoming") {
                return Some(Event::parse(frame).expect("the server sends whole events"));
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(len) => self.decoder.push(&bytes[..len]),
            }
        }
    }
}

pub(crate) fn chunk(format: AudioFormat, bytes_len: usize) -> AudioChunk {
    AudioChunk { format, timestamp: None, audio: vec![0; bytes_len] }
}
