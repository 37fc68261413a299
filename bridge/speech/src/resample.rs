//! Samples at one rate in, the same sound at another rate out, in pieces of any length.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Taps of the filter: speech needs no more, and 256 costs twice the time.
const TAPS: usize = 128;

/// A mono resampler; its output begins with the first sample of its input, without the filter's delay.
pub(crate) struct Resampler {
    inner: Async<f32>,
    ratio: f64,
    waiting: Vec<f32>,
    piece: Vec<f32>,
    /// Samples of the filter's delay that are still to be left out.
    delay: usize,
    taken: usize,
    given: usize,
}

impl Resampler {
    /// From `from` to `to` samples per second; neither is 0. Works in pieces of 10 ms.
    pub(crate) fn new(from: u32, to: u32) -> Self {
        let ratio = f64::from(to) / f64::from(from);
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Linear)
            .oversampling_factor(256);
        let piece_len = (from as usize).div_ceil(100);
        let inner = Async::new_sinc(ratio, 1.0, &parameters, piece_len, 1, FixedAsync::Input)
            .expect("a ratio of two rates above 0 and pieces of at least one sample");
        let delay = inner.output_delay();
        let piece = vec![0.0; inner.output_frames_max()];
        Self { inner, ratio, waiting: Vec::with_capacity(2 * piece_len), piece, delay, taken: 0, given: 0 }
    }

    /// Takes samples; appends what can be given.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.taken += samples.len();
        self.waiting.extend_from_slice(samples);
        while self.waiting.len() >= self.inner.input_frames_next() {
            self.step(None, usize::MAX, out);
        }
    }

    /// Appends the rest: as much output in all as belongs to the input. The stream ends here.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) {
        let all = (self.taken as f64 * self.ratio).round() as usize;
        while self.given < all {
            let partial = self.waiting.len().min(self.inner.input_frames_next());
            self.step(Some(partial), all - self.given, out);
        }
    }

    fn step(&mut self, partial: Option<usize>, given_max: usize, out: &mut Vec<f32>) {
        let piece_len = self.inner.input_frames_next();
        if partial.is_some() {
            self.waiting.resize(self.waiting.len().max(piece_len), 0.0);
        }
        let indexing = partial.map(|len| Indexing::new().partial_len(len));
        let frames = self.piece.len();
        let input = InterleavedSlice::new(&self.waiting, 1, self.waiting.len()).expect("as long as it is");
        let mut output = InterleavedSlice::new_mut(&mut self.piece, 1, frames).expect("as long as it is");
        let (_, made) = self
            .inner
            .process_into_buffer(&input, &mut output, indexing.as_ref())
            .expect("both buffers have the sizes that the resampler asked for");
        self.waiting.drain(..piece_len.min(self.waiting.len()));
        let left_out = self.delay.min(made);
        self.delay -= left_out;
        let given = &self.piece[left_out..made];
        let given = &given[..given.len().min(given_max)];
        self.given += given.len();
        out.extend_from_slice(given);
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler")
            .field("ratio", &self.ratio)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

/// The nearest 16 bit sample to a float of the same scale.
pub(crate) fn to_i16(sample: f32) -> i16 {
    // `as` clamps to the range and turns what is no number into 0.
    sample.round() as i16
}
