//! Repair in front of the matcher: what a sentence asks, read word by word, and the plain sentences that say the same.
//!
//! [`read`] explains every word of a sentence or none; [`twins`] are sentences that Home Assistant's matcher knows;
//! [`settled`] takes them only if the matcher does with them exactly what was read.

mod ask;
mod cover;
mod follow;
mod frame;
mod index;
mod inquiry;
mod judge;
mod kinds;
mod leeway;
mod lexicon;
mod mention;
mod numbers;
mod read;
mod respell;
mod scope;
mod singular;
mod spell;
mod tokens;
mod twin;
mod words;

pub use follow::{FOLLOW_UP_LIMIT, LastAct};
pub use judge::settled;
pub use kinds::{Ask, Kind};
pub use read::{Context, Read, Reading, Step};
pub use twin::{TWINS_MAX, Twins, twins};

pub(crate) use inquiry::{Inquiry, Manner, inquiry, shortened};
pub(crate) use leeway::{Leeway, Overstep, Proposal, leeway};
pub(crate) use respell::{harmless, keeps_to_words, mended, moves_nothing, respelled, sound};

use crate::Language;
use crate::act::{IntentKind, kind_of};
use crate::home::StrictMatch;

use ask::Said;
use lexicon::Meaning;
use tokens::{Token, tokens};
use words::Tongue;

/// A sentence that was read, for [`Understanding::agrees`].
#[derive(Debug, Clone, PartialEq)]
pub struct Understanding {
    /// What it means.
    pub read: Read,
    asked: Vec<Said>,
    /// Whether it points at something that it does not name ("all the lights except that").
    open: bool,
}

/// Reads a sentence.
pub fn read(text: &str, context: &Context<'_>) -> Understanding {
    read::read_all(text, context)
}

/// Whether a text that bears no name of this home can be one: it does not speak of all, of an exception or of here, and
/// does not only tell what to do ("off").
pub(crate) fn can_be_a_name(text: &str, language: &Language) -> bool {
    let Some(Tongue { words, lexicon, .. }) = Tongue::of(language) else { return true };
    let said = tokens(text, &words.elisions);
    let counts = |at: usize| {
        let mut meanings = lexicon.at(&said[at..]);
        meanings.any(|(_, meaning)| matches!(meaning, Meaning::All | Meaning::Except | Meaning::Here))
    };
    let tells = |token: &Token| lexicon.is(token, |meaning| matches!(meaning, Meaning::Sense(_)));
    !(0..said.len()).any(counts) && !said.iter().all(tells)
}

impl Understanding {
    /// Whether a strict match of the same sentence does what the sentence says, as far as that is known: the matcher
    /// takes "spegni televisione" for a request to mute.
    pub fn agrees(&self, strict: &StrictMatch) -> bool {
        // "Is the garage door open?" holds the words of an order; its answer moves nothing.
        if kind_of(&strict.intent) == Some(IntentKind::Query) {
            return true;
        }
        // What is to be played may have any name; but "mets le ventilateur de la chambre" plays nothing.
        if strict.slots.contains_key("search_query") {
            let plays =
                |target: &crate::EntityId| matches!(target.domain(), "media_player" | "scene" | "script");
            let named = self.read.reading().filter(|reading| reading.slip <= 0.0);
            return named
                .is_none_or(|reading| reading.steps.iter().flat_map(|step| &step.targets).any(plays));
        }
        // Words that are taken for slips prove nothing against a sentence that was accepted as it is.
        if let Some(reading) = self.read.reading().filter(|reading| reading.slip <= 0.0) {
            return judge::agree(reading, strict);
        }
        if self.open {
            return false;
        }
        // "On" in "set the fan mode to on" is a value.
        if !judge::is_known(&strict.intent) {
            return true;
        }
        let touched = judge::touched(strict);
        let domains: Vec<&str> = touched.iter().map(crate::EntityId::domain).collect();
        let asks =
            |said: &Said| domains.iter().find_map(|domain| Some((read::asks_of(said, domain)?, *domain)));
        let asked: Vec<_> = self.asked.iter().filter_map(asks).collect();
        asked.is_empty()
            || asked.iter().any(|(ask, domain)| judge::is_intent_of(*ask, domain, &strict.intent))
            || asked.iter().any(|(ask, _)| judge::may_raise(*ask, &self.asked, strict))
    }
}

#[cfg(test)]
mod tests;
