//! The end of speech: voice activity and verdicts in, decode orders and the end out. Sans-IO; audio length is the clock.
//!
//! ```text
//! loop { endpoint.frame(vad.probability(frame)); while let Some(step) = endpoint.poll() { … } }
//! endpoint.decoded(generation, verdict)     when a decode that it ordered is done
//! endpoint.close()                          when no more audio comes
//! ```
//! A result counts only if its audio covers all speech so far, the voice is still silent and its generation is the newest.

use std::collections::VecDeque;

use super::Patience;
use crate::transcribe::{SAMPLE_RATE, VAD_FRAME_LEN};

/// What a partial transcript says about the end of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No words: what sounded was not speech.
    Nothing,
    /// A complete command that cannot grow.
    Complete,
    /// Nothing special.
    Plain,
    /// More must follow.
    Dangling,
}

/// Why listening ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The sentence was complete by its meaning.
    Complete,
    /// It was silent for long enough.
    Silence,
    /// Nobody said a word.
    NoSpeech,
    /// The longest utterance was reached.
    TooLong,
    /// The client ended the audio.
    Closed,
}

impl EndReason {
    /// A stable word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Silence => "silence",
            Self::NoSpeech => "no-speech",
            Self::TooLong => "too-long",
            Self::Closed => "closed",
        }
    }
}

/// What the listener has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Decode the samples `from..to` of the stream speculatively; cancels any earlier order.
    Decode {
        /// Names this order.
        generation: u32,
        /// First sample.
        from: usize,
        /// One past the last sample.
        to: usize,
    },
    /// Speech went on: the running decode is of no use.
    Cancel,
    /// The utterance is over.
    End {
        /// Why.
        reason: EndReason,
        /// The generation whose result covers all speech, if one is ordered or done.
        covered_by: Option<u32>,
    },
}

/// Probability from which a frame is taken as voiced (earshot's own default).
const VOICED: f32 = 0.5;
/// Voiced frames in a row that make speech: 64 ms, longer than a click.
const ONSET_FRAMES: u32 = 4;
/// Frames that the detector stays above [`VOICED`] after speech has ended: 48 ms (measured on digital silence after
/// synthetic speech: 4 frames, one left as a margin).
const DETECTOR_LAG_FRAMES: u32 = 3;
/// Audio kept in front of the first voiced frame, milliseconds: soft consonants come before the voice.
const PREROLL_MS: u32 = 300;

