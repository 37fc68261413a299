//! What a recogniser makes of a sentence on a bad day: one slip, chosen by the sentence itself, the same on every run.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Words of a name that are shorter are left alone: recognisers do not lose them.
const NAME_WORD_LEN_MIN: usize = 4;

/// The kinds of slips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// In a name: another vowel, a letter lost or doubled, another spelling of a sound.
    Name,
    /// An article or a preposition is lost.
    SmallWord,
    /// A number is written in words.
    Number,
    /// A word that sounds alike.
    Homophone,
}

/// A sentence with one slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slipped {
    pub(super) sentence: String,
    pub(super) kind: Kind,
}

/// What can go wrong in a language; `slips/LANGUAGE.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slips {
    /// Chooses other slips.
    #[serde(skip)]
    seed: u64,
    /// Letters that are taken for each other.
    vowels: String,
    /// Spellings of one sound: the first is written as the second.
    sounds: Vec<(String, String)>,
    /// Articles and prepositions, never a word that turns the meaning.
    small_words: Vec<String>,
    /// Words that sound alike: the first is heard as the second.
    homophones: Vec<(String, String)>,
    /// A number in digits, and in words; `%` is its word.
    numbers: BTreeMap<String, String>,
}

impl Slips {
    pub(super) fn of(language: &str, seed: u64) -> Result<Self> {
        let text = match language {
            "en" => include_str!("slips/en.toml"),
            "de" => include_str!("slips/de.toml"),
            "nl" => include_str!("slips/nl.toml"),
            "fr" => include_str!("slips/fr.toml"),
            "es" => include_str!("slips/es.toml"),
            "it" => include_str!("slips/it.toml"),
            "pl" => include_str!("slips/pl.toml"),
            "cs" => include_str!("slips/cs.toml"),
            _ => anyhow::bail!("no slips are written down for {language}"),
        };
        let slips: Self = toml::from_str(text).with_context(|| format!("slips/{language}.toml"))?;
        Ok(Self { seed, ..slips })
    }

    /// The sentence with one slip; `None` if nothing in it can go wrong. `names` are those of entities and areas;
    /// `quoted` is free text in it, such as an item of a list, of which nobody could guess what it was.
    pub(super) fn slip(&self, sentence: &str, names: &[String], quoted: &[&str]) -> Option<Slipped> {
        let mut dice = Dice::of(sentence, self.seed);
        let mut kinds = vec![Kind::Name, Kind::SmallWord, Kind::Number, Kind::Homophone];
        while !kinds.is_empty() {
            let kind = kinds.swap_remove(dice.below(kinds.len()));
            let slipped = match kind {
                Kind::Name => self.in_a_name(sentence, names, &mut dice),
                Kind::SmallWord => self.without_small_word(sentence, &mut dice),
                Kind::Number => self.number_in_words(sentence),
                Kind::Homophone => self.homophone(sentence, &mut dice),
            };
            let is_slip = |slipped: &String| {
                let heard = slipped.to_lowercase();
                slipped != sentence && quoted.iter().all(|quoted| heard.contains(&quoted.to_lowercase()))
            };
            if let Some(slipped) = slipped.filter(is_slip) {
                return Some(Slipped { sentence: slipped, kind });
            }
        }
        None
    }

    fn in_a_name(&self, sentence: &str, names: &[String], dice: &mut Dice) -> Option<String> {
        let names: Vec<String> = names.iter().flat_map(|name| words(name)).map(str::to_lowercase).collect();
        let is_of_name = |word: &&str| {
            let word = word.to_lowercase();
            word.chars().count() >= NAME_WORD_LEN_MIN && names.iter().any(|name| is_form_of(&word, name))
        };
        let word = dice.one_of(&words(sentence).filter(is_of_name).collect::<Vec<_>>())?;
        let mut ways = vec![Way::Vowel, Way::Lost, Way::Doubled, Way::Sound];
        while !ways.is_empty() {
            let way = ways.swap_remove(dice.below(ways.len()));
            if let Some(other) = self.misspelt(word, way, dice) {
                return Some(replace_word(sentence, word, &other));
            }
        }
        None
    }

    fn misspelt(&self, word: &str, way: Way, dice: &mut Dice) -> Option<String> {
        let mut letters: Vec<char> = word.chars().collect();
        let is_vowel = |letter: char| self.vowels.contains(letter.to_ascii_lowercase());
        let inner = 1..letters.len() - 1;
        match way {
            Way::Vowel => {
                let places: Vec<usize> = inner.filter(|at| is_vowel(letters[*at])).collect();
                let at = dice.one_of(&places)?;
                let others: Vec<char> = self.vowels.chars().filter(|vowel| *vowel != letters[at]).collect();
                letters[at] = dice.one_of(&others)?;
            }
            Way::Lost => drop(letters.remove(1 + dice.below(inner.len()))),
            Way::Doubled => {
                if let Some(at) = inner.clone().find(|at| letters[*at] == letters[at + 1]) {
                    letters.remove(at);
                } else {
                    let places: Vec<usize> = inner.filter(|at| !is_vowel(letters[*at])).collect();
                    let at = dice.one_of(&places)?;
                    letters.insert(at, letters[at]);
                }
            }
            Way::Sound => {
                let heard: Vec<_> = self.sounds.iter().filter(|(from, _)| word.contains(from)).collect();
                let (from, to) = dice.one_of(&heard)?;
                return Some(word.replacen(from, to, 1));
            }
        }
        Some(letters.into_iter().collect())
    }

