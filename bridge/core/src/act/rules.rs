//! The rules of `intents.toml`: intent and domain in, action, risk and proof of success out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Risk;

/// What an intent does to the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntentKind {
    /// Answers, changes nothing.
    Query,
    /// Changes only timers, lists or announcements; needs no target.
    Inner,
    /// Changes entities.
    Act,
}

/// The rule for one intent on some domains.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    domains: Vec<String>,
    pub(super) action: String,
    #[serde(default)]
    pub(super) risk: Risk,
    #[serde(default)]
    pub(super) data: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) expect: Vec<String>,
    #[serde(default)]
    pub(super) expect_not: Vec<String>,
    pub(super) attribute: Option<AttributeRule>,
}

/// An attribute that must follow a slot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeRule {
    pub(super) name: String,
    pub(super) slot: String,
    #[serde(default = "one")]
    pub(super) scale: f64,
    pub(super) tolerance: f64,
    #[serde(default)]
    pub(super) or_state: Vec<String>,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Intent {
    name: String,
    kind: IntentKind,
    #[serde(default)]
    on: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct File {
    intent: Vec<Intent>,
}

static INTENTS: LazyLock<BTreeMap<String, Intent>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("intents.toml")).expect("intents.toml is compiled in and tested");
    file.intent.into_iter().map(|intent| (intent.name.clone(), intent)).collect()
});

/// What the intent does; `None` for intents that Helix does not know, such as a user's own.
pub fn kind_of(intent: &str) -> Option<IntentKind> {
    INTENTS.get(intent).map(|intent| intent.kind)
}

/// The rule for this intent on an entity of this domain.
pub(super) fn rule_for(intent: &str, domain: &str) -> Option<&'static Rule> {
    INTENTS.get(intent)?.on.iter().find(|rule| rule.domains.iter().any(|d| d == domain))
}

/// Every action that an intent can lead to, such as `light.turn_on`.
#[cfg(test)]
pub(super) fn every_action() -> std::collections::BTreeSet<String> {
    let rules = INTENTS.values().flat_map(|intent| &intent.on);
    rules.flat_map(|rule| rule.domains.iter().map(|domain| format!("{domain}.{}", rule.action))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_acting_intent_has_rules_and_no_domain_has_two() {
        for intent in INTENTS.values() {
            assert_eq!(intent.kind == IntentKind::Act, !intent.on.is_empty(), "{}", intent.name);
            let mut domains: Vec<_> = intent.on.iter().flat_map(|rule| &rule.domains).collect();
            let all = domains.len();
            domains.sort();
            domains.dedup();
            assert_eq!(domains.len(), all, "{} has two rules for one domain", intent.name);
        }
    }

    #[test]
    fn a_lock_is_always_of_the_highest_risk() {
        for intent in ["HassTurnOn", "HassTurnOff"] {
            assert_eq!(rule_for(intent, "lock").expect("a rule").risk, Risk::R3);
        }
    }
}
