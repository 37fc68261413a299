//! Framing: a JSON header line, then JSON data, then a payload, each of bounded length.
//!
//! A frame is `{"type":…,"data_length":n,"payload_length":m}\n`, `n` bytes of a JSON object and `m` bytes of
//! payload. The [`Decoder`] owns no socket: push what was read, then take frames until there is none.
//!
//! ```
//! # use helix_wyoming::{Decoder, Limits};
//! # let mut reads = [b"{\"type\":\"desc".as_slice(), b"ribe\"}\n"].into_iter();
//! let mut decoder = Decoder::new(Limits::default());
//! while let Some(bytes) = reads.next() {
//!     decoder.push(bytes);
//!     while let Some(frame) = decoder.next_frame()? {
//!         assert_eq!(frame.kind, "describe");
//!     }
//! }
//! # Ok::<(), helix_wyoming::DecodeError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the Wyoming protocol that is written into headers; readers ignore it.
pub const PROTOCOL_VERSION: &str = "1.10.2";

/// One message: its kind, its data and its raw payload.
#[derive(Clone, PartialEq, Default)]
pub struct Frame {
    /// The `type` of the header, such as `audio-chunk`.
    pub kind: String,
    /// The `data` of the header with the data block merged over it.
    pub data: Map<String, Value>,
    /// The payload, such as PCM samples; empty if there was none.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame without data and payload.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// The same frame with this data.
    #[must_use]
    pub fn with_data(self, data: Map<String, Value>) -> Self {
        Self { data, ..self }
    }

    /// The same frame with this payload.
    #[must_use]
    pub fn with_payload(self, payload: Vec<u8>) -> Self {
        Self { payload, ..self }
    }
}

impl fmt::Debug for Frame {
    /// Prints kind, keys and lengths: values may be what somebody said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("kind", &self.kind)
            .field("data_keys", &self.data.keys().collect::<Vec<_>>())
            .field("payload_len", &self.payload.len())
            .finish()
    }
}

/// The longest parts that a [`Decoder`] accepts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The header line without its newline. Python's reader allows 64 KiB.
    pub header_len_max: usize,
    /// The data block.
    pub data_len_max: usize,
    /// The payload.
    pub payload_len_max: usize,
    /// Everything that was pushed and not yet taken as a frame.
    pub buffered_len_max: usize,
}

impl Default for Limits {
    /// 64 KiB of header, 2 MiB of data (so that a text of 1 MB is refused in words and not by a closed
    /// connection), 1 MiB of payload (half a minute of 16 kHz audio), 4 MiB in all.
    fn default() -> Self {
        Self {
            header_len_max: 64 << 10,
            data_len_max: 2 << 20,
            payload_len_max: 1 << 20,
            buffered_len_max: 4 << 20,
        }
    }
}

/// Why a byte stream is not a sequence of frames. The stream cannot be followed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No newline within the longest header line.
    #[error("the header line is longer than {limit} bytes")]
    HeaderTooLong {
        /// [`Limits::header_len_max`].
        limit: usize,
    },
    /// The header line is not a JSON object with a `type` of text and lengths of whole numbers.
    #[error("the header line is not a JSON object with a type")]
    HeaderMalformed,
    /// `data_length` is too large.
    #[error("the data of {length} bytes is longer than {limit} bytes")]
    DataTooLong {
        /// The announced length, bytes.
        length: u64,
        /// [`Limits::data_len_max`].
        limit: usize,
    },
    /// The data block is not a JSON object.
    #[error("the data is not a JSON object")]
    DataMalformed,
    /// `payload_length` is too large.
    #[error("the payload of {length} bytes is longer than {limit} bytes")]
    PayloadTooLong {
        /// The announced length, bytes.
        length: u64,
        /// [`Limits::payload_len_max`].
        limit: usize,
    },
    /// More was pushed than may wait.
    #[error("more than {limit} bytes were pushed without a frame being taken")]
    BufferFull {
        /// [`Limits::buffered_len_max`].
        limit: usize,
    },
}

impl DecodeError {
    /// A stable code for logs, metrics and `error` events.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HeaderTooLong { .. } => "header-too-long",
            Self::HeaderMalformed => "header-malformed",
            Self::DataTooLong { .. } => "data-too-long",
            Self::DataMalformed => "data-malformed",
            Self::PayloadTooLong { .. } => "payload-too-long",
            Self::BufferFull { .. } => "buffer-full",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    data_length: Option<u64>,
    #[serde(default)]
    payload_length: Option<u64>,
}

#[derive(Debug)]
struct Announced {
    frame: Frame,
    data_len: usize,
    payload_len: usize,
}

