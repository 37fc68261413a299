//! Whether a model's JSON follows the schema that it was given. Servers promise that and do not always keep it.

use serde_json::Value;

/// Whether `value` follows `schema`. Known are the keywords that servers enforce as well: `type`, `enum`, `const`,
/// `anyOf`, `oneOf`, `properties`, `required`, `additionalProperties: false`, `items`, and the bounds of numbers,
/// texts and lists. Others say nothing here.
pub fn follows(value: &Value, schema: &Value) -> bool {
    let Some(rules) = schema.as_object() else { return schema != &Value::Bool(false) };
    rules.iter().all(|(keyword, rule)| holds(value, keyword, rule, schema))
}

fn holds(value: &Value, keyword: &str, rule: &Value, schema: &Value) -> bool {
    match keyword {
        "type" => is_of_type(value, rule),
        "const" => value == rule,
        "enum" => rule.as_array().is_some_and(|allowed| allowed.contains(value)),
        "anyOf" | "oneOf" => {
            rule.as_array().is_some_and(|branches| branches.iter().any(|branch| follows(value, branch)))
        }
        "properties" | "required" | "additionalProperties" => object_holds(value, keyword, rule, schema),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| follows(item, rule))),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= count(rule, 0)),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= count(rule, u64::MAX)),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= count(rule, 0)),
        "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= count(rule, u64::MAX)),
        "minimum" => within(value, rule, |number, bound| number >= bound),
        "maximum" => within(value, rule, |number, bound| number <= bound),
        _ => true,
    }
}

fn object_holds(value: &Value, keyword: &str, rule: &Value, schema: &Value) -> bool {
    let Some(object) = value.as_object() else { return true };
    match (keyword, rule) {
        ("properties", Value::Object(rules)) => {
            rules.iter().all(|(key, rule)| object.get(key).is_none_or(|value| follows(value, rule)))
        }
        ("required", Value::Array(keys)) => {
            keys.iter().all(|key| key.as_str().is_some_and(|key| object.contains_key(key)))
        }
        ("additionalProperties", rule) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let others = object.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
            others.map(|(_, value)| value).all(|value| follows(value, rule))
        }
        _ => true,
    }
}

fn is_of_type(value: &Value, rule: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => true,
    };
    match rule {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

fn count(rule: &Value, without: u64) -> u64 {
    rule.as_u64().unwrap_or(without)
}

fn within(value: &Value, rule: &Value, holds: impl Fn(f64, f64) -> bool) -> bool {
    match (value.as_f64(), rule.as_f64()) {
        (Some(number), Some(bound)) => holds(number, bound),
        (None, _) | (_, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::follows;

    #[test]
    fn what_a_schema_demands_is_demanded() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["act", "level"],
            "properties": {
                "act": { "enum": ["on", "off"] },
                "level": { "type": "integer", "minimum": 0, "maximum": 100 },
                "names": { "type": "array", "maxItems": 2, "items": { "type": "string", "maxLength": 5 } },
                "room": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
        });
        for good in [
            json!({ "act": "on", "level": 100 }),
            json!({ "act": "off", "level": 7.0, "names": ["lamp", "Öfen!"], "room": null }),
        ] {
            assert!(follows(&good, &schema), "{good}");
        }
        for bad in [
            json!("on"),
            json!([]),
            json!({ "act": "on" }),
            json!({ "act": "toggle", "level": 1 }),
            json!({ "act": "on", "level": 101 }),
            json!({ "act": "on", "level": 1.5 }),
            json!({ "act": "on", "level": "1" }),
            json!({ "act": "on", "level": 1, "more": true }),
            json!({ "act": "on", "level": 1, "names": ["lamp", "lamp", "lamp"] }),
            json!({ "act": "on", "level": 1, "names": ["floor lamp"] }),
            json!({ "act": "on", "level": 1, "room": 4 }),
        ] {
            assert!(!follows(&bad, &schema), "{bad}");
        }
    }
}
