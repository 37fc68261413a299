//! A turn out: who holds it may begin one agent.

use tokio::sync::OwnedMutexGuard;

/// The leave to begin one agent; it is over when it is dropped.
#[derive(Debug, Default)]
#[must_use = "the turn is over when it is dropped"]
pub struct Turn {
    _held: Option<OwnedMutexGuard<()>>,
}

impl From<OwnedMutexGuard<()>> for Turn {
    /// While it lasts nobody else has one.
    fn from(held: OwnedMutexGuard<()>) -> Self {
        Self { _held: Some(held) }
    }
}
