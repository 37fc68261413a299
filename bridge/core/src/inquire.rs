//! A question about the home that was declined: asked again in fewer words, or else answered from the states.

use std::sync::Arc;

use crate::home::{HomeError, Match, Registry};
use crate::pipeline::Request;
use crate::repair::{Context, Inquiry, Manner, inquiry, moves_nothing, shortened};
use crate::reply::Sentence;
use crate::resolve::area_of;
use crate::route::{Decision, Gate, Origin, Route, Situation, SpeechAct, decide_parts, name_of};
use crate::{EntityId, Home};

/// Most names of one answer; more are not listened to.
const NAMES_MAX: usize = 10;

/// The answer to a question that nothing else answered; every other decision comes back as it is.
///
/// # Errors
/// [`HomeError`] if Home Assistant cannot be asked.
pub(crate) async fn answered(
    declined: Decision,
    request: &Request,
    registry: &Arc<Registry>,
    home: &impl Home,
    situation: &Situation<'_>,
) -> Result<Decision, HomeError> {
    // What sounds like a question is read as one: nothing moves by being told.
    let sounds = declined.route() == Route::Answer && declined.gate() == Gate::Rest;
    let question = sounds || declined.dimensions.speech_act == SpeechAct::Question;
    let open = match declined.route() {
        Route::Answer | Route::Refuse | Route::Clarify => declined.gate() != Gate::Question,
        Route::Act | Route::Delegate | Route::Remember | Route::Control => false,
    };
    if !question || !open || declined.gate() == Gate::Source {
        return Ok(declined);
    }
    let Request { language, caller, .. } = request;
    let text = request.text.expose();
    if let Some(shorter) = shortened(text, language) {
        let answer = home.dry_run(vec![shorter.clone()], language, caller).await?.pop();
        if let Some(Match::Strict(strict)) = answer
            && moves_nothing(&strict)
        {
            return Ok(decide_parts(text, vec![(shorter, strict)], Origin::Repaired(1.0), situation));
        }
    }
    let here = area_of(caller, registry);
    let state = |id: &EntityId| home.state(id);
    let context = Context { registry, language, here: here.as_ref(), state: &state, last: None };
    let Some(inquiry) = inquiry(text, &context) else { return Ok(declined) };
    let mut answered = declined;
    (answered.judgement.route, answered.judgement.gate) = (Route::Answer, Gate::Question);
    answered.judgement.asked.push((Gate::Question, true));
    (answered.sentences, answered.drafts) = (Vec::new(), Vec::new());
    answered.refusal = Some(told(&inquiry, registry, home));
    Ok(answered)
}

fn told(inquiry: &Inquiry, registry: &Registry, home: &impl Home) -> Sentence {
    let (so, not) = inquiry.answer(|id| home.state(id));
    let names = |ids: &[EntityId]| {
        let shown: Vec<String> = ids.iter().take(NAMES_MAX).map(|id| name_of(registry, id)).collect();
        shown.join(", ") + if ids.len() > NAMES_MAX { " …" } else { "" }
    };
    match (inquiry.manner, so.is_empty(), not.is_empty()) {
        (Manner::Any, false, _) => Sentence::HomeFound { names: names(&so) },
        (Manner::Any, true, _) | (Manner::Every | Manner::One, true, true) => Sentence::HomeNothing,
        (Manner::Every, false, true) => Sentence::HomeAll,
        (Manner::Every, _, false) => Sentence::HomeAllBut { names: names(&not) },
        (Manner::One, false, _) => Sentence::HomeYes { names: names(&so) },
        (Manner::One, true, false) => Sentence::HomeNo { names: names(&not) },
    }
}
