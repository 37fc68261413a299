//! The names of the home, laid out to be found in a sentence that says them loosely.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::kinds::Kind;
use super::lexicon::Count;
use super::spell::{distance, root, slips, sound, stem};
use super::tokens::{Token, fold, tokens};
use super::words::{Nouns, Tongue, Words};
use crate::home::Registry;
use crate::id::FloorId;
use crate::{AreaId, EntityId};

/// What a name names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Named {
    Entity(EntityId),
    Area(AreaId),
    Floor(FloorId),
}

/// A name: what it names and its words, without the small ones.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) of: Named,
    pub(super) words: Vec<usize>,
    pub(super) exposed: bool,
}

/// A word of names, or a noun of a kind.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) folded: String,
    /// As it is written in a name.
    pub(super) text: String,
    letters: Vec<char>,
    /// Without its ending.
    root: Vec<char>,
    /// The names that it stands in.
    pub(super) names: Vec<usize>,
    pub(super) nouns: Vec<(Kind, Count)>,
    /// Whether it stands for a kind or a place: a name of such words alone is no distinct name.
    pub(super) plain: bool,
}

/// A word that a token may be, and how far it is from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) word: usize,
    pub(super) cost: f32,
}

/// All names of a home in one language.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) names: Vec<Name>,
    pub(super) words: Vec<Word>,
    by_text: HashMap<String, usize>,
    by_stem: HashMap<String, Vec<usize>>,
    by_sound: HashMap<String, Vec<usize>>,
    by_pair: HashMap<[char; 2], Vec<usize>>,
    by_noun: BTreeMap<Kind, Vec<usize>>,
}

/// The costs of not being the same word.
pub(super) const STEM_COST: f32 = 0.1;
const NOUN_COST: f32 = 0.4;
const SOUND_COST: f32 = 0.6;
const EDIT_COST: f32 = 0.8;
const FIRST_LETTER_COST: f32 = 0.4;
/// Accents may be left out, but nobody hears one too many.
const ACCENT_COST: f32 = 0.4;
/// A shorter word with another first letter is another word: "nicht" is not "licht".
const FIRST_LETTER_LEN_MIN: usize = 7;

/// Homes and languages whose index is kept.
const KEPT_MAX: usize = 8;

