//! Audio in, the words of one utterance out: speculative decoding and the semantic end of speech.

mod endpoint;
mod patience;

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

pub use endpoint::{EndReason, Endpointer, Step, Verdict};
pub use patience::Patience;

use crate::clock::within;
use crate::home::Caller;
use crate::route::judge;
use crate::transcribe::{DecodeRequest, Priority, RecognizeError, Transcript, VAD_FRAME_LEN};
use crate::{Clock, Home, Language, Pii, Recognizer, VoiceActivity};

/// How long the dry run of a partial text may take. The plain clock runs meanwhile, so that a slow answer delays
/// nothing; it may still tell that a sentence is only half said. With the decode it is over before the plain clock is.
const DRY_RUN_LIMIT: Duration = Duration::from_millis(300);
/// How long the last decode of an utterance may take.
const FINAL_LIMIT: Duration = Duration::from_secs(8);

/// Probability from which a frame is kept as speech when pauses are shortened: low, so that no consonant is lost,
/// and above the 0.2 that earshot gives to digital silence.
const AUDIBLE: f32 = 0.3;
/// A pause is shortened from this length on: 192 ms, longer than any consonant.
const LONG_PAUSE_FRAMES: usize = 12;
/// What is left of it: 96 ms, and the detector's lag of about as much. Of 38 sentences with a pause of 0.4 to 0.9 s
/// the model of the tests misheard 18, with 350 ms left of it 9, with 200 ms or less the one that it mishears anyway.
const PAUSE_FRAMES: usize = 6;

/// A stream of 16 kHz mono samples.
pub trait AudioSource: Send {
    /// The next samples; `None` once the stream is over. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<Vec<i16>>> + Send;
}

/// What was heard, and when (times of the run's [`Clock`]).
#[derive(Debug, Clone)]
pub struct Heard {
    /// The words; empty if nothing was said.
    pub text: Pii<String>,
    /// Why listening ended.
    pub reason: EndReason,
    /// When the first voiced frame came in.
    pub heard: Option<Duration>,
    /// When the last voiced frame came in: the end of speech.
    pub ended: Option<Duration>,
    /// When the end was decided.
    pub decided: Duration,
    /// When the words were there.
    pub transcribed: Duration,
}

/// What listening needs.
#[derive(Debug)]
pub struct Ears<'a, R, H, C> {
    /// The speech-to-text engine.
    pub recognizer: &'a R,
    /// Asked about partial texts.
    pub home: &'a H,
    /// The clock of the timeline.
    pub clock: &'a C,
    /// Silence limits.
    pub patience: Patience,
    /// The language of the pipeline.
    pub language: &'a Language,
    /// The satellite, if it is known.
    pub caller: &'a Caller,
    /// The words may be a PIN: nobody is asked about them, and digits are waited for.
    pub secret: bool,
}

type Judged = (u32, Result<(Transcript, Verdict), RecognizeError>);
type Pending<'a> = Pin<Box<dyn Future<Output = Judged> + Send + 'a>>;

/// Listens until the utterance is over.
///
/// # Errors
/// [`RecognizeError`] if the engine gave no transcript of the finished utterance.
pub async fn listen<A, V, R, H, C>(
    audio: &mut A,
    vad: &mut V,
    ears: &Ears<'_, R, H, C>,
) -> Result<Heard, RecognizeError>
where
    A: AudioSource,
    V: VoiceActivity,
    R: Recognizer,
    H: Home,
    C: Clock,
{
    let mut stream = Stream::new(ears.patience);
    let mut pending: Option<Pending<'_>> = None;
    let mut latest: Option<(u32, Transcript)> = None;
    let (reason, covered_by) = 'utterance: loop {
        let event = match pending.as_mut() {
            Some(work) => match select(std::pin::pin!(audio.next()), work).await {
                Either::Left((samples, _)) => Either::Left(samples),
                Either::Right((judged, _)) => Either::Right(judged),
            },
            None => Either::Left(audio.next().await),
        };
        match event {
            Either::Left(Some(samples)) => stream.take(&samples, vad, ears.clock),
            Either::Left(None) => stream.endpoint.close(),
            Either::Right((generation, judged)) => {
                pending = None;
                if let Ok((transcript, verdict)) = judged {
                    stream.endpoint.decoded(generation, verdict);
                    latest = Some((generation, transcript));
                }
            }
        }
        while let Some(step) = stream.endpoint.poll() {
            match step {
                Step::Decode { generation, from, to } => {
                    pending = Some(Box::pin(ears.judged(generation, stream.squeezed(from..to))));
                }
                Step::Cancel => pending = None,
                Step::End { reason, covered_by } => break 'utterance (reason, covered_by),
            }
        }
    };
    let decided = ears.clock.now();
    let known =
        latest.filter(|(generation, _)| Some(*generation) == covered_by).map(|(_, transcript)| transcript);
    let transcript = match known {
        Some(transcript) => transcript,
        None => ears.finish(&stream, pending.filter(|_| covered_by.is_some())).await?,
    };
    Ok(Heard {
        text: transcript.text,
        reason,
        heard: stream.heard,
        ended: stream.ended,
        decided,
        transcribed: ears.clock.now(),
    })
}

