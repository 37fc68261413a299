//! Questions about the home that the matcher does not know: the words in, what is asked of which entities out, and the
//! answer from their states. Nothing here changes anything.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::cover::loose_covers;
use super::frame::{Part, Place, parts};
use super::index::{Index, Named};
use super::kinds::Kind;
use super::read::Context;
use super::scope::{Surroundings, named_areas};
use super::tokens::{Token, tokens};
use super::words::Tongue;
use crate::home::{Entity, EntityState};
use crate::language::{PerLanguage, per_language};
use crate::{EntityId, Language};

/// A question with more words than this is about more than a state.
const TOKENS_MAX: usize = 20;

/// The words of such questions; see `asking/en.toml` for the meaning of each list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    still: Vec<String>,
    on: Vec<String>,
    off: Vec<String>,
    open: Vec<String>,
    closed: Vec<String>,
    locked: Vec<String>,
    unlocked: Vec<String>,
    every: Vec<String>,
    any: Vec<String>,
    other: Vec<String>,
}

static ASKING: PerLanguage<Asking> =
    per_language!("asking/", |text| toml::from_str(text).expect("word lists are compiled in and tested"));

/// What an entity is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    On,
    Off,
    Open,
    Closed,
    Locked,
    Unlocked,
}

/// How many are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Those that are so.
    Any,
    /// Whether all of them are.
    Every,
    /// Whether this one is.
    One,
}

/// A question about states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inquiry {
    pub(crate) condition: Condition,
    pub(crate) manner: Manner,
    pub(crate) of: BTreeSet<EntityId>,
}

/// The same question in fewer words, for the matcher; `None` if it has no word too many.
pub(crate) fn shortened(text: &str, language: &Language) -> Option<String> {
    let (tongue, asking) = (Tongue::of(language)?, ASKING.of(language)?);
    let said = tokens(text, &tongue.words.elisions);
    let mut rest = said.clone();
    (said.len() <= TOKENS_MAX && strip(&mut rest, &asking.still, tongue)).then(|| {
        let words: Vec<&str> = rest.iter().map(|token| token.text.as_str()).collect();
        // An article that is written in one with its noun is a token of its own.
        words.join(" ").replace("' ", "'")
    })
}

/// Reads a question; `None` if it is another one.
pub(crate) fn inquiry(text: &str, context: &Context<'_>) -> Option<Inquiry> {
    let (tongue, asking) = (Tongue::of(context.language)?, ASKING.of(context.language)?);
    let said = tokens(text, &tongue.words.elisions);
    if said.len() > TOKENS_MAX {
        return None;
    }
    let conditions = [
        (Condition::Unlocked, &asking.unlocked),
        (Condition::Locked, &asking.locked),
        (Condition::On, &asking.on),
        (Condition::Off, &asking.off),
        (Condition::Open, &asking.open),
        (Condition::Closed, &asking.closed),
    ];
    conditions.into_iter().find_map(|(condition, phrases)| {
        let mut found = places(&said, phrases, tongue);
        found.sort_by_key(|(at, len)| (std::cmp::Reverse(*at), std::cmp::Reverse(*len)));
        found.into_iter().find_map(|(at, len)| {
            let mut rest = said.clone();
            rest.drain(at..at + len);
            about(condition, rest, asking, tongue, context)
        })
    })
}

/// What the rest of a question is about.
fn about(
    condition: Condition,
    mut rest: Vec<Token>,
    asking: &Asking,
    tongue: &'static Tongue,
    context: &Context<'_>,
) -> Option<Inquiry> {
    let every = strip(&mut rest, &asking.every, tongue);
    strip(&mut rest, &asking.still, tongue);
    let any = strip(&mut rest, &asking.any, tongue);
    strip(&mut rest, &asking.other, tongue);
    let place = if rest.is_empty() { Place::default() } else { place_of(&rest, tongue, context)? };
    let things = !place.entities.is_empty() || !place.nouns.is_empty();
    if !any && !every && !things || place.all || place.pronoun || place.entities.len() > 1 {
        return None;
    }
    let around = Surroundings { registry: context.registry, here: context.here };
    let areas = named_areas(&place, around);
    let there = |entity: &&Entity| {
        let here = !place.here || entity.area.as_ref() == context.here && entity.area.is_some();
        here && areas
            .as_ref()
            .is_none_or(|areas| entity.area.as_ref().is_some_and(|area| areas.contains(area)))
    };
    let meant = |entity: &&Entity| {
        let of = Named::Entity(entity.id.clone());
        place.entities.iter().all(|mention| mention.contains(&of))
            && place.nouns.iter().all(|(kind, _)| is_kind(*kind, entity))
    };
    let able = |entity: &&Entity| entity.exposed && can_be(condition, entity);
    let all = context.registry.entities.values().filter(able).filter(there).filter(meant);
    let of: BTreeSet<EntityId> = all.map(|entity| entity.id.clone()).collect();
    let manner = match (every, of.len()) {
        (_, 0) => return None,
        (true, _) => Manner::Every,
        (false, 1) if !place.entities.is_empty() => Manner::One,
        (false, _) => Manner::Any,
    };
    Some(Inquiry { condition, manner, of })
}

