//! What Helix says at a gate: a judgement and what is known in, a sentence of the catalogue out.

use super::dimension::{Dimensions, Effect, Length};
use super::{Gate, Judgement, Route, Situation, SpeechAct, name_of};
use crate::act::Draft;
use crate::dialogue::act_in_words;
use crate::reply::Sentence;
use crate::request::Kind;

/// What to say at this gate; `None` where Home Assistant's own words or silence follow.
pub(super) fn at(
    judgement: &Judgement,
    dimensions: &Dimensions,
    said: Option<Sentence>,
    drafts: &[Draft],
    situation: &Situation<'_>,
) -> Option<Sentence> {
    let negated = dimensions.speech_act == SpeechAct::Negated;
    let waits = dimensions.speech_act == SpeechAct::Conditional && judgement.route == Route::Refuse;
    match judgement.gate {
        Gate::Source | Gate::Control | Gate::Exact | Gate::Question | Gate::Repaired => None,
        Gate::Length if dimensions.length == Length::TooLong => Some(Sentence::TooLong),
        Gate::Length => Some(Sentence::NothingSaid),
        Gate::Guard if dimensions.effect == Effect::Unguarded => Some(Sentence::DelayedCommand),
        Gate::Guard | Gate::Rest if negated => Some(Sentence::Negated),
        Gate::Guard | Gate::Rest if waits => Some(Sentence::NotConditional),
        Gate::Guard => Some(Sentence::NoCommand),
        Gate::Risk | Gate::Bounds | Gate::Margin => said.or_else(|| Some(confirm(drafts, situation))),
        Gate::Exposure | Gate::Place | Gate::Ambiguous => Some(said.unwrap_or(Sentence::NoMatch)),
        Gate::Rest => Some(match judgement.route {
            Route::Delegate => Kind::Delegate.kept(),
            Route::Remember => Kind::Remember.kept(),
            Route::Answer => Sentence::CannotAnswer,
            Route::Clarify | Route::Act | Route::Control | Route::Refuse => said.unwrap_or(Sentence::NoMatch),
        }),
    }
}

/// The question whether to do this; what needs the question is named, else all of it.
fn confirm(drafts: &[Draft], situation: &Situation<'_>) -> Sentence {
    let mut about: Vec<_> = drafts.iter().filter(|draft| draft.needs_a_yes()).collect();
    if about.is_empty() {
        about = drafts.iter().collect();
    }
    let names: Vec<_> = about.iter().map(|draft| name_of(situation.registry, draft.target())).collect();
    Sentence::Confirm { act: act_in_words(&about, &names, situation.language) }
}
