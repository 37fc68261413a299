//! `call_service`: an action without a sentence.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::Command;

/// Calls an action (Home Assistant's older word is service) on entities. It is answered once it was carried out;
/// an entity that is missing is no error to Home Assistant.
#[derive(Clone, Serialize)]
#[allow(missing_debug_implementations, reason = "it may hold what people say")]
pub struct CallService {
    /// `light` of `light.turn_on`.
    pub domain: String,
    /// `turn_on` of `light.turn_on`.
    pub service: String,
    /// The action's data.
    pub service_data: BTreeMap<String, Value>,
    /// What it is called on.
    pub target: ServiceTarget,
}

/// What an action is called on.
#[derive(Clone, Serialize)]
#[allow(missing_debug_implementations, reason = "it is a part of what may hold what people say")]
pub struct ServiceTarget {
    /// The entities.
    pub entity_id: Vec<String>,
}

impl Command for CallService {
    const TYPE: &'static str = "call_service";
    type Answer = Value;
}
