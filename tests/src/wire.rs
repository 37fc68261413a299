//! One connection that speaks Wyoming.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use helix_wyoming::asr::{Context as Caller, Transcribe, Transcript};
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
use helix_wyoming::describe::{Describe, Info};
use helix_wyoming::{Decoder, Event, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sound;

const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A connection and what came in on it.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    decoder: Decoder,
}

impl Wire {
    /// Connects to a port of this machine.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Speaks on a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        Self { stream, decoder: Decoder::new(Limits::default()) }
    }

    /// Sends one event.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, event: impl Into<Event>) -> Result<()> {
        self.send_bytes(&event.into().encode()).await
    }

    /// Sends whatever it is.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next event; `None` if the connection was closed. Loses nothing when it is cancelled.
    ///
    /// # Errors
    /// The connection broke, or what came is not Wyoming.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(Event::parse(frame)?));
            }
            let mut bytes = [0; 8 << 10];
            match self.stream.read(&mut bytes).await? {
                0 => return Ok(None),
                read => self.decoder.push(&bytes[..read]),
            }
        }
    }

    /// The next event, which has to come within 20 s.
    ///
    /// # Errors
    /// It did not come.
    pub async fn answer(&mut self) -> Result<Event> {
        tokio::time::timeout(ANSWER_LIMIT, self.next()).await.context("no answer in 20 s")??.context("closed")
    }

    /// Sends speech-to-text all it needs, faster than real time; the answer comes by [`Wire::answer`].
    ///
    /// # Errors
    /// The connection is gone before the audio began; later it may end, as an answer may have come already.
    pub async fn transcribe(&mut self, samples: &[i16]) -> Result<()> {
        self.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
        self.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
        for piece in samples.chunks(sound::RATE / 10) {
            if self.send(chunk(piece)).await.is_err() {
                return Ok(());
            }
        }
        let _ = self.send(AudioStop::default()).await;
        Ok(())
    }
}

/// 16 kHz samples as an event.
pub fn chunk(samples: &[i16]) -> AudioChunk {
    AudioChunk { format: AudioFormat::SPEECH, timestamp: None, audio: sound::pcm(samples) }
}

/// What the server at this port offers.
///
/// # Errors
/// It does not answer with an info.
pub async fn describe(port: u16) -> Result<Info> {
    let mut wire = Wire::connect(port).await?;
    wire.send(Describe {}).await?;
    match wire.answer().await? {
        Event::Info(info) => Ok(info),
        other => anyhow::bail!("an info was expected, not {other:?}"),
    }
}

/// What speech-to-text at this port understands.
///
/// # Errors
/// It does not answer with a transcript.
pub async fn transcript(port: u16, samples: &[i16]) -> Result<String> {
    let mut wire = Wire::connect(port).await?;
    wire.transcribe(samples).await?;
    match wire.answer().await? {
        Event::Transcript(transcript) => Ok(transcript.text),
        other => anyhow::bail!("a transcript was expected, not {other:?}"),
    }
}

/// What the conversation agent at this port does with a sentence: the kind of its answer and its words.
///
/// # Errors
/// It does not answer.
pub async fn handle(port: u16, text: &str, language: &str, device: Option<&str>) -> Result<(String, String)> {
    let mut wire = Wire::connect(port).await?;
    let context = Caller {
        conversation_id: Some("01TESTS0000000000000000000".into()),
        device_id: device.map(str::to_owned),
        ..Caller::default()
    };
    let language = Some(language.to_owned());
    wire.send(Transcript { text: text.to_owned(), language, context: Some(context) }).await?;
    let answer = wire.answer().await?;
    let kind = answer.kind().to_owned();
    let words = answer.into_frame().data.remove("text").and_then(|text| text.as_str().map(str::to_owned));
    Ok((kind, words.unwrap_or_default()))
}
