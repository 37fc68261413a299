//! One utterance in its conversation: what was asked before, what it leads to, what is asked, said or undone next.

mod delegate;
mod learn;
mod undo;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::act::Past;
use crate::delegate::Desk;
use crate::dialogue::{
    Candidate, Choice, Chosen, Clearance, Completed, Confirmed, Deed, Dialogues, Pending, Pin, Question,
    Satellite, Turn, Unfinished, Utterance, candidates,
};
use crate::draft::{Help, Helped, reconsidered};
use crate::pipeline::{
    Background, Marks, Outcome, Request, SENTENCE_LEN_MAX, carry_out, consider_after, reconsider,
};
use crate::repair::LastAct;
use crate::reply::{Reply, RunError, Sentence};
use crate::request::{Kind, NewRequest, RequestBook, RequestError};
use crate::route::dimension::{ControlAsk, Source};
use crate::route::{Decision, Gate, Matrix, Route, name_of};
use crate::{Clock, EntityId, Home, Pii};

/// Somebody who knows certain sentences better: commands for later.
pub trait Specialist: Send + Sync {
    /// Answers a sentence of its kind; `None` for every other one.
    fn answer(&self, request: &Request) -> impl Future<Output = Option<Outcome>> + Send;
}

/// Nobody.
impl Specialist for () {
    async fn answer(&self, _: &Request) -> Option<Outcome> {
        None
    }
}

/// What every conversation needs.
#[derive(Debug)]
pub struct Conversation<'a, H, C, S> {
    /// The home.
    pub home: &'a H,
    /// The clock of the runs.
    pub clock: &'a C,
    /// The table that decides.
    pub matrix: &'a Matrix,
    /// Asked before what is of the highest risk; a yes is enough if there is none.
    pub pin: Option<&'a Pin>,
    /// What was asked and said before, of all satellites.
    pub dialogues: &'a Mutex<Dialogues>,
    /// Who takes what is too big for a conversation; without one it is kept.
    pub desk: Option<&'a dyn Desk>,
    /// Where what cannot be done yet is kept.
    pub requests: Option<&'a dyn RequestBook>,
    /// Asked before the matcher about a sentence that answers no question.
    pub specialist: &'a S,
    /// Asked about what the matcher declined.
    pub help: Option<Help<'a>>,
}

/// What is known about a run while it goes on.
#[derive(Debug, Default)]
struct Progress {
    marks: Marks,
    decision: Option<Decision>,
    /// The words that the run is about, if they are not those that were said.
    words: Option<String>,
    /// Whether a person has chosen among several things that the words may mean.
    chosen: bool,
}

