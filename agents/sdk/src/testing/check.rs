//! A list of tools in, what is wrong with it for Helix out.

use helix_contract::ToolName;
use helix_contract::plugin::{
    DESCRIPTION_LEN_MAX, INPUT_LEN_MAX, INPUT_SCHEMA_LEN_MAX, Needs, TOOL_NAME_LEN_MAX, TOOLS_MAX,
};
use rmcp::model::Tool;
use serde_json::{Map, Value, json};

/// What is wrong with the tools as they are listed.
pub(super) fn listed(tools: &[Tool]) -> Vec<String> {
    let mut faults = Vec::new();
    if tools.is_empty() || tools.len() > TOOLS_MAX {
        faults.push(format!("it has {} tools; a plugin has 1 to {TOOLS_MAX}", tools.len()));
    }
    for tool in tools {
        let found = [name(tool), description(tool), input(tool), output(tool), permissions(tool)];
        faults.extend(found.into_iter().flatten().map(|fault| format!("{}: {fault}", tool.name)));
    }
    faults
}

fn name(tool: &Tool) -> Vec<String> {
    let fits = tool.name.len() <= TOOL_NAME_LEN_MAX && tool.name.parse::<ToolName>().is_ok();
    let fault = || {
        format!(
            "its name is small letters, digits and _, from a letter on, at most {TOOL_NAME_LEN_MAX} of them"
        )
    };
    (!fits).then(fault).into_iter().collect()
}

fn description(tool: &Tool) -> Vec<String> {
    let words = tool.description.as_deref().unwrap_or_default();
    let fits = words.split_whitespace().count() > 2 && words.len() <= DESCRIPTION_LEN_MAX;
    let fault =
        || format!("its description says what it is good for, in at most {DESCRIPTION_LEN_MAX} bytes");
    (!fits).then(fault).into_iter().collect()
}

fn input(tool: &Tool) -> Vec<String> {
    let mut faults: Vec<_> = object("input", &tool.input_schema);
    let silent = properties(&tool.input_schema).filter(|(_, schema)| {
        schema.get("description").and_then(Value::as_str).is_none_or(|words| words.trim().is_empty())
    });
    faults.extend(
        silent.map(|(field, _)| {
            format!("the field {field} of its input is not described; give it a doc comment")
        }),
    );
    faults
}

fn output(tool: &Tool) -> Vec<String> {
    tool.output_schema.as_deref().map_or_else(Vec::new, |schema| object("output", schema))
}

fn object(what: &str, schema: &Map<String, Value>) -> Vec<String> {
    let mut faults = Vec::new();
    if schema.get("type") != Some(&json!("object")) {
        faults.push(format!("its {what} is no object; make it a struct with named fields"));
    }
    let len = Value::Object(schema.clone()).to_string().len();
    if len > INPUT_SCHEMA_LEN_MAX {
        faults.push(format!("the schema of its {what} has {len} bytes, more than {INPUT_SCHEMA_LEN_MAX}"));
    }
    faults
}

fn permissions(tool: &Tool) -> Vec<String> {
    let mut faults = Vec::new();
    if tool.annotations.as_ref().and_then(|hints| hints.read_only_hint).is_none() {
        faults.push("it does not say whether it only reads".to_owned());
    }
    let needs = tool.meta.as_ref().map(|meta| Needs::read(&meta.0)).unwrap_or_default();
    let is_variable = |key: &String| {
        key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && key.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    };
    let is_host = |host: &String| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
    };
    let keys = needs.keys.iter().filter(|key| !is_variable(key));
    faults.extend(keys.map(|key| format!("the key {key:?} is no name of a variable such as TIDES_KEY")));
    let hosts = needs.hosts.iter().filter(|host| !is_host(host));
    faults.extend(hosts.map(|host| format!("the host {host:?} is no name such as api.tides.example")));
    faults
}

/// Inputs that do not fit, each with what is wrong with it.
pub(super) fn wrong_inputs(schema: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let mut wrong = vec![("an input that is too long", json!({ "x": "x".repeat(INPUT_LEN_MAX) }))];
    let required = schema.get("required").and_then(Value::as_array);
    if required.is_some_and(|required| !required.is_empty()) {
        wrong.push(("an input that lacks what is required", json!({})));
    }
    let typed = properties(schema).find_map(|(field, schema)| Some((field, of_other_type(schema)?)));
    if let Some((field, value)) = typed {
        wrong.push(("a field of another type", json!({ field: value })));
    }
    wrong
}

/// A value that a field of this one type cannot have.
fn of_other_type(schema: &Value) -> Option<Value> {
    match schema.get("type")?.as_str()? {
        "array" | "object" => Some(json!(true)),
        _ => Some(json!([[]])),
    }
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(field, schema)| (field.as_str(), schema))
}
