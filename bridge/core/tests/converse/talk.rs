//! One conversation with a home that is not real.

use std::sync::Mutex;

use futures_util::future::BoxFuture;
use helix_core::converse::Conversation;
use helix_core::dialogue::{Dialogues, Pin, Satellite};
use helix_core::home::Caller;
use helix_core::pipeline::{Outcome, Request};
use helix_core::request::{NewRequest, RequestBook, RequestError};
use helix_core::route::Matrix;
use helix_core::route::dimension::Source;
use helix_core::{EntityId, Language, Pii};

use crate::fakes::{FakeHome, LOCK, PausedClock};

pub(crate) struct Talk {
    pub(crate) home: FakeHome,
    pub(crate) clock: PausedClock,
    pub(crate) pin: Option<Pin>,
    pub(crate) dialogues: Mutex<Dialogues>,
    pub(crate) requests: Option<Requests>,
}

/// Requests in memory, or a place where none can be kept.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) kept: Mutex<Vec<NewRequest>>,
    pub(crate) is_full: bool,
}

impl RequestBook for Requests {
    fn add<'a>(&'a self, request: &'a NewRequest) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move {
            if self.is_full {
                return Err(RequestError("the disk is full".into()));
            }
            self.kept.lock().expect("no panic").push(request.clone());
            Ok("1".to_owned())
        })
    }
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self {
            home: FakeHome::new(),
            clock: PausedClock::start(),
            pin: None,
            dialogues: Mutex::default(),
            requests: None,
        }
    }

    pub(crate) fn with_pin() -> Self {
        Self { pin: Some(Pin::parse(&"2468".into()).expect("a PIN")), ..Self::new() }
    }

    pub(crate) async fn hears(&self, satellite: &str, text: &str, source: Source) -> Outcome {
        let caller = Caller { device: None, satellite: Some(EntityId::from(satellite)) };
        let satellite = Satellite::of(&caller, None);
        let request =
            Request { text: Pii::new(text.to_owned()), language: Language::english(), caller, source };
        let conversation = Conversation {
            home: &self.home,
            clock: &self.clock,
            matrix: Matrix::built_in(),
            pin: self.pin.as_ref(),
            dialogues: &self.dialogues,
            desk: None,
            requests: self.requests.as_ref().map(|requests| requests as &dyn RequestBook),
            specialist: &(),
            help: None,
        };
        conversation.respond(&request, satellite.as_ref()).await
    }

    pub(crate) async fn says(&self, text: &str) -> Outcome {
        self.hears("assist_satellite.hall", text, Source::Addressed).await
    }

    pub(crate) async fn code(&self, text: &str) -> &'static str {
        self.says(text).await.reply.code
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.home.shows(LOCK, "locked")
    }
}
