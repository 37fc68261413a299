//! The words of one answer: said before it or with it, and sent as lines when they come.

use std::convert::Infallible;
use std::pin::Pin;

use futures_util::{Stream, stream};
use helix_core::Calendar;
use tokio::sync::mpsc;

use super::chat::Piece;
use crate::clock::SystemCalendar;

/// Words that wait to be sent before the answer; more are dropped.
const WAITING_MAX: usize = 8;

/// Takes words that are said before the answer.
#[derive(Debug)]
pub struct Words(mpsc::Sender<String>);

/// Gives them.
pub(super) struct Said(mpsc::Receiver<String>);

impl Words {
    pub(super) fn new() -> (Self, Said) {
        let (words, said) = mpsc::channel(WAITING_MAX);
        (Self(words), Said(said))
    }

    /// Says words before the answer.
    pub fn say(&self, text: &str) {
        if self.0.try_send(text.to_owned()).is_err() {
            tracing::debug!("nobody hears what is said before the answer");
        }
    }
}

/// One sentence being answered.
pub(super) type Run = Pin<Box<dyn Future<Output = String> + Send>>;

/// An answer that is being sent.
struct Answer {
    run: Run,
    said: mpsc::Receiver<String>,
    last: Option<String>,
    conversation: String,
}

/// What comes next.
enum Next {
    Opening(Answer),
    Words(Answer),
    End,
}

impl Said {
    /// The lines of an answer, each when its words are there. The run goes on only while somebody reads them.
    pub(super) fn before(
        self,
        run: Run,
        conversation: String,
    ) -> impl Stream<Item = Result<Vec<u8>, Infallible>> + Send {
        let answer = Answer { run, said: self.0, last: None, conversation };
        stream::unfold(Some(Next::Opening(answer)), |next| async move {
            let (line, next) = next?.step().await;
            Some((Ok(line), next))
        })
    }
}

impl Next {
    async fn step(self) -> (Vec<u8>, Option<Self>) {
        let line = |piece: Piece<'_>| piece.line(SystemCalendar.now());
        match self {
            Self::Opening(answer) => {
                let opening = line(Piece::Opening { conversation: &answer.conversation });
                (opening, Some(Self::Words(answer)))
            }
            Self::Words(mut answer) => {
                let Answer { run, said, last, .. } = &mut answer;
                tokio::select! {
                    biased;
                    Some(words) = news(said, last) => {
                        (line(Piece::Words(&format!("{words} "))), Some(Self::Words(answer)))
                    }
                    words = run => (line(Piece::Words(&words)), Some(Self::End)),
                }
            }
            Self::End => (line(Piece::End), None),
        }
    }
}

/// The next words that are not those that were just said.
async fn news(said: &mut mpsc::Receiver<String>, last: &mut Option<String>) -> Option<String> {
    loop {
        let words = said.recv().await?;
        if last.as_ref() != Some(&words) {
            *last = Some(words.clone());
            return Some(words);
        }
    }
}
