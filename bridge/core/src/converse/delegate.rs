//! What takes longer than a conversation is ordered from an agent; what is said about such tasks is answered.

use super::{Conversation, Progress, Specialist};
use crate::delegate::{self, Draft, Order};
use crate::dialogue::Satellite;
use crate::pipeline::Request;
use crate::reply::Reply;
use crate::request::Kind;
use crate::route::dimension::Source;
use crate::{Clock, EntityId, Home};

impl<H: Home, C: Clock, S: Specialist> Conversation<'_, H, C, S> {
    /// Answers a sentence about tasks; `None` for every other one.
    pub(super) async fn talk_of_tasks(
        &self,
        request: &Request,
        satellite: Option<&Satellite>,
    ) -> Option<Reply> {
        let desk = self.desk.filter(|_| request.source != Source::Passive)?;
        let now = self.clock.now();
        let lately = satellite.is_some_and(|satellite| self.dialogues().spoke_of_tasks(satellite, now));
        let talk = delegate::talk(request.text.expose(), &request.language, lately)?;
        let reply = delegate::answer(desk, &talk, entity_of(satellite), &request.language).await?;
        self.keep_in_mind(satellite);
        Some(reply)
    }

    /// Orders what the words ask for, or asks what is missing. `completed` tells that it was asked before.
    pub(super) async fn delegate(
        &self,
        request: &Request,
        satellite: Option<&Satellite>,
        completed: bool,
        progress: &mut Progress,
    ) -> Reply {
        let Some(desk) = self.desk else { return self.keep_request(Kind::Delegate, request).await };
        let model = self.help.map(|help| help.model);
        match delegate::ordered(desk, model, self.clock, request, completed).await {
            Draft::Order(order) => {
                let conversation = match satellite {
                    Some(Satellite::Conversation(id)) => Some(id.clone()),
                    Some(Satellite::Entity(_) | Satellite::Device(_)) | None => None,
                };
                let reply = delegate::take(desk, &Order { conversation, ..order }).await;
                self.keep_in_mind(satellite);
                reply
            }
            Draft::Ask(question) => {
                progress.words = Some(request.text.expose().clone());
                delegate::ask(question, &request.language)
            }
        }
    }

    fn keep_in_mind(&self, satellite: Option<&Satellite>) {
        if let Some(satellite) = satellite {
            let now = self.clock.now();
            self.dialogues().speaks_of_tasks(satellite, now);
        }
    }
}

fn entity_of(satellite: Option<&Satellite>) -> Option<&EntityId> {
    match satellite {
        Some(Satellite::Entity(entity)) => Some(entity),
        Some(Satellite::Device(_) | Satellite::Conversation(_)) | None => None,
    }
}
