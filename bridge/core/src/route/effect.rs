//! What a match would do to the home, by its intent.

use super::dimension::Effect;
use crate::act::{IntentKind, kind_of};
use crate::home::{MatchSource, StrictMatch};

/// What carrying out this match would do.
pub(super) fn effect_of(found: &StrictMatch) -> Effect {
    let kind = if found.source == MatchSource::Trigger { None } else { kind_of(&found.intent) };
    match kind {
        Some(IntentKind::Query) => Effect::Reads,
        // Home Assistant would run the command later as text, past the guard.
        Some(IntentKind::Inner) if found.slots.contains_key("conversation_command") => Effect::Unguarded,
        Some(IntentKind::Inner) => Effect::Keeps,
        Some(IntentKind::Act) => Effect::Changes,
        // An intent newer than this table: nobody here knows what it would do.
        None if found.source == MatchSource::Builtin => Effect::None,
        None => Effect::Own,
    }
}

/// Of several commands in one sentence the one that needs more care counts.
pub(super) fn weightier(one: Effect, other: Effect) -> Effect {
    let weight = |effect: Effect| match effect {
        Effect::None => 0,
        Effect::Reads => 1,
        Effect::Keeps => 2,
        Effect::Own => 3,
        Effect::Changes => 4,
        Effect::Unguarded => 5,
    };
    if weight(other) > weight(one) { other } else { one }
}
