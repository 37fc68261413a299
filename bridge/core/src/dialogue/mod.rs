//! The conversation of each satellite: what was asked, what was confirmed, what can be undone.
//!
//! Pure: utterances and times go in, a [`Turn`] comes out. Whatever a [`Turn`] lets happen is decided, authorised
//! and carried out elsewhere.

mod clearance;
mod echo;
mod masks;
mod pin;
mod question;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

pub use clearance::Clearance;
pub use pin::{OFF_FOR, Pin, PinShapeError, TRIES_MAX};
pub use question::{CHOICES_MAX, Candidate, Choice, Deed, Pending, Question, Unfinished, candidates};
pub(crate) use words::control_of;

use crate::act::{Draft, Past, Risk};
use crate::home::Caller;
use crate::repair::LastAct;
use crate::reply::Sentence;
use crate::route::dimension::{ControlAsk, Source};
use crate::shortcut::Key;
use crate::{DeviceId, EntityId, Language};
use echo::Echoes;
use masks::Masks;
use pin::{Attempts, Tried};
use question::Answer;
use words::Words;

/// How long a question stays open.
pub const OPEN_FOR: Duration = Duration::from_secs(30);
/// How long an act can be undone.
pub const UNDO_FOR: Duration = Duration::from_mins(10);
/// How long "it" means the task that was talked about.
pub const TASKS_FOR: Duration = Duration::from_mins(10);
/// How long after the PIN was asked for digits may be a late answer.
pub const PIN_LATE_FOR: Duration = Duration::from_mins(2);
/// Satellites and conversations that are kept in mind; the one that was silent longest goes first.
pub const SATELLITES_MAX: usize = 64;

/// Who talks: a satellite, a device, or else a conversation. Never a known person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Satellite {
    /// `assist_satellite.…`.
    Entity(EntityId),
    /// A device without such an entity.
    Device(DeviceId),
    /// A conversation that was typed.
    Conversation(String),
}

impl Satellite {
    /// Who talks, if anything is known about it.
    pub fn of(caller: &Caller, conversation: Option<&str>) -> Option<Self> {
        let entity = caller.satellite.clone().map(Self::Entity);
        let device = || caller.device.clone().map(Self::Device);
        entity.or_else(device).or_else(|| conversation.map(|id| Self::Conversation(id.to_owned())))
    }

    /// Whether it has ears, so that another one may hear the same sentence.
    fn hears(&self) -> bool {
        match self {
            Self::Entity(_) | Self::Device(_) => true,
            Self::Conversation(_) => false,
        }
    }
}

/// One utterance as the dialogue sees it.
#[derive(Debug, Clone, Copy)]
pub struct Utterance<'a> {
    /// Who talks.
    pub satellite: Option<&'a Satellite>,
    /// The words.
    pub text: &'a str,
    /// Their language.
    pub language: &'a Language,
    /// How they came.
    pub source: Source,
    /// When, by the clock of the runs.
    pub now: Duration,
}

/// What an utterance is in its conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// A sentence of its own.
    New,
    /// Another satellite heard the same and is dealing with it.
    Echo,
    /// The question was answered with yes, or with the PIN.
    Confirmed(Box<Confirmed>),
    /// One of several was chosen.
    Chosen(Chosen),
    /// It may be what was left out before; if the two make no sense together, it is a sentence of its own.
    Completed(Completed),
    /// It was no, or a wrong PIN.
    Say(Sentence),
    /// The last words are said again.
    Again(String),
}

/// The sentence that may have meant several things, and which of them it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The words that led to the question.
    pub asked: String,
    /// The entities that were not chosen.
    pub not_meant: Vec<EntityId>,
}

/// A sentence with what it left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Both halves.
    pub whole: String,
    /// The key of the sentence that asked for the second half.
    pub key: &'static str,
}

/// What was confirmed, and the proof of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmed {
    /// What is to be done.
    pub pending: Pending,
    /// What lets it pass.
    pub clearance: Clearance,
}

/// The conversations of all satellites.
#[derive(Debug, Default)]
pub struct Dialogues {
    satellites: BTreeMap<Satellite, Dialogue>,
    attempts: Attempts,
    echoes: Echoes,
    masks: Masks,
}

