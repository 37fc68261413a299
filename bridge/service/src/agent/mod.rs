//! Home Assistant as a client of Ollama: sentences in, words out as they come, below a path that only it knows.
//!
//! Home Assistant's `ollama` integration streams the answers of its agents to text to speech, and keeps the
//! microphone open after a question; its `wyoming` integration does neither. Of what it sends only the last
//! words of the user are acted on.

mod chat;
mod door;
mod peers;
mod secret;
mod server;
mod words;

use std::future::Future;

use helix_core::Language;

pub use chat::{Asked, MODEL, PROMPT};
pub use peers::{Network, Peers};
pub use secret::{SecretError, SecretPath};
pub use server::{BindError, Server, Settings};
pub use words::Words;

/// What stands behind the server.
pub trait Answers: Send + Sync + 'static {
    /// Answers one sentence; `aside` says words before the answer. Dropped when the client goes away, and after
    /// [`Settings::respond_limit`]; then [`Answers::rescue_text`] is the answer.
    fn answer(&self, asked: Asked, aside: &Words) -> impl Future<Output = String> + Send;

    /// Says that an answer took too long.
    fn rescue_text(&self, language: Option<&Language>) -> String;

    /// Says that too many people speak at once.
    fn busy_text(&self, language: Option<&Language>) -> String;

    /// Says that Helix is being stopped.
    fn stopping_text(&self, language: Option<&Language>) -> String;
}

#[cfg(test)]
mod tests;
