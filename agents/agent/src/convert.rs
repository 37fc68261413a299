//! Units: 100 km/h in, 62.14 mph out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::arithmetic::evaluate;
use crate::tool::{Setting, Tool, ToolError, read, schema, wrong};

/// Converts units.
#[derive(Debug, Clone, Copy)]
pub struct Convert;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// How many
    value: f64,
    /// The unit that it has: `km/h`, `°C`, `cups`, `kWh`
    from: String,
    /// The unit that it shall have
    to: String,
}

impl Tool for Convert {
    fn name(&self) -> &'static str {
        "convert"
    }

    fn description(&self) -> &'static str {
        "Converts between units of length, area, volume, mass, time, speed, temperature, pressure, energy, power and data. \
         Cups, pints and gallons are those of the United States. Knows no currencies."
    }

    fn input_schema(&self) -> Value {
        schema::<Input>()
    }

    fn call(&self, input: &Value, setting: &Setting<'_>) -> Result<Value, ToolError> {
        let Input { value, from, to } = read(input)?;
        for unit in [&from, &to] {
            if !unit.chars().any(|c| c.is_alphabetic() || "°'\"%".contains(c)) {
                return Err(wrong(format!("{unit:?} is no unit; name one such as km/h")));
            }
        }
        evaluate(&format!("{value:e} {from} to {to}"), setting)
    }
}
