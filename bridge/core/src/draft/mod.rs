//! What the matcher declined: a language model drafts, and Helix decides.
//!
//! A model is asked only about a command whose own words name a thing and say what is wanted of it
//! ([`crate::repair`] reads both), and it can only choose among what they name. Its drafts become plain sentences that
//! the matcher knows; they are dry-run, decided and authorised like spoken ones. What is of the highest risk never
//! comes about so. Without a model that is named, nothing here does anything.

mod prompt;
mod retrieve;
mod schema;

use std::sync::Arc;
use std::time::Duration;

pub use retrieve::RETRIEVED_MAX;

use self::schema::Draft;
use crate::act::Risk;
use crate::clock::within;
use crate::dialogue::Clearance;
use crate::egress::{Privacy, Purpose};
use crate::home::{Entity, Match, Registry, StrictMatch};
use crate::llm::{Chat, LanguageModel, LlmError, Message, Origin as ChatOrigin};
use crate::pipeline::{Background, Request, without};
use crate::repair::{Context, Leeway, Proposal, Read, Reading, leeway, settled, twins};
use crate::reply::Sentence;
use crate::resolve::area_of;
use crate::route::dimension::{Found, Model, Source};
use crate::route::{
    Decision, Gate, Matrix, Origin, Route, Situation, SpeechAct, decide_parts, decide_unsure,
};
use crate::shortcut::{Key, ShortcutBook, fingerprint};
use crate::{AreaId, Clock, EntityId, Home};

/// How often a model may draft for one sentence.
pub const ROUNDS_MAX: u8 = 3;
/// How long a person waits for the first words.
pub const FIRST_WORDS_LIMIT: Duration = Duration::from_millis(1500);
/// How long a person waits who is told to after [`FIRST_WORDS_LIMIT`].
pub const PATIENCE_LIMIT: Duration = Duration::from_secs(12);
/// The longest answer of a model, tokens: six acts have about 200.
const OUTPUT_MAX: u32 = 320;

/// Who helps with what the matcher declined.
#[derive(Debug, Clone, Copy)]
pub struct Help<'a> {
    /// Drafts.
    pub model: &'a dyn LanguageModel,
    /// What was drafted before.
    pub shortcuts: Option<&'a dyn ShortcutBook>,
    /// How long a person waits for it, [`FIRST_WORDS_LIMIT`] or [`PATIENCE_LIMIT`]; what takes longer is not done.
    pub limit: Duration,
}

/// What a model had to do with a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Helped {
    /// The sentence names nothing, asks nothing, or holds a word that nobody may pass over.
    NothingNamed,
    /// A shortcut said what is meant.
    Shortcut,
    /// A model drafted it, in so many rounds.
    Drafted(u8),
    /// A model found nothing in it, or nothing that the sentence names.
    Nothing(u8),
    /// No model answered in time; the code says why.
    Failed(&'static str),
}

impl Helped {
    /// In a few words, for an explanation.
    pub fn describe(&self) -> String {
        match self {
            Self::NothingNamed => "not asked: the words name nothing, or leave open what to do".to_owned(),
            Self::Shortcut => "known from before".to_owned(),
            Self::Drafted(rounds) => format!("drafted in round {rounds}"),
            Self::Nothing(rounds) => format!("no draft that the words cover, after {rounds} rounds"),
            Self::Failed(code) => format!("no help: {code}"),
        }
    }

    /// Whether what is done comes from a model, now or before.
    pub fn resolved(&self) -> bool {
        match self {
            Self::Shortcut | Self::Drafted(_) => true,
            Self::NothingNamed | Self::Nothing(_) | Self::Failed(_) => false,
        }
    }
}

/// The key under which the meaning of these words is kept.
pub(crate) fn key_of(text: &str, request: &Request, registry: &Registry) -> Key {
    Key::of(text, &request.language, area_of(&request.caller, registry).as_ref())
}

/// Whether a decision is one that a model may help with: a command that nothing could be made of, and that is neither
/// a task nor something to keep.
fn is_declined(decision: &Decision) -> bool {
    let open = match decision.read {
        Read::Unexplained(_) => true,
        Read::Clear(_) | Read::OneOf(_) | Read::NoPlace | Read::NotExposed | Read::Nothing => false,
    };
    let found = match decision.dimensions.found {
        Found::None | Found::Unnamed => true,
        Found::Exact | Found::Repaired | Found::Drafted | Found::Ambiguous => false,
    };
    let place = decision.gate() == Gate::Rest || decision.gate() == Gate::Exposure;
    let route = matches!(decision.route(), Route::Refuse | Route::Clarify);
    let command = decision.dimensions.speech_act == SpeechAct::Command;
    open && found && place && route && command && decision.dimensions.source != Source::Passive
}

/// One sentence that a model is asked about.
struct Work<'a, H> {
    help: Help<'a>,
    home: &'a H,
    request: &'a Request,
    registry: Arc<Registry>,
    here: Option<AreaId>,
    matrix: &'a Matrix,
    leeway: Leeway,
}

