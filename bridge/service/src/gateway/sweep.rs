//! What time does to tasks: looks when something is due, and tells whoever waits for it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::desk::Desk;
use crate::tasks::{Change, TaskError};

/// Looks are at least so far apart.
const REST: Duration = Duration::from_millis(250);
/// … and at most so far: the clock of the machine may be set.
const REST_MAX: Duration = Duration::from_secs(10);

/// Goes on until it is dropped.
pub(super) async fn run(desk: Arc<Desk>) {
    // Nobody could keep a task while nobody listened, or while the database was away.
    let mut was_away = true;
    loop {
        let rest = match round(&desk, was_away).await {
            Ok(rest) => {
                was_away = false;
                rest
            }
            Err(error) => {
                if !was_away {
                    tracing::warn!(code = error.code(), %error, "the book of tasks cannot be looked at");
                }
                was_away = true;
                Duration::from_secs(1)
            }
        };
        sleep(REST).await;
        let _ = timeout(rest.saturating_sub(REST), desk.due.notified()).await;
    }
}

/// How long nothing will be due.
async fn round(desk: &Desk, was_away: bool) -> Result<Duration, TaskError> {
    let (now, book) = (desk.now(), &desk.parts.book);
    if was_away {
        book.extend_leases(now, desk.lease_until(now)).await?;
    }
    for swept in book.sweep(now).await? {
        tracing::info!(task = %swept.task, change = ?swept.change, "time has changed a task");
        match swept.change {
            Change::Requeued => {}
            Change::Failed | Change::Expired => desk.has_ended(&swept.task),
            Change::Untold => desk.ends.send_modify(|ends| *ends += 1),
        }
    }
    // Also what waited for its pause to be over.
    if book.has_ready(now).await? {
        desk.queued.notify_waiters();
    }
    let next = book.next_due(now).await?;
    Ok(next.map_or(REST_MAX, |next| until(now, next)))
}

fn until(now: Timestamp, next: Timestamp) -> Duration {
    let span = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    // A moment later, so that it is due then.
    (span + Duration::from_millis(1)).min(REST_MAX)
}
