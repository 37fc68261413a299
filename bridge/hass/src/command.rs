//! A request to Home Assistant: a JSON object with a `type`, and what its answer looks like.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A typed request with a typed answer.
pub trait Command: Serialize {
    /// Home Assistant's name of the command, such as `get_config`.
    const TYPE: &'static str;
    /// What a successful answer holds.
    type Answer: DeserializeOwned;

    /// Reads a successful answer.
    ///
    /// # Errors
    /// The answer does not have the shape that this version of Helix knows.
    fn read(answer: &RawValue) -> Result<Self::Answer, serde_json::Error> {
        serde_json::from_str(answer.get())
    }
}

/// The body of a request, still without its id. `Debug` shows only the type: bodies hold what people say.
#[derive(Clone, PartialEq)]
pub struct Request(Map<String, Value>);

/// A JSON value that is no request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a request is a JSON object with a text `type`")]
pub struct RequestShapeError;

impl Request {
    /// Home Assistant's name of the command.
    pub fn kind(&self) -> &str {
        self.0.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn into_frame(mut self, id: u64) -> String {
        self.0.insert("id".into(), id.into());
        Value::Object(self.0).to_string()
    }
}

impl<C: Command> From<C> for Request {
    fn from(command: C) -> Self {
        let mut body = match serde_json::to_value(&command) {
            Ok(Value::Object(body)) => body,
            // Commands are structs with string keys: they serialize to objects and cannot fail.
            Ok(_) | Err(_) => Map::new(),
        };
        body.insert("type".into(), C::TYPE.into());
        Self(body)
    }
}

impl TryFrom<Value> for Request {
    type Error = RequestShapeError;

    fn try_from(body: Value) -> Result<Self, RequestShapeError> {
        match body {
            Value::Object(body) if body.get("type").is_some_and(Value::is_string) => Ok(Self(body)),
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(RequestShapeError),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("type", &self.kind()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_object_with_a_type_is_a_request() {
        assert!(Request::try_from(json!({"type": "ping"})).is_ok());
        for bad in [json!({}), json!({"type": 1}), json!([]), json!("ping"), json!(null)] {
            assert_eq!(Request::try_from(bad), Err(RequestShapeError));
        }
    }

    #[test]
    fn debug_output_never_holds_the_words_of_a_sentence() {
        let request =
            Request::try_from(json!({"type": "conversation/process", "text": "my secret"})).expect("object");
        assert_eq!(format!("{request:?}"), r#"Request { type: "conversation/process", .. }"#);
    }
}
