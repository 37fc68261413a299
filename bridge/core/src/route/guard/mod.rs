//! The speech-act guard: a sentence in, what kind of utterance it is out. It only ever vetoes.
//!
//! Rules of the language come first (`words/`): what surrounds a sentence is taken off ("can you … please"), then
//! the signs of each speech act are looked for. What has none is judged by a small linear model, which vetoes only
//! where it is nearly sure.

mod lexicon;
mod model;
mod names;
mod pattern;
mod sentence;

pub use model::{CLASSES, digest, features};
pub(crate) use names::quoted_in;

use crate::Language;
use crate::act::{IntentKind, kind_of};
use crate::home::Registry;
use lexicon::Lexicon;
use sentence::{Clause, WORDS_MAX, clauses};

/// What a person does with a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechAct {
    /// Nothing speaks against a command.
    Command,
    /// "Don't …", "never …", "leave … on".
    Negated,
    /// Asks; orders nothing.
    Question,
    /// Tells what somebody said or wants.
    Reported,
    /// Meant for somebody else: "Anna, …", "tell the cleaner to …".
    Elsewhere,
    /// Tells what is or was.
    Statement,
    /// Under a condition: "when …", "if …".
    Conditional,
    /// For another time: "later", "at seven".
    Deferred,
    /// A wish or an intention of the speaker.
    Wish,
    /// Something to be kept: "don't forget …", "remind me to …", an entry of a list.
    Reminder,
}

impl SpeechAct {
    /// A stable word for logs and explanations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Negated => "negated",
            Self::Question => "question",
            Self::Reported => "reported",
            Self::Elsewhere => "elsewhere",
            Self::Statement => "statement",
            Self::Conditional => "conditional",
            Self::Deferred => "deferred",
            Self::Wish => "wish",
            Self::Reminder => "reminder",
        }
    }

    /// Whether what is said so may lead to this intent of Home Assistant at once. Timers, lists and announcements
    /// postpone, keep and pass on by themselves; on anything else only a command acts.
    pub fn permits(self, intent: &str) -> bool {
        let inner = kind_of(intent) == Some(IntentKind::Inner);
        match self {
            Self::Command => true,
            Self::Deferred | Self::Wish => inner,
            Self::Reminder => inner || intent.starts_with("HassList"),
            // "Tell everybody that dinner is ready": what is passed on may tell anything.
            Self::Elsewhere | Self::Reported | Self::Statement => intent == "HassBroadcast",
            Self::Negated | Self::Question | Self::Conditional => false,
        }
    }
}

/// What told the speech act.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sign {
    /// Nothing: no sign of anything but a command.
    None,
    /// This line of the language's rules.
    Rule(&'static str),
    /// A question mark.
    QuestionMark,
    /// No words, or too many.
    Length,
    /// The linear model: how likely it holds a command to be, 0 to 1.
    Model(f32),
}

/// A speech act and what told it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The speech act.
    pub act: SpeechAct,
    /// Its sign.
    pub sign: Sign,
}

impl Reading {
    /// The speech act and its sign in a few words, for an explanation; `None` if nothing speaks against a command.
    pub fn describe(&self) -> Option<String> {
        let act = self.act.as_str();
        match self.sign {
            Sign::None => None,
            Sign::Rule(line) => Some(format!("{act}: the rule `{line}`")),
            Sign::QuestionMark => Some(format!("{act}: the question mark")),
            Sign::Length => Some(format!("{act}: no words, or too many")),
            Sign::Model(command) => Some(format!("{act}: the model, a command by {command:.2}")),
        }
    }
}

/// The speech act of `text`. In a language that nobody has described only the question mark and the length count.
pub fn speech_act(text: &str, language: &Language) -> SpeechAct {
    read(text, language).act
}

/// The speech act of `text` and its sign.
pub fn read(text: &str, language: &Language) -> Reading {
    let lexicon = Lexicon::of(language);
    weigh(clauses(text, lexicon.is_some_and(|lexicon| lexicon.elision)), lexicon, language)
}

/// The speech act of a sentence of this home. `quoted` is what the matcher took for the name of its target, a list's
/// item or a message; these words and the home's names order, negate and postpone nothing.
pub fn read_in(text: &str, language: &Language, quoted: &[String], registry: &Registry) -> Reading {
    let Some(lexicon) = Lexicon::of(language) else { return read(text, language) };
    let mut clauses = clauses(text, lexicon.elision);
    for words in quoted {
        names::mask_first(&mut clauses, &names::words_of(words, lexicon.elision));
    }
    let reading = weigh(clauses.clone(), Some(lexicon), language);
    if reading.act == SpeechAct::Command {
        return reading;
    }
    let named = names::named_in(text, registry, lexicon.elision);
    names::mask_plain(&mut clauses, &named, lexicon);
    let mut bare: Vec<_> = clauses.into_iter().map(|clause| lexicon.bare(clause)).collect();
    for clause in &mut bare {
        names::mask_telling(clause, &named, lexicon);
    }
    weigh_bare(&bare, lexicon, language)
}

fn weigh(clauses: Vec<Clause>, lexicon: Option<&'static Lexicon>, language: &Language) -> Reading {
    let words = clauses.iter().map(|clause| clause.words.len()).sum::<usize>();
    if words == 0 || words > WORDS_MAX {
        return Reading { act: SpeechAct::Statement, sign: Sign::Length };
    }
    let Some(lexicon) = lexicon else {
        return if clauses.iter().any(|clause| clause.asks) { QUESTION } else { COMMAND };
    };
    let bare: Vec<_> = clauses.into_iter().map(|clause| lexicon.bare(clause)).collect();
    weigh_bare(&bare, lexicon, language)
}

fn weigh_bare(bare: &[Clause], lexicon: &'static Lexicon, language: &Language) -> Reading {
    if let Some((act, line)) = lexicon.veto(bare) {
        return Reading { act, sign: Sign::Rule(line) };
    }
    if bare.iter().any(|clause| clause.asks && !lexicon.is_order(&clause.words)) {
        return QUESTION;
    }
    let is_order = bare.last().is_some_and(|clause| lexicon.is_order(&clause.words));
    let floor = if is_order { ORDER_MIN } else { COMMAND_MIN };
    let (act, command) = model::judge(bare, lexicon, language);
    if command < floor { Reading { act, sign: Sign::Model(command) } } else { COMMAND }
}

/// Below this probability of a command the model vetoes. On the natural commands of the repository it is never below
/// 0.05 and hardly ever below 0.2; of what must not act about half lies below 0.1.
const COMMAND_MIN: f32 = 0.1;
/// The same for what begins as an order does: there the model has to be surer.
const ORDER_MIN: f32 = 0.02;

const QUESTION: Reading = Reading { act: SpeechAct::Question, sign: Sign::QuestionMark };

const COMMAND: Reading = Reading { act: SpeechAct::Command, sign: Sign::None };

#[cfg(test)]
mod tests;