/// What came of asking.
enum Drafted {
    Acts { parts: Vec<(String, StrictMatch)>, reading: Reading, round: u8 },
    Which(Vec<EntityId>, u8),
    Nothing(u8),
}

/// Why nothing came of it.
#[derive(Debug)]
enum Unhelpful {
    Model(LlmError),
    Home,
    Late,
}

impl Unhelpful {
    fn code(&self) -> &'static str {
        match self {
            Self::Model(error) => error.code(),
            Self::Home => "home",
            Self::Late => "llm-timeout",
        }
    }

    fn sentence(&self) -> Sentence {
        match self {
            Self::Model(error) => Sentence::from(error),
            Self::Home => Sentence::NoMatch,
            Self::Late => Sentence::LlmSlow,
        }
    }
}

/// Looks again at a sentence that was declined, with help. Every other decision comes back as it is, at once.
pub async fn reconsidered(
    declined: Decision,
    help: Help<'_>,
    background: &Background,
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
    matrix: &Matrix,
) -> Decision {
    if !is_declined(&declined) || help.model.ready() == Err(LlmError::NotConfigured) {
        return declined;
    }
    // Boxed: what waits for a model is some kilobytes, and the hot path passes here.
    Box::pin(asked(declined, help, background, request, home, clock, matrix)).await
}

async fn asked(
    declined: Decision,
    help: Help<'_>,
    background: &Background,
    request: &Request,
    home: &impl Home,
    clock: &impl Clock,
    matrix: &Matrix,
) -> Decision {
    let Ok(registry) = home.registry() else { return declined };
    let registry = without(registry, &background.not_meant);
    let here = area_of(&request.caller, &registry);
    let state = |id: &EntityId| home.state(id);
    let last = background.last.as_ref();
    let context = Context {
        registry: &registry,
        language: &request.language,
        here: here.as_ref(),
        state: &state,
        last,
    };
    let Some(leeway) = leeway(request.text.expose(), &context) else {
        return Decision { helped: Some(Helped::NothingNamed), ..declined };
    };
    let work = Work { help, home, request, registry: Arc::clone(&registry), here, matrix, leeway };
    if let Some(known) = work.known().await {
        return known;
    }
    let drafted = match help.model.ready() {
        Ok(()) => {
            let drafting = work.drafted(declined.dimensions.privacy);
            within(clock, help.limit, drafting).await.unwrap_or(Err(Unhelpful::Late))
        }
        Err(error) => Err(Unhelpful::Model(error)),
    };
    work.decided(declined, drafted)
}

