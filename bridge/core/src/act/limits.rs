//! The limits of `limits.toml`: an action's data in, whether its values are those of daily life out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::verify::number;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    action: String,
    key: String,
    from: f64,
    to: f64,
    from_f: Option<f64>,
    to_f: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    limit: Vec<Limit>,
}

static LIMITS: LazyLock<Vec<Limit>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("limits.toml")).expect("limits.toml is compiled in and tested");
    file.limit
});

/// Whether a person would ask back before doing this; `values` are the action's data or the intent's slots.
pub(super) fn is_unusual(action: &str, values: &BTreeMap<String, Value>, fahrenheit: bool) -> bool {
    LIMITS.iter().filter(|limit| limit.action == action).any(|limit| {
        let (from, to) = match (limit.from_f, limit.to_f) {
            (Some(from), Some(to)) if fahrenheit => (from, to),
            (_, _) => (limit.from, limit.to),
        };
        values.get(&limit.key).and_then(number).is_some_and(|value| !(from..=to).contains(&value))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ninety_degrees_are_unusual_and_twenty_one_are_not() {
        let set = |degrees: i64, fahrenheit| {
            let data = BTreeMap::from([("temperature".to_owned(), json!(degrees))]);
            is_unusual("climate.set_temperature", &data, fahrenheit)
        };
        assert!(set(90, false) && set(90, true) && set(-5, false));
        assert!(!set(21, false) && !set(70, true));
        assert!(set(70, false));
    }
}
