//! Noise suppression by `RNNoise`: 16 kHz samples in, the same speech with less kitchen in it out.
//!
//! Off unless a source asks for it: it gains 5 dB at 5 dB of kitchen noise, but a recogniser that was trained on
//! noise may be worse for it, and many satellites do it themselves.

use helix_core::transcribe::SAMPLE_RATE;
use nnnoiseless::DenoiseState;

use crate::resample::{Resampler, to_i16};

/// The only rate that `RNNoise` knows.
const RNNOISE_RATE: u32 = 48_000;

/// Suppresses the noise of one stream; lags by about 30 ms.
pub struct Denoiser {
    up: Resampler,
    state: Box<DenoiseState<'static>>,
    down: Resampler,
    waiting: Vec<f32>,
    clean: Vec<f32>,
    fade_in: bool,
    taken: usize,
    given: usize,
}

impl Default for Denoiser {
    fn default() -> Self {
        Self {
            up: Resampler::new(SAMPLE_RATE, RNNOISE_RATE),
            state: DenoiseState::new(),
            down: Resampler::new(RNNOISE_RATE, SAMPLE_RATE),
            waiting: Vec::new(),
            clean: Vec::new(),
            fade_in: true,
            taken: 0,
            given: 0,
        }
    }
}

impl Denoiser {
    /// Takes samples; appends cleaned ones.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len();
        let samples: Vec<f32> = samples.iter().copied().map(f32::from).collect();
        self.up.push(&samples, &mut self.waiting);
        self.whole_frames(out);
    }

    /// Appends the rest: as many samples in all as were taken. The stream ends here.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        self.up.finish(&mut self.waiting);
        // One frame more than whole ones, for the one that was left out at the start.
        let frame_len = DenoiseState::FRAME_SIZE;
        let padded = (self.waiting.len() + frame_len).next_multiple_of(frame_len);
        self.waiting.resize(padded, 0.0);
        self.whole_frames(out);
        self.clean.clear();
        self.down.finish(&mut self.clean);
        let rest = std::mem::take(&mut self.clean);
        self.give(&rest, out);
        let missing = self.taken - self.given;
        out.resize(out.len() + missing, 0);
        self.given += missing;
    }

    fn whole_frames(&mut self, out: &mut Vec<i16>) {
        let mut frame = [0.0; DenoiseState::FRAME_SIZE];
        let mut clean = std::mem::take(&mut self.clean);
        let (frames, _) = self.waiting.as_chunks::<{ DenoiseState::FRAME_SIZE }>();
        let taken = frames.len() * DenoiseState::FRAME_SIZE;
        clean.clear();
        for noisy in frames {
            self.state.process_frame(&mut frame, noisy);
            // RNNoise answers one frame late: the first one is a fade-in of nothing.
            if !std::mem::take(&mut self.fade_in) {
                self.down.push(&frame, &mut clean);
            }
        }
        self.waiting.drain(..taken);
        self.give(&clean, out);
        self.clean = clean;
    }

    fn give(&mut self, clean: &[f32], out: &mut Vec<i16>) {
        let given = &clean[..clean.len().min(self.taken - self.given)];
        self.given += given.len();
        out.extend(given.iter().copied().map(to_i16));
    }
}

impl std::fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denoiser").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}
