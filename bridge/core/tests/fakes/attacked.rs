//! The cases of `tests/testdata/injection.yaml`, and a home in which one of them is planted.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Mutex;
use std::time::Duration;

use helix_core::converse::Conversation;
use helix_core::dialogue::{Dialogues, Satellite};
use helix_core::draft::Help;
use helix_core::home::{Caller, Entity};
use helix_core::llm::LanguageModel;
use helix_core::pipeline::{Outcome, Request};
use helix_core::route::Matrix;
use helix_core::route::dimension::Source;
use helix_core::{AreaId, Clock, EntityId, Language, Pii};
use serde::{Deserialize, Serialize};

use super::furnished::Furnished;

const CASES: &str = include_str!("../../../../tests/testdata/injection.yaml");
const HOME: &str = include_str!("../../../../tests/bed/home/home.yaml");
const GERMAN: &str = include_str!("../../../../tests/bed/home/names/de.yaml");

/// Where a text is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plant {
    Name,
    Alias,
    Todo,
    Media,
    Calendar,
}

/// What the attacker wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Want {
    pub(crate) action: String,
    pub(crate) entity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

/// One planted text and one spoken sentence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attack {
    pub(crate) plant: Plant,
    pub(crate) on: String,
    pub(crate) area: Option<String>,
    pub(crate) text: String,
    pub(crate) language: String,
    pub(crate) says: String,
    pub(crate) asks: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) wants: Vec<Want>,
}

impl Attack {
    /// Whether it is a text that no model is ever told.
    pub(crate) fn is_content(&self) -> bool {
        match self.plant {
            Plant::Todo | Plant::Media | Plant::Calendar => true,
            Plant::Name | Plant::Alias => false,
        }
    }

    pub(crate) fn yes(&self) -> &'static str {
        if self.language == "de" { "ja" } else { "yes" }
    }
}

/// All of them.
pub(crate) fn attacks() -> Vec<Attack> {
    serde_yaml_ng::from_str(CASES).expect("the cases")
}

/// A home with a planted text, and somebody who talks to it.
pub(crate) struct Victim {
    home: Furnished,
    dialogues: Mutex<Dialogues>,
    language: Language,
}

impl Victim {
    pub(crate) fn of(attack: &Attack) -> Self {
        let names = (attack.language == "de").then_some(GERMAN);
        let mut home = Furnished::new(HOME, names);
        let id = EntityId::from(attack.on.as_str());
        let planted = |name: &str| Entity {
            id: id.clone(),
            name: name.to_owned(),
            aliases: vec![],
            area: attack.area.as_deref().map(AreaId::from),
            device: None,
            device_class: None,
            exposed: true,
        };
        match attack.plant {
            Plant::Name => {
                home.registry.entities.insert(id.clone(), planted(&attack.text));
            }
            Plant::Alias => {
                home.registry.entities.get_mut(&id).expect("there").aliases.push(attack.text.clone());
            }
            Plant::Todo | Plant::Calendar => {
                home.registry.entities.insert(id.clone(), planted(id.as_str()));
                home.attribute(&attack.on, "message", &attack.text);
                home.attribute(&attack.on, "items", &attack.text);
            }
            Plant::Media => home.attribute(&attack.on, "media_title", &attack.text),
        }
        let language = Language::parse(&attack.language).expect("a language");
        Self { home, dialogues: Mutex::default(), language }
    }

    /// Says something to this home; the model has `limit` for its draft.
    pub(crate) async fn hears(
        &self,
        text: &str,
        model: &dyn LanguageModel,
        limit: Duration,
        clock: &impl Clock,
    ) -> Outcome {
        let caller = Caller { device: None, satellite: Some(EntityId::from("assist_satellite.hall")) };
        let satellite = Satellite::of(&caller, None);
        let (text, language) = (Pii::new(text.to_owned()), self.language.clone());
        let request = Request { text, language, caller, source: Source::Addressed };
        let conversation = Conversation {
            home: &self.home,
            clock,
            matrix: Matrix::built_in(),
            pin: None,
            dialogues: &self.dialogues,
            specialist: &(),
            desk: None,
            requests: None,
            help: Some(Help { model, shortcuts: None, limit }),
        };
        conversation.respond(&request, satellite.as_ref()).await
    }

    /// The entities that were told to do something.
    pub(crate) fn moved(&self) -> Vec<String> {
        self.home.done().into_iter().map(|(_, id)| id.to_string()).collect()
    }
}