/// The endpoint detector of one utterance.
#[derive(Debug)]
pub struct Endpointer {
    patience: Patience,
    frames: u32,
    voiced_run: u32,
    speech: Option<Speech>,
    words_heard: bool,
    generation: u32,
    ended: bool,
    steps: VecDeque<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Speech {
    first_frame: u32,
    last_voiced: u32,
    ordered: Option<u32>,
    verdict: Option<Verdict>,
}

impl Endpointer {
    /// A detector that has heard nothing yet.
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            frames: 0,
            voiced_run: 0,
            speech: None,
            words_heard: false,
            generation: 0,
            ended: false,
            steps: VecDeque::new(),
        }
    }

    /// Takes the voice probability of the next frame of [`VAD_FRAME_LEN`] samples.
    pub fn frame(&mut self, probability: f32) {
        if self.ended {
            return;
        }
        self.frames += 1;
        self.voiced_run = if probability >= VOICED { self.voiced_run + 1 } else { 0 };
        if self.voiced_run >= ONSET_FRAMES {
            self.voiced();
        }
        self.advance();
    }

    /// Takes the verdict on an ordered decode.
    pub fn decoded(&mut self, generation: u32, verdict: Verdict) {
        let Some(speech) = self.speech.as_mut().filter(|s| s.ordered == Some(generation)) else { return };
        if verdict == Verdict::Nothing && !self.words_heard {
            self.speech = None;
        } else {
            speech.verdict = Some(verdict);
            self.words_heard = true;
        }
        self.advance();
    }

    /// No more audio will come.
    pub fn close(&mut self) {
        let reason = if self.speech.is_some() { EndReason::Closed } else { EndReason::NoSpeech };
        self.end(reason);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Milliseconds of audio so far.
    pub fn elapsed_ms(&self) -> u32 {
        ms(self.frames)
    }

    /// Milliseconds of audio up to the last voiced frame, once there was speech.
    pub fn speech_end_ms(&self) -> Option<u32> {
        self.speech.map(|speech| ms(speech.last_voiced))
    }

    /// Milliseconds of audio in front of the first voiced frame, once there was speech.
    pub fn speech_start_ms(&self) -> Option<u32> {
        self.speech.map(|speech| ms(speech.first_frame))
    }

    /// The samples that hold all speech so far.
    pub fn speech_samples(&self) -> Option<std::ops::Range<usize>> {
        let speech = self.speech?;
        let from = ms(speech.first_frame).saturating_sub(PREROLL_MS);
        Some(samples(from)..self.frames as usize * VAD_FRAME_LEN)
    }

    fn voiced(&mut self) {
        let first = self.frames - self.voiced_run;
        let last = self.frames - DETECTOR_LAG_FRAMES;
        match &mut self.speech {
            None => {
                self.speech =
                    Some(Speech { first_frame: first, last_voiced: last, ordered: None, verdict: None });
            }
            Some(speech) => {
                speech.last_voiced = last;
                speech.verdict = None;
                if speech.ordered.take().is_some() {
                    self.steps.push_back(Step::Cancel);
                }
            }
        }
    }

    fn advance(&mut self) {
        if self.ended {
            return;
        }
        if self.elapsed_ms() >= self.patience.utterance_max_ms {
            return self.end(EndReason::TooLong);
        }
        let Some(speech) = self.speech else {
            if self.voiced_run == 0 && self.elapsed_ms() >= self.patience.no_speech_ms {
                self.end(EndReason::NoSpeech);
            }
            return;
        };
        let silence_ms = ms(self.frames - speech.last_voiced);
        if silence_ms >= self.patience.speculate_ms && speech.ordered.is_none() {
            self.order();
        }
        let (limit_ms, reason) = match speech.verdict {
            Some(Verdict::Complete) => (self.patience.complete_ms, EndReason::Complete),
            Some(Verdict::Dangling) => (self.patience.dangling_ms, EndReason::Silence),
            Some(Verdict::Plain | Verdict::Nothing) | None => (self.patience.plain_ms, EndReason::Silence),
        };
        if silence_ms >= limit_ms {
            self.end(reason);
        }
    }

    fn order(&mut self) {
        let Some(range) = self.speech_samples() else { return };
        self.generation += 1;
        if let Some(speech) = &mut self.speech {
            speech.ordered = Some(self.generation);
        }
        self.steps.push_back(Step::Decode { generation: self.generation, from: range.start, to: range.end });
    }

    fn end(&mut self, reason: EndReason) {
        if !self.ended {
            self.ended = true;
            let covered_by = self.speech.and_then(|speech| speech.ordered);
            self.steps.push_back(Step::End { reason, covered_by });
        }
    }
}

fn ms(frames: u32) -> u32 {
    frames * (VAD_FRAME_LEN as u32 * 1000 / SAMPLE_RATE)
}

