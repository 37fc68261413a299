//! Which entities the user exposed to voice. Needs an administrator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Command;

/// `homeassistant/expose_entity/list`.
#[derive(Debug, Clone, Serialize)]
pub struct ListExposed {}

/// The answer to [`ListExposed`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Exposed {
    /// Entity id -> assistant (`conversation`, `cloud.alexa` …) -> true.
    pub exposed_entities: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Exposed {
    /// The entities exposed to conversation.
    pub fn to_conversation(self) -> impl Iterator<Item = String> {
        self.exposed_entities
            .into_iter()
            .filter(|(_, assistants)| assistants.get("conversation") == Some(&true))
            .map(|(id, _)| id)
    }
}

impl Command for ListExposed {
    const TYPE: &'static str = "homeassistant/expose_entity/list";
    type Answer = Exposed;
}
