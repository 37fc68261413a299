//! Helix's sentences, one file per language; English stands in for a language that has none.

use std::collections::BTreeMap;

use super::Tone;
use crate::Language;
use crate::language::{PerLanguage, per_language};

type Texts = BTreeMap<String, String>;

static TEXTS: PerLanguage<Texts> =
    per_language!("", |text| toml::from_str(text).expect("catalogues are compiled in and tested"));

/// The template of `key`, English if the language has none.
fn template(language: &Language, key: &str) -> Option<&'static str> {
    let of = |texts: &'static Texts| texts.get(key).map(String::as_str);
    TEXTS.of(language).and_then(of).or_else(|| of(TEXTS.english()))
}

macro_rules! sentences {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident),+ })? = $key:literal, $tone:ident;)+) => {
        /// One of Helix's own sentences with what varies in it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Sentence {
            $($(#[$doc])* $variant $({ $(#[doc = "Put into the sentence."] $field: String),+ })?,)+
        }

        impl Sentence {
            /// The key in the catalogue; also the stable code of the outcome.
            pub fn key(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),+ })? => $key,)+ }
            }

            pub(super) fn tone(&self) -> Tone {
                match self { $(Self::$variant $({ $($field: _),+ })? => Tone::$tone,)+ }
            }

            fn values(&self) -> Vec<(&'static str, &str)> {
                match self { $(Self::$variant $({ $($field),+ })? => vec![$($((stringify!($field), $field.as_str())),+)?],)+ }
            }

            #[cfg(test)]
            fn all() -> Vec<Self> {
                vec![$(Self::$variant $({ $($field: format!("<{}>", stringify!($field))),+ })?),+]
            }
        }
    };
}

