//! The guard's rules of a language: `words/{language}.toml` in, patterns out; unknown languages have none.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::SpeechAct;
use super::names::NAME;
use super::pattern::{Class, Classes, Malformed, Pattern};
use super::sentence::{Clause, Word};
use crate::Language;
use crate::language::{PerLanguage, per_language};

/// Stands for "can you" and the like: the beginning of an order in every language.
const REQUEST: &str = "»";

/// A file of `words/`; `words/en.toml` explains each part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    elision: bool,
    lists: BTreeMap<String, Vec<String>>,
    frames: Frames<String>,
    veto: Vetoes<String>,
}

/// What surrounds the core of a sentence and changes nothing about what kind of sentence it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frames<P> {
    opening: Vec<P>,
    request: Vec<P>,
    closing: Vec<P>,
    neutral: Vec<P>,
}

/// The signs of each speech act, in the order in which they are looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vetoes<P> {
    reminder: Vec<P>,
    reported: Vec<P>,
    elsewhere: Vec<P>,
    negated: Vec<P>,
    question: Vec<P>,
    conditional: Vec<P>,
    deferred: Vec<P>,
    wish: Vec<P>,
    statement: Vec<P>,
}

/// The rules of one language.
#[derive(Debug)]
pub(super) struct Lexicon {
    pub(super) elision: bool,
    classes: Classes,
    frames: Frames<Pattern>,
    vetoes: Vec<(SpeechAct, Vec<Pattern>)>,
}

static LANGUAGES: PerLanguage<Lexicon> =
    per_language!("words/", |text| Lexicon::parse(text).expect("word lists are compiled in and tested"));

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    #[error(transparent)]
    Pattern(#[from] Malformed),
}

impl Lexicon {
    /// `None`: nobody has described the language.
    pub(super) fn of(language: &Language) -> Option<&'static Self> {
        LANGUAGES.of(language)
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let file: File = toml::from_str(text)?;
        let mut classes: Classes =
            file.lists.iter().map(|(name, list)| (name.clone(), Class::of(list))).collect();
        classes.entry("order".to_owned()).or_default().insert(REQUEST);
        let read = |lines: Vec<String>| -> Result<Vec<_>, Malformed> {
            lines.iter().map(|line| Pattern::parse(line, &classes)).collect()
        };
        let Frames { opening, request, closing, neutral } = file.frames;
        let closing = closing.into_iter().map(|line| format!("{line} $")).collect();
        let frames = Frames {
            opening: read(opening)?,
            request: read(request)?,
            closing: read(closing)?,
            neutral: read(neutral)?,
        };
        let veto = file.veto;
        let vetoes = vec![
            (SpeechAct::Reminder, read(veto.reminder)?),
            (SpeechAct::Reported, read(veto.reported)?),
            (SpeechAct::Elsewhere, read(veto.elsewhere)?),
            (SpeechAct::Negated, read(veto.negated)?),
            (SpeechAct::Question, read(veto.question)?),
            (SpeechAct::Conditional, read(veto.conditional)?),
            (SpeechAct::Deferred, read(veto.deferred)?),
            (SpeechAct::Wish, read(veto.wish)?),
            (SpeechAct::Statement, read(veto.statement)?),
        ];
        Ok(Self { elision: file.elision, classes, frames, vetoes })
    }

    /// The first sign of something else than a command.
    pub(super) fn veto(&self, clauses: &[Clause]) -> Option<(SpeechAct, &str)> {
        self.vetoes.iter().find_map(|(act, patterns)| {
            let fits = |pattern: &&Pattern| {
                clauses.iter().any(|clause| pattern.find(&clause.words, &self.classes).is_some())
            };
            Some((*act, patterns.iter().find(fits)?.line()))
        })
    }

    /// Whether these words, alone or beside others ("in the" before "morning"), may be a sign of something else than
    /// a command.
    pub(super) fn is_telling(&self, words: &[String]) -> bool {
        let acts = [SpeechAct::Negated, SpeechAct::Conditional, SpeechAct::Deferred];
        let signs = || self.vetoes.iter().filter(|(act, _)| acts.contains(act)).flat_map(|(_, signs)| signs);
        if words.iter().any(|word| signs().any(|sign| sign.mentions(word))) {
            return true;
        }
        let word = |text: &String| Word { text: text.clone(), after_comma: false };
        self.veto(&[Clause { words: words.iter().map(word).collect(), asks: false }]).is_some()
    }

    /// Whether a name may follow this word.
    pub(super) fn is_article(&self, word: &Word) -> bool {
        self.begins_with(std::slice::from_ref(word), "article")
    }

    /// Whether nothing but what leads to a name stands here: "turn on the".
    pub(super) fn is_only_order(&self, words: &[Word]) -> bool {
        let leads =
            |at: usize| ["order", "particle", "article"].iter().any(|l| self.begins_with(&words[at..], l));
        (0..words.len()).all(leads)
    }

    /// Takes politeness, fillers and the reason for a command off a clause.
    pub(super) fn bare(&self, clause: Clause) -> Clause {
        let mut words = clause.words;
        loop {
            if let Some(to) = self.beginning(&self.frames.request, &words) {
                words.splice(..to, [Word { text: REQUEST.to_owned(), after_comma: false }]);
                break;
            }
            // "Rosie, clean the kitchen": who is called by the name of a thing is meant to do it.
            let called = matches!(&words[..], [name, next, ..] if name.text == NAME && next.after_comma);
            let opening = self.beginning(&self.frames.opening, &words);
            let Some(to) = opening.or(called.then_some(1)) else { break };
            words.drain(..to);
        }
        for pattern in &self.frames.neutral {
            if let Some((from, to)) = pattern.find(&words, &self.classes) {
                words.drain(from..to);
            }
        }
        while let Some(from) = self.closing(&words) {
            words.truncate(from);
        }
        Clause { words, asks: clause.asks }
    }

    /// How many words the longest of `frames` takes off the beginning; never all of them.
    fn beginning(&self, frames: &[Pattern], words: &[Word]) -> Option<usize> {
        let ends = frames.iter().filter_map(|p| p.fits_beginning(words, &self.classes));
        ends.max().filter(|to| *to > 0 && *to < words.len())
    }

    fn closing(&self, words: &[Word]) -> Option<usize> {
        let starts = self.frames.closing.iter().filter_map(|p| Some(p.find(words, &self.classes)?.0));
        starts.min().filter(|from| *from > 0)
    }

    /// Whether the words are one of the list `name` from their beginning on.
    pub(super) fn begins_with(&self, words: &[Word], name: &str) -> bool {
        self.classes.get(name).is_some_and(|class| class.begins(words))
    }

    /// Whether the clause begins as an order does.
    pub(super) fn is_order(&self, words: &[Word]) -> bool {
        self.begins_with(words, "order")
    }
}
