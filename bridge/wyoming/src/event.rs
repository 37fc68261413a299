//! Typed events: a [`Frame`] in, an [`Event`] out, and back.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::frame::{Frame, encode};
use crate::{asr, audio, describe, error, handle, ping, satellite, tts};

/// The content of one kind of event.
pub trait Body: Serialize + DeserializeOwned {
    /// The `type` on the wire.
    const KIND: &'static str;

    /// Receives the payload of the frame; most kinds have none.
    fn set_payload(&mut self, _payload: Vec<u8>) {}

    /// Gives the payload of the frame away.
    fn take_payload(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// Why a frame is not the event that its kind promises.
#[derive(Debug, thiserror::Error)]
#[error("the event {kind} is malformed: {source}")]
pub struct EventError {
    /// The `type` of the frame.
    pub kind: &'static str,
    /// What is missing or ill-typed. Holds no words that were said.
    pub source: FieldError,
}

/// Which field is wrong, without its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FieldError(String);

impl FieldError {
    /// serde quotes an ill-typed text (`invalid type: string "…", expected u32`): it is cut out.
    fn new(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let unquoted = match (text.find('"'), text.rfind('"')) {
            (Some(from), Some(to)) if from < to => format!("{}…{}", &text[..from], &text[to + 1..]),
            (None | Some(_), None | Some(_)) => text,
        };
        Self(unquoted)
    }
}

fn parse<B: Body>(frame: Frame) -> Result<B, EventError> {
    let mut body: B = serde_json::from_value(Value::Object(frame.data))
        .map_err(|error| EventError { kind: B::KIND, source: FieldError::new(&error) })?;
    body.set_payload(frame.payload);
    Ok(body)
}

fn into_frame<B: Body>(mut body: B) -> Frame {
    let payload = body.take_payload();
    let Ok(Value::Object(data)) = serde_json::to_value(&body) else {
        unreachable!("every body is a structure of named fields")
    };
    Frame::new(B::KIND).with_data(data).with_payload(payload)
}

/// Names the kind of each body that has no payload.
macro_rules! kinds {
    ($($body:ident = $kind:literal,)*) => {
        $(impl crate::event::Body for $body {
            const KIND: &'static str = $kind;
        })*
    };
}
pub(crate) use kinds;

macro_rules! events {
    ($($variant:ident($body:ty),)*) => {
        /// An event of the protocol; each variant holds the body of its kind.
        #[derive(Clone, PartialEq)]
        #[allow(missing_docs, reason = "each body documents itself")]
        #[allow(clippy::large_enum_variant, reason = "an info is rare, and one event is alive at a time")]
        pub enum Event {
            $($variant($body),)*
            /// A kind that this crate has no type for; peers ignore those.
            Unknown(Frame),
        }

        impl Event {
            /// Gives a frame its type. A kind without a type becomes [`Event::Unknown`], unknown fields are
            /// ignored.
            ///
            /// # Errors
            /// A field that the kind needs is missing or of another type.
            pub fn parse(frame: Frame) -> Result<Self, EventError> {
                match frame.kind.as_str() {
                    $(<$body as Body>::KIND => parse(frame).map(Self::$variant),)*
                    _ => Ok(Self::Unknown(frame)),
                }
            }

            /// The frame of the event.
            pub fn into_frame(self) -> Frame {
                match self {
                    $(Self::$variant(body) => into_frame(body),)*
                    Self::Unknown(frame) => frame,
                }
            }

            /// The `type` on the wire.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => <$body as Body>::KIND,)*
                    Self::Unknown(frame) => &frame.kind,
                }
            }
        }

        $(impl From<$body> for Event {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        })*
    };
}

events! {
    Describe(describe::Describe),
    Info(describe::Info),
    SelectProgram(describe::SelectProgram),
    Transcribe(asr::Transcribe),
    Transcript(asr::Transcript),
    TranscriptStart(asr::TranscriptStart),
    TranscriptChunk(asr::TranscriptChunk),
    TranscriptStop(asr::TranscriptStop),
    AudioStart(audio::AudioStart),
    AudioChunk(audio::AudioChunk),
    AudioStop(audio::AudioStop),
    Handled(handle::Handled),
    NotHandled(handle::NotHandled),
    NotRecognized(handle::NotRecognized),
    HandledStart(handle::HandledStart),
    HandledChunk(handle::HandledChunk),
    HandledStop(handle::HandledStop),
    Synthesize(tts::Synthesize),
    SynthesizeStart(tts::SynthesizeStart),
    SynthesizeChunk(tts::SynthesizeChunk),
    SynthesizeStop(tts::SynthesizeStop),
    SynthesizeStopped(tts::SynthesizeStopped),
    RunSatellite(satellite::RunSatellite),
    PauseSatellite(satellite::PauseSatellite),
    SatelliteConnected(satellite::SatelliteConnected),
    SatelliteDisconnected(satellite::SatelliteDisconnected),
    StreamingStarted(satellite::StreamingStarted),
    StreamingStopped(satellite::StreamingStopped),
    RunPipeline(satellite::RunPipeline),
    Detect(satellite::Detect),
    Detection(satellite::Detection),
    NotDetected(satellite::NotDetected),
    VoiceStarted(satellite::VoiceStarted),
    VoiceStopped(satellite::VoiceStopped),
    Played(satellite::Played),
    TimerStarted(satellite::TimerStarted),
    TimerUpdated(satellite::TimerUpdated),
    TimerCancelled(satellite::TimerCancelled),
    TimerFinished(satellite::TimerFinished),
    Ping(ping::Ping),
    Pong(ping::Pong),
    Error(error::Error),
}

impl Event {
    /// The bytes of the event on the wire.
    pub fn encode(self) -> Vec<u8> {
        encode(&self.into_frame())
    }
}

impl fmt::Debug for Event {
    /// Prints the kind only: the rest may be what somebody said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", self.kind())
    }
}
