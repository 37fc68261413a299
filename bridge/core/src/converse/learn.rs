//! What the words of a sentence meant is kept after it was done, and forgotten when it is undone.

use super::{Conversation, Specialist};
use crate::dialogue::Satellite;
use crate::draft::{Helped, key_of};
use crate::pipeline::Request;
use crate::shortcut::{Key, Shortcut, fingerprint};
use crate::{Clock, Home};

impl<H: Home, C: Clock, S: Specialist> Conversation<'_, H, C, S> {
    /// Keeps what these words meant, where somebody can undo it.
    pub(super) async fn learn(
        &self,
        asked: &str,
        helped: &Helped,
        sentences: &[String],
        request: &Request,
        satellite: Option<&Satellite>,
    ) {
        let book = self.help.and_then(|help| help.shortcuts);
        let (Some(book), Some(satellite), Ok(registry)) = (book, satellite, self.home.registry()) else {
            return;
        };
        let key = key_of(asked, request, &registry);
        let kept = match helped {
            Helped::Shortcut => book.hit(&key).await,
            Helped::Drafted(_) => match book.find(&key).await {
                Ok(known) => {
                    let fingerprint = fingerprint(&registry);
                    book.keep(&Shortcut::learn(known, key.clone(), sentences.to_vec(), &fingerprint)).await
                }
                Err(error) => Err(error),
            },
            Helped::NothingNamed | Helped::Nothing(_) | Helped::Failed(_) => return,
        };
        match kept {
            Ok(()) => self.dialogues().learnt(satellite, key, self.clock.now()),
            Err(error) => tracing::warn!(%error, "what a sentence meant was not kept"),
        }
    }

    /// What was undone is not what the words meant.
    pub(super) async fn unlearn(&self, satellite: &Satellite) {
        let key: Option<Key> = self.dialogues().unlearnt(satellite);
        let book = self.help.and_then(|help| help.shortcuts);
        let (Some(book), Some(key)) = (book, key) else { return };
        if let Err(error) = book.forget(&key).await {
            tracing::warn!(%error, "a shortcut that was undone is still kept; `helix shortcut remove` removes it");
        }
    }
}
