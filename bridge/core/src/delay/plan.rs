//! Plans and carries out: a sentence with a time in, what is kept and said out; a due command in, how it ended out.

use jiff::Zoned;

use super::book::{Authorised, BookError, DelayBook, DelayedCommand, NewCommand, State, WAITING_MAX};
use super::talk::{Talk, meant, talk};
use super::when::{Timed, When, timed, told};
use crate::act::Risk;
use crate::home::Registry;
use crate::pipeline::{Marks, Request, carry_out, consider};
use crate::reply::{Reply, RunError, Sentence, Tone};
use crate::route::dimension::Source;
use crate::route::{Decision, Gate, Matrix, Route, SpeechAct};
use crate::{Clock, Home, Language, Pii};

/// A sentence with a time, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The decision about the command; its route is [`Route::Remember`], and `refusal` is what is said.
    pub decision: Decision,
    /// What is to be kept; nothing if it cannot be done later.
    pub command: Option<NewCommand>,
}

/// Reads a command with a time: `None` if it is another kind of sentence. Does and keeps nothing.
///
/// `now` is the moment in the time zone of the home.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn plan(
    request: &Request,
    now: &Zoned,
    home: &impl Home,
    matrix: &Matrix,
) -> Result<Option<Plan>, RunError> {
    if request.source == Source::Passive {
        return Ok(None);
    }
    let registry = home.registry()?;
    let Some(Timed { rest, when }) = timed(request.text.expose(), &request.language, now, names(&registry))
    else {
        return Ok(None);
    };
    let whole = consider(request, home, matrix).await?;
    let is_order = matches!(whole.dimensions.speech_act, SpeechAct::Command | SpeechAct::Deferred);
    if !is_order || matches!(whole.route(), Route::Act | Route::Answer) {
        return Ok(None);
    }
    let now_only = Request { text: Pii::new(rest), ..request.clone() };
    let mut decision = consider(&now_only, home, matrix).await?;
    let risky = decision.drafts.iter().find(|draft| draft.risk() >= Risk::R3);
    let risky = risky.map(|draft| name_of(&registry, draft.target()));
    let command = match (risky, when) {
        (Some(name), _) => say(&mut decision, Sentence::DelayedRisky { name }),
        // What it is about is wrong at any time.
        (None, _) if matches!(decision.gate(), Gate::Exposure | Gate::Place) => None,
        // What changes nothing that can be checked, such as an entry of a list, is not put off.
        (None, _) if !decision.acts() || decision.actions.is_empty() => return Ok(None),
        (None, When::At(due)) => {
            let (when, what) = (told(&due, now, &request.language), plain(now_only.text.expose()));
            let actions = decision.actions.iter().map(Authorised::of).collect();
            say(&mut decision, Sentence::Delayed { when, what });
            Some(NewCommand {
                due: due.timestamp(),
                sentence: now_only.text,
                sentences: decision.sentences.clone(),
                language: now_only.language,
                caller: now_only.caller,
                actions,
            })
        }
        (None, When::Past) => say(&mut decision, Sentence::DelayedPast),
        (None, When::TooFar) => say(&mut decision, Sentence::DelayedTooFar),
        (None, When::Vague) => say(&mut decision, Sentence::DelayedVague),
    };
    // Nothing is authorised now.
    decision.actions.clear();
    decision.judgement.route = if command.is_some() { Route::Remember } else { Route::Clarify };
    Ok(Some(Plan { decision, command }))
}

fn say(decision: &mut Decision, sentence: Sentence) -> Option<NewCommand> {
    decision.refusal = Some(sentence);
    None
}

/// The names inside of which no time is looked for.
fn names(registry: &Registry) -> impl Iterator<Item = &str> {
    let entities = registry.entities.values().filter(|entity| entity.exposed);
    let entities = entities.flat_map(|entity| std::iter::once(&entity.name).chain(&entity.aliases));
    let areas = registry.areas.values().flat_map(|area| std::iter::once(&area.name).chain(&area.aliases));
    entities.chain(areas).map(String::as_str)
}

fn name_of(registry: &Registry, entity: &crate::EntityId) -> String {
    registry.entities.get(entity).map_or_else(|| entity.to_string(), |entity| entity.name.clone())
}

