//! Patterns of words: a line of a language's data in, where it fits a clause out.
//!
//! | written | fits |
//! |---|---|
//! | `word` | this word |
//! | `un*`, `*ed`, `ge*t` | a word that begins, ends, or does both, so |
//! | `@verb` | a word or phrase of the list `verb` of the same file |
//! | `_` | any one word |
//! | `...` | up to [`GAP_MAX`] words |
//! | `x\|y` | `x` or `y` |
//! | `x?` | `x` or nothing |
//! | `!x` | the next word is not `x`; takes nothing |
//! | `,` | a comma stands before the next word |
//! | `/` | what follows must be there and is not part of it |
//! | `^`, `$` | the beginning and the end of the clause |

use std::collections::{BTreeMap, BTreeSet};

use super::sentence::Word;

/// The longest gap that `...` bridges, words.
pub(super) const GAP_MAX: usize = 7;

/// Why a line of data is no pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("pattern `{line}`: {why}")]
pub(super) struct Malformed {
    line: String,
    why: &'static str,
}

/// Words and phrases of one kind; an entry with a leading `-` is taken out again.
#[derive(Debug, Default)]
pub(super) struct Class {
    words: BTreeSet<String>,
    globs: Vec<Glob>,
    /// The further words of each phrase, by its first one.
    phrases: BTreeMap<String, Vec<Vec<String>>>,
    not: Vec<Glob>,
}

impl Class {
    pub(super) fn of(entries: &[String]) -> Self {
        let mut class = Self::default();
        for entry in entries {
            match entry.strip_prefix('-') {
                Some(entry) => class.not.push(Glob::parse(entry)),
                None if entry.contains(' ') => {
                    let mut words = entry.split(' ').map(str::to_owned);
                    let first = words.next().unwrap_or_default();
                    class.phrases.entry(first).or_default().push(words.collect());
                }
                None if entry.contains('*') => class.globs.push(Glob::parse(entry)),
                None => {
                    class.words.insert(entry.clone());
                }
            }
        }
        class
    }

    pub(super) fn insert(&mut self, word: &str) {
        self.words.insert(word.to_owned());
    }

    /// Whether an entry stands at the beginning of `words`.
    pub(super) fn begins(&self, words: &[Word]) -> bool {
        self.try_each(words, &mut |len| Some(len)).is_some()
    }

    /// Hands on how many words of the beginning of `words` an entry takes, one entry after the other, until one suits.
    fn try_each(&self, words: &[Word], then: Then<'_>) -> Option<usize> {
        let (first, further) = words.split_first()?;
        let fits = |rest: &[String]| {
            rest.len() <= further.len() && rest.iter().zip(further).all(|(part, word)| *part == word.text)
        };
        let phrases = self.phrases.get(&first.text).into_iter().flatten();
        if let Some(end) = phrases.filter(|rest| fits(rest)).find_map(|rest| then(rest.len() + 1)) {
            return Some(end);
        }
        let listed = self.words.contains(&first.text) || self.globs.iter().any(|g| g.fits(&first.text));
        if listed && !self.not.iter().any(|glob| glob.fits(&first.text)) { then(1) } else { None }
    }
}

/// Takes a number of words and says where the rest of the pattern ends behind them.
type Then<'a> = &'a mut dyn FnMut(usize) -> Option<usize>;

#[derive(Debug, Clone)]
enum Glob {
    Whole(String),
    Around(String, String),
}

impl Glob {
    fn parse(text: &str) -> Self {
        match text.split_once('*') {
            Some((head, tail)) => Self::Around(head.to_owned(), tail.to_owned()),
            None => Self::Whole(text.to_owned()),
        }
    }

    fn fits(&self, word: &str) -> bool {
        match self {
            Self::Whole(whole) => whole == word,
            Self::Around(head, tail) => {
                word.len() >= head.len() + tail.len() && word.starts_with(head) && word.ends_with(tail)
            }
        }
    }
}

#[derive(Debug)]
enum Term {
    Word(Glob),
    Class(String),
    Any,
    Gap,
    Either(Vec<Term>),
    Not(Box<Term>),
    Maybe(Box<Term>),
    Comma,
    Begin,
    End,
    Ahead,
}

impl Term {
    fn mentions(&self, word: &str) -> bool {
        match self {
            Self::Word(glob) => glob.fits(word),
            Self::Either(terms) => terms.iter().any(|term| term.mentions(word)),
            Self::Not(term) | Self::Maybe(term) => term.mentions(word),
            Self::Class(_) | Self::Any | Self::Gap | Self::Comma | Self::Begin | Self::End | Self::Ahead => {
                false
            }
        }
    }
}

/// The word lists that patterns refer to, by name.
pub(super) type Classes = BTreeMap<String, Class>;

/// One line of data.
#[derive(Debug)]
pub(super) struct Pattern {
    line: String,
    terms: Vec<Term>,
}

impl Pattern {
    /// Reads a line; every `@name` must be among `classes`.
    pub(super) fn parse(line: &str, classes: &Classes) -> Result<Self, Malformed> {
        let malformed = |why| Malformed { line: line.to_owned(), why };
        let terms: Vec<_> = line
            .split_whitespace()
            .map(|term| parse(term, classes).map_err(malformed))
            .collect::<Result<_, _>>()?;
        if terms.iter().all(|term| matches!(term, Term::Gap | Term::Maybe(_) | Term::Begin | Term::End)) {
            return Err(malformed("it fits everything"));
        }
        Ok(Self { line: line.to_owned(), terms })
    }

