//! The messages between the bridge and its child `helix-stt`: frames in, typed and bounded messages out, and back.
//!
//! The bridge writes [`Order`]s to the child's standard input, the child writes [`Report`]s to its standard
//! output. Framing and bounds are those of [`helix_wyoming::frame`]. The end of standard input ends the child.

use std::fmt;

use helix_wyoming::{DecodeError, Decoder, Frame, Limits, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of these messages. Bridge and child are built together; a stray old child is told apart by it.
pub const VERSION: u32 = 1;

/// Most samples of one decode: 30 s at 16 kHz, all that Whisper's window holds.
pub const SAMPLES_LEN_MAX: usize = 480_000;

/// Longest text that is reported, in bytes: 448 tokens of Whisper's vocabulary are far below.
pub const TEXT_LEN_MAX: usize = 16 * 1024;

/// Longest path of a model, in bytes: Linux's own limit.
pub const PATH_LEN_MAX: usize = 4096;

/// Longest language and longest name of anything, in bytes.
pub const NAME_LEN_MAX: usize = 256;

/// Most languages of a model; Whisper knows 100.
pub const LANGUAGES_MAX: usize = 128;

/// Bounds of both directions.
pub const LIMITS: Limits = Limits {
    header_len_max: 4 * 1024,
    data_len_max: 64 * 1024,
    payload_len_max: 2 * SAMPLES_LEN_MAX,
    buffered_len_max: 2 * SAMPLES_LEN_MAX + 256 * 1024,
};

/// One decode of one child; ids increase, so that a cancellation cannot hit a later decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DecodeId(pub u64);

/// What the bridge asks of its child.
#[derive(Clone, PartialEq)]
pub enum Order {
    /// Load a model; always the first message.
    Load(Load),
    /// Transcribe samples.
    Decode(Decode),
    /// Stop this decode and all before it; each is still answered.
    Cancel(Cancel),
}

/// Which model, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// [`VERSION`] of the bridge.
    pub version: u32,
    /// A Whisper model in whisper.cpp's ggml format; at most [`PATH_LEN_MAX`] bytes.
    pub model_path: String,
    /// Threads of a decode; chosen by the child if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u8>,
}

/// Samples to transcribe.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Decode {
    /// Named in the answer.
    pub id: DecodeId,
    /// Primary language, such as `en`.
    pub language: String,
    /// Never cut the encoder's window to the audio: slower by a factor of 8, for models that need it.
    #[serde(default)]
    pub full_window: bool,
    /// 16 kHz mono; at most [`SAMPLES_LEN_MAX`]. The payload of the frame.
    #[serde(skip)]
    pub samples: Vec<i16>,
}

/// Which decode to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The newest decode that is not wanted.
    pub id: DecodeId,
}

/// What the child answers.
#[derive(Clone, PartialEq)]
pub enum Report {
    /// The model is loaded and warm.
    Ready(Ready),
    /// A decode is finished.
    Decoded(Decoded),
    /// A decode, or the loading of the model, failed.
    Failed(Failed),
}

/// The engine, as it can be shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// File name of the model without its ending.
    pub model: String,
    /// Languages it understands, as Whisper names them.
    pub languages: Vec<String>,
    /// Version of whisper.cpp and the instruction set it was built for.
    pub build: String,
    /// Threads of a decode.
    pub threads: u8,
    /// Time that loading and the first decode took, milliseconds.
    pub warm_up_ms: u32,
}

/// A transcript, and how far to trust it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Decoded {
    /// As in the order.
    pub id: DecodeId,
    /// The words; empty if nothing was said.
    pub text: String,
    /// Mean natural logarithm of the tokens' probabilities; Whisper distrusts itself below -1.
    pub avg_logprob: f32,
    /// Share of the words that only repeat those before them, 0 to 1.
    pub repetition: f32,
    /// Whether the whole window had to be used because the cut one gave a doubtful text.
    pub retried: bool,
    /// Time of all passes, milliseconds.
    pub decode_ms: u32,
}

/// Why there is no transcript, or no engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The decode; absent if the engine itself failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<DecodeId>,
    /// What kind of failure.
    pub code: FailureCode,
    /// What happened.
    pub text: String,
    /// What a person can do; empty if nothing.
    #[serde(default)]
    pub remedy: String,
}

/// Kinds of failure of the child. The number is its exit status where the failure ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The decode was cancelled as asked.
    Cancelled,
    /// The language of the decode is not one of the model's.
    LanguageUnknown,
    /// whisper.cpp could not transcribe these samples.
    DecodeFailed,
    /// Standard input held no message of this protocol.
    ProtocolBroken,
    /// There is no model at this path, or it cannot be read.
    ModelMissing,
    /// The file is no whole Whisper model in ggml format.
    ModelUnusable,
    /// whisper.cpp refused the model, such as for lack of memory.
    LoadFailed,
    /// This binary was built for a newer processor.
    CpuUnsupported,
}

impl FailureCode {
    /// Exit status of a child that ends for this reason; `None` where it goes on.
    pub fn exit_status(self) -> Option<u8> {
        match self {
            Self::Cancelled | Self::LanguageUnknown | Self::DecodeFailed => None,
            Self::ProtocolBroken => Some(10),
            Self::ModelMissing => Some(11),
            Self::ModelUnusable => Some(12),
            Self::LoadFailed => Some(13),
            Self::CpuUnsupported => Some(14),
        }
    }
}

/// Why bytes are no message. The stream cannot be followed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No frame.
    #[error(transparent)]
    Frame(#[from] DecodeError),
    /// A kind that this side does not take.
    #[error("a message of an unknown kind")]
    Kind,
    /// A field is missing, ill-typed or out of bounds.
    #[error("the {kind} message is malformed")]
    Malformed {
        /// Kind of the message.
        kind: &'static str,
    },
}