/// One conversation.
#[derive(Debug, Default)]
struct Dialogue {
    open: Option<(Question, Duration)>,
    asked_pin: Option<Duration>,
    said: Option<String>,
    acted: Option<(Vec<Past>, Duration)>,
    learnt: Option<Key>,
    last: Option<LastAct>,
    tasks: Option<Duration>,
    used: Duration,
}

impl Dialogue {
    fn open(&mut self, question: Question, now: Duration) {
        if matches!(question, Question::Pin(_)) {
            self.asked_pin = Some(now);
        }
        self.open = Some((question, now));
    }

    fn open_at(&self, now: Duration) -> Option<&Question> {
        let fresh = |asked: Duration| now.saturating_sub(asked) <= OPEN_FOR;
        self.open.as_ref().filter(|(_, asked)| fresh(*asked)).map(|(question, _)| question)
    }
}

impl Dialogues {
    /// Takes in an utterance. An open question is over with it, unless a PIN was wrong or it is to be repeated.
    pub fn hear(&mut self, heard: &Utterance<'_>, pin: Option<&Pin>) -> Turn {
        let Some(satellite) = heard.satellite.filter(|_| heard.source != Source::Passive) else {
            return Turn::New;
        };
        let turn = self.answer(satellite, heard, pin);
        let is_sentence = turn == Turn::New && satellite.hears();
        if is_sentence && self.echoes.hears_again(satellite, heard.text, heard.now) {
            return Turn::Echo;
        }
        turn
    }

    /// What the words are to the open question; [`Turn::New`] if there is none, or they are no answer to it.
    fn answer(&mut self, satellite: &Satellite, heard: &Utterance<'_>, pin: Option<&Pin>) -> Turn {
        let dialogue = self.of(satellite, heard.now);
        let Some(question) = dialogue.open_at(heard.now).cloned() else {
            dialogue.open = None;
            return Turn::New;
        };
        if control_of(heard.text, heard.language) == ControlAsk::Repeat {
            return dialogue.said.clone().map_or(Turn::New, Turn::Again);
        }
        dialogue.open = None;
        match (question.read(heard.text, heard.language), question) {
            (Answer::Yes, Question::Confirm(pending)) => confirmed(pending),
            (Answer::Pin(given), Question::Pin(pending)) => {
                let Some(pin) = pin else { return Turn::New };
                match self.attempts.attempt(pin, &given, heard.now) {
                    Tried::Right => confirmed(pending),
                    Tried::Wrong => {
                        self.of(satellite, heard.now).open(Question::Pin(pending), heard.now);
                        Turn::Say(Sentence::WrongPin)
                    }
                    Tried::Off(left) => Turn::Say(pin_off(left)),
                }
            }
            // It may be a part of the PIN: it goes no further, and is no try.
            (Answer::Garbled, Question::Pin(pending)) => {
                let act = pending.act.clone();
                self.of(satellite, heard.now).open(Question::Pin(pending), heard.now);
                Turn::Say(Sentence::AskPin { act })
            }
            (Answer::Chosen(at), Question::Choice(choice)) => chosen(choice, at),
            (Answer::Other, Question::Choice(choice)) if Words::of(heard.language).is_other(heard.text) => {
                self.other_one(satellite, choice, heard)
            }
            (Answer::More, Question::More(Unfinished { asked, key })) => {
                Turn::Completed(Completed { whole: joined(&asked, heard.text), key })
            }
            (Answer::No, _) => Turn::Say(Sentence::Left),
            (
                Answer::Other
                | Answer::Yes
                | Answer::Pin(_)
                | Answer::Garbled
                | Answer::Chosen(_)
                | Answer::More,
                _,
            ) => Turn::New,
        }
    }

    /// "The other one" is the one that was not done last; else nobody knows, and it is asked once more.
    fn other_one(&mut self, satellite: &Satellite, choice: Choice, heard: &Utterance<'_>) -> Turn {
        let last = self.last_act(satellite, heard.now);
        let done: Vec<_> = last.iter().flat_map(|last| &last.steps).flat_map(|step| &step.targets).collect();
        match choice.other_than(&done) {
            Some(at) => chosen(choice, at),
            None => Turn::Say(self.ask(satellite, Question::Choice(choice), heard.language, heard.now, None)),
        }
    }

