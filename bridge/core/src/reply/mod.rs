//! What Helix says in its own words: a [`Sentence`] and a language in, text out, from one catalogue per language.

mod catalogue;
mod rescue;

pub use catalogue::Sentence;
pub use rescue::RunError;

use crate::Language;

/// How Home Assistant is told about the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done or answered.
    Handled,
    /// Understood, but not done.
    NotHandled,
    /// Not understood.
    NotRecognized,
}

/// The last word of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Spoken text.
    pub text: String,
    /// How it ended.
    pub tone: Tone,
    /// A stable code, `done` if all went well.
    pub code: &'static str,
}

impl Reply {
    /// Home Assistant's own words for something done or answered.
    pub fn done(text: String) -> Self {
        Self { text, tone: Tone::Handled, code: "done" }
    }

    /// Whether it tells that all went well.
    pub fn is_done(&self) -> bool {
        self.code == "done"
    }

    /// Nothing is said: nobody talked to Helix.
    pub fn silence() -> Self {
        Self { text: String::new(), tone: Tone::NotHandled, code: "overheard" }
    }

    /// Whether it asks for what the sentence left out: a room, a time, which one.
    pub fn asks_for_more(&self) -> bool {
        let (list, names) = (String::new(), String::new());
        let which = [Sentence::PlannedWhich { list }, Sentence::TaskWhich { names }];
        [Sentence::NoPlace, Sentence::DelayedVague, Sentence::TaskWhat]
            .iter()
            .chain(&which)
            .any(|sentence| sentence.key() == self.code)
    }

    /// One of Helix's sentences.
    pub fn say(sentence: &Sentence, language: &Language) -> Self {
        Self { text: sentence.text(language), tone: sentence.tone(), code: sentence.key() }
    }
}
