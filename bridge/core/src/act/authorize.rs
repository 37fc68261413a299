//! Authority: an [`Action`] exists only if its target is exposed and its risk is cleared.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Risk;
use super::hazards;
use super::limits::is_unusual;
use super::restore::Past;
use super::rules::{Rule, rule_for};
use super::verify::Expectation;
use crate::EntityId;
use crate::dialogue::Clearance;
use crate::home::{Caller, Entity, Registry, StrictMatch};
use crate::route::Matrix;

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

/// What would be done to one exposed entity. It cannot be carried out: its risk is not cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    service: String,
    target: EntityId,
    data: BTreeMap<String, Value>,
    risk: Risk,
    unusual: bool,
    expectation: Expectation,
}

impl Draft {
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

    /// Whether its values are far from those of daily life.
    pub fn is_unusual(&self) -> bool {
        self.unusual
    }
    /// Whether a person has to be asked first.
    pub fn needs_a_yes(&self) -> bool {
        self.risk >= Risk::R3 || self.unusual
    }

    /// Clears the risk: the highest class only if exactly this was confirmed.
    ///
    /// # Errors
    /// [`Refusal::NeedsConfirmation`].
    pub fn authorize(self, _caller: &Caller, clearance: &Clearance) -> Result<Action, Refusal> {
        if self.risk >= Risk::R3 && !clearance.covers(&self) {
            return Err(Refusal::NeedsConfirmation(self.target));
        }
        Ok(Action(self))
    }
}

/// An action on one entity that was authorised. Only [`Draft::authorize`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Action(Draft);

impl Action {
    /// The Home Assistant action, such as `light.turn_on`.
    pub fn service(&self) -> &str {
        &self.0.service
    }
    /// The entity.
    pub fn target(&self) -> &EntityId {
        &self.0.target
    }
    /// The action's data.
    pub fn data(&self) -> &BTreeMap<String, Value> {
        &self.0.data
    }
    /// Its risk class.
    pub fn risk(&self) -> Risk {
        self.0.risk
    }
    pub(super) fn expectation(&self) -> &Expectation {
        &self.0.expectation
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
    matrix: &'a Matrix,
}

impl<'a> ExposedEntities<'a> {
    /// The exposed part of `registry`, with Helix's own risk classes.
    pub fn of(registry: &'a Registry) -> Self {
        Self { registry, matrix: Matrix::built_in() }
    }

    /// The same with the risks that `matrix` raises.
    #[must_use]
    pub fn judged_by(self, matrix: &'a Matrix) -> Self {
        Self { matrix, ..self }
    }

    /// Makes a draft of a proposal if its target is exposed and can do what is asked.
    ///
    /// # Errors
    /// [`Refusal`] says which of the conditions failed; never [`Refusal::NeedsConfirmation`].
    pub fn draft(&self, proposed: ProposedAction) -> Result<Draft, Refusal> {
        let ProposedAction { intent, slots, target } = proposed;
        let Some(entity) = self.registry.entities.get(&target) else { return Err(Refusal::Missing(target)) };
        if !entity.exposed {
            return Err(Refusal::NotExposed(target));
        }
        let Some(rule) = rule_for(&intent, target.domain()) else {
            return Err(Refusal::UnknownRule { intent, target });
        };
        let service = format!("{}.{}", target.domain(), rule.action);
        let data = data_of(rule, &slots);
        Ok(Draft {
            risk: self.risk_of(&rule.action, rule.risk, entity),
            unusual: is_unusual(&service, &data, self.registry.fahrenheit)
                || is_unusual(&service, &slots, self.registry.fahrenheit),
            service,
            data,
            expectation: Expectation::of(rule, &slots),
            target,
        })
    }

    /// Makes a draft of what restores a state, if there is a way back and the entity is still exposed.
    ///
    /// # Errors
    /// [`Refusal`] says which of the conditions failed; never [`Refusal::NeedsConfirmation`].
    pub fn restore(&self, past: &Past) -> Result<Draft, Refusal> {
        let target = past.target.clone();
        let Some(entity) = self.registry.entities.get(&target) else { return Err(Refusal::Missing(target)) };
        if !entity.exposed {
            return Err(Refusal::NotExposed(target));
        }
        let Some(step) = past.step() else {
            return Err(Refusal::UnknownRule { intent: "undo".to_owned(), target });
        };
        let data = step.data(&past.before);
        Ok(Draft {
            risk: self.risk_of(&step.action, step.risk, entity),
            unusual: is_unusual(&step.action, &data, self.registry.fahrenheit),
            service: step.action.clone(),
            data,
            expectation: Expectation::states(&step.expect),
            target,
        })
    }

    /// The risk of an action, with or without the domain in front of it.
    fn risk_of(&self, action: &str, by_rule: Risk, entity: &Entity) -> Risk {
        let verb = action.split_once('.').map_or(action, |(_, verb)| verb);
        by_rule.max(hazards::risk_of(verb, entity)).max(self.matrix.raised(entity).unwrap_or(Risk::R0))
    }

    /// Makes an action of a proposal if its target is exposed and its risk is cleared.
    ///
    /// # Errors
    /// [`Refusal`] says which of the conditions failed.
    pub fn authorize(
        &self,
        proposed: ProposedAction,
        caller: &Caller,
        clearance: &Clearance,
    ) -> Result<Action, Refusal> {
        self.draft(proposed)?.authorize(caller, clearance)
    }
}

impl ExposedEntities<'_> {
    /// Whether the entity is of a kind that is only ever touched after a confirmation.
    pub fn guards(&self, target: &EntityId) -> bool {
        let entity = self.registry.entities.get(target);
        let worst =
            |entity: &Entity| hazards::worst_of(entity).max(self.matrix.raised(entity).unwrap_or(Risk::R0));
        entity.map(worst) >= Some(Risk::R3)
            || matches!(target.domain(), "lock" | "alarm_control_panel" | "valve")
    }
}

fn data_of(rule: &Rule, slots: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    rule.data.iter().filter_map(|(key, slot)| Some((key.clone(), slots.get(slot)?.clone()))).collect()
}
