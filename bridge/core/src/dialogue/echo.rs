//! One sentence that two satellites hear acts once.

use std::collections::VecDeque;
use std::time::Duration;

use super::Satellite;
use crate::route::plain_words;

/// Two satellites that hear one person are done with it within this time.
const WINDOW: Duration = Duration::from_millis(1500);
/// Sentences that are kept in mind; more than are spoken in [`WINDOW`].
const SENTENCES_MAX: usize = 32;

/// The sentences of the last moments.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    heard: VecDeque<(String, Satellite, Duration)>,
}

impl Echoes {
    /// Whether another satellite heard the same words a moment ago; else they are kept as this one's.
    pub(super) fn hears_again(&mut self, satellite: &Satellite, text: &str, now: Duration) -> bool {
        self.heard.retain(|(_, _, at)| now.saturating_sub(*at) <= WINDOW);
        let words = plain_words(text);
        if self.heard.iter().any(|(known, by, _)| *known == words && by != satellite) {
            return true;
        }
        if self.heard.len() == SENTENCES_MAX {
            self.heard.pop_front();
        }
        self.heard.push_back((words, satellite.clone(), now));
        false
    }
}