/// How a command is repeated aloud.
fn plain(sentence: &str) -> String {
    sentence.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '!' | '?' | ',')).to_owned()
}

/// What is said about a plan, and the id of the command if it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What is said.
    pub reply: Reply,
    /// The command that waits now.
    pub id: Option<String>,
}

/// Keeps a plan and says so, once it is durable; what cannot be kept is not promised.
pub async fn keep(plan: &Plan, language: &Language, book: Option<&dyn DelayBook>) -> Kept {
    let said = |sentence: &Sentence, id| Kept { reply: Reply::say(sentence, language), id };
    let Some(command) = &plan.command else {
        return said(plan.decision.refusal.as_ref().unwrap_or(&Sentence::DelayedCommand), None);
    };
    let kept = async {
        let book = book.ok_or_else(|| BookError("there is no database".into()))?;
        if book.waiting().await?.len() >= WAITING_MAX {
            return Ok((Sentence::DelayedTooMany, None));
        }
        let id = book.add(command).await?;
        Ok((plan.decision.refusal.clone().unwrap_or(Sentence::DelayedCommand), Some(id)))
    };
    match kept.await {
        Ok((sentence, id)) => said(&sentence, id),
        Err(BookError(error)) => {
            tracing::error!(error, "a delayed command could not be kept");
            said(&Sentence::DelayedNotKept, None)
        }
    }
}

/// Takes a promise back that nobody heard: what was told was that it took too long.
pub async fn take_back(id: &str, book: &dyn DelayBook) {
    match book.end(id, State::Cancelled, "delayed-not-told").await {
        Ok(_) => tracing::warn!(id, "a delayed command was cancelled: nobody could be told that it was kept"),
        Err(BookError(error)) => {
            tracing::error!(id, error, "a delayed command waits, though nobody could be told so");
        }
    }
}

/// Answers talk about what is planned; `None` for every other sentence.
pub async fn answer(request: &Request, now: &Zoned, book: Option<&dyn DelayBook>) -> Option<Reply> {
    if request.source == Source::Passive {
        return None;
    }
    let talk = talk(request.text.expose(), &request.language)?;
    let answered = async {
        let Some(book) = book else { return Ok(Sentence::PlannedNone) };
        let waiting = book.waiting().await?;
        answered(&talk, &waiting, &request.language, now, book).await
    };
    let sentence = answered.await.unwrap_or_else(|BookError(error)| {
        tracing::error!(error, "what is planned cannot be read or changed");
        Sentence::DelayedNotKept
    });
    Some(Reply::say(&sentence, &request.language))
}

async fn answered(
    talk: &Talk,
    waiting: &[DelayedCommand],
    language: &Language,
    now: &Zoned,
    book: &dyn DelayBook,
) -> Result<Sentence, BookError> {
    let list = |commands: &mut dyn Iterator<Item = &DelayedCommand>| {
        let one = |command: &DelayedCommand| {
            let due = command.due.to_zoned(now.time_zone().clone());
            format!("{}: {}", told(&due, now, language), plain(command.sentence.expose()))
        };
        commands.map(one).collect::<Vec<_>>().join("; ")
    };
    if waiting.is_empty() {
        return Ok(Sentence::PlannedNone);
    }
    let chosen: Vec<_> = match talk {
        Talk::List => return Ok(Sentence::PlannedList { list: list(&mut waiting.iter()) }),
        Talk::CancelAll => waiting.iter().collect(),
        Talk::Cancel(words) => meant(words, waiting),
    };
    if chosen.is_empty() || chosen.len() > 1 && *talk != Talk::CancelAll {
        let choices = if chosen.is_empty() { waiting.iter().collect() } else { chosen };
        return Ok(Sentence::PlannedWhich { list: list(&mut choices.into_iter()) });
    }
    let mut cancelled = Vec::new();
    for command in chosen {
        if book.end(&command.id, State::Cancelled, "cancelled").await? {
            cancelled.push(command);
        }
    }
    Ok(match cancelled.as_slice() {
        [] => Sentence::PlannedNone,
        cancelled => Sentence::PlannedCancelled { what: list(&mut cancelled.iter().copied()) },
    })
}

