//! whisper.cpp with one model: samples in, a report out.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use helix_speech::ggml::{self, GgmlError};
use helix_speech::protocol::{
    Decode, DecodeId, Decoded, Failed, FailureCode, Load, Ready, Report, SAMPLES_LEN_MAX, TEXT_LEN_MAX,
};
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use crate::orders::Cancellation;
use crate::{text, threads, window};

/// Below this mean log-probability Whisper's own authors decode again (`logprob_threshold`).
const DOUBTFUL_LOGPROB: f32 = -1.0;

/// Above this share of repeated words the decoder was stuck.
const DOUBTFUL_REPETITION: f32 = 0.3;

/// whisper.cpp gives nothing for less than 100 ms; half a second leaves room for a word.
const SAMPLES_LEN_MIN: usize = 8_000;

/// Threads that may be asked for.
const THREADS_MAX: u8 = 16;

/// More tokens than anybody can say: English needs 6 a second, scripts without tokens of their own up to 15. A
/// stuck decoder would go on to 220.
fn tokens_max(samples_len: usize) -> usize {
    32 + 20 * samples_len.div_ceil(16_000)
}

/// Why the process cannot go on, in words for people.
#[derive(Debug)]
pub(crate) struct Fatal {
    pub(crate) code: FailureCode,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl From<Fatal> for Report {
    fn from(fatal: Fatal) -> Self {
        Self::Failed(Failed { id: None, code: fatal.code, text: fatal.what, remedy: fatal.remedy })
    }
}

/// What whisper.cpp is and which processors this binary was built for.
pub(crate) fn build() -> String {
    format!("whisper.cpp {}, {}", whisper_rs::WHISPER_CPP_VERSION, variant())
}

fn variant() -> &'static str {
    option_env!("HELIX_STT_VARIANT").unwrap_or("plain")
}

/// Says so before the first instruction that this processor lacks.
pub(crate) fn check_processor() -> Result<(), Fatal> {
    #[cfg(target_arch = "x86_64")]
    let able = match variant() {
        "avx2" => {
            is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("bmi2")
        }
        "sse42" => is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt"),
        _ => true,
    };
    #[cfg(not(target_arch = "x86_64"))]
    let able = true;
    if able {
        return Ok(());
    }
    Err(Fatal {
        code: FailureCode::CpuUnsupported,
        what: format!("This processor lacks instructions that the {} build of helix-stt uses.", variant()),
        remedy: "Install helix-stt-baseline beside it.".into(),
    })
}

/// A loaded model.
pub(crate) struct Engine {
    state: WhisperState,
    cancellation: Cancellation,
    languages: Vec<String>,
    model: String,
    threads: u8,
    whole_window: usize,
    warm_up: Duration,
}

impl Engine {
    /// Checks the file, loads it and decodes once, so that the first real decode finds everything in memory.
    pub(crate) fn load(load: &Load, cancellation: Cancellation) -> Result<Self, Fatal> {
        let began = now();
        let path = Path::new(&load.model_path);
        if path.is_dir() {
            return Err(unusable(path, &GgmlError::Read(ErrorKind::IsADirectory.into())));
        }
        let shape = ggml::inspect_file(path).map_err(|error| unusable(path, &error))?;
        let mut parameters = WhisperContextParameters::default();
        // Flash attention lets one clip leak into the next where the window is no multiple of 256.
        parameters.use_gpu(false).flash_attn(false);
        let context = WhisperContext::new_with_params(path, parameters)
            .map_err(|error| refused(path, &error.to_string()))?;
        let state = context.create_state().map_err(|error| refused(path, &error.to_string()))?;
        let languages = if shape.english_only() { vec!["en".to_owned()] } else { every_language() };
        let mut engine = Self {
            state,
            cancellation,
            languages,
            model: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            threads: load.threads.map_or_else(threads::default_count, |count| count.clamp(1, THREADS_MAX)),
            whole_window: usize::try_from(context.n_audio_ctx()).unwrap_or(1),
            warm_up: Duration::ZERO,
        };
        engine
            .pass(
                DecodeId(u64::MAX),
                "en",
                &vec![0.0; SAMPLES_LEN_MIN],
                window::fitted(0, engine.whole_window),
            )
            .map_err(|error| refused(path, &error.to_string()))?;
        engine.warm_up = began.elapsed();
        Ok(engine)
    }

