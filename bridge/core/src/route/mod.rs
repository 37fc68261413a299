//! Decides what a sentence leads to: the sentence, the matcher's dry run and the registry in, a [`Decision`] out.

mod completeness;
pub mod dimension;
mod effect;
pub mod guard;
pub(crate) mod join;
pub mod linear;
mod matrix;
mod missed;
mod said;
pub mod topic;
mod words;

pub use completeness::judge;
pub use dimension::Dimensions;
pub use guard::{Reading, Sign, SpeechAct, read, read_in, speech_act};
pub use matrix::{Judgement, Leaning, Matrix, MatrixError};
pub use words::normalize as plain_words;

use serde::Deserialize;

use crate::act::{Action, Draft, ExposedEntities, ProposedAction, Risk};
use crate::dialogue::{Clearance, any_of, candidates, control_of};
use crate::draft::Helped;
use crate::home::{Caller, Match, Registry, StrictMatch};
use crate::repair::Read;
use crate::reply::Sentence;
use crate::{EntityId, Language};
use dimension::{
    Bounds, Cleared, Complexity, Confidence, Effect, Found, Knowledge, Length, Place, Privacy, Source,
    Target, Tools,
};
use effect::{effect_of, weightier};
use missed::{near_miss, no_targets, untouchable};

/// Where an utterance goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Home Assistant carries it out.
    Act,
    /// It is answered; nothing changes.
    Answer,
    /// It takes longer than a conversation: a task.
    Delegate,
    /// It is to be kept, or to be brought up later.
    Remember,
    /// One short question first.
    Clarify,
    /// It is about the conversation itself: stop, repeat, undo, yes, no.
    Control,
    /// Nothing happens, and the reply says why.
    Refuse,
}

impl Route {
    /// The routes that the scores choose among.
    pub const REST: [Self; 5] = [Self::Refuse, Self::Answer, Self::Delegate, Self::Remember, Self::Clarify];

    /// A stable word for logs and scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Answer => "answer",
            Self::Delegate => "delegate",
            Self::Remember => "remember",
            Self::Clarify => "clarify",
            Self::Control => "control",
            Self::Refuse => "refuse",
        }
    }
}

/// The gates of the matrix; `matrix.toml` says in which order they are asked, and what each lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// It was overheard.
    Source,
    /// There are no words, or far too many.
    Length,
    /// It is about the conversation itself.
    Control,
    /// The speech act is no command.
    Guard,
    /// What it is about may not be touched, or cannot do that.
    Exposure,
    /// The room is missing.
    Place,
    /// The risk needs a confirmation.
    Risk,
    /// A value is far out of the usual.
    Bounds,
    /// The strict matcher accepted it.
    Exact,
    /// It only reads.
    Question,
    /// A repaired twin or a model's draft was accepted, but what was said is not sure enough.
    Margin,
    /// A repaired twin or a model's draft was accepted.
    Repaired,
    /// Several readings are equally good.
    Ambiguous,
    /// No gate held: the scores decided.
    Rest,
}

impl Gate {
    /// A stable word for logs and scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Length => "length",
            Self::Control => "control",
            Self::Guard => "guard",
            Self::Exposure => "exposure",
            Self::Place => "place",
            Self::Risk => "risk",
            Self::Bounds => "bounds",
            Self::Exact => "exact",
            Self::Question => "question",
            Self::Margin => "margin",
            Self::Repaired => "repaired",
            Self::Ambiguous => "ambiguous",
            Self::Rest => "rest",
        }
    }
}