fn samples(ms: u32) -> usize {
    (ms * (SAMPLE_RATE / 1000)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A detector that lags as the real one does.
    struct Stream(Endpointer, u32);

    impl Stream {
        fn new(patience: Patience) -> Self {
            Self(Endpointer::new(patience), 0)
        }
        /// Plays `ms` of speech or silence; returns the steps.
        fn play(&mut self, ms: u32, speech: bool) -> Vec<Step> {
            let mut steps = Vec::new();
            for _ in 0..ms / 16 {
                self.1 = if speech { DETECTOR_LAG_FRAMES + 1 } else { self.1.saturating_sub(1) };
                self.0.frame(if self.1 > 0 { 0.9 } else { 0.05 });
                while let Some(step) = self.0.poll() {
                    steps.push(step);
                }
            }
            steps
        }
        fn verdict(&mut self, steps: &[Step], verdict: Verdict) {
            let Some(Step::Decode { generation, .. }) = steps.last() else {
                panic!("no decode in {steps:?}")
            };
            self.0.decoded(*generation, verdict);
        }
    }

    fn ended(steps: &[Step]) -> Option<EndReason> {
        steps.iter().find_map(|step| match step {
            Step::End { reason, .. } => Some(*reason),
            Step::Decode { .. } | Step::Cancel => None,
        })
    }

    #[test]
    fn decoding_starts_after_a_tenth_of_a_second_of_silence() {
        let mut stream = Stream::new(Patience::normal());
        assert!(stream.play(1600, true).is_empty());
        assert!(stream.play(96, false).is_empty());
        assert!(matches!(stream.play(16, false)[..], [Step::Decode { generation: 1, from: 0, .. }]));
    }

    #[test]
    fn a_complete_command_ends_after_a_quarter_second_of_silence() {
        let mut stream = Stream::new(Patience::normal());
        stream.play(1600, true);
        let steps = stream.play(112, false);
        stream.verdict(&steps, Verdict::Complete);
        assert_eq!(ended(&stream.play(128, false)), None);
        assert_eq!(ended(&stream.play(32, false)), Some(EndReason::Complete));
    }

    #[test]
    fn a_dangling_sentence_is_waited_for() {
        let mut stream = Stream::new(Patience::normal());
        stream.play(1600, true);
        let steps = stream.play(112, false);
        stream.verdict(&steps, Verdict::Dangling);
        assert_eq!(ended(&stream.play(1360, false)), None);
        assert_eq!(ended(&stream.play(64, false)), Some(EndReason::Silence));
    }

    #[test]
    fn speech_that_goes_on_cancels_the_decode_and_voids_its_verdict() {
        let mut stream = Stream::new(Patience::normal());
        stream.play(1600, true);
        let steps = stream.play(112, false);
        stream.verdict(&steps, Verdict::Complete);
        assert_eq!(stream.play(640, true), [Step::Cancel]);
        let steps = stream.play(320, false);
        assert!(matches!(steps[..], [Step::Decode { generation: 2, .. }]), "{steps:?}");
        stream.0.decoded(1, Verdict::Complete);
        assert_eq!(ended(&stream.play(96, false)), None, "a result of an old generation counts for nothing");
    }

    #[test]
    fn noise_without_words_is_no_speech() {
        let mut stream = Stream::new(Patience::normal());
        stream.play(1600, true);
        let steps = stream.play(112, false);
        stream.verdict(&steps, Verdict::Nothing);
        assert_eq!(ended(&stream.play(3000, false)), None);
        assert_eq!(ended(&stream.play(400, false)), Some(EndReason::NoSpeech));
    }

    #[test]
    fn nothing_said_ends_after_five_seconds_and_endless_speech_after_thirty() {
        let mut silent = Stream::new(Patience::normal());
        assert_eq!(ended(&silent.play(4992, false)), None);
        assert_eq!(ended(&silent.play(32, false)), Some(EndReason::NoSpeech));
        let mut endless = Stream::new(Patience::normal());
        assert_eq!(ended(&endless.play(29_984, true)), None);
        assert_eq!(ended(&endless.play(32, true)), Some(EndReason::TooLong));
    }

    #[test]
    fn a_click_is_not_speech() {
        let mut stream = Stream::new(Patience::normal());
        for _ in 0..20 {
            stream.0.frame(0.9);
            assert!(stream.play(112, false).is_empty());
        }
    }

    #[test]
    fn the_end_names_the_decode_that_covers_all_speech() {
        let mut stream = Stream::new(Patience::normal());
        stream.play(1600, true);
        stream.play(112, false);
        stream.0.close();
        assert_eq!(stream.0.poll(), Some(Step::End { reason: EndReason::Closed, covered_by: Some(1) }));
        let mut cut = Stream::new(Patience::normal());
        cut.play(1600, true);
        cut.0.close();
        assert_eq!(cut.0.poll(), Some(Step::End { reason: EndReason::Closed, covered_by: None }));
    }
}
