//! A language tag, reduced to what Helix distinguishes.

use std::fmt;

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
