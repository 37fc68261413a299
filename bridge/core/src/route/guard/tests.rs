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
