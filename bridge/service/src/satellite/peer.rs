//! One Wyoming connection: bytes of the socket in, requests out; answers in, bytes out.

use std::io;
use std::time::Duration;

use helix_wyoming::asr::{Transcribe, Transcript};
use helix_wyoming::audio::AudioChunk;
use helix_wyoming::error::Error;
use helix_wyoming::ping::Ping;
use helix_wyoming::tts::{Synthesize, SynthesizeChunk, SynthesizeStart};
use helix_wyoming::{DecodeError, Decoder, Event, EventError, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bytes read at once: half a second of 16 kHz audio.
const READ_LEN: usize = 16 << 10;
/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    /// The client closed it.
    #[error("the client closed the connection")]
    Closed,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Failed(#[from] io::Error),
    /// The client does not read its answers.
    #[error("the client did not accept an answer in time")]
    NotReading,
    /// The bytes are not Wyoming.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// An event lacks what it needs.
    #[error(transparent)]
    MalformedEvent(#[from] EventError),
}

impl Gone {
    /// What the client is told before the connection is closed, if it is worth telling.
    pub(super) fn farewell(&self) -> Option<Error> {
        let code = match self {
            Self::Closed | Self::Failed(_) | Self::NotReading => return None,
            Self::Malformed(error) => error.code(),
            Self::MalformedEvent(_) => "event-malformed",
        };
        let text = format!("{self}: this port speaks the Wyoming protocol");
        Some(Error { text, code: Some(code.into()) })
    }
}

/// What a client may ask, and what belongs to it.
pub(super) enum Incoming {
    Describe,
    Ping(Ping),
    Listen(Transcribe),
    Audio(AudioChunk),
    AudioEnd,
    Respond(Transcript),
    Speak(Synthesize),
    SpeakStart(SynthesizeStart),
    SpeakPiece(SynthesizeChunk),
    SpeakEnd,
    /// Anything else, which servers ignore.
    Other,
}

impl Incoming {
    #[allow(clippy::wildcard_enum_match_arm, reason = "servers ignore what is not meant for them")]
    fn of(event: Event) -> Self {
        match event {
            Event::Describe(_) => Self::Describe,
            Event::Ping(ping) => Self::Ping(ping),
            Event::Transcribe(request) => Self::Listen(request),
            Event::AudioChunk(chunk) => Self::Audio(chunk),
            Event::AudioStop(_) => Self::AudioEnd,
            Event::Transcript(request) => Self::Respond(request),
            Event::Synthesize(request) => Self::Speak(request),
            Event::SynthesizeStart(request) => Self::SpeakStart(request),
            Event::SynthesizeChunk(piece) => Self::SpeakPiece(piece),
            Event::SynthesizeStop(_) => Self::SpeakEnd,
            _ => Self::Other,
        }
    }
}

impl Incoming {
    /// Whether it starts a run of its own.
    pub(super) fn is_run(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Respond(_) | Self::Speak(_) | Self::SpeakStart(_))
    }
}

/// The client at the other end of a connection.
pub(super) struct Peer {
    stream: TcpStream,
    decoder: Decoder,
    read: Box<[u8]>,
    unsent: Vec<u8>,
    sent: usize,
    held: Option<Incoming>,
    write_limit: Duration,
}

impl Peer {
    /// A client that takes longer than `write_limit` to accept an answer is given up.
    pub(super) fn new(stream: TcpStream, limits: Limits, write_limit: Duration) -> Self {
        Self {
            stream,
            decoder: Decoder::new(limits),
            read: vec![0; READ_LEN].into(),
            unsent: Vec::new(),
            sent: 0,
            held: None,
            write_limit,
        }
    }

    /// The next event; cancel-safe, a half-read one is kept.
    pub(super) async fn next(&mut self) -> Result<Incoming, Gone> {
        if let Some(held) = self.held.take() {
            return Ok(held);
        }
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Incoming::of(Event::parse(frame)?));
            }
            let len = self.stream.read(&mut self.read).await?;
            if len == 0 {
                return Err(Gone::Closed);
            }
            self.decoder.push(&self.read[..len]);
        }
    }

    /// Puts an event back, to be the next one.
    pub(super) fn hold(&mut self, incoming: Incoming) {
        self.held = Some(incoming);
    }

    /// Sends an event. If this is dropped half-way, the next call sends the rest first.
    pub(super) async fn send(&mut self, event: impl Into<Event>) -> Result<(), Gone> {
        self.unsent.extend(event.into().encode());
        timeout(self.write_limit, self.flush()).await.map_err(|_| Gone::NotReading)?
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        while self.sent < self.unsent.len() {
            let len = self.stream.write(&self.unsent[self.sent..]).await?;
            if len == 0 {
                return Err(Gone::Closed);
            }
            self.sent += len;
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }

    /// Sends a last event and closes. What the client still sends is read for a moment: closing a socket with
    /// unread bytes resets it, and the client could not read why.
    pub(super) async fn close_with(mut self, event: impl Into<Event>) {
        let farewell = async {
            self.send(event).await?;
            self.stream.shutdown().await?;
            while self.stream.read(&mut self.read).await? > 0 {}
            Ok::<(), Gone>(())
        };
        if let Ok(Err(error)) = timeout(LINGER, farewell).await {
            tracing::debug!(%error, "client left before it could be told why");
        }
    }
}
