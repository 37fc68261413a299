//! How much work a sentence asks for, and what has to be known for it.

use super::cues::Cues;
use crate::Language;
use crate::route::dimension::{Complexity, Knowledge};
use crate::route::words::normalize;

/// Reads how much work a sentence asks for.
pub fn complexity(text: &str, language: &Language) -> Complexity {
    let text = normalize(text);
    let cues = Cues::of(language);
    let holds = |kind| cues.holds(&text, kind);
    if holds("keep") || holds("recall") {
        Complexity::OneStep
    } else if holds("work") || holds("explain") && !holds("thing") {
        Complexity::OpenEnded
    } else if cues.joints(&text) > 0 && holds("order") {
        Complexity::SeveralSteps
    } else {
        Complexity::OneStep
    }
}

/// Reads what has to be known for a sentence.
pub fn knowledge(text: &str, language: &Language) -> Knowledge {
    let text = normalize(text);
    let cues = Cues::of(language);
    let holds = |kind| cues.holds(&text, kind);
    let about_home = holds("thing") || holds("place");
    if (holds("world") || holds("sky")) && !about_home || holds("work") && !holds("place") {
        Knowledge::Web
    } else if about_home || holds("media") {
        Knowledge::Home
    } else {
        Knowledge::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, tag: &str) -> (Complexity, Knowledge) {
        let language = Language::parse(tag).expect("valid");
        (complexity(text, &language), knowledge(text, &language))
    }

    #[test]
    fn one_step_several_steps_and_open_ends_are_told_apart() {
        assert_eq!(of("turn on the kitchen light", "en"), (Complexity::OneStep, Knowledge::Home));
        assert_eq!(
            of("mach das Licht aus und schließ die Tür ab", "de"),
            (Complexity::SeveralSteps, Knowledge::Home)
        );
        for (text, tag) in [
            ("compare heat pumps", "en"),
            ("Vergleiche Wärmepumpen", "de"),
            ("vergelijk warmtepompen", "nl"),
            ("compare les pompes à chaleur", "fr"),
            ("compara las bombas de calor", "es"),
            ("confronta le pompe di calore", "it"),
            ("porównaj pompy ciepła", "pl"),
            ("porovnej tepelná čerpadla", "cs"),
        ] {
            assert_eq!(of(text, tag), (Complexity::OpenEnded, Knowledge::Web), "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_one_step_whatever_is_to_be_done_later() {
        assert_eq!(of("remind me to compare the offers", "en").0, Complexity::OneStep);
    }

    #[test]
    fn the_weather_is_looked_up_and_a_sum_is_not() {
        assert_eq!(of("will it rain tomorrow", "en").1, Knowledge::Web);
        assert_eq!(of("what is seven times eight", "en").1, Knowledge::None);
    }
}
