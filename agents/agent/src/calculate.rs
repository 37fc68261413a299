//! Arithmetic: `17.5% of 89.99` in, `15.74825` out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::arithmetic::evaluate;
use crate::tool::{Setting, Tool, ToolError, read, schema};

/// Calculates.
#[derive(Debug, Clone, Copy)]
pub struct Calculate;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What to calculate, at most 200 characters, with a decimal point: `17.5% of 89.99`, `(3 + 4) * 2^10`, `sqrt 2`
    expression: String,
}

impl Tool for Calculate {
    fn name(&self) -> &'static str {
        "calculate"
    }

    fn description(&self) -> &'static str {
        "Calculates exactly. Knows + - * / ^ ! mod, brackets, sqrt, sin, ln, log10, pi, e, `15% of 80` (a percentage by \
         itself is a hundredth: 80 + 15% is 80.15) and units: `2 h 30 min in minutes`."
    }

    fn input_schema(&self) -> Value {
        schema::<Input>()
    }

    fn call(&self, input: &Value, setting: &Setting<'_>) -> Result<Value, ToolError> {
        evaluate(&read::<Input>(input)?.expression, setting)
    }
}
