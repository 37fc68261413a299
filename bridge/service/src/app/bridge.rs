//! The Wyoming server's [`Voice`]: runs core's stages with the real ports and keeps the timelines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use helix_core::converse::Conversation;
use helix_core::delay::{DelayedCommand, State};
use helix_core::delegate::Desk;
use helix_core::dialogue::{Dialogues, Pin, Satellite};
use helix_core::draft::{FIRST_WORDS_LIMIT, Help, PATIENCE_LIMIT};
use helix_core::home::Caller;
use helix_core::listen::{AudioSource, Ears, Heard, Patience, listen};
use helix_core::llm::LanguageModel;
use helix_core::pipeline::{Marks, Outcome, Request};
use helix_core::reply::{Reply, RunError, Sentence, Tone};
use helix_core::request::RequestBook;
use helix_core::route::dimension::Source;
use helix_core::route::{Matrix, Route};
use helix_core::runs::{Run, Runs, Stage};
use helix_core::shortcut::ShortcutBook;
use helix_core::transcribe::RecognizeError;
use helix_core::{Clock, DeviceId, EntityId, Language, Pii, UtteranceId};
use helix_speech::activity::Earshot;
use helix_speech::denoise::Denoiser;
use tokio::time::timeout;
use tracing::Instrument;

use super::later::{Later, Planner};
use super::own_language;
use super::speech::Speech;
use crate::agent::Words;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control::RunRow;
use crate::delay::{DueLoop, Reports};
use crate::hass::HomeAssistant;
use crate::metrics::Metrics;
use crate::satellite::{
    AudioReceiver, Espeak, HandleReply, HandleRequest, ListenReply, SpeakError, SpeakRequest, Spoken, Voice,
};
use crate::store::Store;

/// The transcript of a run whose speech recognition failed. Home Assistant speaks no error of a recogniser,
/// so the run goes on with this text and the reply tells what happened.
const UNHEARD: &str = "…";

/// Stands in the runs for words that may be a PIN.
const MASKED: &str = "••••";

/// The parts that every run uses.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) home: HomeAssistant,
    pub(super) speech: Arc<Speech>,
    pub(super) clock: SystemClock,
    pub(super) later: Later,
    pub(super) books: Books,
    pub(super) router: Arc<dyn LanguageModel>,
    pub(super) desk: Option<Arc<dyn Desk>>,
}

/// What runs keep in the database, if there is one.
#[derive(Debug)]
pub(super) struct Books {
    requests: Option<Arc<dyn RequestBook>>,
    shortcuts: Option<Arc<dyn ShortcutBook>>,
}

impl Books {
    pub(super) fn of(store: Option<&Store>) -> Self {
        Self {
            requests: store.map(|store| Arc::new(store.requests()) as Arc<dyn RequestBook>),
            shortcuts: store.map(|store| Arc::new(store.shortcuts()) as Arc<dyn ShortcutBook>),
        }
    }
}

/// What all runs share.
#[derive(Debug)]
pub(super) struct Bridge {
    home: HomeAssistant,
    speech: Arc<Speech>,
    clock: SystemClock,
    later: Later,
    books: Books,
    router: Arc<dyn LanguageModel>,
    desk: Option<Arc<dyn Desk>>,
    patience: Patience,
    denoise: bool,
    language: Option<Language>,
    matrix: Matrix,
    pin: Option<Pin>,
    dialogues: Mutex<Dialogues>,
    runs: Mutex<Runs>,
    metrics: Metrics,
    espeak: Option<Espeak>,
}

impl Bridge {
    pub(super) fn new(config: &Config, shared: Shared, metrics: Metrics, espeak: Option<Espeak>) -> Self {
        Self {
            home: shared.home,
            speech: shared.speech,
            clock: shared.clock,
            later: shared.later,
            books: shared.books,
            router: shared.router,
            desk: shared.desk,
            patience: config.patience,
            denoise: config.denoise,
            language: config.language.clone(),
            matrix: config.matrix.clone(),
            pin: config.pin.clone(),
            dialogues: Mutex::default(),
            runs: Mutex::default(),
            metrics,
            espeak,
        }
    }

