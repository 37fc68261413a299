//! The dimensions of a decision: what is known about a sentence, one closed value each, before anything is decided.

use serde::Deserialize;

use super::SpeechAct;
use crate::act::Risk;

macro_rules! dimension {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
        }

        impl $name {
            const WORDS: &[&str] = &[$($word),+];

            /// A stable word for the matrix, logs and scripts.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

dimension! {
    /// Where a sentence comes from.
    Source {
        /// Spoken after a wake word or a button.
        #[default]
        Addressed = "addressed",
        /// Spoken while the satellite kept listening after its own words.
        FollowUp = "follow-up",
        /// Overheard.
        Passive = "passive",
        /// Typed.
        Text = "text",
    }
}

impl Source {
    /// The source called `word`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Addressed, Self::FollowUp, Self::Passive, Self::Text]
            .into_iter()
            .find(|source| source.as_str() == word)
    }
}

dimension! {
    /// How much text there is.
    Length {
        /// A sentence.
        #[default]
        Fits = "fits",
        /// No words.
        Empty = "empty",
        /// More than a person says in one breath.
        TooLong = "too-long",
    }
}

dimension! {
    /// What the matcher made of it.
    Found {
        /// No template fits.
        #[default]
        None = "none",
        /// The strict matcher accepted it as it was said.
        Exact = "exact",
        /// The strict matcher accepted a repaired twin of it, and only one.
        Repaired = "repaired",
        /// The strict matcher accepted plain sentences that a model drafted.
        Drafted = "drafted",
        /// Several readings are equally good.
        Ambiguous = "ambiguous",
        /// A template fits, but a name in it is not known.
        Unnamed = "unnamed",
    }
}

dimension! {
    /// What carrying it out would do to the home.
    Effect {
        /// Nothing is known that could be done.
        #[default]
        None = "none",
        /// Reads only.
        Reads = "reads",
        /// Changes timers, lists or announcements, no entity.
        Keeps = "keeps",
        /// Changes entities.
        Changes = "changes",
        /// The user's own sentence: whatever the user wrote.
        Own = "own",
        /// Home Assistant would run the words later, past every gate.
        Unguarded = "unguarded",
    }
}

dimension! {
    /// Whether what it is about may be touched by voice.
    Target {
        /// It is about no entity.
        #[default]
        None = "none",
        /// Every entity is exposed and can do what is asked.
        Exposed = "exposed",
        /// One of them is not exposed to voice.
        Hidden = "hidden",
        /// One of them is not there.
        Missing = "missing",
        /// One of them cannot do that.
        Unfit = "unfit",
        /// Nothing of the kind is there.
        Absent = "absent",
        /// The room is missing, and the satellite has none.
        Unplaced = "unplaced",
    }
}

dimension! {
    /// Whether the values asked for are those of daily life.
    Bounds {
        /// They are.
        #[default]
        Usual = "usual",
        /// One of them is far out.
        Unusual = "unusual",
    }
}

dimension! {
    /// Whether a person confirmed exactly this.
    Cleared {
        /// Nobody did.
        #[default]
        No = "no",
        /// Somebody did.
        Yes = "yes",
    }
}

dimension! {
    /// Whether the best reading is far enough ahead of the second for what it risks.
    Confidence {
        /// It is.
        #[default]
        Enough = "enough",
        /// It is not.
        Thin = "thin",
    }
}

dimension! {
    /// How many steps it takes.
    Complexity {
        /// One.
        #[default]
        OneStep = "one-step",
        /// Several known ones.
        SeveralSteps = "several-steps",
        /// Nobody knows yet.
        OpenEnded = "open-ended",
    }
}

dimension! {
    /// What has to be looked up.
    Knowledge {
        /// Nothing.
        #[default]
        None = "none",
        /// The state of the home.
        Home = "home",
        /// The world of today.
        Web = "web",
    }
}

dimension! {
    /// What has to be at hand.
    Tools {
        /// Nothing.
        #[default]
        None = "none",
        /// Home Assistant.
        Home = "home",
        /// A search.
        Web = "web",
    }
}

impl Tools {
    /// What a sentence of these dimensions needs.
    pub(super) fn of(dimensions: &Dimensions) -> Self {
        match (dimensions.knowledge, dimensions.effect) {
            (Knowledge::Web, Effect::None) => Self::Web,
            (Knowledge::None, Effect::None) => Self::None,
            (Knowledge::Home, _)
            | (_, Effect::Reads | Effect::Keeps | Effect::Changes | Effect::Own | Effect::Unguarded) => {
                Self::Home
            }
        }
    }
}