    /// The engine as it can be shown to people.
    pub(crate) fn ready(&self) -> Ready {
        Ready {
            model: self.model.clone(),
            languages: self.languages.clone(),
            build: build(),
            threads: self.threads,
            warm_up_ms: milliseconds(self.warm_up),
        }
    }

    /// Transcribes, a second time in the whole window if the text is doubtful.
    pub(crate) fn decode(&mut self, decode: &Decode) -> Report {
        let began = now();
        let failed = |code, text: String| {
            Report::Failed(Failed { id: Some(decode.id), code, text, remedy: String::new() })
        };
        if decode.samples.len() > SAMPLES_LEN_MAX {
            return failed(FailureCode::DecodeFailed, "More than 30 s of audio.".into());
        }
        if !self.languages.contains(&decode.language) {
            let text = format!("The model {} does not understand this language.", self.model);
            return failed(FailureCode::LanguageUnknown, text);
        }
        match self.passes(decode) {
            Ok((pass, retried)) => Report::Decoded(Decoded {
                id: decode.id,
                text: pass.text,
                avg_logprob: pass.avg_logprob,
                repetition: pass.repetition,
                retried,
                decode_ms: milliseconds(began.elapsed()),
            }),
            Err(_) if self.cancellation.covers(decode.id) => {
                failed(FailureCode::Cancelled, "Cancelled.".into())
            }
            Err(error) => failed(FailureCode::DecodeFailed, format!("whisper.cpp: {error}.")),
        }
    }

    fn passes(&mut self, decode: &Decode) -> Result<(Pass, bool), whisper_rs::WhisperError> {
        let mut samples = vec![0.0; decode.samples.len()];
        whisper_rs::convert_integer_to_float_audio(&decode.samples, &mut samples)?;
        samples.resize(samples.len().max(SAMPLES_LEN_MIN), 0.0);
        let whole = self.whole_window;
        let cut = if decode.full_window { whole } else { window::fitted(samples.len(), whole) };
        let first = self.pass(decode.id, &decode.language, &samples, cut)?;
        if cut == whole || !first.is_doubtful() {
            return Ok((first, false));
        }
        let second = self.pass(decode.id, &decode.language, &samples, whole)?;
        let better = if second.is_better_than(&first) { second } else { first };
        // Stuck twice: whatever was said, these are not its words.
        let text = if better.is_stuck() { String::new() } else { better.text };
        Ok((Pass { text, ..better }, true))
    }

    fn pass(
        &mut self,
        id: DecodeId,
        language: &str,
        samples: &[f32],
        window: usize,
    ) -> Result<Pass, whisper_rs::WhisperError> {
        if self.cancellation.covers(id) {
            return Err(whisper_rs::WhisperError::FailedToEncode);
        }
        let tokens_max = tokens_max(samples.len());
        let mut parameters = self.parameters(id, language, window);
        parameters.set_max_tokens(i32::try_from(tokens_max).unwrap_or(0));
        self.state.full(parameters, samples)?;
        // An aborted pass may still answer success, with half a sentence.
        if self.cancellation.covers(id) {
            return Err(whisper_rs::WhisperError::FailedToDecode);
        }
        Ok(self.pass_result(tokens_max))
    }

    fn parameters<'a>(&self, id: DecodeId, language: &'a str, window: usize) -> FullParams<'a, 'static> {
        let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        parameters.set_n_threads(self.threads.into());
        parameters.set_audio_ctx(i32::try_from(window).unwrap_or(0));
        parameters.set_no_context(true);
        parameters.set_single_segment(true);
        parameters.set_no_timestamps(true);
        parameters.set_temperature_inc(0.0);
        parameters.set_suppress_nst(true);
        parameters.set_print_special(false);
        parameters.set_print_progress(false);
        parameters.set_print_realtime(false);
        parameters.set_print_timestamps(false);
        // English is the default, and every language set is a few bytes that whisper-rs never frees.
        if language != "en" {
            parameters.set_language(Some(language));
        }
        let cancellation = self.cancellation.clone();
        // whisper-rs 0.16 casts the closure to the wrong type unless that type is this very box.
        let abort: Box<dyn FnMut() -> bool> = Box::new(move || cancellation.covers(id));
        parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(Some(abort));
        parameters
    }

    fn pass_result(&self, tokens_max: usize) -> Pass {
        let mut raw = String::new();
        let (mut logprob, mut tokens) = (0.0, 0_usize);
        for segment in self.state.as_iter() {
            raw.push_str(&segment.to_str_lossy().unwrap_or_default());
            for token in (0..segment.n_tokens()).filter_map(|index| segment.get_token(index)) {
                logprob += token.token_data().plog;
                tokens += 1;
            }
        }
        let mut said = text::said(&raw);
        said.truncate(said.floor_char_boundary(TEXT_LEN_MAX));
        let avg_logprob = if tokens == 0 { 0.0 } else { logprob / tokens as f32 };
        Pass { repetition: text::repetition(&said), text: said, avg_logprob, cut_off: tokens > tokens_max }
    }
}

