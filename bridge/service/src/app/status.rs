//! Answers the control socket: the last runs, how every part is, unregister.

use std::net::SocketAddr;
use std::sync::Arc;

use super::bridge::Bridge;
use super::models::models_row;
use super::registration::Registration;
use super::speech::Speech;
use super::work::TaskDesk;
use crate::control::{Answer, Answers, Ask, PartRow};
use crate::llm::Models;

/// The name of the second agent among the parts.
const SECOND_AGENT: &str = "second agent";

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) bridge: Arc<Bridge>,
    pub(super) registration: Arc<Registration>,
    pub(super) speech: Arc<Speech>,
    pub(super) models: Arc<Models>,
    pub(super) work: Option<Arc<TaskDesk>>,
    pub(super) address: SocketAddr,
}

impl Answers for Desk {
    async fn answer(&self, ask: Ask) -> Answer {
        match ask {
            Ask::Runs { conversation } => Answer::Runs(self.bridge.rows(conversation.as_deref())),
            Ask::Status => Answer::Status(self.status()),
            Ask::Models => Answer::Models(Box::new(models_row(&self.models))),
            Ask::Address => Answer::Address(self.address),
            Ask::Task(ask) => match &self.work {
                Some(work) => work.answer(ask, &self.bridge.language_or_own(None)).await,
                None => {
                    Answer::Failed("tasks cannot be taken; `helix doctor` and the log say why".to_owned())
                }
            },
            Ask::Unregister => match self.registration.withdraw().await {
                Ok(removed) => Answer::Done(removed),
                Err(error) => Answer::Failed(format!("{error:#}")),
            },
        }
    }
}

impl Desk {
    fn status(&self) -> Vec<PartRow> {
        let row = |part: &str, starting: bool, state: Result<String, String>| PartRow {
            part: part.to_owned(),
            works: state.is_ok(),
            starting: starting && state.is_err(),
            text: state.unwrap_or_else(|wrong| wrong),
        };
        let (speech, registration) = (&self.speech, &self.registration);
        let agent = registration.describe_agent();
        let agent = agent.map(|state| row(SECOND_AGENT, registration.is_agent_starting(), state));
        let parts = [
            row("home", false, registration.describe_home()),
            row("speech", speech.is_starting(), speech.describe()),
            row("registration", registration.is_starting(), registration.describe()),
        ];
        parts.into_iter().chain(agent).collect()
    }
}
