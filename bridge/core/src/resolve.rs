//! From a sentence to sentences that the matcher accepts: the sentence itself, or plain ones that say the same.

use std::sync::Arc;

use crate::home::{Caller, Entity, HomeError, Match, Registry, StrictMatch};
use crate::pipeline::Background;
use crate::repair::{
    Context, Read, Understanding, harmless, read, renamed, respelled, settled, sound, swallows, twins,
};
use crate::route::plain_words;
use crate::{AreaId, EntityId, Home, Language};

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
        Match::Strict(strict) => Some(understanding.agrees(strict) && !swallows(strict, &context)),
        Match::None | Match::Unmatched { .. } => None,
    };
    if let Match::Strict(strict) = &found
        && let Some(namesakes) = namesakes(strict, registry, here.as_ref())
    {
        return Ok(Resolution { found, repair: Repair::OneOf(namesakes), read: understanding.read });
    }
    let Understanding { read, .. } = understanding;
    let repair = match (agreed, &read) {
        (Some(true), _) => Repair::None,
        (_, Read::Clear(reading)) => {
            // Two of one name need their areas, also where one of them is out of the question.
            let whole = home.registry()?;
            let twins = twins(reading, &Context { registry: &whole, ..context });
            let settled = match twins {
                Some(twins) => {
                    let answers = home.dry_run(twins.sentences(), language, caller).await?;
                    settled(reading, &twins, answers)
                }
                None => None,
            };
            settled.map_or_else(|| unsettled(agreed), Repair::Twins)
        }
        (_, Read::OneOf(ids)) => Repair::OneOf(ids.clone()),
        (_, Read::NoPlace | Read::NotExposed | Read::Unexplained(_) | Read::Nothing) => {
            match near(text, &found, &context, caller, home).await? {
                Some(near) => Repair::Twins(vec![near]),
                None => unsettled(agreed),
            }
        }
    };
    Ok(Resolution { found, repair, read })
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

/// A near sentence that the matcher takes: with a name written right, or else a question or what only it keeps.
async fn near(
    text: &str,
    found: &Match,
    context: &Context<'_>,
    caller: &Caller,
    home: &impl Home,
) -> Result<Option<(String, StrictMatch)>, HomeError> {
    let renamed = renamed(text, context);
    let others = match found {
        Match::Strict(_) => Vec::new(),
        Match::None | Match::Unmatched { .. } => respelled(text, context),
    };
    let sentences: Vec<String> = renamed.iter().chain(&others).cloned().collect();
    if sentences.is_empty() {
        return Ok(None);
    }
    let mut answers = home.dry_run(sentences, context.language, caller).await?;
    let rest = answers.split_off(usize::from(renamed.is_some()).min(answers.len()));
    let sound = renamed.and_then(|renamed| sound(text, renamed, answers.pop(), context));
    Ok(sound.or_else(|| harmless(others, rest)))
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