    /// Opens a question; the next utterance of this satellite within [`OPEN_FOR`] is its answer. Where a PIN is
    /// configured, what is of the highest risk asks for it. Tells what to say.
    pub fn ask(
        &mut self,
        satellite: &Satellite,
        question: Question,
        language: &Language,
        now: Duration,
        pin: Option<&Pin>,
    ) -> Sentence {
        let (question, sentence) = match question {
            Question::Confirm(pending) | Question::Pin(pending) => {
                let act = pending.act.clone();
                if pin.is_some() && pending.drafts.iter().any(|draft| draft.risk() >= Risk::R3) {
                    if let Some(left) = self.attempts.off_for(now) {
                        return pin_off(left);
                    }
                    (Question::Pin(pending), Sentence::AskPin { act })
                } else {
                    (Question::Confirm(pending), Sentence::Confirm { act })
                }
            }
            Question::Choice(choice) => {
                let names = any_of(&choice.names(), language);
                (Question::Choice(choice), Sentence::WhichOne { names })
            }
            Question::More(unfinished) => (Question::More(unfinished), Sentence::NoPlace),
        };
        self.of(satellite, now).open(question, now);
        sentence
    }

    /// Opens the question for what a sentence leaves out; it has been asked in words already.
    pub fn ask_for_more(&mut self, satellite: &Satellite, unfinished: Unfinished, now: Duration) {
        self.of(satellite, now).open(Question::More(unfinished), now);
    }

    /// Keeps the last words, for "say that again".
    pub fn said(&mut self, satellite: &Satellite, text: &str, now: Duration) {
        self.of(satellite, now).said = Some(text.to_owned());
    }

    /// The last words, for "say that again".
    pub fn last_words(&self, satellite: &Satellite) -> Option<String> {
        self.satellites.get(satellite)?.said.clone()
    }

    /// Keeps how it was before an act, for "undo that", and what was done, for "and the bedroom too".
    pub fn acted(&mut self, satellite: &Satellite, before: Vec<Past>, last: Option<LastAct>, now: Duration) {
        let dialogue = self.of(satellite, now);
        dialogue.acted = Some((before, now)).filter(|(before, _)| !before.is_empty());
        dialogue.last = last;
        dialogue.learnt = None;
        dialogue.tasks = None;
    }

    /// Keeps that this satellite talked about a task, so that "it" is that one.
    pub fn speaks_of_tasks(&mut self, satellite: &Satellite, now: Duration) {
        self.of(satellite, now).tasks = Some(now);
    }

    /// Whether it talked about a task, and about nothing else since that could be meant.
    pub fn spoke_of_tasks(&self, satellite: &Satellite, now: Duration) -> bool {
        let lately = |at: Duration| now.saturating_sub(at) <= TASKS_FOR;
        self.satellites.get(satellite).and_then(|dialogue| dialogue.tasks).is_some_and(lately)
    }

    /// Keeps that the last act of this satellite taught what these words mean.
    pub(crate) fn learnt(&mut self, satellite: &Satellite, key: Key, now: Duration) {
        self.of(satellite, now).learnt = Some(key);
    }

    /// The words whose meaning the last act of this satellite taught, once.
    pub(crate) fn unlearnt(&mut self, satellite: &Satellite) -> Option<Key> {
        self.satellites.get_mut(satellite)?.learnt.take()
    }

    /// What was done last from this satellite, if a sentence that is said now may go on from it.
    pub fn last_act(&self, satellite: &Satellite, now: Duration) -> Option<LastAct> {
        self.satellites.get(satellite)?.last.clone().filter(|last| last.is_recent(now))
    }

    /// How it was before the last act of this satellite, if that is not too long ago.
    pub fn undoable(&self, satellite: &Satellite, now: Duration) -> Option<Vec<Past>> {
        let (before, at) = self.satellites.get(satellite)?.acted.as_ref()?;
        (now.saturating_sub(*at) <= UNDO_FOR).then(|| before.clone())
    }