    /// What carries out delayed commands, if they can be kept.
    pub(super) fn due_loop(self: &Arc<Self>) -> Option<DueLoop<HomeAssistant, SystemClock, Self>> {
        Some(DueLoop {
            home: self.home.clone(),
            clock: self.clock.clone(),
            calendar: Arc::clone(&self.later.calendar),
            matrix: self.matrix.clone(),
            book: self.later.book.clone()?,
            added: Arc::clone(&self.later.added),
            reports: Arc::clone(self),
        })
    }

    /// Who helps with what the matcher declined: as long as a person waits who can, or cannot, be told to.
    fn help(&self, aside: Option<&Words>) -> Help<'_> {
        let limit = if aside.is_some() { PATIENCE_LIMIT } else { FIRST_WORDS_LIMIT };
        Help { model: &*self.router, shortcuts: self.books.shortcuts.as_deref(), limit }
    }

    /// The last runs, without their words.
    pub(super) fn rows(&self, conversation: Option<&str>) -> Vec<RunRow> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |run: &&Run| conversation.is_none_or(|id| run.conversation.as_deref() == Some(id));
        runs.iter().filter(wanted).map(row).collect()
    }

    pub(super) fn language_or_own(&self, language: Option<&Language>) -> Language {
        own_language(language.or(self.language.as_ref()), &self.home)
    }

    fn keep(&self, run: Run) {
        let stages: Vec<_> = run.timeline_ms().iter().map(|(stage, ms)| format!("{stage} {ms}")).collect();
        let timeline = stages.join(", ");
        let labels = [("route", run.route.unwrap_or("none")), ("code", run.code.unwrap_or("none"))];
        self.metrics.count("bridge_runs_total", &labels);
        tracing::info!(route = run.route, code = run.code, timeline_ms = timeline, "run");
        tracing::debug!(text = run.text.expose(), "words");
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
    }

    async fn hear(
        &self,
        audio: AudioReceiver,
        language: &Language,
        caller: &Caller,
        secret: bool,
    ) -> Result<Heard, RecognizeError> {
        let ears = Ears {
            recognizer: &*self.speech,
            home: &self.home,
            clock: &self.clock,
            patience: self.patience,
            language,
            caller,
            secret,
        };
        let mut audio = Cleaned::new(audio, self.denoise);
        let mut vad = Earshot::default();
        // Boxed: the audio and the pending decode of an utterance are some kilobytes.
        Box::pin(listen(&mut audio, &mut vad, &ears)).await
    }

    fn listening(&self) -> Caller {
        self.home.listening_satellite().map_or_else(Caller::default, |found| Caller {
            device: found.device,
            satellite: Some(found.entity),
        })
    }

    fn dialogues(&self) -> MutexGuard<'_, Dialogues> {
        self.dialogues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the words of this caller may be a PIN.
    fn expects_pin(&self, caller: &Caller, conversation: Option<&str>) -> bool {
        let satellite = Satellite::of(caller, conversation);
        self.dialogues().expects_pin(satellite.as_ref(), self.clock.now())
    }

    /// Whether these words are, or may be, a PIN that comes now or late.
    fn is_secret(
        &self,
        caller: &Caller,
        conversation: Option<&str>,
        text: &str,
        language: &Language,
    ) -> bool {
        let satellite = Satellite::of(caller, conversation);
        let (dialogues, now) = (self.dialogues(), self.clock.now());
        dialogues.expects_pin(satellite.as_ref(), now)
            || dialogues.is_late_pin(satellite.as_ref(), text, language, now)
    }

    /// The words themselves where Home Assistant brings back a mask; and whether they may not be kept.
    fn unmasked(&self, request: &mut HandleRequest, language: &Language) -> bool {
        let words = self.dialogues().unmask(request.text.expose(), self.clock.now());
        let masked = words.is_some();
        if let Some(words) = words {
            request.text = Pii::new(words);
        }
        let conversation = request.conversation_id.as_deref();
        masked || self.is_secret(&request.caller, conversation, request.text.expose(), language)
    }

    /// The satellite of a device, if it has one.
    pub(super) fn satellite_of(&self, device: &DeviceId) -> Option<EntityId> {
        self.home.satellite_of(device)
    }

    /// Keeps what was said at a satellite unasked, for "say that again".
    pub(super) fn said(&self, satellite: &EntityId, words: &str) {
        let now = self.clock.now();
        let satellite = Satellite::Entity(satellite.clone());
        let mut dialogues = self.dialogues();
        dialogues.said(&satellite, words, now);
        dialogues.speaks_of_tasks(&satellite, now);
    }

    /// Answers one sentence, whichever way it came; `aside` tells a person to wait, where that can be said.
    pub(super) async fn reply(
        &self,
        mut request: HandleRequest,
        language: Language,
        aside: Option<&Words>,
    ) -> Reply {
        let joined = {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.join(request.text.expose(), self.clock.now())
        };
        let said = request.text.clone();
        let secret = self.unmasked(&mut request, &language);
        // What may be a PIN is for the question that asks for it, and for nobody else once that is over.
        let too_late = secret && !self.expects_pin(&request.caller, request.conversation_id.as_deref());
        let text = if secret { Pii::new(MASKED.to_owned()) } else { said };
        let mut run = joined.unwrap_or_else(|| Run::new(new_id(), text.clone()));
        run.text = text;
        run.conversation = request.conversation_id;
        run.satellite = request.caller.satellite.as_ref().map(ToString::to_string);
        let failure = match (&run.failure, request.text.expose().as_str()) {
            (Some(failure), _) => Some(failure.clone()),
            (None, UNHEARD) => Some(RunError::Recognize(RecognizeError::Died)),
            (None, _) => None,
        };
        let span = tracing::info_span!("run", run_id = %run.id, satellite = run.satellite);
        let outcome = if let Some(error) = failure {
            Outcome { reply: Reply::rescue(&error, &language), decision: None, marks: Marks::default() }
        } else if too_late {
            let reply = Reply::say(&Sentence::ChangedMeanwhile, &language);
            Outcome { reply, decision: None, marks: Marks::default() }
        } else {
            let satellite = Satellite::of(&request.caller, run.conversation.as_deref());
            let source = Source::Addressed;
            let request = Request { text: request.text, language, caller: request.caller, source };
            let conversation = Conversation {
                home: &self.home,
                clock: &self.clock,
                matrix: &self.matrix,
                pin: self.pin.as_ref(),
                dialogues: &self.dialogues,
                desk: self.desk.as_deref(),
                requests: self.books.requests.as_deref(),
                specialist: &Planner { later: &self.later, home: &self.home, matrix: &self.matrix },
                help: Some(self.help(aside)),
            };
            let answer = conversation.respond(&request, satellite.as_ref()).instrument(span.clone());
            told_to_wait(answer, aside, &request.language).await
        };
        run.mark(Stage::Matched, outcome.marks.matched);
        run.mark(Stage::Acted, outcome.marks.acted);
        run.mark(Stage::Verified, outcome.marks.verified);
        run.mark(Stage::Replied, Some(self.clock.now()));
        run.route = outcome.decision.as_ref().map(|decision| decision.route().as_str());
        run.code = Some(outcome.reply.code);
        span.in_scope(|| self.keep(run));
        outcome.reply
    }
}

