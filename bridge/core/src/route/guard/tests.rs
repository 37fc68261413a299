//! What the guard lets through and what not.

use super::*;

fn act_of(text: &str, tag: &str) -> SpeechAct {
    speech_act(text, &Language::parse(tag).expect("a language"))
}

#[test]
fn politeness_and_wishes_for_the_home_are_commands() {
    for (tag, text) in [
        ("en", "Can you turn on the kitchen light?"),
        ("en", "I'd like the dining table lamp at sixty percent"),
        ("en", "It's too dark in here, turn on the kitchen light."),
        ("en", "Why don't you close the blinds?"),
        ("de", "Kannst du mal die Stehlampe anmachen?"),
        ("de", "Ich hätte gern das Wohnzimmer auf 21 Grad."),
        ("de", "Mach mal die Stehlampe im Wohnzimmer an, ja?"),
        ("de", "Schaltet die Stehlampe ein"),
        ("de", "Wir wollen weiterhören"),
        ("de", "Ich will ein anderes Lied"),
        ("de", "Lass die Musik wieder laufen"),
        ("en", "Turn the volume down by 5"),
    ] {
        assert_eq!(act_of(text, tag), SpeechAct::Command, "{text}");
    }
}

#[test]
fn each_speech_act_is_told_from_a_command() {
    for (tag, text, act) in [
        ("en", "Please don’t unlock the front door", SpeechAct::Negated),
        ("en", "Is the kitchen light on?", SpeechAct::Question),
        ("en", "She said turn off the living room light", SpeechAct::Reported),
        ("en", "Anna, turn on the light", SpeechAct::Elsewhere),
        ("en", "The kitchen light was on all night", SpeechAct::Statement),
        ("en", "Open the blinds when the sun is up", SpeechAct::Conditional),
        ("en", "At seven open the bedroom blinds", SpeechAct::Deferred),
        ("en", "I need to turn off the light", SpeechAct::Wish),
        ("en", "Add clean the kitchen to my todo list", SpeechAct::Reminder),
        ("de", "Mach das Küchenlicht nicht an", SpeechAct::Negated),
        ("de", "Vergiss nicht, das Licht auszumachen", SpeechAct::Reminder),
        ("de", "Sobald es dunkel wird, mach das Licht an", SpeechAct::Conditional),
        ("de", "Schaltet sich die Heizung nachts aus", SpeechAct::Question),
        ("de", "Schaltet das Licht aus?", SpeechAct::Question),
        ("de", "Lass die Lampe laufen", SpeechAct::Negated),
        ("en", "Turn the lights off by 5", SpeechAct::Deferred),
    ] {
        assert_eq!(act_of(text, tag), act, "{text}");
    }
}

#[test]
fn a_question_mark_counts_even_in_a_language_that_nobody_described() {
    assert_eq!(act_of("Valot päällä?", "fi"), SpeechAct::Question);
    assert_eq!(act_of("Valot päälle", "fi"), SpeechAct::Command);
}

#[test]
fn no_words_and_too_many_words_are_no_command() {
    for text in ["", "🙂🙂", &"turn on the light ".repeat(2_500)] {
        assert_eq!(read(text, &Language::english()).sign, Sign::Length);
    }
}

#[test]
fn lists_and_timers_take_what_is_to_be_kept_or_postponed() {
    assert!(SpeechAct::Reminder.permits("HassListAddItem") && SpeechAct::Deferred.permits("HassStartTimer"));
    assert!(!SpeechAct::Reminder.permits("HassTurnOn") && !SpeechAct::Negated.permits("HassStartTimer"));
}

fn home_with(names: &[(&str, &str)]) -> Registry {
    let entity = |(id, name): &(&str, &str)| crate::home::Entity {
        id: crate::EntityId::from(*id),
        name: (*name).to_owned(),
        aliases: Vec::new(),
        area: None,
        device: None,
        device_class: None,
        exposed: true,
    };
    Registry {
        entities: names.iter().map(entity).map(|entity| (entity.id.clone(), entity)).collect(),
        ..Registry::default()
    }
}

#[test]
fn the_words_of_a_name_negate_and_postpone_nothing() {
    let home = home_with(&[
        ("light.never", "Never Land lamp"),
        ("scene.night", "Good Night"),
        ("scene.bed", "Before Bed"),
        ("scene.morning", "Morning"),
        ("scene.guten_morgen", "Guten Morgen"),
        ("scene.movie", "Movie Night"),
        ("vacuum.rosie", "Rosie"),
        ("person.anna", "Anna"),
    ]);
    for (tag, text, command) in [
        ("en", "Make the never land lamp a bit brighter", true),
        ("en", "Never turn on the never land lamp", false),
        ("en", "Can you activate good night please?", true),
        ("en", "Activate the before bed scene", true),
        ("en", "Turn off the lights before bed", false),
        ("en", "Turn the lights on before bed", false),
        ("en", "Activate morning", true),
        ("en", "Open the blinds in the morning", false),
        ("en", "Open the blinds after movie night", false),
        ("en", "Start movie night", true),
        ("de", "Aktiviere Guten Morgen", true),
        ("de", "Aktiviere Guten Morgen erst morgen", false),
        ("en", "Rosie, clean the kitchen", true),
        ("en", "Rosie, could you clean the kitchen?", true),
        ("en", "Anna, clean the kitchen", false),
    ] {
        let language = Language::parse(tag).expect("a language");
        let reading = read_in(text, &language, &[], &home);
        assert_eq!(reading.act == SpeechAct::Command, command, "{text}: {reading:?}");
    }
}

#[test]
fn what_the_matcher_took_for_a_name_is_masked_once() {
    let read = |text: &str| {
        let german = Language::parse("de").expect("a language");
        read_in(text, &german, &["Morgen".to_owned()], &Registry::default()).act
    };
    assert_eq!(read("Aktiviere Morgen"), SpeechAct::Command);
    assert_eq!(read("Aktiviere Morgen morgen"), SpeechAct::Deferred);
}

#[test]
fn the_model_is_small_and_whole() {
    assert!(include_bytes!("weights.bin").len() < 1 << 20);
    let english = Language::english();
    let sure = |text: &str| {
        let lexicon = Lexicon::of(&english).expect("described");
        let bare: Vec<_> = clauses(text, false).into_iter().map(|clause| lexicon.bare(clause)).collect();
        model::judge(&bare, lexicon, &english).1
    };
    assert!(sure("turn on the lamp in the hall") > 0.9);
    assert!(sure("the lamp was on all night") < 0.1 && sure("my brother switched off the radio") < 0.1);
}
