//! What undoes an action, by `restore.toml`: the state before it in, a [`Draft`] that restores that state out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::{Action, Risk};
use crate::home::EntityState;
use crate::{EntityId, Home};

/// An action that was carried out, and how its target was before.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub(super) service: String,
    pub(super) target: EntityId,
    pub(super) before: EntityState,
}

impl Past {
    /// How the targets of these actions are now, before they are carried out.
    pub fn before(actions: &[Action], home: &impl Home) -> Vec<Self> {
        let unknown = || EntityState { state: "unknown".to_owned(), attributes: serde_json::Map::new() };
        let past = |action: &Action| Self {
            service: action.service().to_owned(),
            target: action.target().clone(),
            // What is not known cannot be restored, and "undo that" has to say so.
            before: home.state(action.target()).unwrap_or_else(unknown),
        };
        actions.iter().map(past).collect()
    }

    /// The entity.
    pub fn target(&self) -> &EntityId {
        &self.target
    }

    /// The step that restores it, if there is one.
    pub(super) fn step(&self) -> Option<&'static Step> {
        STEPS.iter().find(|step| step.fits(self))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    after: Vec<String>,
    #[serde(default)]
    state: Vec<String>,
    #[serde(default)]
    needs: BTreeMap<String, Vec<String>>,
    pub(super) action: String,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) risk: Risk,
    #[serde(default)]
    pub(super) expect: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    step: Vec<Step>,
}

static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("restore.toml")).expect("restore.toml is compiled in and tested");
    file.step
});

impl Step {
    fn fits(&self, past: &Past) -> bool {
        let before = &past.before;
        let known = |(name, values): (&String, &Vec<String>)| match before.attributes.get(name) {
            None | Some(Value::Null) => false,
            Some(value) => {
                values.is_empty() || value.as_str().is_some_and(|v| values.iter().any(|of| of == v))
            }
        };
        let was_known = !["unavailable", "unknown"].contains(&before.state.as_str());
        was_known
            && self.after.contains(&past.service)
            && (self.state.is_empty() || self.state.contains(&before.state))
            && self.needs.iter().all(known)
    }

    /// The service data out of the state before.
    pub(super) fn data(&self, before: &EntityState) -> BTreeMap<String, Value> {
        let value = |name: &str| match name {
            "state" => Some(Value::from(before.state.clone())),
            name => before.attributes.get(name).filter(|value| !value.is_null()).cloned(),
        };
        self.data.iter().filter_map(|(key, name)| Some((key.clone(), value(name)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::act::rules::every_action;

    fn restored(service: &str, state: &str, attributes: &Value) -> Option<(String, Value)> {
        let before = EntityState {
            state: state.into(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        };
        let past = Past { service: service.into(), target: EntityId::from("light.x"), before };
        let step = past.step()?;
        Some((step.action.clone(), json!(step.data(&past.before))))
    }

    #[test]
    fn a_light_gets_its_brightness_and_its_colour_back() {
        let warm = json!({"color_mode": "color_temp", "brightness": 80, "color_temp_kelvin": 2700, "hs_color": [28, 65]});
        assert_eq!(
            restored("light.turn_on", "on", &warm),
            Some(("light.turn_on".into(), json!({"brightness": 80, "color_temp_kelvin": 2700})))
        );
        assert_eq!(restored("light.turn_on", "off", &warm), Some(("light.turn_off".into(), json!({}))));
        assert_eq!(restored("light.turn_on", "unavailable", &warm), None);
    }

    #[test]
    fn a_cover_goes_back_to_where_it_stood() {
        assert_eq!(
            restored("cover.open_cover", "open", &json!({"current_position": 40})),
            Some(("cover.set_cover_position".into(), json!({"position": 40})))
        );
        assert_eq!(
            restored("cover.open_cover", "closed", &json!({})),
            Some(("cover.close_cover".into(), json!({})))
        );
    }

    #[test]
    fn a_lock_that_is_undone_is_of_the_highest_risk() {
        for step in
            STEPS.iter().filter(|step| step.action.starts_with("lock.") || step.action.starts_with("valve."))
        {
            assert_eq!(step.risk, Risk::R3, "{}", step.action);
        }
    }

    /// A step after an action that no intent leads to would never be taken.
    #[test]
    fn every_step_follows_an_action_that_there_is() {
        let known = every_action();
        for after in STEPS.iter().flat_map(|step| &step.after) {
            assert!(known.contains(after) || after.ends_with(".toggle") || after == "lock.open", "{after}");
        }
    }
}