/// A message that travels in one direction.
pub trait Message: Sized {
    /// Takes a frame.
    ///
    /// # Errors
    /// The frame is none of these messages, or out of bounds.
    fn from_frame(frame: Frame) -> Result<Self, MessageError>;
    /// The bytes on the pipe.
    fn encode(self) -> Vec<u8>;
}

impl Message for Order {
    fn from_frame(frame: Frame) -> Result<Self, MessageError> {
        match frame.kind.as_str() {
            "load" => {
                let (load, _): (Load, _) = body("load", frame)?;
                bounded("load", load.model_path.len() <= PATH_LEN_MAX)?;
                Ok(Self::Load(load))
            }
            "decode" => {
                let (decode, payload): (Decode, _) = body("decode", frame)?;
                bounded("decode", decode.language.len() <= NAME_LEN_MAX)?;
                let samples = samples(&payload).ok_or(MessageError::Malformed { kind: "decode" })?;
                Ok(Self::Decode(Decode { samples, ..decode }))
            }
            "cancel" => body("cancel", frame).map(|(cancel, _)| Self::Cancel(cancel)),
            _ => Err(MessageError::Kind),
        }
    }

    fn encode(self) -> Vec<u8> {
        match self {
            Self::Load(load) => message("load", &load, Vec::new()),
            Self::Decode(decode) => {
                encode_decode(decode.id, &decode.language, decode.full_window, &decode.samples)
            }
            Self::Cancel(cancel) => message("cancel", &cancel, Vec::new()),
        }
    }
}

impl Message for Report {
    fn from_frame(frame: Frame) -> Result<Self, MessageError> {
        match frame.kind.as_str() {
            "ready" => {
                let (ready, _): (Ready, _) = body("ready", frame)?;
                let named = |name: &String| name.len() <= NAME_LEN_MAX;
                bounded("ready", named(&ready.model) && named(&ready.build))?;
                bounded("ready", ready.languages.iter().all(named))?;
                bounded("ready", ready.languages.len() <= LANGUAGES_MAX)?;
                Ok(Self::Ready(ready))
            }
            "decoded" => {
                let (decoded, _): (Decoded, _) = body("decoded", frame)?;
                bounded("decoded", decoded.text.len() <= TEXT_LEN_MAX)?;
                bounded("decoded", decoded.avg_logprob.is_finite() && decoded.repetition.is_finite())?;
                Ok(Self::Decoded(decoded))
            }
            "failed" => {
                let (failed, _): (Failed, _) = body("failed", frame)?;
                bounded("failed", failed.text.len().max(failed.remedy.len()) <= TEXT_LEN_MAX)?;
                Ok(Self::Failed(failed))
            }
            _ => Err(MessageError::Kind),
        }
    }

    fn encode(self) -> Vec<u8> {
        match self {
            Self::Ready(ready) => message("ready", &ready, Vec::new()),
            Self::Decoded(decoded) => message("decoded", &decoded, Vec::new()),
            Self::Failed(failed) => message("failed", &failed, Vec::new()),
        }
    }
}

/// The bytes of a decode order, from samples that stay where they are.
pub fn encode_decode(id: DecodeId, language: &str, full_window: bool, samples: &[i16]) -> Vec<u8> {
    let payload = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let decode = Decode { id, language: language.to_owned(), full_window, samples: Vec::new() };
    message("decode", &decode, payload)
}

/// Cuts a byte stream into messages.
#[derive(Debug)]
pub struct Reader(Decoder);

impl Default for Reader {
    fn default() -> Self {
        Self(Decoder::new(LIMITS))
    }
}

impl Reader {
    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// The next message, or `None` until more is pushed.
    ///
    /// # Errors
    /// Final: the stream cannot be followed any further.
    pub fn next_message<M: Message>(&mut self) -> Result<Option<M>, MessageError> {
        self.0.next_frame()?.map(M::from_frame).transpose()
    }
}

fn body<B: DeserializeOwned>(kind: &'static str, frame: Frame) -> Result<(B, Vec<u8>), MessageError> {
    let body =
        serde_json::from_value(Value::Object(frame.data)).map_err(|_| MessageError::Malformed { kind })?;
    Ok((body, frame.payload))
}

fn bounded(kind: &'static str, within: bool) -> Result<(), MessageError> {
    if within { Ok(()) } else { Err(MessageError::Malformed { kind }) }
}

fn samples(payload: &[u8]) -> Option<Vec<i16>> {
    let (pairs, rest) = payload.as_chunks::<2>();
    let whole = rest.is_empty() && pairs.len() <= SAMPLES_LEN_MAX;
    whole.then(|| pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect())
}

fn message(kind: &str, body: &impl Serialize, payload: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(data)) = serde_json::to_value(body) else {
        unreachable!("every body is a structure of named fields")
    };
    encode(&Frame::new(kind).with_data(data).with_payload(payload))
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(load) => load.fmt(f),
            Self::Decode(decode) => decode.fmt(f),
            Self::Cancel(cancel) => cancel.fmt(f),
        }
    }
}

impl fmt::Debug for Decode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decode({}, {}, {} samples)", self.id.0, self.language, self.samples.len())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(ready) => ready.fmt(f),
            Self::Decoded(decoded) => decoded.fmt(f),
            Self::Failed(failed) => failed.fmt(f),
        }
    }
}

impl fmt::Debug for Decoded {
    /// Prints the length of the text, never its words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoded({}, {} bytes of text, {} ms)", self.id.0, self.text.len(), self.decode_ms)
    }
}
