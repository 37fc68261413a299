//! The states of all entities, kept up to date by the differences of `subscribe_entities`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Command;

/// `subscribe_entities`: all states now, then every difference.
#[derive(Debug, Clone, Serialize)]
pub struct SubscribeEntities {}

impl Command for SubscribeEntities {
    const TYPE: &'static str = "subscribe_entities";
    type Answer = Value;
}

/// The state of one entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// `on`, `21.5`, `unavailable` …
    pub state: String,
    /// Attributes as Home Assistant sends them.
    pub attributes: Map<String, Value>,
}

/// The mirror of all states.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct States(BTreeMap<String, State>);

/// What one event changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Entities whose state or attributes are set or changed, in no order.
    pub changed: Vec<String>,
    /// Whether an entity came, went, or changed its name.
    pub renamed: bool,
}

#[derive(Deserialize)]
struct Difference {
    #[serde(rename = "a", default)]
    added: BTreeMap<String, Full>,
    #[serde(rename = "c", default)]
    changed: BTreeMap<String, Change>,
    #[serde(rename = "r", default)]
    removed: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Full {
    #[serde(rename = "s")]
    state: String,
    #[serde(rename = "a", default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "+", default)]
    set: Set,
    #[serde(rename = "-", default)]
    unset: Unset,
}

#[derive(Deserialize, Default)]
struct Set {
    #[serde(rename = "s", default)]
    state: Option<String>,
    #[serde(rename = "a", default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize, Default)]
struct Unset {
    #[serde(rename = "a", default)]
    attributes: Vec<String>,
}

impl States {
    /// Applies one event of the subscription.
    ///
    /// # Errors
    /// The event has an unknown shape; nothing was applied.
    pub fn apply(&mut self, event: &str) -> Result<Applied, serde_json::Error> {
        let difference: Difference = serde_json::from_str(event)?;
        let mut applied = Applied::default();
        for id in difference.removed {
            applied.renamed |= self.0.remove(&id).is_some();
            applied.changed.push(id);
        }
        for (id, Full { state, attributes }) in difference.added {
            let state = State { state, attributes };
            let before = self.0.insert(id.clone(), state);
            applied.renamed |= before.is_none_or(|before| before.name() != self.name(&id));
            applied.changed.push(id);
        }
        for (id, change) in difference.changed {
            if let Some(state) = self.0.get_mut(&id) {
                applied.renamed |= state.change(change);
                applied.changed.push(id);
            }
        }
        Ok(applied)
    }

    /// The state of an entity.
    pub fn get(&self, entity_id: &str) -> Option<&State> {
        self.0.get(entity_id)
    }

    /// All entities that have a state, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &State)> {
        self.0.iter().map(|(id, state)| (id.as_str(), state))
    }

    fn name(&self, entity_id: &str) -> Option<&str> {
        self.get(entity_id).and_then(State::name)
    }
}

impl State {
    /// The full name shown to people, with the device's in front where it belongs there.
    pub fn name(&self) -> Option<&str> {
        self.text("friendly_name")
    }

    /// A text attribute.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).and_then(Value::as_str)
    }

    /// Applies a difference; tells whether the name is another one.
    fn change(&mut self, change: Change) -> bool {
        const NAME: &str = "friendly_name";
        let touches_name =
            change.set.attributes.contains_key(NAME) || change.unset.attributes.iter().any(|a| a == NAME);
        if let Some(state) = change.set.state {
            self.state = state;
        }
        for attribute in change.unset.attributes {
            self.attributes.remove(&attribute);
        }
        self.attributes.extend(change.set.attributes);
        touches_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kitchen() -> States {
        let mut states = States::default();
        let event =
            r#"{"a":{"light.k":{"s":"on","a":{"friendly_name":"K","brightness":9},"c":"x","lc":1.5}}}"#;
        assert!(states.apply(event).expect("readable").renamed);
        states
    }

    #[test]
    fn a_difference_sets_and_removes_attributes_and_keeps_the_rest() {
        let mut states = kitchen();
        let event = r#"{"c":{"light.k":{"+":{"s":"off","lc":2,"c":{"id":"y"}},"-":{"a":["brightness"]}}}}"#;
        let applied = states.apply(event).expect("readable");
        assert_eq!(applied, Applied { changed: vec!["light.k".into()], renamed: false });
        let light = states.get("light.k").expect("still there");
        assert_eq!((light.state.as_str(), light.name()), ("off", Some("K")));
        assert!(!light.attributes.contains_key("brightness"));
    }

    #[test]
    fn a_removed_entity_has_no_state_and_counts_as_a_change_of_names() {
        let mut states = kitchen();
        assert!(states.apply(r#"{"r":["light.k"]}"#).expect("readable").renamed);
        assert_eq!(states, States::default());
    }

    #[test]
    fn a_new_name_is_noticed() {
        let mut states = kitchen();
        let event = r#"{"c":{"light.k":{"+":{"a":{"friendly_name":"Cooker lamp"}}}}}"#;
        assert!(states.apply(event).expect("readable").renamed);
    }

    #[test]
    fn a_difference_for_an_unknown_entity_changes_nothing() {
        let mut states = kitchen();
        assert_eq!(
            states.apply(r#"{"c":{"light.x":{"+":{"s":"on"}}}}"#).expect("readable"),
            Applied::default()
        );
    }

    #[test]
    fn an_event_of_unknown_shape_applies_nothing() {
        let mut states = kitchen();
        assert!(states.apply(r#"{"r":["light.k"],"a":{"light.k":{"state":"on"}}}"#).is_err());
        assert!(states.get("light.k").is_some());
    }
}