sentences! {
    /// No sentence of Home Assistant fits.
    NoMatch = "no-match", NotRecognized;
    /// Nothing in the home has this name.
    NoSuchName { name } = "no-such-name", NotRecognized;
    /// It exists, but voice may not touch it.
    NotExposed { name } = "not-exposed", NotHandled;
    /// The room is missing, and the satellite has none.
    NoPlace = "no-place", NotHandled;
    /// Several things may be meant.
    WhichOne { names } = "which-one", NotHandled;
    /// What was understood is not sure enough to act.
    NotSure = "not-sure", NotHandled;
    /// The reply takes longer than one waits in silence.
    OneMoment = "one-moment", Handled;
    /// There is nothing of the kind here.
    NoTargets = "no-targets", NotHandled;
    /// The command makes no sense for this entity.
    NotForThis { name } = "not-for-this", NotHandled;
    /// Locks, garage doors and the like need a confirmation.
    NeedsConfirmation { name } = "needs-confirmation", NotHandled;
    /// What needs a yes is asked.
    Confirm { act } = "confirm", NotHandled;
    /// What needs the PIN is asked.
    AskPin { act } = "ask-pin", NotHandled;
    /// The PIN was wrong; it may be said again.
    WrongPin = "wrong-pin", NotHandled;
    /// The PIN was wrong too often.
    PinOff { minutes } = "pin-off", NotHandled;
    /// No, cancel, never mind.
    Left = "left", Handled;
    /// A yes or a no without a question.
    NothingAsked = "nothing-asked", NotHandled;
    /// Nothing was said before.
    NothingToRepeat = "nothing-to-repeat", NotHandled;
    /// Nothing was done in the last minutes.
    NothingToUndo = "nothing-to-undo", NotHandled;
    /// There is no way back.
    CannotUndo { names } = "cannot-undo", NotHandled;
    /// It is again as it was.
    Undone { names } = "undone", Handled;
    /// A part of it is.
    UndoneInPart { names, lost } = "undone-in-part", NotHandled;
    /// What was confirmed is no longer what would be done.
    ChangedMeanwhile = "changed-meanwhile", NotHandled;
    /// Another satellite heard it as well.
    AlreadyOn = "already-on", Handled;
    /// "Don't …".
    Negated = "negated", Handled;
    /// A question, a report, a wish: no command.
    NoCommand = "no-command", NotHandled;
    /// "… in ten minutes": not yet.
    DelayedCommand = "delayed-command", NotHandled;
    /// A task; nobody can be given it yet. It is kept.
    CannotDelegate { days } = "cannot-delegate", NotHandled;
    /// Something to remember; nobody brings it up yet. It is kept.
    CannotRemember { days } = "cannot-remember", NotHandled;
    /// A task, or something to remember, that could not be kept.
    RequestNotKept = "request-not-kept", NotHandled;
    /// A question that nobody here can answer.
    CannotAnswer = "cannot-answer", NotHandled;
    /// The things that are as was asked.
    HomeFound { names } = "home-found", Handled;
    /// Nothing is as was asked.
    HomeNothing = "home-nothing", Handled;
    /// All of them are as was asked.
    HomeAll = "home-all", Handled;
    /// Not all of them are: these are not.
    HomeAllBut { names } = "home-all-but", Handled;
    /// This one is as was asked.
    HomeYes { names } = "home-yes", Handled;
    /// This one is not.
    HomeNo { names } = "home-no", Handled;
    /// "… when I come home".
    NotConditional = "not-conditional", NotHandled;
    /// It is kept and will be done then.
    Delayed { when, what } = "delayed", Handled;
    /// A time that has passed.
    DelayedPast = "delayed-past", NotHandled;
    /// More than a week ahead.
    DelayedTooFar = "delayed-too-far", NotHandled;
    /// "Tonight", without a time.
    DelayedVague = "delayed-vague", NotHandled;
    /// What needs a confirmation is not put off.
    DelayedRisky { name } = "delayed-risky", NotHandled;
    /// It could not be written down.
    DelayedNotKept = "delayed-not-kept", NotHandled;
    /// Too many wait already.
    DelayedTooMany = "delayed-too-many", NotHandled;
    /// No command waits.
    PlannedNone = "planned-none", Handled;
    /// The commands that wait.
    PlannedList { list } = "planned-list", Handled;
    /// Which one is to be cancelled?
    PlannedWhich { list } = "planned-which", NotHandled;
    /// These will not be done.
    PlannedCancelled { what } = "planned-cancelled", Handled;
    /// A task was taken; its answer comes later.
    TaskTaken = "task-taken", Handled;
    /// A task without a subject: what should it be about?
    TaskWhat = "task-what", NotHandled;
    /// Too many tasks are under way.
    TaskFull { minutes } = "task-full", NotHandled;
    /// A task that could not be written down, or the book that cannot be read.
    TaskUnkept = "task-unkept", NotHandled;
    /// The task needs a language model, and none is there.
    TaskNoModel = "task-no-model", NotHandled;
    /// Only a model outside could do it, and the words stay in the house.
    TaskPrivate = "task-private", NotHandled;
    /// Nobody is there to carry out tasks.
    TaskNoRunner = "task-no-runner", NotHandled;
    /// No task is under way.
    TaskNone = "task-none", Handled;
    /// The tasks under way.
    TaskList { names } = "task-list", Handled;
    /// Which one is to be cancelled?
    TaskWhich { names } = "task-which", NotHandled;
    /// There is no such task.
    TaskUnknown = "task-unknown", NotHandled;
    /// It has not been begun.
    TaskWaiting { title } = "task-waiting", Handled;
    /// It is worked on.
    TaskWorking { title } = "task-working", Handled;
    /// What its agent told last.
    TaskStep { title, step } = "task-step", Handled;
    /// It was taken back.
    TaskCancelled { title } = "task-cancelled", Handled;
    /// It had ended before.
    TaskOver { title } = "task-over", Handled;
    /// Its time ran out.
    TaskLate { title } = "task-late", NotHandled;
    /// It failed as often as it was tried.
    TaskLost { title } = "task-lost", NotHandled;
    /// The answer comes back.
    TaskBack { title, spoken } = "task-back", Handled;
    /// There is more of the answer than was said.
    TaskText = "task-text", Handled;
    /// What a task looked for in vain.
    TaskNotFound { names } = "task-not-found", Handled;
    /// The state did not follow.
    DidNotFollow { names } = "did-not-follow", NotHandled;
    /// Something else changed than what was authorised.
    ChangedOther { names } = "changed-other", NotHandled;
    /// More text than a sentence has.
    TooLong = "too-long", NotRecognized;
    /// No words at all.
    NothingSaid = "nothing-said", NotRecognized;
    /// Too many runs at once.
    Busy = "busy", NotHandled;
    /// Helix is being stopped.
    Stopping = "stopping", NotHandled;
    /// The reply did not come in time.
    TookTooLong = "took-too-long", NotHandled;
    /// The home cannot be reached.
    HomeNotConnected = "home-not-connected", NotHandled;
    /// The home is starting.
    HomeStarting = "home-starting", NotHandled;
    /// The token is refused.
    HomeTokenRefused = "home-token-refused", NotHandled;
    /// The token is not an administrator's.
    HomeNotAdmin = "home-not-admin", NotHandled;
    /// Home Assistant is too old.
    HomeTooOld { found, needed } = "home-too-old", NotHandled;
    /// The matcher's answers changed their shape.
    HomeMatcherChanged = "home-matcher-changed", NotHandled;
    /// Home Assistant did not answer.
    HomeTimeout = "home-timeout", NotHandled;
    /// Home Assistant refused the request.
    HomeRejected = "home-rejected", NotHandled;
    /// The speech engine died in mid-decode.
    SttDied = "stt-engine-died", NotHandled;
    /// There is no speech engine.
    SttUnavailable = "stt-engine-unavailable", NotHandled;
    /// The model is loading.
    SttLoading = "stt-engine-loading", NotHandled;
    /// The engine is busy.
    SttBusy = "stt-engine-busy", NotHandled;
    /// The engine is too slow.
    SttTimeout = "stt-engine-timeout", NotHandled;
    /// The language model's server cannot be reached.
    LlmUnreachable = "llm-unreachable", NotHandled;
    /// The language model took too long.
    LlmSlow = "llm-timeout", NotHandled;
    /// The language model is busy.
    LlmBusy = "llm-busy", NotHandled;
    /// The language model's key is refused.
    LlmKeyRefused = "llm-unauthorized", NotHandled;
    /// The language model is not installed.
    LlmModelMissing { name } = "llm-model-missing", NotHandled;
    /// The provider takes no more requests for now.
    LlmRateLimited = "llm-rate-limited", NotHandled;
    /// The language model failed or answered nonsense.
    LlmNonsense = "llm-nonsense", NotHandled;
    /// What may be spent is spent.
    LlmBudget = "llm-budget", NotHandled;
    /// The user's settings keep it in the house.
    LlmNotPermitted = "llm-not-permitted", NotHandled;
}

