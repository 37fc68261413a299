//! What a runner asks: tasks, keeping them, giving them back.

use std::sync::Arc;
use std::time::Duration;

use helix_contract::api::{
    GaveBackV1, ImageTrouble, KeepAnswerV1, KeepRequestV1, LeaseRequestV1, ReturnRequestV1, TaskAttempt,
};
use helix_contract::{Name, V1, encode};
use hyper::StatusCode;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::desk::{Desk, Unassignable, gets_image};
use super::handed::Handed;
use super::line::Owed;
use super::refusal::{Refusal, json, no_content};
use super::server::Answer;
use crate::tasks::{Filter, GivenBack, Lease, Returned};

/// A lease as its runner is told of it.
struct Ready {
    body: Vec<u8>,
    lease: Handed,
}

/// Waits for a task that fits, as long as the runner wants to.
pub(super) async fn lease(desk: &Arc<Desk>, owed: &Owed, request: LeaseRequestV1) -> Result<Answer, Refusal> {
    desk.saw(&request.runner);
    let filter = Filter { agents: request.agents, task: None };
    let mut over = std::pin::pin!(sleep(Duration::from_millis(request.wait_ms.into())));
    loop {
        let mut queued = std::pin::pin!(desk.queued.notified());
        // From here on nothing is missed: what is accepted while the book is asked wakes this.
        queued.as_mut().enable();
        if let Some(Ready { body, lease }) = next(desk, &request.runner, &filter).await? {
            owed.hand_over(lease);
            return Ok(json(StatusCode::OK, body));
        }
        tokio::select! {
            () = queued => {}
            () = &mut over => return Ok(no_content()),
            () = desk.ending.cancelled() => return Err(Refusal::Stopping),
        }
    }
}

/// The next task. A runner that goes away does not interrupt the book: what it would have got goes back.
async fn next(desk: &Arc<Desk>, runner: &Name, filter: &Filter) -> Result<Option<Ready>, Refusal> {
    let (give, taken) = oneshot::channel();
    let (desk, runner, filter) = (Arc::clone(desk), runner.clone(), filter.clone());
    let running = desk.running.clone();
    running.spawn(async move {
        let _ = give.send(take(&desk, &runner, &filter).await);
    });
    taken.await.unwrap_or(Err(Refusal::Stopping))
}

async fn take(desk: &Arc<Desk>, runner: &Name, filter: &Filter) -> Result<Option<Ready>, Refusal> {
    loop {
        let now = desk.now();
        let leased = desk.parts.book.lease(runner.as_str(), filter, now, desk.lease_until(now)).await?;
        let Some(Lease { spec, attempt, until }) = leased else { return Ok(None) };
        let of = TaskAttempt { task: spec.id.clone(), attempt };
        let lease = Handed::new(Arc::clone(desk), of.clone());
        desk.waiting.begun(&of);
        desk.due.notify_one();
        let token = desk.tokens.of_attempt(&of, spec.limits.deadline);
        let told = desk.assignment(&of, spec, until, Some(token)).await;
        match told.and_then(|told| encode(&told).map_err(Unassignable::Wire)) {
            Ok(body) => return Ok(Some(Ready { body, lease })),
            Err(error) => {
                let Some(failure) = error.failure() else { return Err(error.into()) };
                tracing::warn!(task = %of.task, %error, "a task cannot be given to anybody");
                desk.give_back(&of, Returned::Failed(failure)).await?;
                lease.was_received();
            }
        }
    }
}

/// Renews what the runner has, and says what it has to stop.
pub(super) async fn keep(desk: &Desk, request: KeepRequestV1) -> Result<Answer, Refusal> {
    desk.saw(&request.runner);
    let now = desk.now();
    let stop = desk.parts.book.keep(&request.tasks, now, desk.lease_until(now)).await?;
    let body = encode(&KeepAnswerV1 { version: V1, stop })?;
    Ok(json(StatusCode::OK, body))
}

/// Takes a task back.
pub(super) async fn give_back(desk: &Desk, request: ReturnRequestV1) -> Result<Answer, Refusal> {
    let ReturnRequestV1 { of, failure, image, reason, .. } = request;
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    tracing::info!(task = %of.task, attempt = of.attempt.0, ?failure, reason, "a runner gave a task back");
    let why = match failure {
        Some(failure) if !is_for_its_image(desk, &of, image, &reason).await? => Returned::Failed(failure),
        Some(_) | None => Returned::Untouched,
    };
    let again = match desk.give_back(&of, why).await? {
        GivenBack::Queued(_) => true,
        GivenBack::Failed | GivenBack::Stale | GivenBack::Ended(_) | GivenBack::Unknown => false,
    };
    let body = encode(&GaveBackV1 { version: V1, again })?;
    Ok(json(StatusCode::OK, body))
}

/// Whether an attempt was not begun because of the image that its task names: that costs the task nothing, because the next
/// attempt is begun from the generic one.
async fn is_for_its_image(
    desk: &Desk,
    of: &TaskAttempt,
    trouble: Option<ImageTrouble>,
    reason: &str,
) -> Result<bool, Refusal> {
    let Some(trouble) = trouble.filter(|_| gets_image(of)) else { return Ok(false) };
    let task = desk.parts.book.get(&of.task).await?.filter(|task| task.attempt == of.attempt);
    let Some(image) = task.and_then(|task| task.spec.agent.image) else { return Ok(false) };
    if !desk.parts.definitions.is_offered(&image) {
        return Ok(false);
    }
    tracing::warn!(task = %of.task, image, reason, "an agent's image was not started; the generic one takes its place");
    desk.parts.definitions.troubled(&image, trouble).await;
    Ok(true)
}
