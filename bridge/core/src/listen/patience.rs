//! How long Helix waits for more words.

/// Silence limits, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Silence after which a decode is started on suspicion.
    pub speculate_ms: u32,
    /// Silence that ends a complete command.
    pub complete_ms: u32,
    /// Silence that ends any other sentence.
    pub plain_ms: u32,
    /// Silence that ends a sentence that must go on.
    pub dangling_ms: u32,
    /// Time without a word that ends a run.
    pub no_speech_ms: u32,
    /// The longest utterance.
    pub utterance_max_ms: u32,
}

impl Patience {
    /// The default.
    pub const fn normal() -> Self {
        Self {
            speculate_ms: 100,
            complete_ms: 250,
            plain_ms: 700,
            dangling_ms: 1500,
            no_speech_ms: 5000,
            utterance_max_ms: 30_000,
        }
    }

    /// For people who speak without pauses.
    pub const fn quick() -> Self {
        Self { complete_ms: 200, plain_ms: 500, dangling_ms: 1000, ..Self::normal() }
    }

    /// For people who stop to think: never below a second.
    pub const fn patient() -> Self {
        Self { complete_ms: 1200, plain_ms: 1300, dangling_ms: 2500, no_speech_ms: 8000, ..Self::normal() }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::normal()
    }
}