    /// What is left to undo of the last act: it is undone once, and asked about once.
    pub fn keep_undoable(&mut self, satellite: &Satellite, left: Vec<Past>) {
        if let Some(dialogue) = self.satellites.get_mut(satellite) {
            dialogue.acted =
                dialogue.acted.take().map(|(_, at)| (left, at)).filter(|(left, _)| !left.is_empty());
        }
    }

    /// Whether the next words of this satellite may be a PIN; of an unknown one, whether those of any may be.
    pub fn expects_pin(&self, satellite: Option<&Satellite>, now: Duration) -> bool {
        self.any_of(satellite, |dialogue| matches!(dialogue.open_at(now), Some(Question::Pin(_))))
    }

    /// Whether these words read as a PIN and one was asked for not long ago, though the question may be over.
    pub fn is_late_pin(
        &self,
        satellite: Option<&Satellite>,
        text: &str,
        language: &Language,
        now: Duration,
    ) -> bool {
        let lately = |asked: Duration| now.saturating_sub(asked) <= PIN_LATE_FOR;
        self.any_of(satellite, |dialogue| dialogue.asked_pin.is_some_and(lately))
            && Words::of(language).digits(text).is_some()
    }

    /// Whether it holds for this satellite; of an unknown one, whether it does for any.
    fn any_of(&self, satellite: Option<&Satellite>, holds: impl Fn(&Dialogue) -> bool) -> bool {
        match satellite {
            Some(satellite) => self.satellites.get(satellite).is_some_and(holds),
            None => self.satellites.values().any(holds),
        }
    }

    /// Takes words that may be a PIN into safe keeping, and gives what stands for them everywhere else.
    pub fn mask(&mut self, words: String, now: Duration) -> String {
        self.masks.put(words, now)
    }

    /// The words that a mask stands for, once.
    pub fn unmask(&mut self, mask: &str, now: Duration) -> Option<String> {
        self.masks.take(mask, now)
    }

    fn of(&mut self, satellite: &Satellite, now: Duration) -> &mut Dialogue {
        if !self.satellites.contains_key(satellite) && self.satellites.len() >= SATELLITES_MAX {
            let oldest = self.satellites.iter().min_by_key(|(_, dialogue)| dialogue.used);
            if let Some(oldest) = oldest.map(|(satellite, _)| satellite.clone()) {
                self.satellites.remove(&oldest);
            }
        }
        let dialogue = self.satellites.entry(satellite.clone()).or_default();
        dialogue.used = now;
        dialogue
    }
}

/// Two halves of a sentence as one: what ended the first does not part them.
fn joined(asked: &str, more: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '.' | '!' | '?' | ',' | ';' | '…');
    format!("{} {}", asked.trim_end_matches(is_end), more.trim())
}

fn chosen(choice: Choice, at: usize) -> Turn {
    let others = choice.among.iter().enumerate().filter(|(other, _)| *other != at);
    let not_meant = others.map(|(_, other)| other.entity.clone()).collect();
    Turn::Chosen(Chosen { asked: choice.asked, not_meant })
}

fn confirmed(pending: Pending) -> Turn {
    let clearance = Clearance::of(pending.drafts.clone());
    Turn::Confirmed(Box::new(Confirmed { pending, clearance }))
}

fn pin_off(left: Duration) -> Sentence {
    Sentence::PinOff { minutes: left.as_secs().div_ceil(60).max(1).to_string() }
}

/// What would be done, as it stands in "Shall I …?".
pub(crate) fn act_in_words(drafts: &[&Draft], names: &[String], language: &Language) -> String {
    let words = Words::of(language);
    let mut acts: Vec<_> = drafts.iter().zip(names).map(|(draft, name)| words.act(draft, name)).collect();
    acts.dedup();
    let more = acts.len() > CHOICES_MAX;
    acts.truncate(CHOICES_MAX);
    acts.join(", ") + if more { " …" } else { "" }
}

/// Names as one asks for one of them: "a, b or c", at most [`CHOICES_MAX`].
pub(crate) fn any_of(names: &[String], language: &Language) -> String {
    Words::of(language).any_of(&names[..names.len().min(CHOICES_MAX)])
}

#[cfg(test)]
mod tests;
