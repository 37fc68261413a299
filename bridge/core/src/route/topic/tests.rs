//! Sentences in, the likeliest topic out.

use super::*;

fn best(text: &str, tag: &str) -> Route {
    topic(text, &Language::parse(tag).expect("valid")).best().0
}

#[test]
fn a_sentence_that_names_an_act_need_not_be_one() {
    assert_eq!(best("turn on the light", "en"), Route::Act);
    assert_eq!(best("is the light on?", "en"), Route::Answer);
    assert_eq!(best("don't forget to turn off the light", "en"), Route::Remember);
    assert_eq!(best("research how to turn off the lights automatically", "en"), Route::Delegate);
    assert_eq!(best("compare heat pumps", "en"), Route::Delegate);
    assert_eq!(best("the light", "en"), Route::Clarify);
    assert_eq!(best("Okay, never mind.", "en"), Route::Control);
    assert_eq!(best("transfer two hundred euros to Anna", "en"), Route::Refuse);
}

#[test]
fn probabilities_sum_to_one_in_every_language_and_in_none() {
    for tag in ["en", "de", "nl", "fr", "es", "it", "pl", "cs", "ja"] {
        for text in ["", "?", "stop", "turn on the light", "こんにちは"] {
            let topics = topic(text, &Language::parse(tag).expect("valid"));
            let sum: f32 = topics.iter().map(|(_, probability)| probability).sum();
            assert!((sum - 1.0).abs() < 1e-3, "{tag} {text}: {sum}");
        }
    }
}

#[test]
fn the_weights_are_whole_and_smaller_than_a_megabyte() {
    assert!(include_bytes!("weights.bin").len() < 1_000_000);
    assert!(MODEL.buckets() > 1 << 10);
}

#[test]
fn work_reminders_and_errands_are_told_apart_in_every_language() {
    let sentences = [
        ("nl", "vergelijk wasmachines", "herinner me morgen aan de tandarts", "bel mijn vader"),
        ("fr", "compare les machines à laver", "rappelle-moi demain le dentiste", "appelle mon père"),
        ("es", "compara lavadoras", "recuérdame mañana el dentista", "llama a mi padre"),
        ("it", "confronta le lavatrici", "ricordami domani il dentista", "chiama mio padre"),
        ("pl", "porównaj pralki", "przypomnij mi jutro o dentyście", "zadzwoń do taty"),
        ("cs", "porovnej pračky", "připomeň mi zítra zubaře", "zavolej tátovi"),
    ];
    for (tag, work, reminder, errand) in sentences {
        assert_eq!(best(work, tag), Route::Delegate, "{work}");
        assert_eq!(best(reminder, tag), Route::Remember, "{reminder}");
        assert_eq!(best(errand, tag), Route::Refuse, "{errand}");
    }
}
