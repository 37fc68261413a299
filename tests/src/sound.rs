//! What is said and what is heard in a home: speech by synthesisers, silence, generated noise.

use std::f32::consts::TAU;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Samples per second; all sound here is 16 bit mono.
pub const RATE: usize = 16_000;
/// The two voices that the model of the tests understands best.
pub const VOICES: [&str; 2] = ["flite:slt", "espeak:en-us"];

/// `text` as `voice` says it (`flite:slt`, `espeak:en-us`, …).
///
/// # Errors
/// The test bed's own words.
pub fn speech(voice: &str, text: &str) -> Result<Vec<i16>> {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("helix-speech-{}-{n}.wav", std::process::id()));
    let bed = Path::new(env!("CARGO_MANIFEST_DIR")).join("bed/speech");
    let spoken = Command::new(bed).args(["speak", voice, text]).arg(&path).output()?;
    ensure!(spoken.status.success(), "{}", String::from_utf8_lossy(&spoken.stderr));
    let samples = hound::WavReader::open(&path)?.into_samples().collect::<Result<Vec<i16>, _>>();
    std::fs::remove_file(&path)?;
    samples.with_context(|| format!("the sound of `{text}`"))
}

/// So much silence.
pub fn silence(length: Duration) -> Vec<i16> {
    vec![0; samples_in(length)]
}

/// How many samples a time has.
pub fn samples_in(length: Duration) -> usize {
    (length.as_secs_f64() * RATE as f64).round() as usize
}

/// How long so many samples last.
pub fn length_of(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / RATE as f64)
}

/// When the words end: behind the last sample that is louder than -40 dB of the loudest.
pub fn words_end(samples: &[i16]) -> Duration {
    let loudest = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
    length_of(samples.iter().rposition(|s| s.unsigned_abs() > loudest / 100).map_or(0, |at| at + 1))
}

/// The same without silence at both ends.
pub fn trimmed(samples: &[i16]) -> &[i16] {
    let loudest = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
    let is_loud = |s: &i16| s.unsigned_abs() > loudest / 100;
    match (samples.iter().position(is_loud), samples.iter().rposition(is_loud)) {
        (Some(from), Some(to)) => &samples[from..=to],
        (None | Some(_), None | Some(_)) => samples,
    }
}

/// The two halves of a sentence that is spoken as a whole and cut between them, because nobody drops the voice at a
/// thought as at the end of a sentence.
///
/// # Errors
/// The test bed's own words.
pub fn halves(voice: &str, first: &str, second: &str) -> Result<(Vec<i16>, Vec<i16>)> {
    let whole = speech(voice, &format!("{first} {second}"))?;
    let whole = trimmed(&whole);
    let length = |text: &str| -> Result<usize> { Ok(trimmed(&speech(voice, text)?).len()) };
    let (ahead, behind) = (length(&format!("{first}."))?, length(second)?);
    let (one, other) = whole.split_at(quietest(whole, whole.len() * ahead / (ahead + behind)));
    Ok((one.to_vec(), other.to_vec()))
}

/// The middle of the quietest 20 ms within 150 ms of `around`; what is nearer counts as quieter.
fn quietest(samples: &[i16], around: usize) -> usize {
    const FRAME: usize = RATE / 50;
    const REACH: usize = RATE * 15 / 100;
    let last = samples.len().saturating_sub(FRAME).min(around + REACH);
    let loudness = |from: usize| {
        let energy: f64 = samples[from..from + FRAME].iter().map(|s| f64::from(*s).powi(2)).sum();
        energy * (1.0 + from.abs_diff(around) as f64 / REACH as f64)
    };
    let frames = (around.saturating_sub(REACH)..last).step_by(RATE / 400);
    frames.min_by(|a, b| loudness(*a).total_cmp(&loudness(*b))).unwrap_or(around) + FRAME / 2
}

/// Sound without speech in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// Nothing at all.
    Silence,
    /// All frequencies alike.
    White,
    /// Falling by 3 dB an octave, as wind and water.
    Pink,
    /// 50 Hz with harmonics, swelling slowly, as a refrigerator.
    Hum,
    /// Tones that sweep up for a third of a second, once every two seconds.
    Chirps,
}

impl Noise {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Silence, Self::White, Self::Pink, Self::Hum, Self::Chirps];

    /// So much of it, about 30 dB below full scale. The same call gives the same samples.
    pub fn samples(self, length: Duration) -> Vec<i16> {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut pink = [0.0f32; 3];
        let sample = |n: usize| {
            let t = n as f32 / RATE as f32;
            match self {
                Self::Silence => 0.0,
                Self::White => random.next() * 0.05,
                Self::Pink => {
                    // Paul Kellet's economical filter.
                    let white = random.next();
                    pink[0] = 0.99765 * pink[0] + white * 0.099_046;
                    pink[1] = 0.963 * pink[1] + white * 0.296_516_4;
                    pink[2] = 0.57 * pink[2] + white * 1.052_691_3;
                    (pink.iter().sum::<f32>() + white * 0.1848) * 0.02
                }
                Self::Hum => {
                    let tone = |f: f32, a: f32| (TAU * f * (t % 60.0)).sin() * a;
                    let swell = 1.0 + 0.3 * (TAU * 0.1 * (t % 60.0)).sin();
                    (tone(50.0, 0.03) + tone(100.0, 0.015) + tone(150.0, 0.01)) * swell
                }
                Self::Chirps => {
                    let at = t % 2.0;
                    if at > 0.33 { 0.0 } else { (TAU * (600.0 + 3000.0 * at) * at).sin() * 0.05 }
                }
            }
        };
        (0..samples_in(length)).map(sample).map(|s: f32| (s.clamp(-1.0, 1.0) * 32767.0) as i16).collect()
    }
}

/// xorshift64*: noise needs no more.
struct Random(u64);

impl Random {
    /// Between -1 and 1.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let top = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
        top as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// The bytes on the wire.
pub fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}
