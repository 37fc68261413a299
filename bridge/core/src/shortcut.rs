//! Shortcuts: what a language model made of a sentence twice, and nobody undid, is known the next time without it.
//! A shortcut only names the plain sentences that are meant; they are decided about anew each time.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::home::Registry;
use crate::route::plain_words;
use crate::{AreaId, Language};

/// So often the same has to be resolved before it becomes a shortcut.
pub const RESOLVED_MIN: u32 = 2;

/// What a shortcut is found by: the same words in one room may mean another lamp than in the next one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The words in lower case, without punctuation.
    pub words: String,
    /// The primary language.
    pub language: String,
    /// The area of the satellite, if it is known.
    pub area: Option<AreaId>,
}

impl Key {
    /// The key of a sentence.
    pub fn of(text: &str, language: &Language, area: Option<&AreaId>) -> Self {
        Self { words: plain_words(text), language: language.primary(), area: area.cloned() }
    }
}

/// What is known about a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortcut {
    /// What it is found by.
    pub key: Key,
    /// The plain sentences that are meant, in order.
    pub sentences: Vec<String>,
    /// The home for which that holds.
    pub fingerprint: String,
    /// How often a model resolved it so, in a row.
    pub resolved: u32,
    /// How often it was used.
    pub hits: u32,
}

impl Shortcut {
    /// What is known after a model resolved `key` to `sentences` in a home of this fingerprint. Another meaning or
    /// another home begins anew.
    pub fn learn(known: Option<Self>, key: Key, sentences: Vec<String>, fingerprint: &str) -> Self {
        match known {
            Some(known)
                if known.key == key && known.sentences == sentences && known.fingerprint == fingerprint =>
            {
                Self { resolved: known.resolved.saturating_add(1), ..known }
            }
            Some(_) | None => {
                Self { key, sentences, fingerprint: fingerprint.to_owned(), resolved: 1, hits: 0 }
            }
        }
    }

    /// Whether it may be used in a home of this fingerprint.
    pub fn holds(&self, fingerprint: &str) -> bool {
        self.resolved >= RESOLVED_MIN && self.fingerprint == fingerprint && !self.sentences.is_empty()
    }
}

/// A short text that changes whenever a name, an alias, an area or the exposure of anything in the home does.
pub fn fingerprint(registry: &Registry) -> String {
    let mut hash = Fnv::default();
    for entity in registry.entities.values().filter(|entity| entity.exposed) {
        hash.add(entity.id.as_str()).add(&entity.name).add(entity.area.as_ref().map_or("", AreaId::as_str));
        hash.add_all(&entity.aliases);
    }
    for area in registry.areas.values() {
        hash.add(area.id.as_str())
            .add(&area.name)
            .add(area.floor.as_ref().map_or("", |floor| floor.as_str()));
        hash.add_all(&area.aliases);
    }
    for floor in registry.floors.values() {
        hash.add(floor.id.as_str()).add(&floor.name).add_all(&floor.aliases);
    }
    for (device, area) in &registry.device_areas {
        hash.add(device.as_str()).add(area.as_str());
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a, which is the same in every version of this program: <http://www.isthe.com/chongo/tech/comp/fnv/>.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds a text and its end.
    fn add(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.byte(byte));
        // No byte of UTF-8 is this one.
        self.byte(0xff);
        self
    }

    /// Adds a list and its end.
    fn add_all(&mut self, texts: &[String]) -> &mut Self {
        for text in texts {
            self.add(text);
        }
        self.byte(0xfe);
        self
    }
}

/// Why shortcuts cannot be read or written; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShortcutError(pub String);

/// Where shortcuts are kept.
pub trait ShortcutBook: fmt::Debug + Send + Sync + 'static {
    /// What is known about a sentence.
    fn find<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Shortcut>, ShortcutError>>;
    /// Keeps it in place of what was known.
    fn keep<'a>(&'a self, shortcut: &'a Shortcut) -> BoxFuture<'a, Result<(), ShortcutError>>;
    /// Counts one use.
    fn hit<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), ShortcutError>>;
    /// Forgets it, as when its act was undone; false if nothing was known.
    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, ShortcutError>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId;
    use crate::home::Entity;

    fn key() -> Key {
        Key::of("Make it cosy, please!", &Language::english(), Some(&AreaId::from("kitchen")))
    }

    fn meaning() -> Vec<String> {
        vec!["turn on the floor lamp".to_owned()]
    }

    fn home(name: &str) -> Registry {
        let entity = Entity {
            id: EntityId::from("light.floor"),
            name: name.into(),
            aliases: vec![],
            area: None,
            device: None,
            device_class: None,
            exposed: true,
        };
        Registry { entities: [(entity.id.clone(), entity)].into(), ..Registry::default() }
    }

    #[test]
    fn what_was_resolved_the_same_way_twice_holds() {
        let once = Shortcut::learn(None, key(), meaning(), "f");
        assert!(!once.holds("f"));
        let twice = Shortcut::learn(Some(once), key(), meaning(), "f");
        assert!(twice.holds("f"));
    }

    #[test]
    fn another_meaning_or_another_home_begins_anew() {
        let once = Shortcut::learn(None, key(), meaning(), "f");
        let other = Shortcut::learn(Some(once.clone()), key(), vec!["turn off the floor lamp".into()], "f");
        assert!(!other.holds("f"));
        let moved = Shortcut::learn(Some(once.clone()), key(), meaning(), "g");
        assert_eq!((moved.resolved, moved.fingerprint.as_str()), (1, "g"));
        let twice = Shortcut::learn(Some(once), key(), meaning(), "f");
        assert!(!twice.holds("g"), "void in a changed home");
    }

    #[test]
    fn the_same_words_in_another_room_or_language_are_another_key() {
        let kitchen = AreaId::from("kitchen");
        assert_eq!(Key::of("make it COSY please", &Language::english(), Some(&kitchen)), key());
        assert_ne!(Key::of("make it cosy please", &Language::english(), None), key());
        let german = Language::parse("de").expect("valid");
        assert_ne!(Key::of("make it cosy please", &german, Some(&kitchen)), key());
    }

    #[test]
    fn a_fingerprint_changes_with_a_name_and_with_the_exposure_and_with_nothing_else() {
        assert_eq!(fingerprint(&home("Floor Lamp")), fingerprint(&home("Floor Lamp")));
        assert_ne!(fingerprint(&home("Floor Lamp")), fingerprint(&home("Standard Lamp")));
        let mut hidden = home("Floor Lamp");
        hidden.entities.values_mut().for_each(|entity| entity.exposed = false);
        assert_ne!(fingerprint(&home("Floor Lamp")), fingerprint(&hidden));
        assert_eq!(fingerprint(&home("Floor Lamp")).len(), 16);
    }
}
