//! Reads the state back: success is reported only after the home shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Action;
use super::rules::Rule;
use crate::clock::within;
use crate::home::EntityState;
use crate::{Clock, EntityId, Home};

/// How long the state may take to follow before Helix says that it did not.
pub const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// How the state of a target must look after the action.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Expectation {
    any_of: Vec<String>,
    none_of: Vec<String>,
    attribute: Option<ExpectedAttribute>,
}

#[derive(Debug, Clone, PartialEq)]
struct ExpectedAttribute {
    name: String,
    value: f64,
    tolerance: f64,
    or_state: Vec<String>,
}

impl Expectation {
    pub(super) fn of(rule: &Rule, slots: &BTreeMap<String, Value>) -> Self {
        let attribute = rule.attribute.as_ref().and_then(|expected| {
            Some(ExpectedAttribute {
                name: expected.name.clone(),
                value: number(slots.get(&expected.slot)?)? * expected.scale,
                tolerance: expected.tolerance,
                or_state: expected.or_state.clone(),
            })
        });
        // A brightness of zero is a light that is off.
        let dark = attribute.as_ref().is_some_and(|a| a.name == "brightness" && a.value == 0.0);
        let any_of = if dark { vec!["off".into()] } else { rule.expect.clone() };
        Self { any_of, none_of: rule.expect_not.clone(), attribute: attribute.filter(|_| !dark) }
    }

    /// One of these states.
    pub(super) fn states(any_of: &[String]) -> Self {
        Self { any_of: any_of.to_vec(), ..Self::default() }
    }

    fn is_met_by(&self, now: &EntityState) -> bool {
        let state = &now.state;
        if ["unavailable", "unknown"].contains(&state.as_str()) && !self.is_blind() {
            return false;
        }
        let state_fits = self.any_of.is_empty() || self.any_of.contains(state);
        state_fits
            && !self.none_of.contains(state)
            && self.attribute.as_ref().is_none_or(|a| a.is_met_by(now))
    }

    /// Nothing about this action can be seen in a state.
    fn is_blind(&self) -> bool {
        self.any_of.is_empty() && self.none_of.is_empty() && self.attribute.is_none()
    }
}

impl ExpectedAttribute {
    fn is_met_by(&self, now: &EntityState) -> bool {
        match now.attributes.get(&self.name).and_then(number) {
            Some(value) if (value - self.value).abs() <= self.tolerance => true,
            Some(_) => self.or_state.contains(&now.state),
            // An entity that only assumes its state may never show this attribute; its state is all there is.
            None => is_assumed(now) || self.or_state.contains(&now.state),
        }
    }
}

fn is_assumed(now: &EntityState) -> bool {
    now.attributes.get("assumed_state").and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// What reading the states back showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// Targets whose state did not follow in time, in the order of the actions.
    pub missing: Vec<EntityId>,
}

/// Waits until the states of all targets follow, at most [`SETTLE_LIMIT`].
pub async fn verify(actions: &[Action], home: &impl Home, clock: &impl Clock) -> Proof {
    let all_follow = async {
        loop {
            let seen = home.revision();
            if unmet(actions, home).next().is_none() {
                return;
            }
            home.changed(seen).await;
        }
    };
    match within(clock, SETTLE_LIMIT, all_follow).await {
        Some(()) => Proof::default(),
        None => Proof { missing: unmet(actions, home).collect() },
    }
}

fn unmet<'a>(actions: &'a [Action], home: &'a impl Home) -> impl Iterator<Item = EntityId> + 'a {
    let follows = |action: &Action| {
        action.expectation().is_blind()
            || home.state(action.target()).is_some_and(|now| action.expectation().is_met_by(&now))
    };
    actions.iter().filter(move |action| !follows(action)).map(|action| action.target().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::rules::rule_for;
    use serde_json::json;

    fn expectation(intent: &str, domain: &str, slots: &[(&str, Value)]) -> Expectation {
        let slots = slots.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        Expectation::of(rule_for(intent, domain).expect("a rule"), &slots)
    }

    fn state(state: &str, attributes: &Value) -> EntityState {
        EntityState { state: state.into(), attributes: attributes.as_object().cloned().unwrap_or_default() }
    }

    #[test]
    fn an_opening_cover_counts_as_opened() {
        let open = expectation("HassTurnOn", "cover", &[]);
        assert!(open.is_met_by(&state("opening", &json!({}))));
        assert!(!open.is_met_by(&state("closed", &json!({}))));
    }

    #[test]
    fn brightness_is_compared_on_home_assistants_scale() {
        let half = expectation("HassLightSet", "light", &[("brightness", json!(50))]);
        assert!(half.is_met_by(&state("on", &json!({"brightness": 128}))));
        assert!(!half.is_met_by(&state("on", &json!({"brightness": 255}))));
        assert!(!half.is_met_by(&state("off", &json!({}))));
    }

    #[test]
    fn an_assumed_state_that_never_shows_its_brightness_counts_by_its_state() {
        let half = expectation("HassLightSet", "light", &[("brightness", json!(50))]);
        assert!(half.is_met_by(&state("on", &json!({"assumed_state": true, "brightness": null}))));
        assert!(!half.is_met_by(&state("on", &json!({"brightness": null}))));
    }

    #[test]
    fn a_brightness_of_zero_is_proved_by_off() {
        let dark = expectation("HassLightSet", "light", &[("brightness", json!(0))]);
        assert!(dark.is_met_by(&state("off", &json!({}))));
    }

    #[test]
    fn an_unavailable_entity_never_counts_as_done() {
        let on = expectation("HassTurnOn", "climate", &[]);
        assert!(!on.is_met_by(&state("unavailable", &json!({}))));
        assert!(on.is_met_by(&state("heat", &json!({}))));
    }
}
