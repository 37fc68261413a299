//! Authority: an [`Action`] exists only if its target is exposed and its risk is cleared.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Risk;
use super::rules::{Rule, rule_for};
use super::verify::Expectation;
use crate::EntityId;
use crate::home::{Caller, Entity, Registry, StrictMatch};

/// What a matcher or a model would like to do to one entity; authorises nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedAction {
    /// Home Assistant's intent name.
    pub intent: String,
    /// Slot -> value.
    pub slots: BTreeMap<String, Value>,
    /// The entity.
    pub target: EntityId,
}

impl ProposedAction {
    /// One proposal per target of a strict match. For an intent of certain kinds of entities, such as cleaning an
    /// area, Home Assistant's dry run names everything in the area: what the intent is not for is left out.
    /// "Turn on" is for everything, so that nothing is left out silently there.
    pub fn all_of(found: &StrictMatch) -> Vec<Self> {
        let for_all = matches!(found.intent.as_str(), "HassTurnOn" | "HassTurnOff");
        let meant = |target: &&EntityId| for_all || rule_for(&found.intent, target.domain()).is_some();
        let propose = |target: &EntityId| Self {
            intent: found.intent.clone(),
            slots: found.slots.clone(),
            target: target.clone(),
        };
        found.targets.iter().filter(meant).map(propose).collect()
    }
}

/// An action on one entity that was authorised. Only [`ExposedEntities::authorize`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    service: String,
    target: EntityId,
    data: BTreeMap<String, Value>,
    risk: Risk,
    expectation: Expectation,
}

impl Action {
    /// The Home Assistant action, such as `light.turn_on`.
    pub fn service(&self) -> &str {
        &self.service
    }
    /// The entity.
    pub fn target(&self) -> &EntityId {
        &self.target
    }
    /// The action's data.
    pub fn data(&self) -> &BTreeMap<String, Value> {
        &self.data
    }
    /// Its risk class.
    pub fn risk(&self) -> Risk {
        self.risk
    }
    pub(super) fn expectation(&self) -> &Expectation {
        &self.expectation
    }
}

/// Why an action was not authorised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The entity is not there.
    #[error("{0} does not exist")]
    Missing(EntityId),
    /// The user did not expose the entity to voice.
    #[error("{0} is not exposed to voice")]
    NotExposed(EntityId),
    /// Helix knows no rule for this intent on this kind of entity.
    #[error("{intent} is not known for {target}")]
    UnknownRule {
        /// The intent.
        intent: String,
        /// The entity.
        target: EntityId,
    },
    /// The action needs a confirmation that cannot be asked for.
    #[error("{0} needs a confirmation")]
    NeedsConfirmation(EntityId),
}

/// The entities that voice may touch.
#[derive(Debug, Clone, Copy)]
pub struct ExposedEntities<'a> {
    registry: &'a Registry,
}

impl<'a> ExposedEntities<'a> {
    /// The exposed part of `registry`.
    pub fn of(registry: &'a Registry) -> Self {
        Self { registry }
    }

    /// Makes an action of a proposal if its target is exposed to `_caller` and the risk is cleared.
    ///
    /// # Errors
    /// [`Refusal`] says which of the conditions failed.
    pub fn authorize(&self, proposed: ProposedAction, _caller: &Caller) -> Result<Action, Refusal> {
        let ProposedAction { intent, slots, target } = proposed;
        let Some(entity) = self.registry.entities.get(&target) else { return Err(Refusal::Missing(target)) };
        if !entity.exposed {
            return Err(Refusal::NotExposed(target));
        }
        let Some(rule) = rule_for(&intent, target.domain()) else {
            return Err(Refusal::UnknownRule { intent, target });
        };
        let risk = risk_of(rule, entity);
        if risk >= Risk::R3 {
            return Err(Refusal::NeedsConfirmation(target));
        }
        Ok(Action {
            service: format!("{}.{}", target.domain(), rule.action),
            data: data_of(rule, &slots),
            expectation: Expectation::of(rule, &slots),
            target,
            risk,
        })
    }
}

impl ExposedEntities<'_> {
    /// Whether the entity is of a kind that is only ever touched after a confirmation.
    pub fn guards(&self, target: &EntityId) -> bool {
        let class = self.registry.entities.get(target).and_then(|entity| entity.device_class.as_deref());
        matches!(target.domain(), "lock" | "alarm_control_panel" | "valve") || is_security(target, class)
    }
}

fn risk_of(rule: &Rule, entity: &Entity) -> Risk {
    if is_security(&entity.id, entity.device_class.as_deref()) { Risk::R3 } else { rule.risk }
}

/// Covers and valves of these device classes open the house or feed water or gas.
fn is_security(entity: &EntityId, device_class: Option<&str>) -> bool {
    let opens = matches!(entity.domain(), "cover" | "valve");
    opens && matches!(device_class, Some("garage" | "gate" | "door" | "water" | "gas"))
}

fn data_of(rule: &Rule, slots: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    rule.data.iter().filter_map(|(key, slot)| Some((key.clone(), slots.get(slot)?.clone()))).collect()
}
