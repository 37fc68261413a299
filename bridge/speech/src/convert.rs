//! PCM of any usual form in, 16 kHz mono 16 bit out, in pieces of any length.

use crate::resample::{Resampler, to_i16};

/// Accepted samples per second.
pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// Accepted bytes per sample: unsigned 8 bit, else signed little-endian.
pub const WIDTHS: std::ops::RangeInclusive<u16> = 1..=4;

/// Accepted channels.
pub const CHANNELS: std::ops::RangeInclusive<u16> = 1..=8;

const OUT_RATE: u32 = helix_core::transcribe::SAMPLE_RATE;

/// How samples lie in bytes: interleaved, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcm {
    /// Samples per second and channel.
    pub rate: u32,
    /// Bytes per sample.
    pub width: u16,
    /// Channels.
    pub channels: u16,
}

/// Audio of a form that is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "audio of {} samples per second, {} bytes per sample and {} channels is not understood; \
     send 8000 to 96000 samples per second, 1 to 4 bytes per sample, 1 to 8 channels",
    .0.rate, .0.width, .0.channels
)]
pub struct Unsupported(pub Pcm);

impl Unsupported {
    /// A stable code for logs, metrics and `error` events.
    pub fn code(&self) -> &'static str {
        "audio-format-unsupported"
    }
}

/// Converts one stream. 16 kHz mono 16 bit passes unchanged.
#[derive(Debug)]
pub struct Converter {
    pcm: Pcm,
    /// Bytes of a frame whose rest comes with the next piece: less than one frame, at most 32.
    split: Vec<u8>,
    resampler: Option<Resampler>,
    mono: Vec<f32>,
    resampled: Vec<f32>,
}

impl Converter {
    /// A converter from this form.
    ///
    /// # Errors
    /// The form is out of bounds.
    pub fn new(pcm: Pcm) -> Result<Self, Unsupported> {
        let accepted =
            RATES.contains(&pcm.rate) && WIDTHS.contains(&pcm.width) && CHANNELS.contains(&pcm.channels);
        if !accepted {
            return Err(Unsupported(pcm));
        }
        let resampler = (pcm.rate != OUT_RATE).then(|| Resampler::new(pcm.rate, OUT_RATE));
        Ok(Self { pcm, split: Vec::new(), resampler, mono: Vec::new(), resampled: Vec::new() })
    }

    /// The form that is converted from.
    pub fn pcm(&self) -> Pcm {
        self.pcm
    }

    /// Takes bytes, whole frames or not; appends samples. A resampled stream lags by 10 ms.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        let frame_len = usize::from(self.pcm.width) * usize::from(self.pcm.channels);
        let mut bytes = bytes;
        if !self.split.is_empty() {
            let (rest, others) = bytes.split_at(bytes.len().min(frame_len - self.split.len()));
            self.split.extend_from_slice(rest);
            bytes = others;
            if self.split.len() < frame_len {
                return;
            }
            let frame = std::mem::take(&mut self.split);
            self.whole_frames(&frame, out);
        }
        let (frames, split) = bytes.split_at(bytes.len() - bytes.len() % frame_len);
        self.split.extend_from_slice(split);
        self.whole_frames(frames, out);
    }

    /// Appends what the resampler still holds. The stream ends here.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        if let Some(resampler) = &mut self.resampler {
            self.resampled.clear();
            resampler.finish(&mut self.resampled);
            out.extend(self.resampled.iter().copied().map(to_i16));
        }
    }

    fn whole_frames(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        let passes = self.resampler.is_none() && self.pcm.width == 2 && self.pcm.channels == 1;
        if passes {
            let (samples, _) = bytes.as_chunks::<2>();
            out.extend(samples.iter().map(|&sample| i16::from_le_bytes(sample)));
            return;
        }
        let (width, channels) = (usize::from(self.pcm.width), usize::from(self.pcm.channels));
        self.mono.clear();
        self.mono.extend(bytes.chunks_exact(width * channels).map(|frame| {
            let sum: f32 = frame.chunks_exact(width).map(sample).sum();
            sum / channels as f32
        }));
        match &mut self.resampler {
            Some(resampler) => {
                self.resampled.clear();
                resampler.push(&self.mono, &mut self.resampled);
                out.extend(self.resampled.iter().copied().map(to_i16));
            }
            None => out.extend(self.mono.iter().copied().map(to_i16)),
        }
    }
}

/// One sample in the scale of 16 bit; unsigned if it is one byte.
fn sample(bytes: &[u8]) -> f32 {
    match *bytes {
        [byte] => (f32::from(byte) - 128.0) * 256.0,
        [low, high] => f32::from(i16::from_le_bytes([low, high])),
        [low, middle, high] => i32::from_le_bytes([0, low, middle, high]) as f32 / 65_536.0,
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]) as f32 / 65_536.0,
        _ => 0.0,
    }
}
