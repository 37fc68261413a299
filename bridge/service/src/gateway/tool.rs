//! A call of a tool: within the scope of its task, counted, carried out by whoever has the tool, written down.

use std::sync::Arc;
use std::time::Duration;

use helix_contract::api::{TaskAttempt, ToolAnswerV1, ToolOutcome, ToolRequestV1};
use helix_contract::{Digest, V1, Wire, WireError, canonical, encode};
use tokio::time::timeout;

use super::call::{Numbered, Worked, carry_out};
use super::desk::Desk;
use super::home;
use super::refusal::Refusal;
use super::scope::permitted;
use super::server::Answer;
use super::{Called, Tool, ToolCall, origin_of};
use crate::tasks::{Asked, Cost, Task};

/// How long a tool may take: a slow page has 20 s, and a search asks several.
const TOOL_LIMIT: Duration = Duration::from_mins(1);

pub(super) async fn call(
    desk: &Arc<Desk>,
    of: TaskAttempt,
    request: ToolRequestV1,
) -> Result<Answer, Refusal> {
    let task = desk.current(&of).await?;
    let tool = permitted(&task.spec, &request.tool)?;
    let most = Cost { tool_calls: 1, ..Cost::default() };
    let named = Some((request.tool.clone(), request.input.clone()));
    let asked = Asked { seq: request.seq, request: digest(&request)?, tool: named };
    let call = Numbered { of, asked, most };
    let own = Arc::clone(desk);
    carry_out(desk, call, move |_| async move { work(&own, &task, tool, &request).await }).await
}

/// The digest of a whole request.
pub(super) fn digest<T: Wire>(request: &T) -> Result<Digest, WireError> {
    let malformed = |source| WireError::Malformed { name: T::NAME, source };
    Ok(Digest::of(&canonical(request).map_err(malformed)?))
}

async fn work(desk: &Desk, task: &Task, tool: Tool, request: &ToolRequestV1) -> Worked {
    let asked = timeout(TOOL_LIMIT, ask(desk, task, tool, request)).await;
    let slow = || Ok(failed("tool-timeout", "it took too long; ask for less, or do without it").into());
    let (micros, answer) = match asked.unwrap_or_else(|_| slow()) {
        Ok(Called { outcome, micros }) => (micros, written(outcome)),
        Err(refusal) => (0, Err(refusal)),
    };
    // What was refused may be asked for again, and does not count.
    let tool_calls = answer.is_ok().into();
    Worked { cost: Cost { micros, tool_calls, ..Cost::default() }, answer }
}

async fn ask(desk: &Desk, task: &Task, tool: Tool, request: &ToolRequestV1) -> Result<Called, Refusal> {
    if tool == Tool::HomeStates {
        let states = home::states(&*desk.parts.home, &task.spec.scope.home, &request.input);
        return states.map(Called::from).or_else(|error| {
            if error.is_retryable() {
                Err(Refusal::Home(error))
            } else {
                Ok(failed(error.code(), &error.to_string()).into())
            }
        });
    }
    let micros_left = desk.micros_left(task).await?;
    let mut others = desk.parts.book.tool_calls(&task.spec.id).await?;
    others.retain(|other| other.seq != request.seq);
    let call = ToolCall {
        tool,
        input: &request.input,
        spec: &task.spec,
        origin: origin_of(task),
        others,
        micros_left,
    };
    desk.parts.tools.call(call).await.map_err(Refusal::Tool)
}

fn written(outcome: ToolOutcome) -> Result<Vec<u8>, Refusal> {
    let answer = |outcome| ToolAnswerV1 { version: V1, outcome };
    match encode(&answer(outcome)) {
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            tracing::warn!(%error, "a tool answered what no agent may be told");
            Ok(encode(&answer(failed("tool-too-large", "it answered too much; ask for less")))?)
        }
    }
}

fn failed(code: &str, message: &str) -> ToolOutcome {
    let message = message.chars().take(500).collect();
    ToolOutcome::Failed { code: code.to_owned(), message }
}
