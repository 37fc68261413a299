//! A sentence as the guard reads it: text in, clauses of lower-case words with their pauses out.

/// More words than any command has; what follows is not looked at, and the whole is no command.
pub(super) const WORDS_MAX: usize = 120;

/// A word and whether a comma stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) after_comma: bool,
}

/// What stands between two full stops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) words: Vec<Word>,
    /// It ends with a question mark.
    pub(super) asks: bool,
}

/// The clauses of `text`; at most [`WORDS_MAX`] words. With `elision`, "l'étage" is two words.
pub(super) fn clauses(text: &str, elision: bool) -> Vec<Clause> {
    let mut reader = Reader { elision, ..Reader::default() };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '.' | ',' | ':'
                if letters.peek().is_some_and(char::is_ascii_digit) && reader.ends_with_digit() =>
            {
                reader.word.push(if letter == ':' { ':' } else { '.' });
            }
            '.' | '!' | ';' | '…' => reader.end_clause(false),
            '?' => reader.end_clause(true),
            ',' | ':' | '–' | '—' => reader.pause(),
            '\u{2019}' | '\u{2018}' | '\'' => reader.apostrophe(),
            '%' | '°' => reader.sign(letter),
            letter if letter.is_alphanumeric() => reader.word.extend(letter.to_lowercase()),
            _ => reader.end_word(),
        }
        if reader.count > WORDS_MAX {
            break;
        }
    }
    reader.end_clause(false);
    reader.clauses
}

#[derive(Default)]
struct Reader {
    elision: bool,
    clauses: Vec<Clause>,
    clause: Clause,
    word: String,
    after_comma: bool,
    count: usize,
}

impl Reader {
    fn ends_with_digit(&self) -> bool {
        self.word.ends_with(|c: char| c.is_ascii_digit())
    }

    fn end_word(&mut self) {
        let text = std::mem::take(&mut self.word);
        let text = text.trim_end_matches(|c| c == '\'' && !self.elision);
        if text.is_empty() {
            return;
        }
        let after_comma = std::mem::take(&mut self.after_comma);
        self.clause.words.push(Word { text: text.to_owned(), after_comma });
        self.count += 1;
    }

    fn pause(&mut self) {
        self.end_word();
        self.after_comma = true;
    }

    fn apostrophe(&mut self) {
        if self.word.is_empty() {
            return;
        }
        self.word.push('\'');
        if self.elision {
            self.end_word();
        }
    }

    fn sign(&mut self, sign: char) {
        self.end_word();
        self.word.push(sign);
        self.end_word();
    }

    fn end_clause(&mut self, asks: bool) {
        self.end_word();
        self.after_comma = false;
        let mut clause = std::mem::take(&mut self.clause);
        if !clause.words.is_empty() {
            clause.asks = asks;
            self.clauses.push(clause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, elision: bool) -> Vec<Vec<String>> {
        let words = |clause: Clause| clause.words.into_iter().map(|word| word.text).collect();
        clauses(text, elision).into_iter().map(words).collect()
    }

    #[test]
    fn clauses_end_at_full_stops_but_not_inside_numbers() {
        assert_eq!(
            words("It's dark. Set it to 21.5°, please!", false),
            [vec!["it's", "dark"], vec!["set", "it", "to", "21.5", "°", "please"],]
        );
    }

    #[test]
    fn an_elided_article_is_a_word_of_its_own() {
        assert_eq!(words("Allume l’étage", true), [["allume", "l'", "étage"]]);
    }

    #[test]
    fn a_comma_and_a_question_mark_are_kept() {
        let clauses = clauses("Anna, is it on?", false);
        assert!(clauses[0].asks && clauses[0].words[1].after_comma && !clauses[0].words[2].after_comma);
    }

    #[test]
    fn a_very_long_text_is_read_in_bounds() {
        let read = clauses(&"on ".repeat(10_000), false);
        assert!(read.iter().map(|clause| clause.words.len()).sum::<usize>() <= WORDS_MAX + 1);
        assert_eq!(clauses("🙂🙂 … ?!", false), []);
    }
}