impl<R: Recognizer, H: Home, C: Clock> Ears<'_, R, H, C> {
    async fn judged(&self, generation: u32, samples: Arc<[i16]>) -> Judged {
        let transcript = match self.decode(samples, Priority::Speculative).await {
            Ok(transcript) => transcript,
            Err(error) => return (generation, Err(error)),
        };
        if self.secret {
            return (generation, Ok((transcript, Verdict::Dangling)));
        }
        let text = transcript.text.expose();
        let found = if text.is_empty() {
            None
        } else {
            let asked = self.home.dry_run(vec![text.clone()], self.language, self.caller);
            within(self.clock, DRY_RUN_LIMIT, asked).await.and_then(|found| found.ok()?.pop())
        };
        let registry = self.home.registry().ok();
        let verdict = judge(text, self.language, found.as_ref(), registry.as_deref());
        (generation, Ok((transcript, verdict)))
    }

    fn decode(
        &self,
        samples: Arc<[i16]>,
        priority: Priority,
    ) -> impl Future<Output = Result<Transcript, RecognizeError>> + Send {
        self.recognizer.transcribe(DecodeRequest { samples, language: self.language.clone(), priority })
    }

    /// The words of a finished utterance: those of the decode under way if it covers all speech, else of a new one.
    async fn finish(
        &self,
        stream: &Stream,
        pending: Option<Pending<'_>>,
    ) -> Result<Transcript, RecognizeError> {
        let decoded = async {
            if let Some(work) = pending
                && let (_, Ok((transcript, _))) = work.await
            {
                return Ok(transcript);
            }
            match stream.endpoint.speech_samples() {
                Some(range) => self.decode(stream.squeezed(range), Priority::Final).await,
                None => Ok(Transcript { text: Pii::default(), decode_ms: 0 }),
            }
        };
        within(self.clock, FINAL_LIMIT, decoded).await.unwrap_or(Err(RecognizeError::Timeout))
    }
}

/// The audio so far and what the endpointer made of it.
struct Stream {
    endpoint: Endpointer,
    samples: Vec<i16>,
    /// Whether each whole frame so far sounds like speech.
    voiced: Vec<bool>,
    heard: Option<Duration>,
    ended: Option<Duration>,
    speech_end_ms: Option<u32>,
}

impl Stream {
    fn new(patience: Patience) -> Self {
        Self {
            endpoint: Endpointer::new(patience),
            samples: Vec::new(),
            voiced: Vec::new(),
            heard: None,
            ended: None,
            speech_end_ms: None,
        }
    }

    fn take(&mut self, samples: &[i16], vad: &mut impl VoiceActivity, clock: &impl Clock) {
        self.samples.extend_from_slice(samples);
        while let Some(frame) =
            self.samples[self.voiced.len() * VAD_FRAME_LEN..].first_chunk::<VAD_FRAME_LEN>()
        {
            let probability = vad.probability(frame);
            self.endpoint.frame(probability);
            self.voiced.push(probability >= AUDIBLE);
        }
        let speech_end_ms = self.endpoint.speech_end_ms();
        if speech_end_ms != self.speech_end_ms {
            self.speech_end_ms = speech_end_ms;
            // The audio is the clock of speech, and now is the time of its last frame.
            let ago =
                |at_ms: u32| Duration::from_millis(self.endpoint.elapsed_ms().saturating_sub(at_ms).into());
            let at = |at_ms: u32| clock.now().saturating_sub(ago(at_ms));
            self.heard = self.heard.or_else(|| self.endpoint.speech_start_ms().map(at));
            self.ended = speech_end_ms.map(at);
        }
    }

    /// The samples of a range of whole frames, pauses of [`LONG_PAUSE_FRAMES`] inside it shortened to [`PAUSE_FRAMES`]: Whisper invents
    /// words in pauses, and what is not there need not be decoded.
    fn squeezed(&self, range: Range<usize>) -> Arc<[i16]> {
        let frames = range.start / VAD_FRAME_LEN..range.end / VAD_FRAME_LEN;
        let mut samples = Vec::with_capacity(range.len());
        let mut at = frames.start;
        for run in self.voiced[frames.clone()].chunk_by(|a, b| a == b) {
            let (from, to) = (at, at + run.len());
            at = to;
            let is_long_pause = !run[0] && run.len() >= LONG_PAUSE_FRAMES;
            let inside = from > frames.start && to < frames.end;
            if is_long_pause && inside {
                let half = PAUSE_FRAMES / 2;
                samples.extend_from_slice(self.frames(from..from + half));
                samples.extend_from_slice(self.frames(to - half..to));
            } else {
                samples.extend_from_slice(self.frames(from..to));
            }
        }
        samples.into()
    }

    fn frames(&self, frames: Range<usize>) -> &[i16] {
        &self.samples[frames.start * VAD_FRAME_LEN..frames.end * VAD_FRAME_LEN]
    }
}
