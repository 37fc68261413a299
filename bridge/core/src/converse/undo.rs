//! "Undo that": how it was before the last act in, that state restored as far as there is a way back, and said which.

use super::{Conversation, Specialist};
use crate::act::{Action, Draft, ExposedEntities, Past, verify};
use crate::dialogue::{Clearance, Deed, Pending, Question, Satellite, act_in_words};
use crate::pipeline::{Marks, Request};
use crate::reply::{Reply, RunError, Sentence};
use crate::route::name_of;
use crate::{Clock, EntityId, Home};

impl<H: Home, C: Clock, S: Specialist> Conversation<'_, H, C, S> {
    /// Restores what was before an act; what needs a yes is asked first.
    pub(super) async fn restore(
        &self,
        past: &[Past],
        clearance: &Clearance,
        request: &Request,
        satellite: Option<&Satellite>,
        marks: &mut Marks,
    ) -> Result<Reply, RunError> {
        let (drafts, mut lost) = self.ways_back(past)?;
        if drafts.is_empty() {
            let names = self.names(lost.iter());
            return Ok(Reply::say(&Sentence::CannotUndo { names }, &request.language));
        }
        if drafts.iter().any(|draft| draft.needs_a_yes() && !clearance.covers(draft)) {
            return self.ask_to_restore(past, drafts, request, satellite);
        }
        let authorised = drafts.into_iter().map(|draft| draft.authorize(&request.caller, clearance));
        // What needs a yes has one here: nothing is left out.
        let actions: Vec<_> = authorised.filter_map(Result::ok).collect();
        let called = self.call_all(&actions, &mut lost).await?;
        marks.acted = Some(self.clock.now());
        let missing = verify(&called, self.home, self.clock).await.missing;
        marks.verified = Some(self.clock.now());
        let restored: Vec<_> =
            called.iter().map(Action::target).filter(|target| !missing.contains(target)).collect();
        let sentence = match (restored.is_empty(), lost.is_empty() && missing.is_empty()) {
            (true, _) => Sentence::DidNotFollow { names: self.names(missing.iter()) },
            (false, true) => Sentence::Undone { names: self.names(restored.iter().copied()) },
            (false, false) => {
                let names = self.names(restored.iter().copied());
                Sentence::UndoneInPart { names, lost: self.names(lost.iter().chain(&missing)) }
            }
        };
        if let Some(satellite) = satellite {
            let left = past.iter().filter(|past| !restored.contains(&past.target())).cloned().collect();
            self.dialogues().keep_undoable(satellite, left);
            self.unlearn(satellite).await;
        }
        Ok(Reply::say(&sentence, &request.language))
    }

    /// What would restore each entity, and those for which there is no way back.
    fn ways_back(&self, past: &[Past]) -> Result<(Vec<Draft>, Vec<EntityId>), RunError> {
        let registry = self.home.registry()?;
        let exposed = ExposedEntities::of(&registry).judged_by(self.matrix);
        let (mut drafts, mut lost) = (Vec::new(), Vec::new());
        for past in past {
            match exposed.restore(past) {
                Ok(draft) => drafts.push(draft),
                Err(_) => lost.push(past.target().clone()),
            }
        }
        Ok((drafts, lost))
    }

    fn ask_to_restore(
        &self,
        past: &[Past],
        drafts: Vec<Draft>,
        request: &Request,
        satellite: Option<&Satellite>,
    ) -> Result<Reply, RunError> {
        let registry = self.home.registry()?;
        let asked: Vec<_> = drafts.iter().filter(|draft| draft.needs_a_yes()).collect();
        let names: Vec<_> = asked.iter().map(|draft| name_of(&registry, draft.target())).collect();
        let act = act_in_words(&asked, &names, &request.language);
        let about = asked.first().map(|draft| draft.target().clone());
        let deed = Deed::Restore(past.to_vec());
        let question = Question::Confirm(Pending { asked: String::new(), act, deed, drafts, drafted: false });
        if let Some(satellite) = satellite {
            self.dialogues().keep_undoable(satellite, Vec::new());
        }
        Ok(self.pose(question, about.as_ref(), request, satellite))
    }

    /// Calls the actions one after the other. What Home Assistant does not take is lost; once it does not answer any
    /// more, the rest is lost as well.
    async fn call_all(&self, actions: &[Action], lost: &mut Vec<EntityId>) -> Result<Vec<Action>, RunError> {
        let (mut called, mut failed) = (Vec::new(), None);
        for action in actions {
            if failed.as_ref().is_some_and(crate::home::HomeError::is_retryable) {
                lost.push(action.target().clone());
                continue;
            }
            match self.home.call(action).await {
                Ok(()) => called.push(action.clone()),
                Err(error) => {
                    lost.push(action.target().clone());
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if called.is_empty() => Err(error.into()),
            Some(_) | None => Ok(called),
        }
    }
}
