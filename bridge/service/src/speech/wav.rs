//! Reads a recording: a WAV file in, 16 kHz mono samples out.

use std::path::Path;

use helix_speech::convert::{Converter, Pcm, Unsupported};
use hound::{SampleFormat, WavReader};

/// Recordings longer than this are no utterance.
const SECONDS_MAX: u32 = 600;

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file cannot be opened or read.
    #[error(transparent)]
    Unreadable(std::io::Error),
    /// It is no WAV file.
    #[error(
        "it is not a WAV file that is understood ({reason}); convert it with: ffmpeg -i FILE -ar 16000 -ac 1 out.wav"
    )]
    NotWav {
        /// What is wrong with it.
        reason: hound::Error,
    },
    /// It is longer than ten minutes.
    #[error("it is longer than 10 minutes; cut it into utterances")]
    TooLong,
    /// It cannot be converted.
    #[error(transparent)]
    Format(#[from] Unsupported),
}

impl From<hound::Error> for WavError {
    fn from(error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) => Self::Unreadable(error),
            reason @ (hound::Error::FormatError(_)
            | hound::Error::TooWide
            | hound::Error::UnfinishedSample
            | hound::Error::Unsupported
            | hound::Error::InvalidSampleFormat) => Self::NotWav { reason },
        }
    }
}

/// Reads a WAV file of any usual format.
///
/// # Errors
/// [`WavError`].
pub fn read_wav(path: &Path) -> Result<Vec<i16>, WavError> {
    let mut reader = WavReader::open(path)?;
    let spec = reader.spec();
    if reader.duration() / spec.sample_rate.max(1) > SECONDS_MAX {
        return Err(WavError::TooLong);
    }
    let samples: Vec<i16> = match spec.sample_format {
        SampleFormat::Int => {
            let scale = spec.bits_per_sample.saturating_sub(16);
            let widen = 16_u16.saturating_sub(spec.bits_per_sample);
            let narrow = |sample: i32| ((sample >> scale) << widen) as i16;
            reader.samples::<i32>().map(|sample| sample.map(narrow)).collect::<Result<_, _>>()?
        }
        SampleFormat::Float => {
            let narrow = |sample: f32| (sample.clamp(-1.0, 1.0) * 32767.0) as i16;
            reader.samples::<f32>().map(|sample| sample.map(narrow)).collect::<Result<_, _>>()?
        }
    };
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut converter = Converter::new(Pcm { rate: spec.sample_rate, width: 2, channels: spec.channels })?;
    let mut out = Vec::new();
    converter.push(&bytes, &mut out);
    converter.finish(&mut out);
    Ok(out)
}
