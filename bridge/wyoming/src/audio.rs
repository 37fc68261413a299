//! Audio: [`AudioStart`], any number of [`AudioChunk`]s, [`AudioStop`].

use serde::{Deserialize, Serialize};

use crate::event::{Body, kinds};

kinds! {
    AudioStart = "audio-start",
    AudioStop = "audio-stop",
}

/// How samples lie in the payload: interleaved, little endian, signed (8 bit: unsigned).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFormat {
    /// Samples per second and channel.
    pub rate: u32,
    /// Bytes per sample.
    pub width: u16,
    /// Channels.
    pub channels: u16,
}

impl AudioFormat {
    /// 16 kHz, 16 bit, mono: what Home Assistant sends.
    pub const SPEECH: Self = Self { rate: 16_000, width: 2, channels: 1 };
}

/// Announces the format of the chunks that follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioStart {
    /// The format.
    #[serde(flatten)]
    pub format: AudioFormat,
    /// Milliseconds since a start of the sender's choice.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// Some audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioChunk {
    /// The format of this chunk.
    #[serde(flatten)]
    pub format: AudioFormat,
    /// Milliseconds since a start of the sender's choice.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// The samples; the payload of the frame.
    #[serde(skip)]
    pub audio: Vec<u8>,
}

impl Body for AudioChunk {
    const KIND: &'static str = "audio-chunk";

    fn set_payload(&mut self, payload: Vec<u8>) {
        self.audio = payload;
    }

    fn take_payload(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.audio)
    }
}

/// The end of the audio.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AudioStop {
    /// Milliseconds since a start of the sender's choice.
    #[serde(default)]
    pub timestamp: Option<i64>,
}