/// The result of one run of encoder and decoder.
struct Pass {
    text: String,
    avg_logprob: f32,
    repetition: f32,
    /// More tokens than anybody can say in the time.
    cut_off: bool,
}

impl Pass {
    /// The decoder went round in circles.
    fn is_stuck(&self) -> bool {
        self.cut_off || self.repetition > DOUBTFUL_REPETITION
    }

    fn is_doubtful(&self) -> bool {
        let unsure = self.avg_logprob < DOUBTFUL_LOGPROB && !self.text.is_empty();
        unsure || self.is_stuck()
    }

    fn is_better_than(&self, other: &Self) -> bool {
        match (self.is_stuck(), other.is_stuck()) {
            (false, true) => true,
            (true, false) => false,
            (true, true) | (false, false) => self.avg_logprob >= other.avg_logprob,
        }
    }
}

fn every_language() -> Vec<String> {
    (0..=whisper_rs::get_lang_max_id()).filter_map(whisper_rs::get_lang_str).map(str::to_owned).collect()
}

fn unusable(path: &Path, error: &GgmlError) -> Fatal {
    if let GgmlError::Read(source) = error {
        return Fatal {
            code: FailureCode::ModelMissing,
            what: format!("The speech model {} cannot be read: {source}.", path.display()),
            remedy: "Download one: `helix model pull`. Those that are there: `helix model list`.".into(),
        };
    }
    // The text of the error ends with what to do.
    let text = error.to_string();
    let (what, remedy) = text.rsplit_once("; ").unwrap_or((&text, "run `helix model pull` again"));
    Fatal {
        code: FailureCode::ModelUnusable,
        what: format!("The speech model {} cannot be used: {what}.", path.display()),
        remedy: format!("To repair it, {remedy}."),
    }
}

fn refused(path: &Path, error: &str) -> Fatal {
    Fatal {
        code: FailureCode::LoadFailed,
        what: format!("whisper.cpp could not load the speech model {}: {error}.", path.display()),
        remedy: "Is there enough free memory? Choose a smaller model: `helix model list`.".into(),
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[allow(clippy::disallowed_methods, reason = "the child's only clock: how long a decode took")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(said: &str, avg_logprob: f32) -> Pass {
        Pass { repetition: text::repetition(said), text: said.to_owned(), avg_logprob, cut_off: false }
    }

    #[test]
    fn what_the_engine_is_sure_of_is_not_decoded_twice() {
        assert!(!pass("Turn on the light.", -0.3).is_doubtful());
        assert!(!pass("", -3.0).is_doubtful(), "silence");
    }

    #[test]
    fn a_text_that_is_unsure_repeated_or_endless_is_decoded_again() {
        assert!(pass("Turn on the light.", -1.4).is_doubtful());
        assert!(pass(&"the light ".repeat(9), -0.1).is_doubtful());
        assert!(Pass { cut_off: true, ..pass("and so on", -0.1) }.is_doubtful());
    }

    #[test]
    fn of_two_texts_the_one_that_is_not_stuck_is_taken_then_the_surer_one() {
        let stuck = pass(&"the light ".repeat(9), -0.1);
        let unsure = pass("Turn on the light.", -1.4);
        assert!(unsure.is_better_than(&stuck) && !stuck.is_better_than(&unsure));
        assert!(pass("Turn on the light.", -0.9).is_better_than(&unsure));
    }

    #[test]
    fn nobody_speaks_faster_than_the_bound() {
        assert!(tokens_max(16_000) > 40 && tokens_max(16_000) < 80);
        assert!(tokens_max(30 * 16_000) >= 220, "the whole window is bounded by whisper.cpp");
    }
}
