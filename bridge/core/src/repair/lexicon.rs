//! The words of a language, laid out to be found in a sentence.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::kinds::{Aspect, Kind, Sense};
use super::spell::distance;
use super::tokens::{Token, fold, tokens};
use super::words::Words;

/// The shortest word of a list of which another one is taken for a slip.
const SPELT_LEN_MIN: usize = 5;

/// What a phrase of the language's lists can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Filler,
    Article,
    Preposition,
    Carrier,
    Sense(Sense),
    Kind(Kind, Count),
    Aspect(Aspect),
    All,
    Here,
    Except,
    Joining,
    Pronoun,
    Too,
    Again,
    Bit,
    Color(String),
    White(String),
}

/// Whether a noun is in the singular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    One,
    Many,
    /// The word is the same in both.
    Either,
}

/// A phrase, its tokens without the first, and what it can be.
#[derive(Debug)]
struct Phrase {
    rest: Vec<String>,
    meaning: Meaning,
}

/// The phrases of a language by their first token.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    phrases: HashMap<String, Vec<Phrase>>,
    /// The single nouns of kinds, without accents.
    pub(super) nouns: BTreeMap<String, Vec<(Kind, Count)>>,
    /// Every word of a list, without accents, for slips: letters and the word as it is written.
    spelt: Vec<(Vec<char>, String)>,
    /// Words that are never a slip of another one.
    other: HashSet<String>,
    /// The single verbs and particles, without accents.
    verbs: HashMap<String, Vec<Meaning>>,
}

impl Lexicon {
    /// Lays the words out.
    pub(super) fn new(words: &Words) -> Self {
        let mut lexicon = Self::default();
        let mut add = |list: &[String], meaning: &Meaning| {
            for phrase in list {
                lexicon.add(phrase, meaning, words);
            }
        };
        add(&words.fillers, &Meaning::Filler);
        add(&words.articles, &Meaning::Article);
        add(&words.prepositions, &Meaning::Preposition);
        add(&words.value.to, &Meaning::Preposition);
        add(&words.carriers, &Meaning::Carrier);
        add(&words.all, &Meaning::All);
        add(&words.here, &Meaning::Here);
        add(&words.except, &Meaning::Except);
        add(&words.joining, &Meaning::Joining);
        add(&words.pronouns, &Meaning::Pronoun);
        add(&words.too, &Meaning::Too);
        add(&words.again, &Meaning::Again);
        add(&words.value.bit, &Meaning::Bit);
        for (sense, list) in &words.senses {
            add(list, &Meaning::Sense(*sense));
        }
        for (aspect, list) in &words.aspects {
            add(list, &Meaning::Aspect(*aspect));
        }
        for (color, heard) in &words.colors {
            add(heard, &Meaning::Color(color.clone()));
        }
        for (white, heard) in &words.whites {
            add(heard, &Meaning::White(white.clone()));
        }
        for (kind, nouns) in &words.kinds {
            for (phrase, count) in nouns.counted() {
                add(std::slice::from_ref(phrase), &Meaning::Kind(*kind, count));
            }
        }
        lexicon.add_nouns(words);
        lexicon.add_spellings(words);
        lexicon
    }

    fn add_nouns(&mut self, words: &Words) {
        for (kind, nouns) in &words.kinds {
            for (noun, count) in nouns.counted().filter(|(noun, _)| !noun.contains(' ')) {
                self.nouns.entry(fold(noun)).or_default().push((*kind, count));
            }
        }
    }

    fn add_spellings(&mut self, words: &Words) {
        self.other = words.other.iter().cloned().collect();
        let said = &words.value;
        let units = said.percent.iter().chain(&said.degrees).chain(&said.kelvin);
        let amounts = said.half.iter().chain(&said.most).chain(&said.least);
        let values = units.chain(amounts).chain(words.numbers.keys());
        let values = values.flat_map(|phrase| tokens(phrase, &words.elisions)).map(|token| token.text);
        let firsts = self.phrases.keys().cloned().chain(words.topics.iter().cloned());
        let rests = self.phrases.values().flatten().flat_map(|phrase| phrase.rest.iter().cloned());
        let all: BTreeSet<String> = values.chain(firsts).chain(rests).collect();
        let long = all.into_iter().map(|word| (fold(&word).chars().collect::<Vec<_>>(), word));
        self.spelt = long.filter(|(letters, _)| letters.len() >= SPELT_LEN_MIN).collect();
    }