/// A decision that can say why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Where it goes, the gates that were asked, the scores of the rest.
    pub judgement: Judgement,
    /// All that was known.
    pub dimensions: Dimensions,
    /// Home Assistant's intent, if one matched.
    pub intent: Option<String>,
    /// What Home Assistant has to carry out, in order: the sentence itself, its parts, or their repaired twins.
    pub sentences: Vec<String>,
    /// What would be done to entities; not authorised.
    pub drafts: Vec<Draft>,
    /// What was authorised; empty unless it acts and entities change.
    pub actions: Vec<Action>,
    /// What to say if it neither acts nor is answered by Home Assistant.
    pub refusal: Option<Sentence>,
    /// How the guard took the sentence, and by which sign.
    pub speech: Reading,
    /// How the sentence was read, word by word.
    pub read: Read,
    /// The entities that may be meant, if the question is which.
    pub choices: Vec<EntityId>,
    /// What a language model had to do with it, if one is named and nothing else understood the sentence.
    pub helped: Option<Helped>,
}

impl Decision {
    /// Where it goes.
    pub fn route(&self) -> Route {
        self.judgement.route
    }

    /// The gate that decided.
    pub fn gate(&self) -> Gate {
        self.judgement.gate
    }

    /// Whether the home would change at once.
    pub fn acts(&self) -> bool {
        self.route() == Route::Act
    }
}

/// What stays the same for every reading of a sentence.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The language of the pipeline.
    pub language: &'a Language,
    /// The home.
    pub registry: &'a Registry,
    /// The satellite.
    pub caller: &'a Caller,
    /// How the sentence came.
    pub source: Source,
    /// The table that decides.
    pub matrix: &'a Matrix,
    /// What a person confirmed.
    pub clearance: &'a Clearance,
}

/// How a reading came about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin {
    /// The strict matcher accepted what was said.
    Exact,
    /// It accepted a repaired twin that is this far ahead of the next one, 0 to 1.
    Repaired(f32),
    /// It accepted what a model drafted.
    Drafted {
        /// Whether the words of the sentence leave no doubt; else a person is asked.
        sure: bool,
    },
}

/// Decides about a sentence as the matcher took it. Pure: the same input gives the same decision.
pub fn decide(text: &str, found: &Match, situation: &Situation<'_>) -> Decision {
    match found {
        Match::Strict(strict) => {
            decide_parts(text, vec![(text.to_owned(), strict.clone())], Origin::Exact, situation)
        }
        Match::None => {
            let mut evidence = Evidence::blank(text, &[], situation);
            evidence.dimensions.control = control_of(text, situation.language);
            conclude(evidence, situation)
        }
        Match::Unmatched { intent, unmatched } => {
            let mut evidence = Evidence::blank(text, &[], situation);
            evidence.intent = Some(intent.clone());
            evidence.dimensions.control = control_of(text, situation.language);
            evidence.dimensions.found = Found::Unnamed;
            if evidence.dimensions.speech_act == SpeechAct::Command {
                let (target, said) = near_miss(text, situation.language, unmatched, situation.registry);
                evidence.dimensions.target = target;
                evidence.said = said;
            }
            conclude(evidence, situation)
        }
    }
}

/// Decides about what is no sentence: no words, or far too many.
pub(crate) fn decide_length(length: Length, situation: &Situation<'_>) -> Decision {
    let mut evidence = Evidence::blank("", &[], situation);
    evidence.dimensions.length = length;
    conclude(evidence, situation)
}

/// Decides about a command that the matcher declined because it names no room.
pub(crate) fn decide_unplaced(text: &str, situation: &Situation<'_>) -> Decision {
    let mut evidence = Evidence::blank(text, &[], situation);
    evidence.dimensions.found = Found::Unnamed;
    if evidence.dimensions.speech_act == SpeechAct::Command {
        evidence.stop(Target::Unplaced, Sentence::NoPlace);
    }
    conclude(evidence, situation)
}

