//! What is looked for: a model's words in, a query that a search engine may be given out.

use helix_core::Language;
use helix_core::egress::Privacy;
use helix_core::route::topic::privacy;

use crate::web::sight::seen;

/// The longest query, characters: more is a text, not a query.
const LEN_MAX: usize = 200;

/// Why something is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It has no words.
    #[error("there are no words to search for")]
    Empty,
    /// It is a text.
    #[error("a query of {0} characters is too long; search for a few words")]
    Long(usize),
    /// It holds the id of something of the home.
    #[error("{0} is something of the home, which no search engine is told; search in general words")]
    Home(String),
}

/// Words for a search engine. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Query(String);

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({} bytes)", self.0.len())
    }
}

impl Query {
    /// Reads a query. What nobody sees is left out, and so are the signs by which `SearXNG` would send the query to an
    /// engine of a page's choice.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let words = seen(text);
        let words: Vec<_> = words.split(' ').map(|word| word.trim_start_matches(['!', ':', '?'])).collect();
        if let Some(id) = words.iter().find(|word| is_entity(word)) {
            return Err(QueryError::Home((*id).to_owned()));
        }
        let words = words.join(" ").trim().to_owned();
        match words.chars().count() {
            0 => Err(QueryError::Empty),
            len if len > LEN_MAX => Err(QueryError::Long(len)),
            _ => Ok(Self(words)),
        }
    }

    /// The words.
    pub(super) fn words(&self) -> &str {
        &self.0
    }

    pub(super) fn privacy(&self, language: &Language) -> Privacy {
        privacy(&self.0, language)
    }
}

/// Whether a word has the form of Home Assistant's ids (`sensor.attic_window`): a domain of the internet has no
/// underscore.
fn is_entity(word: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    word.split_once('.').is_some_and(|(domain, name)| is_part(domain) && is_part(name) && word.contains('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_a_few_words_that_everybody_sees() {
        let query = Query::parse("  best\u{200b} heat \n pump ").expect("a query");
        assert_eq!(query.words(), "best heat pump");
        assert_eq!(Query::parse("!!evil !wp :de pumps").expect("a query").words(), "evil wp de pumps");
        assert_eq!(Query::parse(" \u{e0041} "), Err(QueryError::Empty));
        assert_eq!(Query::parse(&"word ".repeat(50)), Err(QueryError::Long(249)));
        assert!(!format!("{query:?}").contains("pump"));
    }

    #[test]
    fn no_id_of_the_home_is_searched_for() {
        for text in ["why is sensor.attic_window open", "!lock.front_door", "binary_sensor.door"] {
            assert!(matches!(Query::parse(text), Err(QueryError::Home(_))), "{text}");
        }
        assert!(Query::parse("heise.de news 2.5 e.g. site:example.com").is_ok());
    }
}
