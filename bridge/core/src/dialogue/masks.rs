//! Words that may be a PIN, kept apart: what goes through Home Assistant and into the runs is a mask.

use std::collections::VecDeque;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// How long words wait for Home Assistant to bring their mask back.
const KEEP_FOR: Duration = Duration::from_secs(10);
/// Words that wait at once.
const MASKS_MAX: usize = 16;

/// Masks and the words behind them.
#[derive(Debug, Default)]
pub(super) struct Masks {
    kept: VecDeque<(String, SecretString, Duration)>,
    count: u64,
}

impl Masks {
    pub(super) fn put(&mut self, words: String, now: Duration) -> String {
        self.forget_old(now);
        if self.kept.len() == MASKS_MAX {
            self.kept.pop_front();
        }
        self.count += 1;
        // The number keeps the masks of two satellites apart.
        let mask = format!("•••• {}", self.count);
        self.kept.push_back((mask.clone(), words.into(), now));
        mask
    }

    pub(super) fn take(&mut self, mask: &str, now: Duration) -> Option<String> {
        self.forget_old(now);
        let at = self.kept.iter().position(|(known, _, _)| known == mask.trim())?;
        self.kept.remove(at).map(|(_, words, _)| words.expose_secret().to_owned())
    }

    fn forget_old(&mut self, now: Duration) {
        self.kept.retain(|(_, _, at)| now.saturating_sub(*at) <= KEEP_FOR);
    }
}
