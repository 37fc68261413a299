//! What an agent asks in the name of one attempt: its task; what it tells: how it goes, and what came of it.

use helix_contract::api::TaskAttempt;
use helix_contract::{Attempt, Outcome, TaskEventV1, TaskId, TaskResultV1, TaskSpecV1, encode};
use helix_core::llm::follows;
use hyper::StatusCode;

use super::desk::{Desk, Unassignable};
use super::refusal::{Refusal, json, no_content};
use super::server::Answer;
use super::token::TokenError;
use crate::tasks::Finished;

/// The task that the agent is to do.
pub(super) async fn task(desk: &Desk, of: &TaskAttempt) -> Result<Answer, Refusal> {
    let task = desk.current(of).await?;
    let until = task.lease_until.unwrap_or_else(|| desk.lease_until(desk.now()));
    let told = desk.assignment(of, task.spec, until, None).await?;
    let body = encode(&told).map_err(Unassignable::Wire)?;
    Ok(json(StatusCode::OK, body))
}

/// Keeps what the agent tells while it works.
pub(super) async fn event(desk: &Desk, of: &TaskAttempt, event: TaskEventV1) -> Result<Answer, Refusal> {
    is_of(of, &event.task, event.attempt)?;
    desk.current(of).await?;
    desk.parts.book.record(&event).await?;
    Ok(no_content())
}

/// Takes the result in. It may come twice, also after the task has ended by it.
pub(super) async fn result(desk: &Desk, of: &TaskAttempt, result: TaskResultV1) -> Result<Answer, Refusal> {
    is_of(of, &result.task, result.attempt)?;
    let task = desk.parts.book.get(&of.task).await?.ok_or(Refusal::Over)?;
    follows_schema(&task.spec, &result.outcome)?;
    // What it took, the bridge has counted.
    let usage = desk.parts.book.taken(&of.task).await?.usage();
    let result = TaskResultV1 { usage, ..result };
    match desk.parts.book.finish(&result, desk.now()).await? {
        Finished::Counted => {
            desk.has_ended(&of.task);
            Ok(no_content())
        }
        Finished::Duplicate => Ok(no_content()),
        Finished::Again(_) => {
            desk.waiting.end(&of.task);
            desk.has_queued();
            Ok(no_content())
        }
        Finished::Stale | Finished::Ended(_) | Finished::Unknown => Err(Refusal::Over),
    }
}

/// What is told has to be of the attempt that the token is for.
fn is_of(of: &TaskAttempt, task: &TaskId, attempt: Attempt) -> Result<(), TokenError> {
    if of.task == *task && of.attempt == attempt { Ok(()) } else { Err(TokenError::Other) }
}

fn follows_schema(spec: &TaskSpecV1, outcome: &Outcome) -> Result<(), Refusal> {
    match (&spec.output_schema, outcome) {
        (Some(schema), Outcome::Done { output, .. }) => match output {
            Some(output) if follows(output, schema) => Ok(()),
            Some(_) | None => Err(Refusal::Schema),
        },
        (Some(_) | None, Outcome::Done { .. } | Outcome::Failed { .. } | Outcome::Cancelled) => Ok(()),
    }
}
