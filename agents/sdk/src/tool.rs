//! What a tool is: typed for its author, JSON for the protocol. A call's JSON goes in, a bounded answer or a complaint comes out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use helix_contract::plugin::{ANSWER_LEN_MAX, INPUT_LEN_MAX};
use rmcp::model;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::Permissions;

/// One tool. What an agent's model reads of it are its name, its description and the doc comments of its input's fields.
pub trait Tool: Send + Sync + 'static {
    /// Its input: a struct.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;
    /// Its answer: a struct, at most 64 KiB as JSON.
    type Output: Serialize + JsonSchema + Send + 'static;
    /// Why it does not answer. Its text is told to the agent: what happened and what to do instead.
    type Error: std::error::Error + Send;

    /// Its name: small letters, digits and `_`, at most 32.
    const NAME: &'static str;
    /// What it is good for, and how it wants to be asked; at most 1 KiB.
    const DESCRIPTION: &'static str;

    /// What it may touch.
    fn permissions(&self) -> Permissions;

    /// Answers. It is dropped when its time is over; what would block the thread belongs into `tokio::task::spawn_blocking`.
    fn call(&self, input: Self::Input) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// Why a call has no answer; the agent is told its text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the input is longer than {INPUT_LEN_MAX} bytes; ask for less at once")]
    InputTooLong,
    #[error("the input does not fit: {0}")]
    Input(serde_json::Error),
    #[error("{0}")]
    Failed(String),
    #[error("the tool broke down over this input; ask it in another way or do without it")]
    Panicked,
    #[error("the tool did not answer within {0:?}; ask for less or later")]
    Late(Duration),
    #[error("the answer has no JSON form: {0}")]
    NoJson(serde_json::Error),
    #[error("the answer is longer than {ANSWER_LEN_MAX} bytes; ask for less at once")]
    AnswerTooLong,
}

/// A tool without its types.
pub(crate) trait Offered: Send + Sync {
    fn listed(&self) -> model::Tool;
    fn permissions(&self) -> Permissions;
    fn answer(&self, input: Map<String, Value>, limit: Duration) -> BoxFuture<'_, Result<Value, CallError>>;
}

impl<T: Tool> Offered for T {
    fn listed(&self) -> model::Tool {
        let permissions = Tool::permissions(self);
        let input = schema::<T::Input>(SchemaSettings::draft2020_12());
        let output = schema::<T::Output>(SchemaSettings::draft2020_12().for_serialize());
        let mut tool =
            model::Tool::new(T::NAME, T::DESCRIPTION, input).with_raw_output_schema(Arc::new(output));
        tool.annotations = Some(permissions.annotations());
        tool.meta = permissions.meta();
        tool
    }

    fn permissions(&self) -> Permissions {
        Tool::permissions(self)
    }

    fn answer(&self, input: Map<String, Value>, limit: Duration) -> BoxFuture<'_, Result<Value, CallError>> {
        Box::pin(async move {
            let input = Value::Object(input);
            if input.to_string().len() > INPUT_LEN_MAX {
                return Err(CallError::InputTooLong);
            }
            let input = serde_json::from_value(input).map_err(CallError::Input)?;
            let calling = AssertUnwindSafe(async { self.call(input).await }).catch_unwind();
            let called = timeout(limit, calling).await.map_err(|_| CallError::Late(limit))?;
            let output = called.map_err(|_| CallError::Panicked)?;
            let output = output.map_err(|error| CallError::Failed(error.to_string()))?;
            let answer = serde_json::to_value(output).map_err(CallError::NoJson)?;
            let fits = answer.to_string().len() <= ANSWER_LEN_MAX;
            if fits { Ok(answer) } else { Err(CallError::AnswerTooLong) }
        })
    }
}

/// A schema in one piece: small models lose themselves in references.
fn schema<T: JsonSchema>(mut settings: SchemaSettings) -> Map<String, Value> {
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut schema = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    for noise in ["$schema", "title", "description"] {
        schema.remove(noise);
    }
    schema
}