/// How a due command ended.
#[derive(Debug)]
pub enum Performed {
    /// It cannot be carried out right now; it still waits.
    NotYet(RunError),
    /// Somebody cancelled it in the meantime.
    Gone,
    /// It has ended.
    Ended {
        /// How.
        state: State,
        /// The stable code.
        code: &'static str,
        /// The timeline.
        marks: Marks,
    },
}

/// Carries out a command that is due: it is decided about anew, and has to do exactly what was authorised when it
/// was said. That it runs is durable before it acts, so it never acts twice.
///
/// # Errors
/// [`BookError`] if the book cannot be written: nothing was done, unless it is the end that could not be noted.
pub async fn perform(
    command: &DelayedCommand,
    home: &impl Home,
    clock: &impl Clock,
    matrix: &Matrix,
    book: &dyn DelayBook,
) -> Result<Performed, BookError> {
    let decision = match consider_all(command, home, matrix).await {
        Ok(Ok(decision)) => decision,
        Ok(Err(code)) => return end(command, book, State::Failed, code, Marks::default()).await,
        Err(RunError::Home(error)) if !error.is_retryable() => {
            return end(command, book, State::Failed, error.code(), Marks::default()).await;
        }
        Err(error) => return Ok(Performed::NotYet(error)),
    };
    if !book.begin(&command.id).await? {
        return Ok(Performed::Gone);
    }
    let mut marks = Marks { matched: Some(clock.now()), ..Marks::default() };
    let reply = match carry_out(&decision, &request(command, ""), home, clock, &mut marks).await {
        Ok(reply) => reply,
        Err(error) => Reply::rescue(&error, &command.language),
    };
    let state = if reply.tone == Tone::Handled { State::Done } else { State::Failed };
    end(command, book, state, reply.code, marks).await
}

/// One sentence of the command, as if it was said now.
fn request(command: &DelayedCommand, sentence: &str) -> Request {
    Request {
        text: Pii::new(sentence.to_owned()),
        language: command.language.clone(),
        caller: command.caller.clone(),
        source: Source::Addressed,
    }
}

/// Decides about all its sentences before any is carried out; the code of the first that may not be.
async fn consider_all(
    command: &DelayedCommand,
    home: &impl Home,
    matrix: &Matrix,
) -> Result<Result<Decision, &'static str>, RunError> {
    let mut whole: Option<Decision> = None;
    for sentence in &command.sentences {
        let decision = consider(&request(command, sentence), home, matrix).await?;
        if let Some(code) = refusal(&decision) {
            return Ok(Err(code));
        }
        match &mut whole {
            Some(whole) => {
                whole.sentences.extend(decision.sentences);
                whole.actions.extend(decision.actions);
            }
            None => whole = Some(decision),
        }
    }
    Ok(whole
        .ok_or("no-match")
        .and_then(|whole| if is_exactly(command, &whole) { Ok(whole) } else { Err("delayed-changed") }))
}

/// Whether all that was authorised would be done, and nothing else: when it is due there is nobody to ask whether the
/// half of it is still wanted.
fn is_exactly(command: &DelayedCommand, decision: &Decision) -> bool {
    let was_said = |action| command.actions.iter().any(|authorised| authorised.is(action));
    let is_done = |authorised: &Authorised| decision.actions.iter().any(|action| authorised.is(action));
    decision.actions.iter().all(was_said) && command.actions.iter().all(is_done)
}

/// Why one of its sentences may not be carried out any more.
fn refusal(decision: &Decision) -> Option<&'static str> {
    let may = decision.acts() && !decision.actions.is_empty();
    (!may).then(|| decision.refusal.as_ref().map_or("no-match", Sentence::key))
}

async fn end(
    command: &DelayedCommand,
    book: &dyn DelayBook,
    state: State,
    code: &'static str,
    marks: Marks,
) -> Result<Performed, BookError> {
    if book.end(&command.id, state, code).await? {
        Ok(Performed::Ended { state, code, marks })
    } else {
        Ok(Performed::Gone)
    }
}