/// Decides about one or several commands that the strict matcher accepted, in one sentence: all of them are done,
/// or none. The guard reads the whole sentence as it was said.
pub(crate) fn decide_parts(
    text: &str,
    parts: Vec<(String, StrictMatch)>,
    origin: Origin,
    situation: &Situation<'_>,
) -> Decision {
    // Nobody knows what an unknown intent would do: beside a known command it must not pass as part of it.
    if parts.len() > 1 && parts.iter().any(|(_, part)| effect_of(part) == Effect::None) {
        return decide(text, &Match::None, situation);
    }
    let quoted: Vec<_> = parts.iter().flat_map(|(_, part)| guard::quoted_in(part)).collect();
    let mut evidence = Evidence::blank(text, &quoted, situation);
    let speech_act = evidence.dimensions.speech_act;
    if parts.iter().all(|(_, part)| speech_act.permits(&part.intent)) {
        evidence.dimensions.speech_act = SpeechAct::Command;
    }
    evidence.dimensions.control = control_of(text, situation.language);
    evidence.dimensions.found = match origin {
        Origin::Exact => Found::Exact,
        Origin::Repaired(_) => Found::Repaired,
        Origin::Drafted { .. } => Found::Drafted,
    };
    if parts.len() > 1 {
        evidence.dimensions.complexity = Complexity::SeveralSteps;
    }
    for (sentence, part) in parts {
        evidence.add(&part, situation);
        evidence.sentences.push(sentence);
    }
    let mut asked = evidence.drafts.iter().filter(|draft| draft.needs_a_yes()).peekable();
    if asked.peek().is_some() && asked.all(|draft| situation.clearance.covers(draft)) {
        evidence.dimensions.cleared = Cleared::Yes;
    }
    let thin = match origin {
        Origin::Exact => false,
        Origin::Repaired(margin) => margin < situation.matrix.margin(evidence.dimensions.risk),
        Origin::Drafted { sure } => !sure,
    };
    if thin {
        evidence.dimensions.confidence = Confidence::Thin;
    }
    conclude(evidence, situation)
}

/// Decides about a command that may mean several things, or where the matcher and the words disagree: one question.
pub(crate) fn decide_unsure(text: &str, choices: Vec<EntityId>, situation: &Situation<'_>) -> Decision {
    let mut evidence = Evidence::blank(text, &[], situation);
    evidence.dimensions.found = Found::Ambiguous;
    evidence.dimensions.effect = Effect::Changes;
    let names: Vec<_> = candidates(&choices, situation.registry).into_iter().map(|one| one.name).collect();
    evidence.said = Some(if names.is_empty() {
        Sentence::NotSure
    } else {
        Sentence::WhichOne { names: any_of(&names, situation.language) }
    });
    Decision { choices, ..conclude(evidence, situation) }
}

/// What is gathered about a sentence before the matrix judges it.
struct Evidence {
    speech: Reading,
    dimensions: Dimensions,
    /// How likely the words alone make each route.
    leaning: Leaning,
    intent: Option<String>,
    sentences: Vec<String>,
    drafts: Vec<Draft>,
    said: Option<Sentence>,
}

impl Evidence {
    /// `quoted` are the words of `text` that name a thing or are to be kept or passed on.
    fn blank(text: &str, quoted: &[String], situation: &Situation<'_>) -> Self {
        let speech = read_in(text, situation.language, quoted, situation.registry);
        let mut dimensions = Dimensions::of(speech.act);
        dimensions.source = situation.source;
        let device = situation.caller.device.as_ref();
        if device.is_some_and(|device| situation.registry.device_areas.contains_key(device)) {
            dimensions.place = Place::Known;
        }
        let leaning = topic::read(text, situation.language, &mut dimensions);
        if situation.source == Source::Passive && dimensions.privacy != Privacy::Others {
            dimensions.privacy = Privacy::Personal;
        }
        Self {
            speech,
            dimensions,
            leaning,
            intent: None,
            sentences: Vec::new(),
            drafts: Vec::new(),
            said: None,
        }
    }