impl<H: Home, C: Clock, S: Specialist> Conversation<'_, H, C, S> {
    /// Carries one utterance of `satellite` through all stages. Always ends with a reply.
    pub async fn respond(&self, request: &Request, satellite: Option<&Satellite>) -> Outcome {
        let mut progress = Progress::default();
        let reply = match self.turn(request, satellite, &mut progress).await {
            Ok(reply) => reply,
            Err(error) => Reply::rescue(&error, &request.language),
        };
        if let Some(satellite) = satellite.filter(|_| request.source != Source::Passive) {
            let (mut dialogues, now) = (self.dialogues(), self.clock.now());
            dialogues.said(satellite, &reply.text, now);
            if reply.asks_for_more() {
                let asked = progress.words.unwrap_or_else(|| request.text.expose().clone());
                dialogues.ask_for_more(satellite, Unfinished { asked, key: reply.code }, now);
            }
        }
        Outcome { reply, decision: progress.decision, marks: progress.marks }
    }

    async fn turn(
        &self,
        request: &Request,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        // First of all: what is far too long answers no question and is read by nobody.
        if request.text.expose().trim().chars().count() > SENTENCE_LEN_MAX {
            return self.follow(request, Vec::new(), satellite, progress).await;
        }
        let heard = Utterance {
            satellite,
            text: request.text.expose(),
            language: &request.language,
            source: request.source,
            now: self.clock.now(),
        };
        let turn = self.dialogues().hear(&heard, self.pin);
        let say = |sentence: &Sentence| Ok(Reply::say(sentence, &request.language));
        match turn {
            Turn::New => self.begin(request, satellite, progress).await,
            Turn::Completed(completed) => self.complete(completed, request, satellite, progress).await,
            Turn::Chosen(Chosen { asked, not_meant }) => {
                let chosen = Request { text: Pii::new(asked), ..request.clone() };
                self.follow(&chosen, not_meant, satellite, progress).await
            }
            Turn::Confirmed(confirmed) => self.confirmed(&confirmed, request, satellite, progress).await,
            Turn::Echo => say(&Sentence::AlreadyOn),
            Turn::Say(sentence) => say(&sentence),
            Turn::Again(text) => Ok(Reply::done(text)),
        }
    }

    /// Deals with a sentence of its own.
    async fn begin(
        &self,
        request: &Request,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        if let Some(reply) = self.talk_of_tasks(request, satellite).await {
            return Ok(reply);
        }
        if let Some(outcome) = self.specialised(request).await {
            (progress.decision, progress.marks) = (outcome.decision, outcome.marks);
            return Ok(outcome.reply);
        }
        self.follow(request, Vec::new(), satellite, progress).await
    }

    /// Deals with a sentence that was completed, if the two halves make one; else with what was said alone.
    async fn complete(
        &self,
        Completed { whole, key }: Completed,
        request: &Request,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        let completed = Request { text: Pii::new(whole.clone()), ..request.clone() };
        if key == Sentence::TaskWhat.key() {
            return Ok(self.delegate(&completed, satellite, true, progress).await);
        }
        if let Some(reply) = self.talk_of_tasks(&completed, satellite).await.filter(|reply| reply.code != key)
        {
            return Ok(reply);
        }
        let outcome = self.specialised(&completed).await;
        // What is asked for again was not said.
        if let Some(outcome) = outcome.filter(|outcome| outcome.reply.code != key) {
            progress.words = Some(whole);
            (progress.decision, progress.marks) = (outcome.decision, outcome.marks);
            return Ok(outcome.reply);
        }
        let decision = consider_after(&Background::default(), &completed, self.home, self.matrix).await?;
        let is_known = match decision.route() {
            Route::Act | Route::Answer => !decision.sentences.is_empty(),
            Route::Clarify => !matches!(decision.gate(), Gate::Place | Gate::Rest),
            Route::Delegate | Route::Remember | Route::Control | Route::Refuse => false,
        };
        if !is_known {
            return self.begin(request, satellite, progress).await;
        }
        progress.words = Some(whole);
        self.lead(decision, &completed, satellite, progress).await
    }

    async fn specialised(&self, request: &Request) -> Option<Outcome> {
        if request.source == Source::Passive { None } else { self.specialist.answer(request).await }
    }

    /// Decides about a sentence and does what follows.
    async fn follow(
        &self,
        request: &Request,
        not_meant: Vec<EntityId>,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        let now = self.clock.now();
        let last = satellite.and_then(|satellite| self.dialogues().last_act(satellite, now));
        let background = Background { last, not_meant };
        let decision = consider_after(&background, request, self.home, self.matrix).await?;
        let decision = match self.help {
            Some(help) => {
                reconsidered(decision, help, &background, request, self.home, self.clock, self.matrix).await
            }
            None => decision,
        };
        progress.chosen = !background.not_meant.is_empty();
        self.lead(decision, request, satellite, progress).await
    }

    /// Does what follows from a decision.
    async fn lead(
        &self,
        decision: Decision,
        request: &Request,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        let decision = progress.decision.insert(decision);
        progress.marks.matched = Some(self.clock.now());
        match decision.route() {
            Route::Act | Route::Answer if !decision.sentences.is_empty() => {
                let reply = self.act(decision, request, satellite, &mut progress.marks).await?;
                // What was chosen among several is not what the words mean by themselves.
                let helped = decision.helped.as_ref().filter(|_| !progress.chosen);
                if let Some(helped) = helped.filter(|_| reply.is_done()) {
                    self.learn(request.text.expose(), helped, &decision.sentences, request, satellite).await;
                }
                Ok(reply)
            }
            Route::Clarify => Ok(self.ask(decision, request, satellite)),
            Route::Control => {
                let control = decision.dimensions.control;
                self.control(control, request, satellite, &mut progress.marks).await
            }
            // Nobody talked to Helix.
            Route::Refuse if decision.gate() == Gate::Source => Ok(Reply::silence()),
            Route::Delegate => Ok(self.delegate(request, satellite, false, progress).await),
            Route::Remember => Ok(self.keep_request(Kind::Remember, request).await),
            Route::Act | Route::Answer | Route::Refuse => {
                let refusal = decision.refusal.as_ref().unwrap_or(&Sentence::NoMatch);
                Ok(Reply::say(refusal, &request.language))
            }
        }
    }

    /// Keeps what nobody can do yet, and says so once it is durable.
    async fn keep_request(&self, kind: Kind, request: &Request) -> Reply {
        let Request { text, language, caller, .. } = request;
        let device = || caller.device.as_ref().map(ToString::to_string);
        let place = caller.satellite.as_ref().map(ToString::to_string).or_else(device);
        let new = NewRequest { words: text.clone(), language: language.clone(), place, kind };
        let kept = match self.requests {
            Some(book) => book.add(&new).await,
            None => Err(RequestError("there is no database".to_owned())),
        };
        let sentence = match kept {
            Ok(_) => kind.kept(),
            Err(error) => {
                tracing::error!(%error, "a request could not be kept");
                Sentence::RequestNotKept
            }
        };
        Reply::say(&sentence, language)
    }

    async fn act(
        &self,
        decision: &Decision,
        request: &Request,
        satellite: Option<&Satellite>,
        marks: &mut Marks,
    ) -> Result<Reply, RunError> {
        // Before it begins: what fails half-way, or takes so long that nobody waits for it, may change something too.
        if let Some(satellite) = satellite.filter(|_| decision.acts()) {
            let now = self.clock.now();
            let last = decision.read.reading().map(|reading| LastAct::of(reading, now));
            let before = Past::before(&decision.actions, self.home);
            self.dialogues().acted(satellite, before, last, now);
        }
        carry_out(decision, request, self.home, self.clock, marks).await
    }

    /// Asks what the decision leaves open, if there is somebody to answer.
    fn ask(&self, decision: &Decision, request: &Request, satellite: Option<&Satellite>) -> Reply {
        let refusal = decision.refusal.clone().unwrap_or(Sentence::NoMatch);
        let asked = request.text.expose().clone();
        let question = if let Sentence::Confirm { act } = &refusal {
            Question::Confirm(Pending {
                asked,
                act: act.clone(),
                deed: Deed::Sentences(decision.sentences.clone()),
                drafts: decision.drafts.clone(),
                drafted: decision.helped.as_ref().is_some_and(Helped::resolved),
            })
        } else if let Sentence::WhichOne { .. } = &refusal {
            Question::Choice(Choice { asked, among: self.candidates(&decision.choices) })
        } else {
            return Reply::say(&refusal, &request.language);
        };
        self.pose(question, decision.drafts.first().map(crate::act::Draft::target), request, satellite)
    }

    fn pose(
        &self,
        question: Question,
        about: Option<&EntityId>,
        request: &Request,
        satellite: Option<&Satellite>,
    ) -> Reply {
        let sentence = match satellite {
            Some(satellite) => {
                let now = self.clock.now();
                self.dialogues().ask(satellite, question, &request.language, now, self.pin)
            }
            None => Sentence::NeedsConfirmation { name: about.map(|id| self.name(id)).unwrap_or_default() },
        };
        Reply::say(&sentence, &request.language)
    }

    /// Does what was confirmed, if it is still exactly that.
    async fn confirmed(
        &self,
        confirmed: &Confirmed,
        request: &Request,
        satellite: Option<&Satellite>,
        progress: &mut Progress,
    ) -> Result<Reply, RunError> {
        let sentences = match &confirmed.pending.deed {
            Deed::Sentences(sentences) => sentences,
            Deed::Restore(past) => {
                return self
                    .restore(past, &confirmed.clearance, request, satellite, &mut progress.marks)
                    .await;
            }
        };
        let decision = reconsider(sentences, confirmed, request, self.home, self.matrix).await?;
        let decision = progress.decision.insert(decision);
        progress.marks.matched = Some(self.clock.now());
        if decision.acts() && confirmed.clearance.is_exactly(&decision.drafts) {
            let reply = self.act(decision, request, satellite, &mut progress.marks).await?;
            let pending = &confirmed.pending;
            if pending.drafted && reply.is_done() {
                self.learn(&pending.asked, &Helped::Drafted(1), sentences, request, satellite).await;
            }
            return Ok(reply);
        }
        let refusal = match decision.route() {
            Route::Refuse => decision.refusal.clone(),
            Route::Act
            | Route::Answer
            | Route::Delegate
            | Route::Remember
            | Route::Clarify
            | Route::Control => None,
        };
        decision.judgement.route = Route::Refuse;
        Ok(Reply::say(&refusal.unwrap_or(Sentence::ChangedMeanwhile), &request.language))
    }

    async fn control(
        &self,
        control: ControlAsk,
        request: &Request,
        satellite: Option<&Satellite>,
        marks: &mut Marks,
    ) -> Result<Reply, RunError> {
        let say = |sentence: &Sentence| Ok(Reply::say(sentence, &request.language));
        match control {
            ControlAsk::Stop => say(&Sentence::Left),
            ControlAsk::Yes | ControlAsk::No | ControlAsk::Answer | ControlAsk::None => {
                say(&Sentence::NothingAsked)
            }
            ControlAsk::Repeat => {
                match satellite.and_then(|satellite| self.dialogues().last_words(satellite)) {
                    Some(text) => Ok(Reply::done(text)),
                    None => say(&Sentence::NothingToRepeat),
                }
            }
            ControlAsk::Undo => {
                let now = self.clock.now();
                match satellite.and_then(|satellite| self.dialogues().undoable(satellite, now)) {
                    Some(past) => self.restore(&past, &Clearance::none(), request, satellite, marks).await,
                    None => say(&Sentence::NothingToUndo),
                }
            }
        }
    }

    fn dialogues(&self) -> MutexGuard<'_, Dialogues> {
        self.dialogues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn candidates(&self, ids: &[EntityId]) -> Vec<Candidate> {
        self.home.registry().map_or_else(|_| Vec::new(), |registry| candidates(ids, &registry))
    }

    fn name(&self, id: &EntityId) -> String {
        self.home.registry().map_or_else(|_| id.to_string(), |registry| name_of(&registry, id))
    }

    fn names<'i>(&self, ids: impl Iterator<Item = &'i EntityId>) -> String {
        ids.map(|id| self.name(id)).collect::<Vec<_>>().join(", ")
    }
}