    fn without_small_word(&self, sentence: &str, dice: &mut Dice) -> Option<String> {
        let parts: Vec<&str> = sentence.split(' ').collect();
        let is_small = |at: &usize| self.small_words.contains(&parts[*at].to_lowercase());
        // The last word of a command is a particle rather than a preposition.
        let places: Vec<usize> = (0..parts.len().saturating_sub(1)).filter(is_small).collect();
        let lost = dice.one_of(&places)?;
        let kept = parts.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, part)| *part);
        Some(kept.collect::<Vec<_>>().join(" "))
    }

    fn number_in_words(&self, sentence: &str) -> Option<String> {
        let digits = sentence.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?;
        let heard = sentence.replacen(digits, self.numbers.get(digits)?, 1);
        let percent = self.numbers.get("%")?;
        Some(heard.replace(" %", "%").replace('%', &format!(" {percent}")))
    }

    fn homophone(&self, sentence: &str, dice: &mut Dice) -> Option<String> {
        let said: Vec<String> = words(sentence).map(str::to_lowercase).collect();
        let pairs: Vec<_> = self.homophones.iter().filter(|(word, _)| said.contains(word)).collect();
        let (word, heard) = dice.one_of(&pairs)?;
        let word = words(sentence).find(|said| said.to_lowercase() == *word)?;
        Some(replace_word(sentence, word, heard))
    }
}

#[derive(Clone, Copy)]
enum Way {
    Vowel,
    Lost,
    Doubled,
    Sound,
}

/// A word of a sentence may be a name's word with another ending.
fn is_form_of(word: &str, name: &str) -> bool {
    let common = word.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    common >= NAME_WORD_LEN_MIN && common + 3 >= word.chars().count().max(name.chars().count())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn replace_word(sentence: &str, word: &str, by: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_whole = |at: &usize| {
        !is_part(sentence[..*at].chars().next_back()) && !is_part(sentence[at + word.len()..].chars().next())
    };
    let at = sentence.match_indices(word).map(|(at, _)| at).find(is_whole);
    at.map_or_else(|| sentence.to_owned(), |at| sentence[..at].to_owned() + by + &sentence[at + word.len()..])
}

/// Pseudorandom numbers from a sentence (FNV-1a, then `SplitMix64`).
struct Dice(u64);

impl Dice {
    fn of(sentence: &str, seed: u64) -> Self {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(sentence.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, fnv))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 33) as usize) % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.below(all.len())]) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Kind, Slips};
    use helix_tests::sets::LANGUAGES;

    fn names() -> Vec<String> {
        ["Kitchen Light", "Living Room"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_sentence_always_slips_in_the_same_way_and_only_once() {
        let slips = Slips::of("en", 0).expect("slips");
        let sentences: Vec<String> =
            (1..=60).map(|n| format!("set the kitchen light to {n} percent")).collect();
        let mut kinds = BTreeSet::new();
        for sentence in &sentences {
            let slipped = slips.slip(sentence, &names(), &[]).expect("a slip");
            assert_ne!(&slipped.sentence, sentence);
            assert_eq!(slips.slip(sentence, &names(), &[]).as_ref(), Some(&slipped));
            kinds.insert(slipped.kind);
        }
        assert_eq!(kinds.len(), 4, "{kinds:?}");
    }

    #[test]
    fn a_name_slips_only_in_a_name() {
        let slips = Slips::of("en", 0).expect("slips");
        for verb in ["switch", "put", "get", "use"] {
            let slipped = slips.slip(&format!("{verb} living"), &names(), &[]).expect("a slip");
            assert_eq!(slipped.kind, Kind::Name);
            assert!(slipped.sentence.starts_with(verb), "{slipped:?}");
        }
    }

    #[test]
    fn free_text_is_heard_right() {
        let slips = Slips::of("en", 0).expect("slips");
        for n in 0..50 {
            let sentence = format!("put turn to the light {n} on my list");
            let slipped = slips.slip(&sentence, &names(), &["Turn to the light"]);
            assert!(
                slipped.is_some_and(|slipped| slipped.sentence.contains("turn to the light")),
                "{sentence}"
            );
        }
    }

    #[test]
    fn what_has_no_name_no_number_and_no_small_word_cannot_slip() {
        assert_eq!(Slips::of("en", 0).expect("slips").slip("stop", &names(), &[]), None);
    }

    #[test]
    fn every_language_has_slips_of_every_kind() {
        for language in LANGUAGES {
            let slips = Slips::of(language, 0).expect(language);
            assert!(slips.small_words.len() >= 8 && slips.homophones.len() >= 8, "{language}");
            assert!(
                slips.numbers.len() > 30 && slips.sounds.len() >= 4 && slips.vowels.len() >= 5,
                "{language}"
            );
        }
    }
}