    /// As it is written in the data.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// Where it first fits: the words from the first number up to before the second one.
    pub(super) fn find(&self, words: &[Word], classes: &Classes) -> Option<(usize, usize)> {
        let starts = if matches!(self.terms.first(), Some(Term::Begin)) { 0..1 } else { 0..words.len() };
        starts.into_iter().find_map(|from| Some((from, self.fit(from, words, classes)?)))
    }

    /// Whether it fits with its first word at the beginning; where it ends.
    pub(super) fn fits_beginning(&self, words: &[Word], classes: &Classes) -> Option<usize> {
        self.fit(0, words, classes)
    }

    /// Whether `word` is part of it as a word of its own.
    pub(super) fn mentions(&self, word: &str) -> bool {
        self.terms.iter().any(|term| term.mentions(word))
    }

    fn fit(&self, from: usize, words: &[Word], classes: &Classes) -> Option<usize> {
        Fitting { words, classes }.all(&self.terms, from)
    }
}

fn parse(term: &str, classes: &Classes) -> Result<Term, &'static str> {
    if let Some(term) = term.strip_prefix('!') {
        return Ok(Term::Not(Box::new(parse(term, classes)?)));
    }
    if let Some(term) = term.strip_suffix('?') {
        return Ok(Term::Maybe(Box::new(parse(term, classes)?)));
    }
    if term.contains('|') {
        return term.split('|').map(|term| parse(term, classes)).collect::<Result<_, _>>().map(Term::Either);
    }
    match (term, term.strip_prefix('@')) {
        ("^", _) => Ok(Term::Begin),
        ("$", _) => Ok(Term::End),
        (",", _) => Ok(Term::Comma),
        ("_", _) => Ok(Term::Any),
        ("/", _) => Ok(Term::Ahead),
        ("...", _) => Ok(Term::Gap),
        ("" | "*", _) => Err("an empty word"),
        (_, Some(name)) if classes.contains_key(name) => Ok(Term::Class(name.to_owned())),
        (_, Some(_)) => Err("it names a list that this file does not have"),
        (word, None) => Ok(Term::Word(Glob::parse(word))),
    }
}

struct Fitting<'a> {
    words: &'a [Word],
    classes: &'a Classes,
}

impl Fitting<'_> {
    /// The end of the first way in which all `terms` fit from `at` on.
    fn all(&self, terms: &[Term], at: usize) -> Option<usize> {
        let Some((term, rest)) = terms.split_first() else { return Some(at) };
        if matches!(term, Term::Ahead) {
            return self.all(rest, at).map(|_| at);
        }
        self.try_each(term, at, &mut |len| self.all(rest, at + len))
    }

    /// Hands on how many words `term` may take from `at` on, until one number suits; none if it does not fit there.
    fn try_each(&self, term: &Term, at: usize, then: Then<'_>) -> Option<usize> {
        let word = self.words.get(at);
        let mut if_so = |fits: bool, len: usize| if fits { then(len) } else { None };
        match term {
            Term::Ahead => then(0),
            Term::Begin => if_so(at == 0, 0),
            Term::End => if_so(word.is_none(), 0),
            Term::Comma => if_so(word.is_some_and(|word| word.after_comma), 0),
            Term::Not(term) => if_so(self.try_each(term, at, &mut |len| Some(len)).is_none(), 0),
            Term::Any => if_so(word.is_some(), 1),
            Term::Word(glob) => if_so(word.is_some_and(|word| glob.fits(&word.text)), 1),
            Term::Class(name) => self.classes.get(name)?.try_each(&self.words[at..], then),
            Term::Gap => (0..=(self.words.len() - at).min(GAP_MAX)).find_map(then),
            Term::Maybe(term) => self.try_each(term, at, then).or_else(|| then(0)),
            Term::Either(terms) => terms.iter().find_map(|term| self.try_each(term, at, then)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sentence::clauses;
    use super::*;

    fn fits(line: &str, text: &str) -> bool {
        let class =
            |entries: &[&str]| Class::of(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>());
        let classes = Classes::from([
            ("order".to_owned(), class(&["turn", "switch", "shut down"])),
            ("no".to_owned(), class(&["ne*", "-nebo", "-nej*"])),
        ]);
        let pattern = Pattern::parse(line, &classes).expect("well formed");
        let clause = clauses(text, false).pop().expect("a clause");
        pattern.find(&clause.words, &classes).is_some()
    }

    #[test]
    fn a_word_is_found_only_whole_and_only_where_the_pattern_says() {
        assert!(fits("not", "do not do it") && !fits("not", "the knot"));
        assert!(fits("^ not", "not now") && !fits("^ not", "do not"));
        assert!(fits("not $", "mach das nicht, not") && !fits("not $", "not now"));
        assert!(fits("do not|never", "do never") && fits("*ed", "turned") && !fits("*ed", "edge"));
    }

    #[test]
    fn gaps_and_options_and_exceptions_are_followed() {
        assert!(fits("^ tell ... to @order", "tell my dear friend to turn it on"));
        assert!(fits("at _ !percent", "at seven") && !fits("at seven !percent", "at seven percent"));
        assert!(fits("^ the? light", "light") && fits("^ the? light", "the light"));
        assert!(fits("anna , @order", "anna, shut down") && !fits("anna , @order", "anna turn"));
        assert!(fits("@no", "nezapínej") && !fits("@no", "nebo nejvíc"));
        assert!(fits("^ a / b", "a b") && !fits("^ a / b", "a c"));
        assert!(!fits("a ... b", "a 1 2 3 4 5 6 7 8 b"));
    }

    #[test]
    fn a_line_that_would_veto_everything_is_refused() {
        let refused = |line: &str| Pattern::parse(line, &Classes::new()).is_err();
        assert!(refused("") && refused("...") && refused("^ the?") && refused("@verbs"));
    }
}
