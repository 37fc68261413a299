//! Any Wyoming speech-to-text server as the engine: one connection for each decode, as Home Assistant does it.

use std::time::Duration;

use helix_core::Pii;
use helix_core::transcribe::{DecodeRequest, RecognizeError, SAMPLE_RATE, Transcript};
use helix_wyoming::asr::{Transcribe, Transcript as Words};
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
use helix_wyoming::describe::Info;
use helix_wyoming::{Decoder, Event, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// Samples of one chunk: 100 ms.
const CHUNK_LEN: usize = SAMPLE_RATE as usize / 10;

/// A server's address.
#[derive(Debug, Clone)]
pub struct External {
    host: String,
    port: u16,
}

impl External {
    pub(super) fn new(host: String, port: u16) -> Self {
        Self { host, port }
    }

    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What the server offers.
    pub(super) async fn describe(&self) -> Result<Info, RecognizeError> {
        let exchange = async {
            let mut connection = self.connect().await?;
            connection.send(vec![Event::from(helix_wyoming::describe::Describe {})]).await?;
            loop {
                if let Event::Info(info) = connection.next().await? {
                    return Ok(info);
                }
            }
        };
        let info: Info = timeout(ANSWER_LIMIT, exchange).await.unwrap_or(Err(RecognizeError::Timeout))?;
        if info.asr.is_empty() {
            let why = format!(
                "the server at {} offers no speech to text; check asr_host and asr_port",
                self.address()
            );
            return Err(RecognizeError::Unavailable(why));
        }
        Ok(info)
    }

    pub(super) async fn transcribe(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        let exchange = async {
            let mut connection = self.connect().await?;
            connection.send(order(&request)).await?;
            loop {
                #[allow(clippy::wildcard_enum_match_arm, reason = "whatever else a server says is ignored")]
                match connection.next().await? {
                    Event::Transcript(words) => return Ok(words),
                    Event::Error(error) => return Err(RecognizeError::Unavailable(error.text)),
                    other => tracing::trace!(kind = other.kind(), "ignored"),
                }
            }
        };
        let words: Words = timeout(ANSWER_LIMIT, exchange).await.unwrap_or(Err(RecognizeError::Timeout))?;
        let said = words.text.trim();
        let text = if said.chars().any(char::is_alphanumeric) { said.to_owned() } else { String::new() };
        Ok(Transcript { text: Pii::new(text), decode_ms: 0 })
    }

    async fn connect(&self) -> Result<Connection, RecognizeError> {
        let unreachable = || {
            let address = self.address();
            RecognizeError::Unavailable(format!(
                "the speech server {address} does not answer; check asr_host and asr_port"
            ))
        };
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT_LIMIT, connecting)
            .await
            .map_err(|_| unreachable())?
            .map_err(|_| unreachable())?;
        let _ = stream.set_nodelay(true);
        Ok(Connection { stream, decoder: Decoder::new(Limits::default()) })
    }
}

fn order(request: &DecodeRequest) -> Vec<Event> {
    let format = AudioFormat::SPEECH;
    let chunk = |samples: &[i16]| {
        let audio = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Event::from(AudioChunk { format, timestamp: None, audio })
    };
    let language = Some(request.language.as_str().to_owned());
    let mut events = vec![
        Event::from(Transcribe { language, ..Transcribe::default() }),
        Event::from(AudioStart { format, timestamp: None }),
    ];
    events.extend(request.samples.chunks(CHUNK_LEN).map(chunk));
    events.push(Event::from(AudioStop { timestamp: None }));
    events
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
}

impl Connection {
    async fn send(&mut self, events: Vec<Event>) -> Result<(), RecognizeError> {
        for event in events {
            self.stream.write_all(&event.encode()).await.map_err(|_| RecognizeError::Died)?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Event, RecognizeError> {
        let mut buffer = [0; 8192];
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(|_| RecognizeError::Died)? {
                return Event::parse(frame).map_err(|_| RecognizeError::Died);
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return Err(RecognizeError::Died),
                Ok(read) => self.decoder.push(&buffer[..read]),
            }
        }
    }
}
