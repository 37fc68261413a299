//! Decides what a sentence leads to: the sentence, the matcher's dry run and the registry in, a [`Decision`] out.

mod completeness;
mod guard;
pub(crate) mod join;
mod words;

pub use completeness::judge;
pub use guard::{SpeechAct, speech_act};

use std::collections::BTreeMap;

use crate::act::{Action, ExposedEntities, IntentKind, ProposedAction, Refusal, Risk, kind_of};
use crate::home::{Caller, Match, MatchSource, Registry, StrictMatch};
use crate::reply::Sentence;
use crate::{EntityId, Language};

/// Where an utterance goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Home Assistant carries it out.
    Act,
    /// Home Assistant answers it; nothing changes.
    Answer,
    /// Nothing happens, and the reply says why.
    Refuse,
}

impl Route {
    /// A stable word for logs and scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Answer => "answer",
            Self::Refuse => "refuse",
        }
    }
}

/// The gate that decided, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The strict matcher knows no such sentence.
    Match,
    /// A name in it is unknown, not exposed, or has nothing to act on.
    Target,
    /// The speech act is no command.
    Guard,
    /// The risk needs a confirmation.
    Risk,
    /// All gates passed.
    Passed,
}

impl Gate {
    /// A stable word for logs and scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Target => "target",
            Self::Guard => "guard",
            Self::Risk => "risk",
            Self::Passed => "passed",
        }
    }
}

/// A decision that can say why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Where it goes.
    pub route: Route,
    /// The gate that decided.
    pub gate: Gate,
    /// The speech act.
    pub speech_act: SpeechAct,
    /// Home Assistant's intent, if one matched.
    pub intent: Option<String>,
    /// What Home Assistant has to carry out, in order: the sentence itself, or its parts.
    pub sentences: Vec<String>,
    /// What was authorised; empty unless entities change.
    pub actions: Vec<Action>,
    /// The highest risk among the actions.
    pub risk: Risk,
    /// What to say if it is refused.
    pub refusal: Option<Sentence>,
}

impl Decision {
    /// Whether the home would change at once.
    pub fn acts(&self) -> bool {
        self.route == Route::Act
    }
}

/// Decides. Pure: the same input gives the same decision.
pub fn decide(
    text: &str,
    language: &Language,
    found: &Match,
    registry: &Registry,
    caller: &Caller,
) -> Decision {
    let speech_act = speech_act(&without_free_text(text, found), language);
    let blank = Decision {
        route: Route::Refuse,
        gate: Gate::Match,
        speech_act,
        intent: None,
        sentences: Vec::new(),
        actions: Vec::new(),
        risk: Risk::R0,
        refusal: None,
    };
    match found {
        Match::None => Decision { refusal: Some(unless_negated(speech_act, Sentence::NoMatch)), ..blank },
        Match::Unmatched { intent, unmatched } => {
            let (gate, refusal) = near_miss(text, language, unmatched, registry);
            let refusal = Some(unless_negated(speech_act, refusal));
            Decision { gate, intent: Some(intent.clone()), refusal, ..blank }
        }
        Match::Strict(strict) => {
            let blank = Decision { intent: Some(strict.intent.clone()), ..blank };
            match permit(strict, speech_act, registry, caller) {
                Ok((route, actions)) => {
                    let risk = actions.iter().map(Action::risk).max().unwrap_or(Risk::R0);
                    Decision {
                        route,
                        gate: Gate::Passed,
                        sentences: vec![text.to_owned()],
                        actions,
                        risk,
                        ..blank
                    }
                }
                Err((gate, refusal)) => {
                    let risk = if gate == Gate::Risk { Risk::R3 } else { Risk::R0 };
                    Decision { gate, risk, refusal: Some(refusal), ..blank }
                }
            }
        }
    }
}

/// Decides about several commands in one sentence: all of them act, or none. The guard reads the whole sentence.
pub(crate) fn decide_joined(
    text: &str,
    language: &Language,
    parts: Vec<(String, StrictMatch)>,
    registry: &Registry,
    caller: &Caller,
) -> Decision {
    let mut joined: Option<Decision> = None;
    for (sentence, strict) in parts {
        let part = decide(text, language, &Match::Strict(strict), registry, caller);
        if part.route != Route::Act {
            return part;
        }
        let whole = joined.get_or_insert_with(|| Decision {
            sentences: Vec::new(),
            actions: Vec::new(),
            ..part.clone()
        });
        whole.sentences.push(sentence);
        whole.risk = whole.risk.max(part.risk);
        whole.actions.extend(part.actions);
    }
    joined.unwrap_or_else(|| decide(text, language, &Match::None, registry, caller))
}

type Refused = (Gate, Sentence);

/// Nothing was going to happen; "don't …" is answered as what it is all the same.
fn unless_negated(speech_act: SpeechAct, refusal: Sentence) -> Sentence {
    if speech_act == SpeechAct::Negated { Sentence::Negated } else { refusal }
}

/// The longest name that is plausible in "turn on the …", words.
const NAME_WORDS_MAX: usize = 4;