dimension! {
    /// Whom the words concern.
    Privacy {
        /// Nobody.
        #[default]
        Public = "P0",
        /// The home.
        Home = "P1",
        /// A person; everything overheard.
        Personal = "P2",
        /// Others, health, money, children.
        Others = "P3",
    }
}

dimension! {
    /// What the sentence asks of the conversation itself.
    ControlAsk {
        /// Nothing.
        #[default]
        None = "none",
        /// Stop, cancel, never mind.
        Stop = "stop",
        /// Say it again.
        Repeat = "repeat",
        /// Undo the last act.
        Undo = "undo",
        /// It answers the open question, or there is none: yes.
        Yes = "yes",
        /// It answers the open question, or there is none: no.
        No = "no",
        /// It answers the open question otherwise: a choice, a PIN.
        Answer = "answer",
    }
}

dimension! {
    /// Whether the room is known in which it was said.
    Place {
        /// Not known.
        #[default]
        Unknown = "unknown",
        /// Known.
        Known = "known",
    }
}

dimension! {
    /// Whether a language model can be asked.
    Model {
        /// None is named.
        #[default]
        None = "none",
        /// One is named and answers.
        Up = "up",
        /// One is named and does not answer.
        Down = "down",
    }
}

/// The risk classes in words, for the matrix.
const RISKS: &[&str] = &["R0", "R1", "R2", "R3"];

/// A value of [`SpeechAct`] is not checked against a list here: its own module names them.
const ANY: &[&str] = &[];

macro_rules! dimensions {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $name:ident, $words:expr;)+) => {
        /// Everything that is known about a sentence when it is decided.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Dimensions {
            $($(#[$doc])* pub $field: $kind,)+
        }

        /// The name of a dimension.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Dimension {
            $($(#[$doc])* $name,)+
        }

        impl Dimension {
            /// All dimensions in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// A stable word for the matrix, logs and scripts.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($field),)+ }
            }

            /// The values it can have; empty if they are not listed.
            pub(super) fn values(self) -> &'static [&'static str] {
                match self { $(Self::$name => $words,)+ }
            }
        }

        impl Dimensions {
            /// The value of one dimension in words.
            pub fn value(&self, dimension: Dimension) -> &'static str {
                match dimension { $(Dimension::$name => self.$field.as_str(),)+ }
            }
        }
    };
}

dimensions! {
    /// Where it comes from.
    source: Source = Source, Source::WORDS;
    /// How much text there is.
    length: Length = Length, Length::WORDS;
    /// What it asks of the conversation itself.
    control: ControlAsk = Control, ControlAsk::WORDS;
    /// What a person does with it.
    speech_act: SpeechAct = SpeechAct, ANY;
    /// What the matcher made of it.
    found: Found = Found, Found::WORDS;
    /// What it would do.
    effect: Effect = Effect, Effect::WORDS;
    /// Whether its entities may be touched.
    target: Target = Target, Target::WORDS;
    /// What a wrong action would cost.
    risk: Risk = Risk, RISKS;
    /// Whether its values are usual.
    bounds: Bounds = Bounds, Bounds::WORDS;
    /// Whether it was confirmed.
    cleared: Cleared = Cleared, Cleared::WORDS;
    /// Whether the reading is sure enough.
    confidence: Confidence = Confidence, Confidence::WORDS;
    /// How many steps it takes.
    complexity: Complexity = Complexity, Complexity::WORDS;
    /// What has to be looked up.
    knowledge: Knowledge = Knowledge, Knowledge::WORDS;
    /// What has to be at hand.
    tools: Tools = Tools, Tools::WORDS;
    /// Whom it concerns.
    privacy: Privacy = Privacy, Privacy::WORDS;
    /// Whether the room is known.
    place: Place = Place, Place::WORDS;
    /// Whether a language model can be asked.
    model: Model = Model, Model::WORDS;
}

impl Dimensions {
    /// A sentence of which only the speech act is known.
    pub fn of(speech_act: SpeechAct) -> Self {
        Self {
            source: Source::default(),
            length: Length::default(),
            control: ControlAsk::default(),
            speech_act,
            found: Found::default(),
            effect: Effect::default(),
            target: Target::default(),
            risk: Risk::R0,
            bounds: Bounds::default(),
            cleared: Cleared::default(),
            confidence: Confidence::default(),
            complexity: Complexity::default(),
            knowledge: Knowledge::default(),
            tools: Tools::default(),
            privacy: Privacy::default(),
            place: Place::default(),
            model: Model::default(),
        }
    }
}
