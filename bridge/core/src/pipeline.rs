//! What happens to one sentence: dry run, decide, execute, verify, reply.

use std::sync::Arc;
use std::time::Duration;

use crate::act::{Action, verify};
use crate::dialogue::{Clearance, Confirmed};
use crate::home::{Caller, Execution, ExecutionKind, Match, Registry};
use crate::inquire::answered;
use crate::repair::{LastAct, Read, Reading};
use crate::reply::{Reply, RunError, Sentence, Tone};
use crate::resolve::{Repair, Resolution, resolve};
use crate::route::dimension::{Length, Source};
use crate::route::{
    Decision, Matrix, Origin, Situation, decide, decide_length, decide_parts, decide_unplaced, decide_unsure,
    join,
};
use crate::{Clock, EntityId, Home, Language, Pii};

/// How sure a sentence is that has one name written right and no reading of its own; as [`Reading::certainty`].
const CERTAINTY_OF_ONE_SLIP: f32 = 0.25;
/// The longest sentence that is looked at, in characters: 30 s of fast speech have about 600.
pub const SENTENCE_LEN_MAX: usize = 1000;

/// One sentence and where it comes from.
#[derive(Debug, Clone)]
pub struct Request {
    /// The words.
    pub text: Pii<String>,
    /// The language of the pipeline.
    pub language: Language,
    /// The satellite, if it is known.
    pub caller: Caller,
    /// How it came.
    pub source: Source,
}

/// When the stages of a run were done (times of the run's [`Clock`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The dry run was answered.
    pub matched: Option<Duration>,
    /// Home Assistant had carried it out.
    pub acted: Option<Duration>,
    /// The state had followed, or the limit had passed.
    pub verified: Option<Duration>,
}

/// How a sentence ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is said.
    pub reply: Reply,
    /// What was decided, if it came so far.
    pub decision: Option<Decision>,
    /// The timeline.
    pub marks: Marks,
}

/// What was said before, as far as it matters to the next sentence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Background {
    /// What was done last from this satellite.
    pub last: Option<LastAct>,
    /// Entities that the person said are not meant.
    pub not_meant: Vec<EntityId>,
}

/// Decides about a sentence without doing anything.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn consider(request: &Request, home: &impl Home, matrix: &Matrix) -> Result<Decision, RunError> {
    consider_after(&Background::default(), request, home, matrix).await
}

/// Decides about a sentence that follows others.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn consider_after(
    background: &Background,
    request: &Request,
    home: &impl Home,
    matrix: &Matrix,
) -> Result<Decision, RunError> {
    let text = request.text.expose().trim();
    let Request { language, caller, .. } = request;
    let registry = without(home.registry()?, &background.not_meant);
    let clearance = Clearance::none();
    let situation = Situation {
        language,
        registry: &registry,
        caller,
        source: request.source,
        matrix,
        clearance: &clearance,
    };
    if text.is_empty() {
        return Ok(decide_length(Length::Empty, &situation));
    }
    if text.chars().count() > SENTENCE_LEN_MAX {
        return Ok(decide_length(Length::TooLong, &situation));
    }
    let Resolution { found, repair, read } =
        resolve(text, language, caller, background, &registry, home).await?;
    if read == Read::Nothing
        && !matches!(found, Match::Strict(_))
        && let Some(parts) = join::parts(text, language)
    {
        let answers = home.dry_run(join::questions(&parts), language, caller).await?;
        if let Some(parts) = join::choose(parts, answers) {
            return Ok(decide_parts(text, parts, Origin::Exact, &situation));
        }
    }
    let decision = match repair {
        Repair::None if read == Read::NoPlace && !matches!(found, Match::Strict(_)) => {
            decide_unplaced(text, &situation)
        }
        Repair::None => decide(text, &found, &situation),
        Repair::OneOf(choices) => decide_unsure(text, choices, &situation),
        Repair::Doubt => decide_unsure(text, Vec::new(), &situation),
        Repair::Twins(sentences) => {
            let certainty = read.reading().map_or(CERTAINTY_OF_ONE_SLIP, Reading::certainty);
            decide_parts(text, sentences, Origin::Repaired(certainty), &situation)
        }
    };
    Ok(answered(Decision { read, ..decision }, request, &registry, home, &situation).await?)
}

