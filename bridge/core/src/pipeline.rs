//! What happens to one sentence: dry run, decide, execute, verify, reply.

use std::time::Duration;

use crate::act::{Action, verify};
use crate::home::{Caller, Execution, ExecutionKind};
use crate::reply::{Reply, RunError, Sentence, Tone};
use crate::route::{Decision, Route, decide};
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

/// Carries one sentence through all stages. Always ends with a reply.
pub async fn respond(request: &Request, home: &impl Home, clock: &impl Clock) -> Outcome {
    let mut marks = Marks::default();
    let mut decision = None;
    let reply = match stages(request, home, clock, &mut marks, &mut decision).await {
        Ok(reply) => reply,
        Err(error) => Reply::rescue(&error, &request.language),
    };
    Outcome { reply, decision, marks }
}

/// Decides about a sentence without doing anything.
///
/// # Errors
/// [`RunError`] if Home Assistant cannot be asked.
pub async fn consider(request: &Request, home: &impl Home) -> Result<Result<Decision, Sentence>, RunError> {
    let text = request.text.expose().trim();
    if text.is_empty() {
        return Ok(Err(Sentence::NothingSaid));
    }
    if text.chars().count() > SENTENCE_LEN_MAX {
        return Ok(Err(Sentence::TooLong));
    }
    let registry = home.registry()?;
    let found = home.dry_run(vec![text.to_owned()], &request.language, &request.caller).await?.pop();
    let found = found.unwrap_or(crate::home::Match::None);
    Ok(Ok(decide(text, &request.language, &found, &registry, &request.caller)))
}

async fn stages(
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
    marks: &mut Marks,
    decided: &mut Option<Decision>,
) -> Result<Reply, RunError> {
    let say = |sentence: &Sentence| Reply::say(sentence, &request.language);
    let decision = match consider(request, home).await? {
        Ok(decision) => decided.insert(decision),
        Err(sentence) => return Ok(say(&sentence)),
    };
    marks.matched = Some(clock.now());
    match decision.route {
        Route::Refuse => Ok(say(decision.refusal.as_ref().unwrap_or(&Sentence::NoMatch))),
        Route::Answer | Route::Act => {
            let execution = process(request, home).await?;
            marks.acted = Some(clock.now());
            let reply = prove(&execution, &decision.actions, request, home, clock).await;
            marks.verified = Some(clock.now());
            Ok(reply)
        }
    }
}

async fn process(request: &Request, home: &impl Home) -> Result<Execution, RunError> {
    let sentence = request.text.expose().trim().to_owned();
    Ok(home.process(sentence, &request.language, &request.caller).await?)
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