    /// The words of the lists that this one may be a slip of.
    pub(super) fn respelt(&self, token: &Token) -> Vec<&str> {
        if self.is_known(token) || token.folded.chars().count() < SPELT_LEN_MIN {
            return Vec::new();
        }
        let letters: Vec<char> = token.folded.chars().collect();
        let close =
            |theirs: &[char]| letters.first() == theirs.first() && distance(&letters, theirs, 1).is_some();
        self.spelt.iter().filter(|(theirs, _)| close(theirs)).map(|(_, word)| word.as_str()).collect()
    }

    /// Whether a word means something by itself, so that it is no slip of another one.
    pub(super) fn is_known(&self, token: &Token) -> bool {
        self.other.contains(&token.text) || self.is(token, |_| true)
    }

    /// A phrase, and the same with one small word lost: "back to the base", "back to base".
    fn add(&mut self, phrase: &str, meaning: &Meaning, words: &Words) {
        let parts = tokens(phrase, &words.elisions);
        for at in 0..parts.len() {
            if may_be_lost(&parts, at, meaning, words) {
                let rest = parts.iter().enumerate().filter(|(place, _)| *place != at);
                self.add_tokens(rest.map(|(_, part)| part.clone()).collect(), meaning.clone());
            }
        }
        self.add_tokens(parts, meaning.clone());
    }

    fn add_tokens(&mut self, parts: Vec<Token>, meaning: Meaning) {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return };
        if parts.len() == 0 && matches!(meaning, Meaning::Sense(_) | Meaning::Carrier) {
            self.verbs.entry(first.folded.clone()).or_default().push(meaning.clone());
        }
        let phrases = self.phrases.entry(first.text).or_default();
        phrases.push(Phrase { rest: parts.map(|part| part.text).collect(), meaning });
    }

    /// The phrases that begin at the first of these tokens: how many tokens, and what it can be.
    pub(super) fn at<'a>(&'a self, here: &'a [Token]) -> impl Iterator<Item = (usize, &'a Meaning)> {
        let (first, rest) =
            here.split_first().map_or(("", here), |(first, rest)| (first.text.as_str(), rest));
        let phrases = self.phrases.get(first).map(Vec::as_slice).unwrap_or_default();
        phrases.iter().filter_map(move |phrase| {
            let fits = rest.len() >= phrase.rest.len()
                && phrase.rest.iter().zip(rest).all(|(wanted, token)| *wanted == token.text);
            fits.then_some((phrase.rest.len() + 1, &phrase.meaning))
        })
    }

    /// What a word that is on no list can be as a verb: without its accents, without a pronoun at its end.
    pub(super) fn verbs<'a>(&'a self, token: &Token, clitics: &[String]) -> &'a [Meaning] {
        let bare = clitics.iter().filter_map(|clitic| token.folded.strip_suffix(clitic.as_str()));
        let known = std::iter::once(token.folded.as_str()).chain(bare).find_map(|verb| self.verbs.get(verb));
        known.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a single token can be this.
    pub(super) fn is(&self, token: &Token, wanted: impl Fn(&Meaning) -> bool) -> bool {
        self.at(std::slice::from_ref(token)).any(|(_, meaning)| wanted(meaning))
    }

    /// Whether a token may stand between the words of a name.
    pub(super) fn is_small(&self, token: &Token) -> bool {
        self.is(token, |meaning| matches!(meaning, Meaning::Article | Meaning::Preposition))
    }
}

/// Whether a phrase still says the same without this article, or preposition inside it. A word that turns a meaning by
/// itself ("on") is never left out.
fn may_be_lost(phrase: &[Token], at: usize, meaning: &Meaning, words: &Words) -> bool {
    let word = &phrase[at].text;
    let turns = words.senses.values().flatten().any(|sense| sense == word);
    let small = words.articles.contains(word) || (at > 0 && words.prepositions.contains(word));
    phrase.len() > 2 && small && !turns && matches!(meaning, Meaning::Sense(_) | Meaning::Here | Meaning::All)
}
