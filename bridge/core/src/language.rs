//! A language tag, reduced to what Helix distinguishes.

use std::fmt;
use std::sync::OnceLock;

/// A BCP 47 tag as Home Assistant sends it (`en`, `de`, `pt-BR`); at most 16 ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(String);

impl Language {
    /// English, the language of last resort for Helix's own sentences.
    pub fn english() -> Self {
        Self("en".into())
    }

    /// Parses a tag: a primary language of two or three letters, then letters, digits, `-` and `_`; 16 characters at
    /// most.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let named = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_alphabetic());
        let fits = named && tag.len() <= 16;
        let plain = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (fits && plain).then(|| Self(tag.to_owned()))
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The primary language, lower case: `pt` of `pt-BR`.
    pub fn primary(&self) -> String {
        self.0.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Something of every language that Helix has words of, parsed from its file when it is first asked for.
pub(crate) struct PerLanguage<T> {
    files: [(&'static str, &'static str); LANGUAGES],
    parsed: [OnceLock<T>; LANGUAGES],
    parse: fn(&str) -> T,
}

/// So many languages have words.
const LANGUAGES: usize = 8;

impl<T> PerLanguage<T> {
    /// Tags and texts, and what makes a `T` of a text; [`per_language!`] calls it.
    pub(crate) const fn new(files: [(&'static str, &'static str); LANGUAGES], parse: fn(&str) -> T) -> Self {
        Self { files, parsed: [const { OnceLock::new() }; LANGUAGES], parse }
    }

    /// What belongs to a language, if anybody described it.
    pub(crate) fn of(&self, language: &Language) -> Option<&T> {
        self.of_tag(&language.primary())
    }

    /// What stands in for a language that nobody described.
    pub(crate) fn english(&self) -> &T {
        self.of_tag("en").expect("English is a language of the table")
    }

    fn of_tag(&self, wanted: &str) -> Option<&T> {
        let ((_, text), parsed) = self.files.iter().zip(&self.parsed).find(|((tag, _), _)| *tag == wanted)?;
        Some(parsed.get_or_init(|| (self.parse)(text)))
    }

    /// Every language with what belongs to it.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (Language, &T)> {
        self.files.iter().map(|(tag, _)| {
            let language = Language::parse(tag).expect("a tag of the table");
            (language, self.of_tag(tag).expect("a language of the table"))
        })
    }
}

/// A [`PerLanguage`] of the files `{folder}{tag}.toml` beside the caller. Another language is one line here, and a
/// file in every such folder.
macro_rules! per_language {
    ($folder:literal, $parse:expr) => {
        $crate::language::PerLanguage::new(
            [
                ("en", include_str!(concat!($folder, "en.toml"))),
                ("de", include_str!(concat!($folder, "de.toml"))),
                ("nl", include_str!(concat!($folder, "nl.toml"))),
                ("fr", include_str!(concat!($folder, "fr.toml"))),
                ("es", include_str!(concat!($folder, "es.toml"))),
                ("it", include_str!(concat!($folder, "it.toml"))),
                ("pl", include_str!(concat!($folder, "pl.toml"))),
                ("cs", include_str!(concat!($folder, "cs.toml"))),
            ],
            $parse,
        )
    };
}
pub(crate) use per_language;

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_could_carry_other_text_is_refused() {
        assert!(Language::parse("en-GB").is_some());
        for bad in ["", "7", "e", "12", "english", "en us", "en\n", "a-very-long-language-tag"] {
            assert!(Language::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn the_primary_language_ignores_the_region() {
        assert_eq!(Language::parse("pt_BR").expect("valid").primary(), "pt");
    }
}
