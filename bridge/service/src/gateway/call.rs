//! A call of an agent that takes a while: counted before it begins, ended with its attempt, answered again as before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use helix_contract::TaskId;
use helix_contract::api::TaskAttempt;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::desk::Desk;
use super::refusal::{Refusal, json};
use super::server::Answer;
use crate::tasks::{Asked, Begun, Cost};

/// What came of the work of a call.
#[derive(Debug)]
pub(super) struct Worked {
    /// What it has taken.
    pub(super) cost: Cost,
    /// The answer as JSON, which stays the answer; or why there is none now.
    pub(super) answer: Result<Vec<u8>, Refusal>,
}

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) of: TaskAttempt,
    pub(super) asked: Asked,
    /// What it may take.
    pub(super) most: Cost,
}

/// Calls under way. The same one twice at once is done once.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<BTreeSet<(TaskId, u64)>>);

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(TaskId, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place {
    desk: Arc<Desk>,
    call: (TaskId, u64),
}

impl Place {
    fn take(desk: &Arc<Desk>, call: &Numbered) -> Result<Self, Refusal> {
        let call = (call.of.task.clone(), call.asked.seq);
        let is_free = desk.under_way.lock().insert(call.clone());
        if is_free { Ok(Self { desk: Arc::clone(desk), call }) } else { Err(Refusal::UnderWay) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.desk.under_way.lock().remove(&self.call);
    }
}

/// Carries a call out, unless it was answered before. It goes on when the agent's connection breaks: the agent asks again.
/// It ends with its attempt. `work` is told what the task has taken before.
pub(super) async fn carry_out<F>(
    desk: &Arc<Desk>,
    call: Numbered,
    work: impl FnOnce(Cost) -> F + Send + 'static,
) -> Result<Answer, Refusal>
where
    F: Future<Output = Worked> + Send,
{
    let place = Place::take(desk, &call)?;
    let (give, answered) = oneshot::channel();
    let desk = Arc::clone(desk);
    let running = desk.running.clone();
    running.spawn(async move {
        let done = done(&desk, &call, work).await;
        drop(place);
        let _ = give.send(done);
    });
    let answer = answered.await.unwrap_or(Err(Refusal::Stopping))?;
    Ok(json(hyper::StatusCode::OK, answer))
}

async fn done<F: Future<Output = Worked>>(
    desk: &Desk,
    call: &Numbered,
    work: impl FnOnce(Cost) -> F,
) -> Result<Vec<u8>, Refusal> {
    let Numbered { of, asked, most } = call;
    // Before the book is asked: an end after that is not missed.
    let waits = desk.waiting.enter(of);
    let book = &desk.parts.book;
    let taken = match book.begin_call(of, asked, *most).await? {
        Begun::Go(taken) => taken,
        Begun::Known(answer) => return Ok(answer.into_bytes()),
        Begun::Other => return Err(Refusal::OtherRequest),
        Begun::Spent(limit) => return Err(Refusal::Spent(limit)),
        Begun::Over => return Err(Refusal::Over),
    };
    let Worked { cost, answer } = tokio::select! {
        biased;
        () = waits.over.cancelled() => Worked { cost: *most, answer: Err(Refusal::Over) },
        () = desk.ending.cancelled() => Worked { cost: *most, answer: Err(Refusal::Stopping) },
        refusal = alive(desk, of) => Worked { cost: *most, answer: Err(refusal) },
        worked = work(taken) => worked,
    };
    let text = answer.as_ref().ok().map(|answer| String::from_utf8_lossy(answer));
    book.end_call(&of.task, asked, (*most, cost), text.as_deref()).await?;
    answer
}

/// An agent that waits for the bridge is alive: goes on until its attempt is over.
async fn alive(desk: &Desk, of: &TaskAttempt) -> Refusal {
    loop {
        sleep(desk.settings.lease / 3).await;
        // A database that is away says nothing about the task.
        if let Err(over @ Refusal::Over) = desk.current(of).await {
            return over;
        }
    }
}
