//! From a cover to what is asked of what: the parts of a sentence, what each says, what a later one leaves unsaid.

use std::collections::BTreeSet;

use super::ask::Said;
use super::cover::{Cover, Piece};
use super::index::Named;
use super::kinds::Kind;
use super::lexicon::{Count, Meaning};

/// What one part of a sentence names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Place {
    /// Entities by name; each mention may be several of one name.
    pub(super) entities: Vec<BTreeSet<Named>>,
    pub(super) areas: Vec<BTreeSet<Named>>,
    pub(super) floors: Vec<BTreeSet<Named>>,
    pub(super) nouns: Vec<(Kind, Count)>,
    pub(super) all: bool,
    pub(super) here: bool,
    pub(super) pronoun: bool,
}

impl Place {
    pub(super) fn is_empty(&self) -> bool {
        self.entities.is_empty()
            && self.areas.is_empty()
            && self.floors.is_empty()
            && self.nouns.is_empty()
            && !self.all
            && !self.here
    }

    /// Whether things are named here, not only a place.
    fn has_things(&self) -> bool {
        !self.entities.is_empty() || !self.nouns.is_empty() || self.all
    }
}

/// One part of a sentence.
#[allow(clippy::struct_excessive_bools, reason = "each is a word that was heard or not")]
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Part {
    pub(super) said: Said,
    pub(super) place: Place,
    /// Taken away from the part before ("except …").
    pub(super) excepted: bool,
    pub(super) again: bool,
    /// Names something that voice may not touch.
    pub(super) unexposed: bool,
    /// Points at something that it does not name: "except that", "and the".
    pub(super) open: bool,
}

impl Part {
    fn says_something(&self) -> bool {
        self.said.asks() || !self.place.is_empty() || self.place.pronoun || !self.said.aspects.is_empty()
    }
}

/// The parts of a sentence, each with what it leaves unsaid taken from its neighbours. `None` if the sentence says
/// two values for one thing.
pub(super) fn parts(cover: &Cover) -> Option<Vec<Part>> {
    let mut parts = vec![Part::default()];
    for element in &cover.elements {
        match &element.piece {
            Piece::Word(Meaning::Joining) => parts.push(Part::default()),
            Piece::Word(Meaning::Except) => parts.push(Part { excepted: true, ..Part::default() }),
            piece @ (Piece::Named(..)
            | Piece::Noun(..)
            | Piece::Word(_)
            | Piece::Value(_)
            | Piece::Unknown) => {
                put(parts.last_mut()?, piece)?;
            }
        }
    }
    for part in &mut parts {
        part.open = if part.excepted { part.place.is_empty() } else { part.open && !part.says_something() };
    }
    parts.retain(|part| part.open || part.says_something());
    for part in &mut parts {
        part.said.senses.dedup();
    }
    fill(&mut parts);
    Some(parts)
}

fn put(part: &mut Part, piece: &Piece) -> Option<()> {
    match piece {
        Piece::Named(of, exposed) => {
            part.unexposed |= !exposed;
            let list = match of.first()? {
                Named::Entity(_) => &mut part.place.entities,
                Named::Area(_) => &mut part.place.areas,
                Named::Floor(_) => &mut part.place.floors,
            };
            list.push(of.clone());
        }
        Piece::Noun(kind, count, area) => {
            part.place.nouns.push((*kind, *count));
            part.place.areas.extend(area.clone());
        }
        Piece::Value(value) => {
            if part.said.value.replace(*value).is_some() {
                return None;
            }
        }
        Piece::Word(meaning) => return put_word(part, meaning),
        Piece::Unknown => return None,
    }
    Some(())
}

fn put_word(part: &mut Part, meaning: &Meaning) -> Option<()> {
    match meaning {
        Meaning::Filler | Meaning::Except | Meaning::Joining | Meaning::Too => {}
        Meaning::Article | Meaning::Preposition => part.open = true,
        Meaning::Kind(kind, count) => part.place.nouns.push((*kind, *count)),
        Meaning::Carrier => part.said.carried = true,
        Meaning::Sense(sense) => part.said.senses.push(*sense),
        Meaning::Aspect(aspect) => part.said.aspects.push(*aspect),
        Meaning::All => part.place.all = true,
        Meaning::Here => part.place.here = true,
        Meaning::Pronoun => part.place.pronoun = true,
        Meaning::Again => (part.again, part.said.again) = (true, true),
        Meaning::Bit => part.said.bit = true,
        Meaning::Color(color) => {
            if part.said.color.replace(color.clone()).is_some() {
                return None;
            }
        }
        Meaning::White(white) => {
            if part.said.white.replace(white.clone()).is_some() {
                return None;
            }
        }
    }
    Some(())
}

/// "Turn off the lamp and the radio", "schalte die Lampe und das Radio aus", "the lights in the kitchen and the hall".
fn fill(parts: &mut [Part]) {
    for at in 0..parts.len() {
        if parts[at].excepted {
            continue;
        }
        if !parts[at].said.asks() {
            let before = parts[..at].iter().rev().find(|part| part.said.asks());
            let giver = before.or_else(|| parts[at..].iter().find(|part| part.said.asks()));
            if let Some(said) = giver.map(|part| part.said.clone()) {
                parts[at].said = said;
            }
        }
        if !parts[at].place.has_things() && !parts[at].place.pronoun && !parts[at].place.areas.is_empty() {
            let before = parts[..at].iter().rev().find(|part| !part.place.nouns.is_empty());
            let giver = before.or_else(|| parts[at..].iter().find(|part| !part.place.nouns.is_empty()));
            if let Some(nouns) = giver.map(|part| part.place.nouns.clone()) {
                parts[at].place.nouns = nouns;
            }
        }
    }
}
