//! The speech-act guard: a sentence in, what kind of utterance it is out. It only ever vetoes.

use super::words::{Words, begins, holds, normalize};
use crate::Language;

/// What a person does with a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechAct {
    /// Nothing speaks against a command.
    Command,
    /// "Don't …", "never …".
    Negated,
    /// Asks; orders nothing.
    Question,
    /// Tells what somebody said, or is meant for somebody else.
    Reported,
    /// Tells what is or was.
    Statement,
    /// For later, or under a condition.
    Deferred,
    /// A wish or an intention.
    Wish,
}

impl SpeechAct {
    /// A stable word for logs and explanations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Negated => "negated",
            Self::Question => "question",
            Self::Reported => "reported",
            Self::Statement => "statement",
            Self::Deferred => "deferred",
            Self::Wish => "wish",
        }
    }
}

/// Reads the speech act of `text` from the marker words of the language.
pub fn speech_act(text: &str, language: &Language) -> SpeechAct {
    let text = normalize(text);
    let words = Words::of(language);
    let anywhere = |list: &[String]| list.iter().any(|phrase| holds(&text, phrase));
    let first = |list: &[String]| list.iter().any(|phrase| begins(&text, phrase));
    if anywhere(&words.negated) {
        SpeechAct::Negated
    } else if first(&words.question) {
        SpeechAct::Question
    } else if anywhere(&words.reported) {
        SpeechAct::Reported
    } else if first(&words.wish) {
        SpeechAct::Wish
    } else if first(&words.statement) {
        SpeechAct::Statement
    } else if anywhere(&words.deferred) || anywhere(&words.clock) {
        SpeechAct::Deferred
    } else {
        SpeechAct::Command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act_of(text: &str) -> SpeechAct {
        speech_act(text, &Language::english())
    }

    #[test]
    fn plain_and_polite_commands_pass() {
        for text in [
            "Turn on the kitchen light.",
            "Could you turn on the kitchen light, please?",
            "Can you open all the covers?",
            "Set the bedroom to nineteen degrees.",
            "Is the front door locked?",
            "Pause the music.",
        ] {
            let act = act_of(text);
            assert!(act == SpeechAct::Command, "{text}: {act:?}");
        }
    }

    #[test]
    fn a_german_negation_is_seen_at_the_end() {
        let german = Language::parse("de").expect("valid");
        assert_eq!(speech_act("Mach das Küchenlicht nicht an.", &german), SpeechAct::Negated);
        assert_eq!(speech_act("Mach das Küchenlicht an.", &german), SpeechAct::Command);
    }

    #[test]
    fn a_typographic_apostrophe_negates_as_well() {
        assert_eq!(act_of("Please don’t unlock the front door"), SpeechAct::Negated);
    }

    #[derive(serde::Deserialize)]
    struct Case {
        sentence: String,
    }

    /// The last line of defence is the matcher; these must already be seen by the guard.
    #[test]
    fn every_must_not_act_sentence_with_a_marker_is_vetoed() {
        let cases: Vec<Case> =
            serde_yaml_ng::from_str(include_str!("../../../../tests/testdata/must-not-act/english.yaml"))
                .expect("valid test data");
        let passed: Vec<_> = cases.iter().filter(|c| act_of(&c.sentence) == SpeechAct::Command).collect();
        let names: Vec<_> = passed.iter().map(|c| c.sentence.as_str()).collect();
        // These carry no marker: a list item and a description; the matcher declines them.
        assert_eq!(
            names,
            [
                "add clean the kitchen to my todo list",
                "put open the garage door on my list",
                "the kitchen light was on all night",
            ]
        );
    }
}