impl<H: Home> Work<'_, H> {
    /// What a shortcut says, if there is one that still holds and that the sentence covers.
    async fn known(&self) -> Option<Decision> {
        let book = self.help.shortcuts?;
        let key = key_of(self.request.text.expose(), self.request, &self.registry);
        let shortcut =
            book.find(&key).await.inspect_err(|error| tracing::warn!(%error, "no shortcut")).ok()??;
        if !shortcut.holds(&fingerprint(&self.registry)) {
            return None;
        }
        let Request { language, caller, .. } = self.request;
        let answers = self.home.dry_run(shortcut.sentences.clone(), language, caller).await.ok()?;
        let strict = |(sentence, answer): (String, Match)| match answer {
            Match::Strict(strict) if self.leeway.covers(&strict) => Some((sentence, strict)),
            Match::Strict(_) | Match::None | Match::Unmatched { .. } => None,
        };
        let parts: Vec<_> =
            shortcut.sentences.iter().cloned().zip(answers).map(strict).collect::<Option<_>>()?;
        let decision = self.decide(parts, true, Read::Nothing)?;
        Some(Decision { helped: Some(Helped::Shortcut), ..decision })
    }

    async fn drafted(&self, privacy: Privacy) -> Result<Drafted, Unhelpful> {
        let text = self.request.text.expose();
        let entities =
            retrieve::retrieve(text, &self.leeway, &self.registry, self.here.as_ref(), self.matrix);
        if entities.is_empty() {
            return Ok(Drafted::Nothing(0));
        }
        let mut chat = self.chat(&entities, privacy);
        for round in 1..=ROUNDS_MAX {
            let answer = self.help.model.chat(&chat).await.map_err(Unhelpful::Model)?;
            let objection = match schema::parse(answer.text.expose(), &entities) {
                Err(malformed) => prompt::correction(malformed),
                Ok(Draft::Nothing) => return Ok(Drafted::Nothing(round)),
                Ok(Draft::Which(ids)) => return Ok(self.which(ids, round)),
                Ok(Draft::Acts(proposals)) => match self.sentences(&proposals).await? {
                    Ok((parts, reading)) => return Ok(Drafted::Acts { parts, reading, round }),
                    Err(objection) => objection,
                },
            };
            chat.messages.push(Message::assistant(answer.text.expose().clone()));
            chat.messages.push(Message::user(objection));
        }
        Ok(Drafted::Nothing(ROUNDS_MAX))
    }

    fn chat(&self, entities: &[&Entity], privacy: Privacy) -> Chat {
        let room = self.here.as_ref().and_then(|area| self.registry.areas.get(area));
        let state = |entity: &Entity| self.home.state(&entity.id);
        let Request { text, language, .. } = self.request;
        let room = room.map(|area| area.name.as_str());
        let told = prompt::told(text.expose(), language, room, entities, &self.registry, &state);
        // The names of the home go along.
        let privacy = if privacy == Privacy::Public { Privacy::Home } else { privacy };
        let origin = ChatOrigin::addressed(Purpose::Understand, privacy, None);
        let mut chat = Chat::new(prompt::RULES, told, origin);
        chat.schema = Some(schema::schema(entities, self.leeway.acts_max()));
        chat.output_max = OUTPUT_MAX;
        chat
    }

    /// Those of the things that the sentence names; it takes two for a question.
    fn which(&self, ids: Vec<EntityId>, round: u8) -> Drafted {
        let named = |id: &EntityId| self.leeway.asked().any(|(named, _)| named == id);
        let mut among: Vec<EntityId> = ids.into_iter().filter(named).collect();
        among.sort();
        among.dedup();
        if among.len() < 2 { Drafted::Nothing(round) } else { Drafted::Which(among, round) }
    }

    /// The plain sentences of these proposals, or what is wrong with them.
    async fn sentences(
        &self,
        proposals: &[Proposal],
    ) -> Result<Result<(Vec<(String, StrictMatch)>, Reading), String>, Unhelpful> {
        let reading = match self.leeway.read(proposals) {
            Ok(reading) => reading,
            Err(overstep) => return Ok(Err(prompt::objection(&overstep))),
        };
        let Request { language, caller, .. } = self.request;
        // Two of one name need their areas, also where one of them is out of the question.
        let whole = self.home.registry().map_err(|_| Unhelpful::Home)?;
        let state = |id: &EntityId| self.home.state(id);
        let context =
            Context { registry: &whole, language, here: self.here.as_ref(), state: &state, last: None };
        let unknown =
            || Ok(Err("The home has no sentence for that. Draft something else, or nothing.".to_owned()));
        let Some(twins) = twins(&reading, &context) else { return unknown() };
        let answers =
            self.home.dry_run(twins.sentences(), language, caller).await.map_err(|_| Unhelpful::Home)?;
        match settled(&reading, &twins, answers) {
            Some(parts) if parts.iter().all(|(_, strict)| self.leeway.covers(strict)) => {
                Ok(Ok((parts, reading)))
            }
            Some(_) | None => unknown(),
        }
    }

    fn situation<'s>(&'s self, clearance: &'s Clearance) -> Situation<'s> {
        Situation {
            language: &self.request.language,
            registry: &self.registry,
            caller: &self.request.caller,
            source: self.request.source,
            matrix: self.matrix,
            clearance,
        }
    }

    /// The decision about plain sentences; `None` if it would be one about the highest risk, or about nothing.
    fn decide(&self, parts: Vec<(String, StrictMatch)>, sure: bool, read: Read) -> Option<Decision> {
        let clearance = Clearance::none();
        let origin = Origin::Drafted { sure };
        let decision = decide_parts(self.request.text.expose(), parts, origin, &self.situation(&clearance));
        let dimensions = crate::route::Dimensions { model: Model::Up, ..decision.dimensions };
        let follows = matches!(decision.route(), Route::Act | Route::Clarify) && !decision.drafts.is_empty();
        let allowed = decision.dimensions.risk < Risk::R3 && follows;
        allowed.then_some(Decision { dimensions, read, ..decision })
    }

    fn decided(&self, declined: Decision, drafted: Result<Drafted, Unhelpful>) -> Decision {
        let mut declined = declined;
        declined.dimensions.model = Model::Up;
        match drafted {
            Ok(Drafted::Acts { parts, reading, round }) => {
                match self.decide(parts, self.leeway.sure, Read::Clear(reading)) {
                    Some(decision) => Decision { helped: Some(Helped::Drafted(round)), ..decision },
                    None => Decision { helped: Some(Helped::Nothing(round)), ..declined },
                }
            }
            Ok(Drafted::Which(ids, round)) => {
                let clearance = Clearance::none();
                let asked = decide_unsure(self.request.text.expose(), ids, &self.situation(&clearance));
                Decision { helped: Some(Helped::Drafted(round)), ..asked }
            }
            Ok(Drafted::Nothing(rounds)) => Decision { helped: Some(Helped::Nothing(rounds)), ..declined },
            Err(why) => {
                tracing::info!(code = why.code(), "no help with a sentence that was not understood");
                declined.dimensions.model = Model::Down;
                // What is known about the sentence says more.
                let refusal = declined.refusal.take().filter(|said| *said != Sentence::NoMatch);
                let refusal = Some(refusal.unwrap_or_else(|| why.sentence()));
                Decision { helped: Some(Helped::Failed(why.code())), refusal, ..declined }
            }
        }
    }
}
