//! A language model that is scripted: what it answers, how long that takes, and what it was told.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix_core::Pii;
use helix_core::llm::{Answer, Capabilities, Chat, Ended, LanguageModel, LlmError, Usage};

/// From what it is told, and in which round, to what it answers.
type Mind = Box<dyn Fn(&Chat, usize) -> Result<String, LlmError> + Send + Sync>;

/// A scripted model.
pub(crate) struct Drafter {
    mind: Mind,
    pub(crate) takes: Duration,
    pub(crate) told: Mutex<Vec<String>>,
}

impl Drafter {
    pub(crate) fn new(
        mind: impl Fn(&Chat, usize) -> Result<String, LlmError> + Send + Sync + 'static,
    ) -> Self {
        Self { mind: Box::new(mind), takes: Duration::from_millis(300), told: Mutex::default() }
    }

    /// Always answers this.
    pub(crate) fn saying(text: &str) -> Self {
        let text = text.to_owned();
        Self::new(move |_, _| Ok(text.clone()))
    }

    /// Drafts one act.
    pub(crate) fn drafting(action: &str, entity: &str) -> Self {
        Self::saying(&format!(r#"{{"acts":[{{"action":"{action}","entity":"{entity}"}}],"which":[]}}"#))
    }

    pub(crate) fn slow(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.told.lock().expect("no panic").len()
    }
}

impl fmt::Debug for Drafter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drafter")
    }
}

impl LanguageModel for Drafter {
    fn ready(&self) -> Result<(), LlmError> {
        Ok(())
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities { schema: true, ..Capabilities::default() }
    }
    fn chat<'a>(&'a self, chat: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        Box::pin(async move {
            let words = chat.messages.iter().map(|message| message.text.expose().as_str());
            let told =
                std::iter::once(chat.system.expose().as_str()).chain(words).collect::<Vec<_>>().join("\n");
            self.told.lock().expect("no panic").push(told);
            tokio::time::sleep(self.takes).await;
            let text = (self.mind)(chat, chat.messages.len() / 2)?;
            let (usage, ended) = (Usage::default(), Ended::Stop);
            Ok(Answer { text: Pii::new(text), calls: Vec::new(), usage, ended, model: "scripted".into() })
        })
    }
}