type Kept = Vec<(Weak<Registry>, &'static Tongue, Arc<Index>)>;
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

impl Index {
    /// The index of a home; made once for each version of the registry.
    pub(super) fn of(registry: &Arc<Registry>, tongue: &'static Tongue) -> Arc<Self> {
        let same = |(home, of, _): &&(Weak<Registry>, &'static Tongue, Arc<Self>)| {
            std::ptr::eq(*of, tongue) && home.upgrade().is_some_and(|home| Arc::ptr_eq(&home, registry))
        };
        if let Some((_, _, index)) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).iter().find(same) {
            return Arc::clone(index);
        }
        let made = Arc::new(Self::new(registry, tongue));
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(home, _, _)| home.strong_count() > 0);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((Arc::downgrade(registry), tongue, Arc::clone(&made)));
        made
    }

    pub(super) fn new(registry: &Registry, tongue: &Tongue) -> Self {
        let mut index = Self {
            names: Vec::new(),
            words: Vec::new(),
            by_text: HashMap::new(),
            by_stem: HashMap::new(),
            by_sound: HashMap::new(),
            by_pair: HashMap::new(),
            by_noun: BTreeMap::new(),
        };
        let nouns = tongue.words.kinds.values().flat_map(Nouns::counted).map(|(noun, _)| noun);
        for noun in nouns.filter(|noun| !noun.contains(' ')) {
            index.word(noun, &tongue.words);
        }
        for (noun, kinds) in &tongue.lexicon.nouns {
            let word = index.word(noun, &tongue.words);
            index.words[word].nouns.clone_from(kinds);
            for (kind, _) in kinds {
                index.by_noun.entry(*kind).or_default().push(word);
            }
        }
        for area in registry.areas.values() {
            let of = Named::Area(area.id.clone());
            index.add(std::iter::once(&area.name).chain(&area.aliases), &of, true, tongue);
        }
        for floor in registry.floors.values() {
            let of = Named::Floor(floor.id.clone());
            index.add(std::iter::once(&floor.name).chain(&floor.aliases), &of, true, tongue);
        }
        for entity in registry.entities.values() {
            let of = Named::Entity(entity.id.clone());
            index.add(std::iter::once(&entity.name).chain(&entity.aliases), &of, entity.exposed, tongue);
        }
        let of_place = |name: &usize| !matches!(index.names[*name].of, Named::Entity(_));
        let plain: Vec<bool> = index
            .words
            .iter()
            .map(|word| !word.nouns.is_empty() || word.names.iter().any(of_place))
            .collect();
        for (word, plain) in index.words.iter_mut().zip(plain) {
            word.plain = plain;
        }
        index
    }

    fn add<'a>(
        &mut self,
        names: impl Iterator<Item = &'a String>,
        of: &Named,
        exposed: bool,
        tongue: &Tongue,
    ) {
        let mut seen = HashSet::new();
        for name in names {
            let parts = tokens(name, &tongue.words.elisions);
            let mut content: Vec<&Token> =
                parts.iter().filter(|part| !tongue.lexicon.is_small(part)).collect();
            if content.is_empty() {
                content = parts.iter().collect();
            }
            if content.is_empty()
                || !seen.insert(content.iter().map(|t| t.folded.clone()).collect::<Vec<_>>())
            {
                continue;
            }
            let spoken: Vec<String> = content.iter().map(|token| token.text.clone()).collect();
            self.add_name(&spoken, of, exposed, &tongue.words);
            for joined in self.with_place_in_one(&spoken) {
                self.add_name(&joined, of, exposed, &tongue.words);
            }
            if spoken.len() > 1 {
                // "floorlamp" for "floor lamp"
                self.add_name(&[spoken.concat()], of, exposed, &tongue.words);
            }
        }
    }

    /// A longer name with the place in it written in one: a slip in "living rom lamp" is one in "livingroom".
    fn with_place_in_one(&self, spoken: &[String]) -> Vec<Vec<String>> {
        if spoken.len() < 3 {
            return Vec::new();
        }
        let joined = |at: usize| {
            let place = spoken[at..at + 2].concat();
            let known = self.by_text.get(&fold(&place)).is_some_and(|word| self.is_place(*word));
            known.then(|| [&spoken[..at], &[place], &spoken[at + 2..]].concat())
        };
        (0..spoken.len() - 1).filter_map(joined).collect()
    }

    fn add_name(&mut self, spoken: &[String], of: &Named, exposed: bool, words: &Words) {
        let name = self.names.len();
        let ids: Vec<usize> = spoken.iter().map(|text| self.word(text, words)).collect();
        for id in &ids {
            if !self.words[*id].names.contains(&name) {
                self.words[*id].names.push(name);
            }
        }
        self.names.push(Name { of: of.clone(), words: ids, exposed });
    }

    fn word(&mut self, text: &str, words: &Words) -> usize {
        let folded = fold(text);
        if let Some(known) = self.by_text.get(&folded) {
            return *known;
        }
        let id = self.words.len();
        let letters: Vec<char> = folded.chars().collect();
        self.by_text.insert(folded.clone(), id);
        let root = root(&folded, &words.endings, &words.alternations);
        let root_letters = root.chars().collect();
        self.by_stem.entry(root).or_default().push(id);
        self.by_sound.entry(sound(text, &words.sounds)).or_default().push(id);
        for pair in letters.windows(2) {
            let list = self.by_pair.entry([pair[0], pair[1]]).or_default();
            if list.last() != Some(&id) {
                list.push(id);
            }
        }
        self.words.push(Word {
            folded,
            text: text.to_owned(),
            letters,
            root: root_letters,
            names: Vec::new(),
            nouns: Vec::new(),
            plain: false,
        });
        id
    }

    /// The words that a piece of a sentence may be, nearest first. `known` tells that the piece is a word of the
    /// language by itself: then it is not taken for a slip of another one.
    pub(super) fn hits(&self, text: &str, folded: &str, words: &Words, known: bool) -> Vec<Hit> {
        let mut hits: HashMap<usize, f32> = HashMap::new();
        let mut put = |word: usize, cost: f32| {
            let accent = if has_more_accents(text, &self.words[word].text) { ACCENT_COST } else { 0.0 };
            let cost = cost + accent;
            let entry = hits.entry(word).or_insert(cost);
            *entry = entry.min(cost);
        };
        let exact = self.by_text.get(folded).copied();
        if let Some(word) = exact {
            put(word, 0.0);
            for (kind, count) in &self.words[word].nouns {
                for other in self.by_noun.get(kind).into_iter().flatten() {
                    put(
                        *other,
                        if self.turns_plural(*count, *kind, *other) { f32::INFINITY } else { NOUN_COST },
                    );
                }
            }
        }
        let root = root(folded, &words.endings, &words.alternations);
        for word in self.by_stem.get(&root).into_iter().flatten() {
            put(*word, STEM_COST);
        }
        if let Some(word) = self.by_text.get(stem(folded, &words.endings)) {
            put(*word, STEM_COST);
        }
        if exact.is_none() && !known {
            for word in self.by_sound.get(&sound(text, &words.sounds)).into_iter().flatten() {
                put(*word, SOUND_COST);
            }
            for (word, cost) in self.slips_of(folded, |word| &word.letters) {
                put(word, cost);
            }
            let bare = words.endings.iter().filter_map(|ending| folded.strip_suffix(ending.as_str()));
            let bare = bare.flat_map(|bare| self.slips_of(bare, |word| &word.letters));
            // "Lapki" may be "lampka" in another case.
            for (word, cost) in bare.chain(self.slips_of(&root, |word| &word.root)) {
                put(word, cost + STEM_COST);
            }
        }
        let plural =
            exact.map(|word| &self.words[word].nouns).into_iter().flatten().any(|(_, c)| *c == Count::Many);
        let only_one = |word: usize| {
            let nouns = &self.words[word].nouns;
            plural && !nouns.is_empty() && nouns.iter().all(|(_, count)| *count == Count::One)
        };
        let mut hits: Vec<Hit> = hits
            .into_iter()
            .filter(|(word, cost)| cost.is_finite() && !only_one(*word))
            .map(|(word, cost)| Hit { word, cost })
            .collect();
        hits.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.word.cmp(&b.word)));
        hits
    }

    /// Whether a word names a place, or a thing by more than its kind.
    pub(super) fn is_telling(&self, word: usize) -> bool {
        (!self.words[word].names.is_empty() && !self.words[word].plain) || self.is_place(word)
    }

    /// Whether a word is a noun of a kind.
    pub(super) fn is_noun(&self, word: usize) -> bool {
        !self.words[word].nouns.is_empty()
    }

    /// Whether a word stands in the name of an area or a floor.
    pub(super) fn is_place(&self, word: usize) -> bool {
        self.words[word].names.iter().any(|name| !matches!(self.names[*name].of, Named::Entity(_)))
    }

    /// Whether a word stands in the name of a to-do list.
    pub(super) fn is_list(&self, word: usize) -> bool {
        let list = |named: &Named| matches!(named, Named::Entity(id) if id.domain() == "todo");
        self.words[word].names.iter().any(|name| list(&self.names[*name].of))
    }

    /// Words that end with another noun of the same kind: "desklight" for "desklamp".
    pub(super) fn synonyms(&self, folded: &str) -> Vec<Hit> {
        let mut found = Vec::new();
        for (kind, nouns) in &self.by_noun {
            let own = nouns.iter().find_map(|noun| {
                let noun = &self.words[*noun];
                let first = folded.strip_suffix(noun.folded.as_str()).filter(|first| first.len() >= 3)?;
                let count = noun.nouns.iter().find(|(of, _)| of == kind).map(|(_, count)| *count)?;
                Some((first, count))
            });
            let Some((first, count)) = own else { continue };
            let others = nouns.iter().filter(|other| !self.turns_plural(count, *kind, **other));
            let whole =
                others.filter_map(|other| self.by_text.get(&format!("{first}{}", self.words[*other].folded)));
            found.extend(whole.map(|word| Hit { word: *word, cost: NOUN_COST }));
        }
        found
    }

    /// The areas of one word that are called so.
    pub(super) fn areas_called(&self, folded: &str, words: &Words) -> BTreeSet<Named> {
        let exact = self.by_text.get(folded).into_iter();
        let close =
            self.by_stem.get(&root(folded, &words.endings, &words.alternations)).into_iter().flatten();
        let names = exact.chain(close).flat_map(|word| &self.words[*word].names);
        let areas = names.map(|name| &self.names[*name]).filter(|name| name.words.len() == 1);
        areas.filter(|name| matches!(name.of, Named::Area(_))).map(|name| name.of.clone()).collect()
    }

    /// "lights" is not "lamp": several are not one.
    fn turns_plural(&self, count: Count, kind: Kind, other: usize) -> bool {
        let theirs = self.words[other].nouns.iter().find(|(of, _)| *of == kind).map(|(_, count)| *count);
        matches!((count, theirs), (Count::Many, Some(Count::One)) | (Count::One, Some(Count::Many)))
    }

    /// The words that are a slip away by the letters that count of them, with their costs.
    fn slips_of(&self, folded: &str, of: fn(&Word) -> &[char]) -> Vec<(usize, f32)> {
        let letters: Vec<char> = folded.chars().collect();
        let most = slips(letters.len());
        if most == 0 {
            return Vec::new();
        }
        let mut shared: HashMap<usize, usize> = HashMap::new();
        let pairs: HashSet<[char; 2]> = letters.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        for word in pairs.iter().filter_map(|pair| self.by_pair.get(pair)).flatten() {
            *shared.entry(*word).or_default() += 1;
        }
        // One edit spoils two pairs, a swap of neighbours three.
        let least = pairs.len().saturating_sub(3 * most).max(1);
        let close = shared.into_iter().filter(|(_, common)| *common >= least);
        close
            .filter_map(|(word, _)| {
                let theirs = of(&self.words[word]);
                let most = most.min(slips(theirs.len()));
                let edits = distance(&letters, theirs, most).filter(|edits| *edits > 0)?;
                let same = letters.first() == theirs.first();
                let first = if same { 0.0 } else { FIRST_LETTER_COST };
                if !same && letters.len() < FIRST_LETTER_LEN_MIN {
                    return None;
                }
                #[allow(clippy::cast_precision_loss, reason = "at most three")]
                Some((word, edits as f32 * EDIT_COST + first))
            })
            .collect()
    }
}

/// Whether `said` has an accent where `word` has none, as far as they are letter by letter the same.
fn has_more_accents(said: &str, word: &str) -> bool {
    if said.is_ascii() {
        return false;
    }
    let plain = |letter: char| fold(letter.encode_utf8(&mut [0; 4]));
    let alike = said.chars().zip(word.chars()).take_while(|(a, b)| a == b || plain(*a) == plain(*b));
    alike.into_iter().any(|(a, b)| !a.is_ascii() && b.is_ascii())
}
