//! What happens to one sentence: dry run, decide, execute, verify, reply.

use std::time::Duration;

use crate::act::{Action, verify};
use crate::dialogue::Clearance;
use crate::home::{Caller, Execution, ExecutionKind, Match};
use crate::repair::{LastAct, Read, Reading};
use crate::reply::{Reply, RunError, Sentence, Tone};
use crate::resolve::{Repair, Resolution, resolve};
use crate::route::dimension::{Length, Source};
use crate::route::{
    Decision, Matrix, Origin, Route, Situation, decide, decide_length, decide_parts, decide_unsure, join,
};
use crate::{Clock, Home, Language, Pii};

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
    /// What was done last from the same satellite, if a sentence may still go on from it.
    pub last: Option<LastAct>,
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
    /// What a sentence may go on from, if this one acted.
    pub act: Option<LastAct>,
}

/// Carries one sentence through all stages. Always ends with a reply.
pub async fn respond(request: &Request, home: &impl Home, clock: &impl Clock, matrix: &Matrix) -> Outcome {
    let mut marks = Marks::default();
    let mut decision = None;
    let reply = match stages(request, home, clock, matrix, &mut marks, &mut decision).await {
        Ok(reply) => reply,
        Err(error) => Reply::rescue(&error, &request.language),
    };
    let act = decision.as_ref().and_then(|decision| last_act(decision, clock.now()));
    Outcome { reply, decision, marks, act }
}

/// What a next sentence may go on from: what was read, if it was done.
fn last_act(decision: &Decision, now: Duration) -> Option<LastAct> {
    decision.read.reading().filter(|_| decision.acts()).map(|reading| LastAct::of(reading, now))
}

/// Decides about a sentence without doing anything.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn consider(request: &Request, home: &impl Home, matrix: &Matrix) -> Result<Decision, RunError> {
    let text = request.text.expose().trim();
    let Request { language, caller, .. } = request;
    let registry = home.registry()?;
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
        resolve(text, language, caller, request.last.as_ref(), home).await?;
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
        Repair::None => decide(text, &found, &situation),
        Repair::OneOf(choices) => decide_unsure(text, choices, &situation),
        Repair::Doubt => decide_unsure(text, Vec::new(), &situation),
        Repair::Twins(sentences) => {
            let certainty = read.reading().map_or(0.0, Reading::certainty);
            decide_parts(text, sentences, Origin::Repaired(certainty), &situation)
        }
    };
    Ok(Decision { read, ..decision })
}

async fn stages(
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
    matrix: &Matrix,
    marks: &mut Marks,
    decided: &mut Option<Decision>,
) -> Result<Reply, RunError> {
    let decision = decided.insert(consider(request, home, matrix).await?);
    marks.matched = Some(clock.now());
    if decision.sentences.is_empty() || !matches!(decision.route(), Route::Act | Route::Answer) {
        let refusal = decision.refusal.as_ref().unwrap_or(&Sentence::NoMatch);
        return Ok(Reply::say(refusal, &request.language));
    }
    carry_out(decision, request, home, clock, marks).await
}

/// Lets Home Assistant do what was decided, and proves it.
pub(crate) async fn carry_out(
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
