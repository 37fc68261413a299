//! Recordings as people have them.

use std::path::PathBuf;
use std::process::Command;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::command::{Place, repository};

/// A sentence that the model of the tests understands letter by letter.
pub(crate) const SENTENCE: &str = "turn on the kitchen light";

/// The sentence at 16 kHz, mono, 16 bit.
pub(crate) fn spoken(place: &Place) -> PathBuf {
    let path = place.path("spoken.wav");
    let bed = repository().join("tests/bed/speech");
    let done = Command::new(bed).args(["speak", "flite:slt", SENTENCE]).arg(&path).output().expect("speech");
    assert!(done.status.success(), "{done:?}");
    path
}

pub(crate) fn samples(place: &Place) -> Vec<i16> {
    let reader = hound::WavReader::open(spoken(place)).expect("a recording");
    reader.into_samples().collect::<Result<_, _>>().expect("samples")
}

/// Writes the samples in another form.
pub(crate) fn file(place: &Place, name: &str, spec: WavSpec, samples: &[i16]) -> String {
    let path = place.path(name);
    let mut writer = WavWriter::create(&path, spec).expect("a file");
    for sample in stretched(samples, spec.sample_rate) {
        for _ in 0..spec.channels {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample / 32_768.0),
                SampleFormat::Int if spec.bits_per_sample == 8 => writer.write_sample((sample / 256.0) as i8),
                SampleFormat::Int => writer.write_sample((sample as i32) << (spec.bits_per_sample - 16)),
            }
            .expect("written");
        }
    }
    writer.finalize().expect("written");
    path.to_string_lossy().into_owned()
}

pub(crate) fn spec(sample_rate: u32, channels: u16, bits_per_sample: u16) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int }
}

/// At another rate, by straight lines between the samples.
fn stretched(samples: &[i16], rate: u32) -> Vec<f32> {
    let len = samples.len() * rate as usize / 16_000;
    let at = |n: usize| f32::from(samples.get(n).or(samples.last()).copied().unwrap_or_default());
    let between = |n: usize| {
        let place = n as f32 * 16_000.0 / rate as f32;
        let from = at(place as usize);
        from + (at(place as usize + 1) - from) * place.fract()
    };
    (0..len).map(between).collect()
}