/// Cuts pushed bytes into frames; holds at most [`Limits::buffered_len_max`] bytes.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were already taken.
    taken: usize,
    /// Bytes after `taken` known to hold no newline, so that a slow sender costs no second search.
    searched: usize,
    announced: Option<Announced>,
    failed: Option<DecodeError>,
}

impl Default for Decoder {
    /// A decoder with the default [`Limits`].
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: Vec::new(), taken: 0, searched: 0, announced: None, failed: None }
    }

    /// Adds bytes that were read. If they do not fit, they are dropped and the next
    /// [`Decoder::next_frame`] that finds no whole frame says [`DecodeError::BufferFull`].
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.buffered() + bytes.len() > self.limits.buffered_len_max {
            self.fail(DecodeError::BufferFull { limit: self.limits.buffered_len_max });
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their frame, or to be taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// Whether the stream stands between two frames: an end here loses nothing.
    pub fn is_between_frames(&self) -> bool {
        self.announced.is_none() && self.buffered() == 0
    }

    /// The next whole frame, or `None` until more is pushed.
    ///
    /// # Errors
    /// Every error is final: the same one is returned from then on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance().inspect_err(|error| self.fail(error.clone()))
    }

    fn advance(&mut self) -> Result<Option<Frame>, DecodeError> {
        let announced = match self.announced.take() {
            Some(announced) => announced,
            None => match self.header()? {
                Some(announced) => announced,
                None => return Ok(None),
            },
        };
        if self.buffered() < announced.data_len + announced.payload_len {
            self.announced = Some(announced);
            return Ok(None);
        }
        let Announced { mut frame, data_len, payload_len } = announced;
        if data_len > 0 {
            let data: Map<String, Value> =
                serde_json::from_slice(self.take(data_len)).map_err(|_| DecodeError::DataMalformed)?;
            frame.data.extend(data);
        }
        frame.payload = self.take(payload_len).to_vec();
        Ok(Some(frame))
    }

    fn header(&mut self) -> Result<Option<Announced>, DecodeError> {
        let limit = self.limits.header_len_max;
        let waiting = &self.buffer[self.taken..];
        let newline = waiting[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(line_len) = newline.map(|at| self.searched + at) else {
            self.searched = waiting.len();
            return if waiting.len() > limit { Err(DecodeError::HeaderTooLong { limit }) } else { Ok(None) };
        };
        if line_len > limit {
            return Err(DecodeError::HeaderTooLong { limit });
        }
        self.searched = 0;
        let header = serde_json::from_slice(self.take(line_len)).map_err(|_| DecodeError::HeaderMalformed);
        self.take(1);
        self.announce(header?).map(Some)
    }

    fn announce(&self, header: Header) -> Result<Announced, DecodeError> {
        let Limits { data_len_max, payload_len_max, .. } = self.limits;
        let bounded = |length: u64, limit| usize::try_from(length).ok().filter(|&len| len <= limit);
        let length = header.data_length.unwrap_or(0);
        let data_len =
            bounded(length, data_len_max).ok_or(DecodeError::DataTooLong { length, limit: data_len_max })?;
        let length = header.payload_length.unwrap_or(0);
        let payload_len = bounded(length, payload_len_max)
            .ok_or(DecodeError::PayloadTooLong { length, limit: payload_len_max })?;
        let frame = Frame::new(header.kind).with_data(header.data.unwrap_or_default());
        Ok(Announced { frame, data_len, payload_len })
    }

    fn take(&mut self, len: usize) -> &[u8] {
        let from = self.taken;
        self.taken += len;
        &self.buffer[from..self.taken]
    }

    fn fail(&mut self, error: DecodeError) {
        self.failed = Some(error);
        self.buffer = Vec::new();
        self.taken = 0;
        self.announced = None;
    }
}

/// The bytes of a frame, as Python's `wyoming` writes them: data apart from the header, lengths only where
/// there is something.
pub fn encode(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + frame.payload.len());
    encode_into(&mut bytes, frame);
    bytes
}

/// Appends the bytes of a frame.
pub fn encode_into(bytes: &mut Vec<u8>, frame: &Frame) {
    #[derive(Serialize)]
    struct Head<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        version: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data_length: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload_length: Option<usize>,
    }
    let some_if_any = |len: usize| (len > 0).then_some(len);
    let data = if frame.data.is_empty() { Vec::new() } else { json(&frame.data) };
    let head = Head {
        kind: &frame.kind,
        version: PROTOCOL_VERSION,
        data_length: some_if_any(data.len()),
        payload_length: some_if_any(frame.payload.len()),
    };
    bytes.extend_from_slice(&json(&head));
    bytes.push(b'\n');
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(&frame.payload);
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text keys and finite numbers always make JSON")
}