impl Sentence {
    /// The sentence in this language, English if there is none.
    pub fn text(&self, language: &Language) -> String {
        let template = template(language, self.key()).unwrap_or(self.key());
        self.values()
            .into_iter()
            .fold(template.to_owned(), |text, (field, value)| text.replace(&format!("{{{field}}}"), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_sentence_and_none_too_many() {
        let wanted: Vec<_> = Sentence::all().iter().map(Sentence::key).collect();
        for (tag, texts) in TEXTS.all() {
            for key in &wanted {
                assert!(texts.contains_key(*key), "{tag}: {key} is missing");
            }
            assert_eq!(texts.len(), wanted.len(), "{tag} has a sentence that nobody says");
        }
    }

    /// Home Assistant keeps the microphone open after a question mark.
    #[test]
    fn what_waits_for_an_answer_ends_as_a_question_in_every_language() {
        let waits = |sentence: &Sentence| {
            let is_asked = matches!(
                sentence,
                Sentence::Confirm { .. }
                    | Sentence::WhichOne { .. }
                    | Sentence::AskPin { .. }
                    | Sentence::WrongPin
            );
            is_asked || crate::reply::Reply::say(sentence, &Language::english()).asks_for_more()
        };
        for sentence in Sentence::all() {
            for (tag, _) in TEXTS.all() {
                let text = sentence.text(&tag);
                assert_eq!(text.ends_with('?'), waits(&sentence), "{tag}: {text}");
            }
        }
    }

    #[test]
    fn every_value_is_put_into_its_sentence_in_every_language() {
        for sentence in Sentence::all() {
            for (tag, _) in TEXTS.all() {
                let text = sentence.text(&tag);
                assert!(!text.contains('{'), "{text}");
                for (_, value) in sentence.values() {
                    assert!(text.contains(value), "{tag}: {text} lacks {value}");
                }
            }
        }
    }
}
