//! The project's own sentences: what must act, and what must not; and whether a decision does what was meant.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::router::{Decision, Done, Question};

/// All languages that have sets.
pub const LANGUAGES: [&str; 8] = ["en", "de", "nl", "fr", "es", "it", "pl", "cs"];

/// A sentence after which nothing may move.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustNotAct {
    /// What is said.
    pub sentence: String,
    /// Such as `negation`.
    pub category: String,
    /// Id of the area that it is said in.
    #[serde(default)]
    pub area: Option<String>,
}

/// A command and what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustAct {
    /// What is said.
    pub sentence: String,
    /// The only action.
    pub action: String,
    /// All entities that it is for.
    pub targets: BTreeSet<String>,
    /// What its service data has to hold.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// Id of the area that it is said in.
    #[serde(default)]
    pub area: Option<String>,
}

/// What a decision is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does what was meant, and nothing else.
    Right,
    /// It does something else.
    Wrong,
    /// It does nothing.
    Nothing,
}

impl MustNotAct {
    /// The language's own sentences.
    ///
    /// # Errors
    /// There is no such set.
    pub fn all(language: &str) -> Result<Vec<Self>> {
        read(&format!("must-not-act/{language}.yaml"))
    }

    /// For `helix route`.
    pub fn question(&self) -> Question {
        Question { sentence: self.sentence.clone(), area: self.area.clone() }
    }
}

impl MustAct {
    /// The language's own commands.
    ///
    /// # Errors
    /// There is no such set.
    pub fn all(language: &str) -> Result<Vec<Self>> {
        read(&format!("must-act/{language}.yaml"))
    }

    /// For `helix route`.
    pub fn question(&self) -> Question {
        Question { sentence: self.sentence.clone(), area: self.area.clone() }
    }

    /// What a decision is worth.
    pub fn judge(&self, decision: &Decision) -> Verdict {
        if decision.acts { self.judge_actions(&decision.actions) } else { Verdict::Nothing }
    }

    /// Whether the actions are the one that was meant, on all of its targets and on nothing else.
    pub fn judge_actions(&self, actions: &[Done]) -> Verdict {
        let is_meant = |done: &Done| {
            let done = plain(done);
            done.action == self.action && contains(&done.data, &self.data)
        };
        let targets: BTreeSet<_> = actions.iter().flat_map(|done| done.targets.iter().cloned()).collect();
        if actions.iter().all(is_meant) && targets == self.targets { Verdict::Right } else { Verdict::Wrong }
    }

    /// For people.
    pub fn expected(&self) -> String {
        let targets = self.targets.iter().cloned().collect();
        Done { action: self.action.clone(), targets, data: self.data.clone() }.to_string()
    }
}

/// A position at either end is the same as opening and closing.
pub fn plain(done: &Done) -> Done {
    let position = done.data.get("position").and_then(Value::as_f64);
    let action = match (done.action.as_str(), position) {
        ("cover.set_cover_position", Some(100.0)) => "cover.open_cover",
        ("cover.set_cover_position", Some(0.0)) => "cover.close_cover",
        (other, _) => other,
    };
    Done { action: action.to_owned(), ..done.clone() }
}

/// Whether the data hold what is wanted, as far as rounding allows.
pub fn contains(data: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, wanted)| data.get(key).is_some_and(|value| is_same(value, wanted)))
}

/// Percent and degrees may be off by one by rounding, shares of one by a hundredth.
fn is_same(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        (Some(value), Some(wanted)) => {
            let tolerance = if wanted.abs() > 1.0 { 1.0 } else { 0.011 };
            (value - wanted).abs() <= tolerance
        }
        (None, None) => match (value.as_str(), wanted.as_str()) {
            (Some(value), Some(wanted)) => value.eq_ignore_ascii_case(wanted),
            _ => value == wanted,
        },
        _ => false,
    }
}

/// A file of `tests/testdata`.
///
/// # Errors
/// It is not there, or has another shape.
pub fn read<T: DeserializeOwned>(name: &str) -> Result<T> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_yaml_ng::from_str(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Done, LANGUAGES, MustAct, MustNotAct, Verdict};

    fn done(action: &str, targets: &[&str], data: &serde_json::Value) -> Done {
        let data = data.as_object().cloned().unwrap_or_default();
        Done { action: action.into(), targets: targets.iter().map(ToString::to_string).collect(), data }
    }

    fn dim() -> MustAct {
        let meant = json!({"sentence": "dim it", "action": "light.turn_on", "targets": ["light.a", "light.b"],
                           "data": {"brightness_pct": 30}});
        serde_json::from_value(meant).expect("a command")
    }

    #[test]
    fn right_is_the_same_action_on_all_targets_with_the_same_data() {
        let both = [
            done("light.turn_on", &["light.a"], &json!({"brightness_pct": 30.4})),
            done("light.turn_on", &["light.b"], &json!({"brightness_pct": 30, "transition": 1})),
        ];
        assert_eq!(dim().judge_actions(&both), Verdict::Right);
        assert_eq!(dim().judge_actions(&both[..1]), Verdict::Wrong);
        let off = done("light.turn_on", &["light.a", "light.b"], &json!({"brightness_pct": 35}));
        assert_eq!(dim().judge_actions(&[off]), Verdict::Wrong);
        let more = done("switch.turn_on", &["switch.c"], &json!({}));
        assert_eq!(dim().judge_actions(&[both[0].clone(), both[1].clone(), more]), Verdict::Wrong);
    }

    #[test]
    fn every_set_can_be_read_and_is_long_enough() {
        for language in LANGUAGES {
            let (act, not) =
                (MustAct::all(language).expect("a set"), MustNotAct::all(language).expect("a set"));
            assert!(act.len() >= 60 && not.len() >= 60, "{language}: {} and {}", act.len(), not.len());
        }
    }
}