/// The place and the things that these words name, if they name nothing else and every one is explained.
fn place_of(rest: &[Token], tongue: &'static Tongue, context: &Context<'_>) -> Option<Place> {
    let index = Index::of(context.registry, tongue);
    let covers = loose_covers(rest, &index, tongue);
    let plain = |parts: Vec<Part>| {
        let mut parts = parts.into_iter();
        let part = parts.next().filter(|_| parts.len() == 0)?;
        let other = part.said.asks() || part.excepted || part.unexposed || !part.said.aspects.is_empty();
        (!other).then_some(part.place)
    };
    let explained = covers.iter().filter(|cover| cover.unexplained().next().is_none());
    explained.filter_map(parts).find_map(plain)
}

/// Where one of these phrases stands, and how many tokens it has.
fn places(said: &[Token], phrases: &[String], tongue: &Tongue) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for phrase in phrases {
        let wanted = tokens(phrase, &tongue.words.elisions);
        let stands = |(_, here): &(usize, &[Token])| here.iter().zip(&wanted).all(|(a, b)| a.text == b.text);
        let len = wanted.len().max(1);
        found.extend(said.windows(len).enumerate().filter(stands).map(|(at, _)| (at, len)));
    }
    found
}

/// Takes these phrases away, the longest first; whether any was there.
fn strip(said: &mut Vec<Token>, phrases: &[String], tongue: &Tongue) -> bool {
    let mut any = false;
    while let Some((at, len)) = places(said, phrases, tongue).into_iter().max_by_key(|(_, len)| *len) {
        said.drain(at..at + len);
        any = true;
    }
    any
}

/// Whether an entity is of a kind, for somebody who asks: a sensor at a window stands for the window.
fn is_kind(kind: Kind, entity: &Entity) -> bool {
    let sensor = entity.id.domain() == "binary_sensor";
    let class = entity.device_class.as_deref();
    let stands_for = match kind {
        Kind::Window => class == Some("window"),
        Kind::Door => matches!(class, Some("door" | "garage_door" | "opening")),
        Kind::Garage => class == Some("garage_door"),
        Kind::Lock => class == Some("lock"),
        Kind::Light
        | Kind::Switch
        | Kind::Fan
        | Kind::Cover
        | Kind::Blind
        | Kind::Curtain
        | Kind::Shutter
        | Kind::Shade
        | Kind::Awning
        | Kind::Gate
        | Kind::Valve
        | Kind::Climate
        | Kind::Media
        | Kind::Music
        | Kind::Tv
        | Kind::Vacuum
        | Kind::Mower
        | Kind::Robot
        | Kind::Humidifier
        | Kind::Scene
        | Kind::Script => false,
    };
    kind.holds(entity) || sensor && stands_for
}

/// Whether an entity can be so at all.
fn can_be(condition: Condition, entity: &Entity) -> bool {
    let class = entity.device_class.as_deref();
    match condition {
        Condition::On | Condition::Off => {
            matches!(entity.id.domain(), "light" | "switch" | "fan" | "media_player" | "humidifier")
        }
        Condition::Open | Condition::Closed => match entity.id.domain() {
            "cover" | "valve" => true,
            "binary_sensor" => matches!(class, Some("window" | "door" | "garage_door" | "opening")),
            _ => false,
        },
        Condition::Locked | Condition::Unlocked => entity.id.domain() == "lock",
    }
}

/// Whether a state is so; `None` where nobody knows.
fn is_so(condition: Condition, state: &str) -> Option<bool> {
    if matches!(state, "unavailable" | "unknown") {
        return None;
    }
    Some(match condition {
        Condition::On => matches!(state, "on" | "playing" | "paused" | "buffering"),
        Condition::Off => matches!(state, "off" | "standby" | "idle"),
        // A sensor is on when it is open.
        Condition::Open => matches!(state, "open" | "opening" | "closing" | "on"),
        Condition::Closed => matches!(state, "closed" | "off"),
        Condition::Locked => state == "locked",
        Condition::Unlocked => matches!(state, "unlocked" | "open" | "unlocking" | "opening"),
    })
}

impl Inquiry {
    /// The entities that are so, and those that are not; what nobody knows is in neither.
    pub(crate) fn answer(
        &self,
        state: impl Fn(&EntityId) -> Option<EntityState>,
    ) -> (Vec<EntityId>, Vec<EntityId>) {
        let known =
            self.of.iter().filter_map(|id| Some((id.clone(), is_so(self.condition, &state(id)?.state)?)));
        let (so, not): (Vec<_>, Vec<_>) = known.partition(|(_, so)| *so);
        let ids = |of: Vec<(EntityId, bool)>| of.into_iter().map(|(id, _)| id).collect();
        (ids(so), ids(not))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_parses_and_is_in_lower_case() {
        for (language, words) in ASKING.all() {
            let lists = [
                &words.still,
                &words.on,
                &words.off,
                &words.open,
                &words.closed,
                &words.locked,
                &words.unlocked,
                &words.every,
                &words.any,
                &words.other,
            ];
            for phrase in lists.into_iter().flatten() {
                assert_eq!(phrase, &phrase.to_lowercase(), "{language}");
            }
        }
    }
}