/// The home as if these entities were not there.
pub(crate) fn without(registry: Arc<Registry>, hidden: &[EntityId]) -> Arc<Registry> {
    if hidden.is_empty() {
        return registry;
    }
    let mut registry = Registry::clone(&registry);
    registry.entities.retain(|id, _| !hidden.contains(id));
    Arc::new(registry)
}

/// What was confirmed is dry-run and decided about anew: what changed since the question was asked counts.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn reconsider(
    sentences: &[String],
    confirmed: &Confirmed,
    request: &Request,
    home: &impl Home,
    matrix: &Matrix,
) -> Result<Decision, RunError> {
    let Request { language, caller, source, .. } = request;
    let found = home.dry_run(sentences.to_vec(), language, caller).await?;
    let registry = home.registry()?;
    let clearance = &confirmed.clearance;
    let situation = Situation { language, registry: &registry, caller, source: *source, matrix, clearance };
    let asked = &confirmed.pending.asked;
    let strict = |(sentence, found): (&String, &Match)| match found {
        Match::Strict(strict) => Some((sentence.clone(), strict.clone())),
        Match::None | Match::Unmatched { .. } => None,
    };
    let parts: Option<Vec<_>> = sentences.iter().zip(&found).map(strict).collect();
    match parts {
        Some(parts) if parts.len() == sentences.len() => {
            Ok(decide_parts(asked, parts, Origin::Exact, &situation))
        }
        Some(_) | None => Ok(decide(asked, found.first().unwrap_or(&Match::None), &situation)),
    }
}

/// Lets Home Assistant carry out what was decided, and proves it.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be told.
pub async fn carry_out(
    decision: &Decision,
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
    marks: &mut Marks,
) -> Result<Reply, RunError> {
    let execution = process_all(&decision.sentences, request, home).await?;
    marks.acted = Some(clock.now());
    let reply = prove(&execution, &decision.actions, request, home, clock).await;
    marks.verified = Some(clock.now());
    Ok(reply)
}

/// Lets Home Assistant carry the sentences out, one after the other; the first one that it refuses ends it.
async fn process_all(
    sentences: &[String],
    request: &Request,
    home: &impl Home,
) -> Result<Execution, RunError> {
    let mut all: Option<Execution> = None;
    for sentence in sentences {
        let done = home.process(sentence.clone(), &request.language, &request.caller).await?;
        let whole = match all.take() {
            Some(so_far) => so_far.and(done),
            None => done,
        };
        let refused = matches!(whole.kind, ExecutionKind::Error(_));
        all = Some(whole);
        if refused {
            break;
        }
    }
    Ok(all.unwrap_or_else(Execution::nothing))
}

/// Compares what was done with what was authorised, and what the states show with what was asked.
async fn prove(
    execution: &Execution,
    actions: &[Action],
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
) -> Reply {
    let say = |sentence: &Sentence| Reply::say(sentence, &request.language);
    if let ExecutionKind::Error(code) = &execution.kind {
        tracing::info!(code, "Home Assistant did not carry the sentence out");
        return Reply { text: execution.speech.clone(), tone: Tone::NotHandled, code: "home-declined" };
    }
    let authorised = |id: &crate::EntityId| actions.iter().any(|action| action.target() == id);
    let others: Vec<_> = execution.done.iter().filter(|id| !actions.is_empty() && !authorised(id)).collect();
    let proof = verify(actions, home, clock).await;
    let names = |ids: &mut dyn Iterator<Item = &crate::EntityId>| {
        let registry = home.registry().ok();
        let name = |id: &crate::EntityId| {
            registry
                .as_ref()
                .and_then(|r| r.entities.get(id))
                .map_or_else(|| id.to_string(), |e| e.name.clone())
        };
        ids.map(name).collect::<Vec<_>>().join(", ")
    };
    if !others.is_empty() {
        tracing::warn!(others = others.len(), "more changed than was authorised");
        return say(&Sentence::ChangedOther { names: names(&mut others.into_iter()) });
    }
    if !proof.missing.is_empty() {
        return say(&Sentence::DidNotFollow { names: names(&mut proof.missing.iter()) });
    }
    Reply::done(execution.speech.clone())
}
