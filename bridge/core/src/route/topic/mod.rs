//! What a sentence is about: its words in, how likely each route is out. It never acts; it chooses among answers for
//! what the matcher declined.

mod cues;
mod dimensions;
mod features;
mod privacy;

pub use dimensions::{complexity, knowledge};
pub use features::features;
pub use privacy::privacy;

use std::sync::LazyLock;

use self::cues::Cues;
use super::linear::Linear;
use super::words::normalize;
use super::{Dimensions, Leaning, Route};
use crate::Language;

/// The routes in the order of the model's classes.
///
/// Act changes the home. Answer is a question that is answered at once: the home, clocks, weather, sums, small talk.
/// Delegate is open-ended work, or knowledge of the world. Remember keeps something for the speaker, or looks it up.
/// Clarify is about the home, but nobody can tell what is asked of it. Control steers the conversation. Refuse is what
/// nobody here may or can do.
pub const CLASSES: [Route; 7] = [
    Route::Act,
    Route::Answer,
    Route::Delegate,
    Route::Remember,
    Route::Clarify,
    Route::Control,
    Route::Refuse,
];

/// How likely each route is; the numbers sum to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Topics([f32; CLASSES.len()]);

impl Topics {
    /// The probability of a route.
    pub fn of(&self, route: Route) -> f32 {
        self.iter().find(|(other, _)| *other == route).map_or(0.0, |(_, probability)| probability)
    }

    /// The likeliest route and its probability.
    pub fn best(&self) -> (Route, f32) {
        self.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((Route::Refuse, 0.0))
    }

    /// Each route with its probability.
    pub fn iter(&self) -> impl Iterator<Item = (Route, f32)> {
        CLASSES.into_iter().zip(self.0)
    }

    /// What the matrix takes.
    pub fn leaning(&self) -> Leaning {
        self.iter().collect()
    }

    /// `route` as good as certain, the rest shared out evenly.
    fn sure(route: Route) -> Self {
        const SURE: f32 = 0.99;
        let rest = (1.0 - SURE) / (CLASSES.len() - 1) as f32;
        Self(CLASSES.map(|other| if other == route { SURE } else { rest }))
    }
}

static MODEL: LazyLock<Linear<'static>> = LazyLock::new(|| {
    Linear::parse(include_bytes!("weights.bin")).expect("weights are compiled in and tested")
});

/// Judges a sentence. A language without word lists is judged by its letters alone, less surely.
pub fn topic(text: &str, language: &Language) -> Topics {
    let text = normalize(text);
    if Cues::of(language).steers(&text) {
        return Topics::sure(Route::Control);
    }
    let probabilities = MODEL.probabilities(&features::of_normalized(&text, language));
    let mut topics = [0.0; CLASSES.len()];
    topics.iter_mut().zip(probabilities).for_each(|(topic, probability)| *topic = probability);
    Topics(topics)
}

/// Takes what the words tell into the dimensions, and says which routes they lean to.
pub(super) fn read(text: &str, language: &Language, dimensions: &mut Dimensions) -> Leaning {
    dimensions.complexity = complexity(text, language);
    dimensions.knowledge = knowledge(text, language);
    dimensions.privacy = privacy(text, language);
    topic(text, language).leaning()
}

/// The digest of the data that the weights were trained on; `cargo xtask train --check` compares it.
pub fn digest() -> u64 {
    MODEL.digest()
}

#[cfg(test)]
mod tests;
