//! The few sentences that an agent says without a model, in the languages that Helix speaks; English where it does not
//! know one.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use helix_contract::Failure;
use serde::Deserialize;

/// The sentences of one language.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// Its name in English.
    language: String,
    limit: String,
    unavailable: String,
    broken: String,
    impossible: String,
    /// Before what was found.
    pub(crate) found: String,
    /// Before how many devices there are.
    pub(crate) things: String,
    /// Before what is switched on.
    pub(crate) on: String,
    /// Before what is open.
    pub(crate) open: String,
    /// Before whose batteries are nearly empty.
    pub(crate) weak: String,
    /// Before what cannot be reached.
    pub(crate) away: String,
    /// Before how many results there are.
    pub(crate) results: String,
}

impl Words {
    /// What happened and what to do.
    pub(crate) fn failure(&self, failure: Failure) -> &str {
        match failure {
            Failure::Impossible => &self.impossible,
            Failure::Limit => &self.limit,
            Failure::Unavailable => &self.unavailable,
            Failure::Agent | Failure::Unknown => &self.broken,
        }
    }
}

/// Those of the language with this tag.
pub(crate) fn of(tag: &str) -> &'static Words {
    static ENGLISH: OnceLock<Words> = OnceLock::new();
    all().get(primary(tag)).or_else(|| all().get("en")).unwrap_or_else(|| ENGLISH.get_or_init(Words::default))
}

/// What a language is called, for a model.
pub(crate) fn language(tag: &str) -> &str {
    all().get(primary(tag)).map_or(tag, |words| &words.language)
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

fn all() -> &'static BTreeMap<String, Words> {
    static ALL: OnceLock<BTreeMap<String, Words>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("words.json")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything() {
        assert_eq!(all().len(), 8, "the compiled-in words are JSON of their form");
        for (tag, words) in all() {
            for failure in [Failure::Impossible, Failure::Limit, Failure::Unavailable, Failure::Agent] {
                assert!(words.failure(failure).ends_with('.'), "{tag} {failure:?}");
            }
            assert_eq!(language(tag), words.language);
        }
        assert_eq!(of("pt-BR").language, "English");
        assert_eq!(of("de-AT").language, "German");
        assert_eq!(language("pt-BR"), "pt-BR");
    }
}
