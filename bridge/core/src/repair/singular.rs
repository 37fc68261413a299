//! "La lumières" is heard as "la lumière": the article tells that it is one thing, the ending cannot be heard.

use super::lexicon::Lexicon;
use super::tokens::{Token, fold};
use super::words::Words;

/// The sentence with every noun in the singular that stands right after an article of one thing.
pub(super) fn told_by_article(sentence: Vec<Token>, words: &Words, lexicon: &Lexicon) -> Vec<Token> {
    let mut told: Vec<Token> = Vec::with_capacity(sentence.len());
    for token in sentence {
        let of_one = told.last().is_some_and(|before| words.singular.contains(&before.text));
        let one = if of_one { singular(&token, words, lexicon) } else { None };
        told.push(one.unwrap_or(token));
    }
    told
}

/// The noun that this one is the plural of, if it is nothing else.
fn singular(token: &Token, words: &Words, lexicon: &Lexicon) -> Option<Token> {
    let is_plural =
        |(one, many): (&[String], &[String])| many.contains(&token.text) && !one.contains(&token.text);
    let nouns = words.kinds.values().find(|nouns| is_plural((&nouns.one, &nouns.many)))?;
    let text = words.endings.iter().find_map(|ending| {
        let root = token.text.strip_suffix(ending.as_str())?;
        nouns.one.iter().find(|one| one.as_str() == root)
    })?;
    lexicon.nouns.contains_key(&fold(text)).then(|| Token { text: text.clone(), folded: fold(text) })
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::super::words::Tongue;
    use super::*;
    use crate::Language;

    fn told(text: &str) -> String {
        let tongue = Tongue::of(&Language::parse("fr").expect("valid")).expect("words");
        let sentence = tokens(text, &tongue.words.elisions);
        let told = told_by_article(sentence, &tongue.words, &tongue.lexicon);
        told.into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_article_tells_that_one_thing_is_meant() {
        assert_eq!(told("allume la lumières du salon"), "allume la lumière du salon");
        assert_eq!(told("allume les lumières du salon"), "allume les lumières du salon");
    }
}