impl Reports for Bridge {
    fn ended(&self, command: &DelayedCommand, state: State, code: &'static str, marks: Marks) {
        let mut run = Run::new(new_id(), command.sentence.clone());
        run.satellite = command.caller.satellite.as_ref().map(ToString::to_string);
        run.mark(Stage::Matched, marks.matched);
        run.mark(Stage::Acted, marks.acted);
        run.mark(Stage::Verified, marks.verified);
        run.route = Some(Route::Act.as_str());
        run.code = Some(code);
        let span = tracing::info_span!("delayed", run_id = %run.id, satellite = run.satellite);
        span.in_scope(|| {
            let (id, state) = (&command.id, state.as_str());
            tracing::info!(id, state, code, "a delayed command has ended");
            self.keep(run);
        });
    }
}

impl Voice for Bridge {
    async fn listen(&self, audio: AudioReceiver, language: Option<Language>) -> ListenReply {
        let language = self.language_or_own(language.as_ref());
        let id = new_id();
        let span = tracing::info_span!("listen", run_id = %id);
        let caller = self.listening();
        // Asked before, too: the question may run out while the PIN is spoken.
        let expected = self.expects_pin(&caller, None);
        match self.hear(audio, &language, &caller, expected).instrument(span.clone()).await {
            Ok(heard) => {
                let mut text = heard.text.into_inner();
                // What may be a PIN goes through Home Assistant as a mask.
                let secret = expected || self.is_secret(&caller, None, &text, &language);
                if !text.is_empty() && secret {
                    text = self.dialogues().mask(text, self.clock.now());
                }
                let mut run = Run::new(id, Pii::new(text.clone()));
                run.mark(Stage::Heard, heard.heard);
                run.mark(Stage::Ended, heard.ended);
                run.mark(Stage::Decided, Some(heard.decided));
                run.mark(Stage::Transcribed, Some(heard.transcribed));
                span.in_scope(|| {
                    tracing::info!(reason = heard.reason.as_str(), words = !text.is_empty(), "heard");
                });
                self.metrics.count("bridge_utterances_total", &[("end", heard.reason.as_str())]);
                if !text.is_empty() {
                    self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
                }
                ListenReply::Text(text)
            }
            Err(error) => {
                span.in_scope(|| tracing::warn!(code = error.code(), %error, "nothing could be transcribed"));
                let mut run = Run::new(id, Pii::new(UNHEARD.to_owned()));
                run.mark(Stage::Transcribed, Some(self.clock.now()));
                run.failure = Some(error.into());
                self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
                ListenReply::Text(UNHEARD.to_owned())
            }
        }
    }

