//! From a sentence to sentences that the matcher accepts: the sentence itself, or plain ones that say the same.

use std::sync::Arc;

use crate::home::{Caller, Entity, HomeError, Match, Registry, StrictMatch};
use crate::pipeline::Background;
use crate::repair::{
    Context, Read, Reading, Understanding, harmless, keeps_to_words, mended, read, respelled, settled, sound,
    twins,
};
use crate::route::{SpeechAct, plain_words, read_in};
use crate::{AreaId, EntityId, Home, Language};

/// Most near sentences that the matcher is asked about.
const NEAR_MAX: usize = 5;

/// What the matcher and the canonical reading make of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolution {
    /// The matcher's answer to the sentence itself.
    pub(crate) found: Match,
    /// What came of repair.
    pub(crate) repair: Repair,
    /// What reading the sentence led to.
    pub(crate) read: Read,
}

/// What came of repair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Repair {
    /// The matcher's answer stands.
    None,
    /// These sentences say the same, and the matcher does with them what was read.
    Twins(Vec<(String, StrictMatch)>),
    /// One of these is meant.
    OneOf(Vec<EntityId>),
    /// The matcher would do something else than what the sentence says, and nothing else fits.
    Doubt,
}

/// Asks the matcher about a sentence, and where it declines or misreads it, about its twins.
pub(crate) async fn resolve(
    text: &str,
    language: &Language,
    caller: &Caller,
    background: &Background,
    registry: &Arc<Registry>,
    home: &impl Home,
) -> Result<Resolution, HomeError> {
    let found = home.dry_run(vec![text.to_owned()], language, caller).await?.pop().unwrap_or(Match::None);
    let here = area_of(caller, registry);
    let last = background.last.as_ref();
    let state = |id: &EntityId| home.state(id);
    let context = Context { registry, language, here: here.as_ref(), state: &state, last };
    let understanding = read(text, &context);
    let agreed = match &found {
        // A sentence that was accepted and touches nothing is as good as declined, where the words name something.
        Match::Strict(strict) if strict.touches_nothing() => None,
        Match::Strict(strict) => Some(understanding.agrees(strict) && keeps_to_words(text, strict, &context)),
        Match::None | Match::Unmatched { .. } => None,
    };
    if let Match::Strict(strict) = &found
        && let Some(namesakes) = namesakes(strict, registry, here.as_ref())
    {
        return Ok(Resolution { found, repair: Repair::OneOf(namesakes), read: understanding.read });
    }
    let asking = Asking { text, found: &found, understanding: &understanding, context, caller, home };
    let repair = if agreed == Some(true) { Repair::None } else { asking.repair(agreed).await? };
    Ok(Resolution { found, repair, read: understanding.read })
}

/// All that bear the name that the matcher took for only some of them, unless their room tells them apart.
fn namesakes(strict: &StrictMatch, registry: &Registry, here: Option<&AreaId>) -> Option<Vec<EntityId>> {
    let name = plain_words(strict.slots.get("name")?.as_str()?);
    if ["area", "floor"].iter().any(|place| strict.slots.contains_key(*place)) {
        return None;
    }
    let targets = || strict.targets.iter().filter_map(|id| registry.entities.get(id));
    if here.is_some() && targets().any(|target| target.area.as_ref() == here) {
        return None;
    }
    let called = |entity: &&Entity| {
        entity.exposed
            && std::iter::once(&entity.name).chain(&entity.aliases).any(|of| plain_words(of) == name)
    };
    let alike = |entity: &&Entity| targets().any(|target| target.id.domain() == entity.id.domain());
    let all: Vec<_> = registry.entities.values().filter(called).filter(alike).collect();
    let taken = all.iter().filter(|entity| strict.targets.contains(&entity.id)).count();
    (taken > 0 && taken < all.len()).then(|| all.iter().map(|entity| entity.id.clone()).collect())
}

/// A sentence that the matcher declined or misread.
struct Asking<'a, H> {
    text: &'a str,
    found: &'a Match,
    understanding: &'a Understanding,
    context: Context<'a>,
    caller: &'a Caller,
    home: &'a H,
}

/// Near sentences that the matcher takes.
#[derive(Debug, Default)]
struct Near {
    /// With one word mended, whatever it does.
    act: Option<(String, StrictMatch)>,
    /// A question, or what only the matcher keeps.
    answer: Option<(String, StrictMatch)>,
}

impl<H: Home> Asking<'_, H> {
    async fn repair(&self, agreed: Option<bool>) -> Result<Repair, HomeError> {
        let Context { language, registry, .. } = self.context;
        let asks = read_in(self.text, language, &[], registry).act == SpeechAct::Question;
        let mut near = if asks { Some(self.near().await?) } else { None };
        // "Is the garage door open in garage": the words of an order in a question are none.
        if let Some(answer) = near.as_mut().and_then(|near| near.answer.take()) {
            return Ok(Repair::Twins(vec![answer]));
        }
        match &self.understanding.read {
            Read::OneOf(ids) => return Ok(Repair::OneOf(ids.clone())),
            Read::Clear(reading) => {
                if let Some(settled) = self.settled(reading).await? {
                    return Ok(Repair::Twins(settled));
                }
            }
            Read::NoPlace | Read::NotExposed | Read::Unexplained(_) | Read::Nothing => {}
        }
        let near = match near {
            Some(near) => near,
            None => self.near().await?,
        };
        let act = near.act.filter(|(_, strict)| self.understanding.agrees(strict));
        Ok(act.or(near.answer).map_or_else(|| unsettled(agreed), |near| Repair::Twins(vec![near])))
    }

    /// The plain sentences that say what was read, if the matcher does with them exactly that.
    async fn settled(&self, reading: &Reading) -> Result<Option<Vec<(String, StrictMatch)>>, HomeError> {
        // Two of one name need their areas, also where one of them is out of the question.
        let whole = self.home.registry()?;
        let Some(twins) = twins(reading, &Context { registry: &whole, ..self.context }) else {
            return Ok(None);
        };
        let answers = self.home.dry_run(twins.sentences(), self.context.language, self.caller).await?;
        Ok(settled(reading, &twins, answers))
    }

    /// What the matcher takes near the sentence.
    async fn near(&self) -> Result<Near, HomeError> {
        let mended = mended(self.text, &self.context);
        let mut sentences = mended.clone();
        if !matches!(self.found, Match::Strict(_)) {
            let others = respelled(self.text, &self.context).into_iter();
            sentences.extend(others.filter(|other| !mended.contains(other)));
        }
        sentences.truncate(NEAR_MAX);
        if sentences.is_empty() {
            return Ok(Near::default());
        }
        let answers = self.home.dry_run(sentences.clone(), self.context.language, self.caller).await?;
        let act = sound(self.text, &mended, &answers, &self.context);
        Ok(Near { act, answer: harmless(self.text, sentences, answers, self.context.language) })
    }
}

/// No twin fits: the matcher's answer stands, unless it accepted the sentence for something else than it says.
fn unsettled(agreed: Option<bool>) -> Repair {
    if agreed.is_some() { Repair::Doubt } else { Repair::None }
}

/// The area where somebody speaks.
pub(crate) fn area_of(caller: &Caller, registry: &Registry) -> Option<AreaId> {
    let device = caller.device.as_ref().and_then(|device| registry.device_areas.get(device));
    let satellite = caller.satellite.as_ref().and_then(|id| registry.entities.get(id));
    device.or_else(|| satellite.and_then(|entity| entity.area.as_ref())).cloned()
}