/// A template fits, but its slots do not: an unknown name is told only if it can be one, because Home Assistant's
/// open slots take in whole half-sentences ("I work | on | Sunday").
fn near_miss(
    text: &str,
    language: &Language,
    unmatched: &BTreeMap<String, String>,
    registry: &Registry,
) -> Refused {
    let text = words::normalize(text);
    let mut slots = unmatched.iter();
    match (slots.next(), slots.next()) {
        (None, _) => (Gate::Target, Sentence::NoPlace),
        (Some((slot, heard)), None) if slot == "name" || slot == "area" || slot == "floor" => {
            let name = words::normalize(heard);
            if entity_named(registry, &name).is_some() {
                return (Gate::Target, Sentence::NotExposed { name });
            }
            let is_name = !name.is_empty()
                && name.split(' ').count() <= NAME_WORDS_MAX
                && !text.starts_with(&name)
                && words::Words::of(language).is_order(&text);
            if is_name {
                (Gate::Target, Sentence::NoSuchName { name })
            } else {
                (Gate::Match, Sentence::NoMatch)
            }
        }
        (Some(_), _) => (Gate::Match, Sentence::NoMatch),
    }
}

fn permit(
    found: &StrictMatch,
    speech_act: SpeechAct,
    registry: &Registry,
    caller: &Caller,
) -> Result<(Route, Vec<Action>), Refused> {
    let kind = if found.source == MatchSource::Trigger { None } else { kind_of(&found.intent) };
    match kind {
        Some(IntentKind::Query) => Ok((Route::Answer, Vec::new())),
        Some(IntentKind::Inner) => {
            veto_unless(speech_act, &[SpeechAct::Command, SpeechAct::Deferred, SpeechAct::Wish])?;
            // Home Assistant would run the command later as text, past the guard.
            if found.slots.contains_key("conversation_command") {
                return Err((Gate::Guard, Sentence::DelayedCommand));
            }
            Ok((Route::Act, Vec::new()))
        }
        Some(IntentKind::Act) => {
            let actions = authorize_all(found, registry, caller)?;
            veto_unless(speech_act, &[SpeechAct::Command])?;
            Ok((Route::Act, actions))
        }
        // An intent newer than this table: nobody here knows what it would do.
        None if found.source == MatchSource::Builtin => Err((Gate::Match, Sentence::NoMatch)),
        // The user's own sentence: what it does is the user's own business, except on what needs a confirmation.
        None => {
            veto_unless(speech_act, &[SpeechAct::Command])?;
            let exposed = ExposedEntities::of(registry);
            match found.targets.iter().find(|target| exposed.guards(target)) {
                Some(target) => Err(needs_confirmation(registry, target)),
                None => Ok((Route::Act, Vec::new())),
            }
        }
    }
}

fn authorize_all(found: &StrictMatch, registry: &Registry, caller: &Caller) -> Result<Vec<Action>, Refused> {
    let proposed = ProposedAction::all_of(found);
    if proposed.is_empty() {
        return Err((Gate::Target, no_targets(found, registry)));
    }
    let exposed = ExposedEntities::of(registry);
    let authorize = |proposed| exposed.authorize(proposed, caller);
    proposed.into_iter().map(authorize).collect::<Result<_, _>>().map_err(|refusal| match refusal {
        Refusal::NeedsConfirmation(target) => needs_confirmation(registry, &target),
        Refusal::NotExposed(target) => {
            (Gate::Target, Sentence::NotExposed { name: name_of(registry, &target) })
        }
        Refusal::Missing(target) => (Gate::Target, Sentence::NoSuchName { name: target.to_string() }),
        Refusal::UnknownRule { target, .. } => {
            (Gate::Target, Sentence::NotForThis { name: name_of(registry, &target) })
        }
    })
}

fn needs_confirmation(registry: &Registry, target: &EntityId) -> Refused {
    (Gate::Risk, Sentence::NeedsConfirmation { name: name_of(registry, target) })
}

fn veto_unless(speech_act: SpeechAct, allowed: &[SpeechAct]) -> Result<(), Refused> {
    if allowed.contains(&speech_act) {
        return Ok(());
    }
    let refusal = if speech_act == SpeechAct::Negated { Sentence::Negated } else { Sentence::NoCommand };
    Err((Gate::Guard, refusal))
}

/// A strict match without targets: the name is known but not exposed, or there is nothing of its kind.
fn no_targets(found: &StrictMatch, registry: &Registry) -> Sentence {
    let named = found.slots.get("name").and_then(|name| name.as_str());
    match named.and_then(|name| entity_named(registry, name).map(|_| name)) {
        Some(name) => Sentence::NotExposed { name: name.to_owned() },
        None => Sentence::NoTargets,
    }
}

fn entity_named<'a>(registry: &'a Registry, name: &str) -> Option<&'a crate::home::Entity> {
    let wanted = words::normalize(name);
    let called = |name: &String| words::normalize(name) == wanted;
    registry.entities.values().find(|entity| called(&entity.name) || entity.aliases.iter().any(called))
}

fn name_of(registry: &Registry, target: &EntityId) -> String {
    registry.entities.get(target).map_or_else(|| target.to_string(), |entity| entity.name.clone())
}

/// The sentence without what a list item or a broadcast quotes and without the name of the target: those words
/// order, negate and postpone nothing ("aktiviere Guten Morgen").
fn without_free_text(text: &str, found: &Match) -> String {
    let text = words::normalize(text);
    let Match::Strict(strict) = found else { return text };
    ["item", "message", "name"].iter().filter_map(|slot| strict.slots.get(*slot)?.as_str()).fold(
        text,
        |text, quoted| match words::normalize(quoted) {
            quoted if quoted.is_empty() => text,
            quoted => text.replace(&quoted, " "),
        },
    )
}

#[cfg(test)]
mod tests;