    /// Takes in what one accepted sentence would do.
    fn add(&mut self, found: &StrictMatch, situation: &Situation<'_>) {
        if self.intent.is_none() {
            self.intent = Some(found.intent.clone());
        }
        let effect = effect_of(found);
        let dimensions = &mut self.dimensions;
        dimensions.effect = weightier(dimensions.effect, effect);
        if dimensions.privacy == Privacy::Public {
            dimensions.privacy = Privacy::Home;
        }
        match effect {
            Effect::Reads => dimensions.knowledge = Knowledge::Home,
            Effect::Changes => self.draft_all(found, situation),
            Effect::Own => self.check_own(found, situation),
            Effect::Unguarded | Effect::Keeps | Effect::None => {}
        }
    }

    fn draft_all(&mut self, found: &StrictMatch, situation: &Situation<'_>) {
        let proposed = ProposedAction::all_of(found);
        if proposed.is_empty() {
            return self.stop(Target::Absent, no_targets(found, situation.registry));
        }
        let exposed = ExposedEntities::of(situation.registry).judged_by(situation.matrix);
        for proposed in proposed {
            match exposed.draft(proposed) {
                Ok(draft) => {
                    self.dimensions.risk = self.dimensions.risk.max(draft.risk());
                    if draft.is_unusual() {
                        self.dimensions.bounds = Bounds::Unusual;
                    }
                    self.drafts.push(draft);
                    if self.dimensions.target == Target::None {
                        self.dimensions.target = Target::Exposed;
                    }
                }
                Err(refusal) => {
                    let (target, said) = untouchable(&refusal, situation.registry);
                    return self.stop(target, said);
                }
            }
        }
    }

    /// The user's own sentence: what it does is the user's own business, except on what needs a confirmation.
    fn check_own(&mut self, found: &StrictMatch, situation: &Situation<'_>) {
        let exposed = ExposedEntities::of(situation.registry).judged_by(situation.matrix);
        self.dimensions.risk = self.dimensions.risk.max(Risk::R1);
        if let Some(target) = found.targets.iter().find(|target| exposed.guards(target)) {
            self.dimensions.risk = Risk::R3;
            self.said = Some(Sentence::NeedsConfirmation { name: name_of(situation.registry, target) });
        }
    }

    fn stop(&mut self, target: Target, said: Sentence) {
        self.dimensions.target = target;
        self.said = Some(said);
    }
}

/// Asks the matrix, authorises what it lets through, and finds the words for what it does not.
fn conclude(evidence: Evidence, situation: &Situation<'_>) -> Decision {
    let Evidence { speech, dimensions, leaning, intent, sentences, drafts, said } = evidence;
    let dimensions = Dimensions { tools: Tools::of(&dimensions), ..dimensions };
    let judgement = situation.matrix.judge(&dimensions, &leaning);
    let mut decision = Decision {
        refusal: said::at(&judgement, &dimensions, said, &drafts, situation),
        judgement,
        dimensions,
        intent,
        sentences,
        drafts,
        actions: Vec::new(),
        speech,
        read: Read::Nothing,
        choices: Vec::new(),
        helped: None,
    };
    if decision.acts() {
        let authorize = |draft: &Draft| draft.clone().authorize(situation.caller, situation.clearance);
        match decision.drafts.iter().map(authorize).collect() {
            Ok(actions) => decision.actions = actions,
            // A matrix cannot clear a risk; only a person can.
            Err(refusal) => {
                (decision.judgement.route, decision.judgement.gate) = (Route::Clarify, Gate::Risk);
                decision.refusal = Some(untouchable(&refusal, situation.registry).1);
            }
        }
    }
    decision
}

/// Whether normalised `words` begin as an order does; in a language without a list nobody can tell, and nothing does.
pub(crate) fn begins_an_order(words: &str, language: &Language) -> bool {
    let of_language = words::Words::of(language);
    !of_language.opening.is_empty() && of_language.is_order(words)
}

pub(crate) fn name_of(registry: &Registry, target: &EntityId) -> String {
    registry.entities.get(target).map_or_else(|| target.to_string(), |entity| entity.name.clone())
}

#[cfg(test)]
mod tests;