    async fn respond(&self, request: HandleRequest) -> HandleReply {
        let language = self.language_or_own(request.language.as_ref());
        let reply = self.reply(request, language, None).await;
        match reply.tone {
            Tone::Handled => HandleReply::Handled(reply.text),
            Tone::NotHandled => HandleReply::NotHandled(reply.text),
            Tone::NotRecognized => HandleReply::NotRecognized(reply.text),
        }
    }

    fn rescue_text(&self, language: Option<&Language>) -> String {
        Reply::rescue(&RunError::TookTooLong, &self.language_or_own(language)).text
    }

    fn busy_text(&self, language: Option<&Language>) -> String {
        Sentence::Busy.text(&self.language_or_own(language))
    }

    fn too_long_text(&self, language: Option<&Language>) -> String {
        Sentence::TooLong.text(&self.language_or_own(language))
    }

    fn stopping_text(&self, language: Option<&Language>) -> String {
        Sentence::Stopping.text(&self.language_or_own(language))
    }

    async fn speak(&self, request: SpeakRequest) -> Result<Spoken, SpeakError> {
        let language = self.language_or_own(request.language.as_ref());
        let espeak = self.espeak.as_ref().ok_or(SpeakError::NoVoice)?;
        Ok(espeak.speak(&request.text, &language).await?)
    }
}

/// The audio of an utterance, with its noise suppressed if that is switched on.
struct Cleaned {
    audio: AudioReceiver,
    denoiser: Option<Denoiser>,
}

impl Cleaned {
    fn new(audio: AudioReceiver, denoise: bool) -> Self {
        Self { audio, denoiser: denoise.then(Denoiser::default) }
    }
}

impl AudioSource for Cleaned {
    async fn next(&mut self) -> Option<Vec<i16>> {
        let samples = self.audio.next().await?;
        let Some(denoiser) = &mut self.denoiser else { return Some(samples) };
        let mut clean = Vec::with_capacity(samples.len());
        denoiser.push(&samples, &mut clean);
        Some(clean)
    }
}

/// The outcome of a run; who waits for it is told so.
async fn told_to_wait<T>(run: impl Future<Output = T>, aside: Option<&Words>, language: &Language) -> T {
    let mut run = std::pin::pin!(run);
    if let Some(aside) = aside {
        if let Ok(outcome) = timeout(FIRST_WORDS_LIMIT, &mut run).await {
            return outcome;
        }
        aside.say(&Sentence::OneMoment.text(language));
    }
    run.await
}

fn new_id() -> UtteranceId {
    UtteranceId::from(uuid::Uuid::now_v7().to_string())
}

fn row(run: &Run) -> RunRow {
    RunRow {
        id: run.id.to_string(),
        conversation: run.conversation.clone(),
        satellite: run.satellite.clone(),
        route: run.route.map(str::to_owned),
        code: run.code.map(str::to_owned),
        timeline: run.timeline_ms().into_iter().map(|(stage, ms)| (stage.to_owned(), ms)).collect(),
    }
}
