//! Delayed commands as a part of the bridge: sentences about them are answered, and how they end becomes a run.

use std::sync::Arc;

use helix_core::converse::Specialist;
use helix_core::delay::{DelayBook, Plan, answer, keep, plan, take_back};
use helix_core::pipeline::{Marks, Outcome, Request};
use helix_core::reply::{Reply, RunError};
use helix_core::route::Matrix;
use helix_core::{Calendar, Language};
use jiff::Zoned;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, oneshot};
use tokio_util::task::TaskTracker;

use crate::hass::HomeAssistant;

/// What sentences about later need.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) book: Option<Arc<dyn DelayBook>>,
    pub(super) calendar: Arc<dyn Calendar>,
    pub(super) added: Arc<Notify>,
    pub(super) tasks: TaskTracker,
}

impl Later {
    pub(super) fn new(
        book: Option<Arc<dyn DelayBook>>,
        calendar: Arc<dyn Calendar>,
        tasks: TaskTracker,
    ) -> Self {
        Self { book, calendar, added: Arc::default(), tasks }
    }

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
        let decision = Some(plan.decision.clone());
        let reply = self.keep(plan, &request.language).await;
        Some(Outcome { reply, decision, marks: Marks::default() })
    }

    /// Keeps a plan. It waits only if the reply says so too: the writing goes on where a reply is given up, and what
    /// was written then is taken back.
    async fn keep(&self, plan: Plan, language: &Language) -> Reply {
        let (tell, told) = oneshot::channel();
        let (book, added, language_of_task) = (self.book.clone(), Arc::clone(&self.added), language.clone());
        self.tasks.spawn(async move {
            let kept = keep(&plan, &language_of_task, book.as_deref()).await;
            let (heard, was_heard) = oneshot::channel::<()>();
            let _ = tell.send((kept.reply, heard));
            match (was_heard.await, kept.id, book) {
                (Ok(()), _, _) => added.notify_one(),
                (Err(_), Some(id), Some(book)) => take_back(&id, &*book).await,
                (Err(_), _, _) => {}
            }
        });
        let Ok((reply, heard)) = told.await else {
            return Reply::rescue(&RunError::TookTooLong, language);
        };
        // From here to the end of the run nothing is waited for.
        let _ = heard.send(());
        reply
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

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use helix_core::Pii;
    use helix_core::delay::{BookError, DelayedCommand, NewCommand, State};
    use helix_core::dialogue::Clearance;
    use helix_core::home::{Caller, Match, Registry};
    use helix_core::reply::Sentence;
    use helix_core::route::dimension::Source;
    use helix_core::route::{Situation, decide};

    use super::*;
    use crate::clock::SystemCalendar;

    /// A book on a slow disk: what is added is durable once `disk` says so.
    #[derive(Debug, Default)]
    struct Slow {
        disk: Notify,
        ended: Mutex<Vec<(String, State)>>,
    }

    impl DelayBook for Slow {
        fn add<'a>(&'a self, _: &'a NewCommand) -> BoxFuture<'a, Result<String, BookError>> {
            Box::pin(async {
                self.disk.notified().await;
                Ok("7".to_owned())
            })
        }
        fn waiting(&self) -> BoxFuture<'_, Result<Vec<DelayedCommand>, BookError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn begin<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
            Box::pin(async { Ok(true) })
        }
        fn end<'a>(&'a self, id: &'a str, end: State, _: &'a str) -> BoxFuture<'a, Result<bool, BookError>> {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push((id.to_owned(), end));
            Box::pin(async { Ok(true) })
        }
        fn interrupt_running(&self) -> BoxFuture<'_, Result<u64, BookError>> {
            Box::pin(async { Ok(0) })
        }
    }

    fn planned() -> Plan {
        let (registry, language) = (Registry::default(), Language::english());
        let (caller, clearance) = (Caller::default(), Clearance::none());
        let situation = Situation {
            language: &language,
            registry: &registry,
            caller: &caller,
            source: Source::Addressed,
            matrix: Matrix::built_in(),
            clearance: &clearance,
        };
        let mut decision = decide("turn off the light", &Match::None, &situation);
        decision.refusal = Some(Sentence::Delayed { when: "at 14:00".into(), what: "turn it off".into() });
        let command = NewCommand {
            due: "2026-11-21T14:00:00Z".parse().expect("a time"),
            sentence: Pii::new("turn off the light".to_owned()),
            sentences: vec!["turn off the light".to_owned()],
            language,
            caller,
            actions: Vec::new(),
        };
        Plan { decision, command: Some(command) }
    }

    fn later(book: &Arc<Slow>) -> Later {
        let book: Arc<dyn DelayBook> = Arc::<Slow>::clone(book);
        Later {
            book: Some(book),
            calendar: Arc::new(SystemCalendar),
            added: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    async fn ended(later: &Later, book: &Slow) -> Vec<(String, State)> {
        later.tasks.close();
        later.tasks.wait().await;
        book.ended.lock().expect("no panic").clone()
    }

    #[tokio::test]
    async fn what_is_told_waits() {
        let book = Arc::new(Slow::default());
        let later = later(&book);
        book.disk.notify_one();
        assert_eq!(later.keep(planned(), &Language::english()).await.code, "delayed");
        assert_eq!(ended(&later, &book).await, []);
    }

    #[tokio::test]
    async fn what_nobody_could_be_told_does_not_wait() {
        let book = Arc::new(Slow::default());
        let later = later(&book);
        let english = Language::english();
        let given_up = tokio::time::timeout(Duration::from_millis(5), later.keep(planned(), &english)).await;
        assert!(given_up.is_err());
        book.disk.notify_one();
        assert_eq!(ended(&later, &book).await, [("7".to_owned(), State::Cancelled)]);
    }
}
