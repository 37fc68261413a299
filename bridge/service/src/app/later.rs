//! Delayed commands as a part of the bridge: sentences about them are answered, and how they end becomes a run.

use std::sync::Arc;

use helix_core::Calendar;
use helix_core::converse::Specialist;
use helix_core::delay::{DelayBook, answer, keep, plan};
use helix_core::pipeline::{Marks, Outcome, Request};
use helix_core::reply::Reply;
use helix_core::route::Matrix;
use jiff::Zoned;
use jiff::tz::TimeZone;
use tokio::sync::Notify;

use crate::hass::HomeAssistant;

/// What sentences about later need.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) book: Option<Arc<dyn DelayBook>>,
    pub(super) calendar: Arc<dyn Calendar>,
    pub(super) added: Arc<Notify>,
}

impl Later {
    /// Answers a sentence about later; `None` for every other one.
    async fn answer(&self, request: &Request, home: &HomeAssistant, matrix: &Matrix) -> Option<Outcome> {
        let now = now_at(home, &*self.calendar)?;
        let book = self.book.as_deref();
        if let Some(reply) = answer(request, &now, book).await {
            return Some(Outcome { reply, decision: None, marks: Marks::default() });
        }
        let plan = match plan(request, &now, home, matrix).await {
            Ok(plan) => plan?,
            Err(error) => {
                let reply = Reply::rescue(&error, &request.language);
                return Some(Outcome { reply, decision: None, marks: Marks::default() });
            }
        };
        let reply = keep(&plan, &request.language, book).await;
        self.added.notify_one();
        Some(Outcome { reply, decision: Some(plan.decision), marks: Marks::default() })
    }
}

/// Takes the sentences about later out of a conversation.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    pub(super) later: &'a Later,
    pub(super) home: &'a HomeAssistant,
    pub(super) matrix: &'a Matrix,
}

impl Specialist for Planner<'_> {
    async fn answer(&self, request: &Request) -> Option<Outcome> {
        self.later.answer(request, self.home, self.matrix).await
    }
}

/// The moment in the time zone of the home; `None` while the home or its time zone is not known.
pub(super) fn now_at(home: &HomeAssistant, calendar: &dyn Calendar) -> Option<Zoned> {
    let facts = home.config().ok()?;
    let zone = TimeZone::get(&facts.time_zone)
        .inspect_err(|error| {
            tracing::error!(%error, zone = facts.time_zone, "the time zone of the home is not known here; install tzdata");
        })
        .ok()?;
    Some(calendar.now().to_zoned(zone))
}
