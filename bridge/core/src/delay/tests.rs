//! Times as people say them, in every language, at clocks that jump.

use jiff::Zoned;

use super::*;
use crate::home::Caller;
use crate::{Language, Pii};

/// A Saturday.
const NOW: &str = "2026-11-21T13:05:00[Europe/Berlin]";

fn at(moment: &str) -> Zoned {
    moment.parse().expect("a moment")
}

fn read(text: &str, tag: &str, now: &str) -> Option<Timed> {
    timed(text, &Language::parse(tag)?, &at(now), std::iter::empty())
}

#[track_caller]
fn due(tag: &str, text: &str, rest: &str, wanted: &str) {
    let found = read(text, tag, NOW).unwrap_or_else(|| panic!("{text}: no time found"));
    assert_eq!(found.rest, rest, "{text}");
    match found.when {
        When::At(due) => assert_eq!(due.strftime("%Y-%m-%d %H:%M").to_string(), wanted, "{text}"),
        other @ (When::Past | When::TooFar | When::Vague) => panic!("{text}: {other:?}"),
    }
}

#[test]
fn english_times() {
    for (time, wanted) in [
        ("in an hour", "2026-11-21 14:05"),
        ("in ten minutes", "2026-11-21 13:15"),
        ("in 10 minutes", "2026-11-21 13:15"),
        ("in half an hour", "2026-11-21 13:35"),
        ("in an hour and a half", "2026-11-21 14:35"),
        ("in two and a half hours", "2026-11-21 15:35"),
        ("in one hour and twenty five minutes", "2026-11-21 14:30"),
        ("two hours from now", "2026-11-21 15:05"),
        ("in two days", "2026-11-23 13:05"),
        ("at half past eleven", "2026-11-21 23:30"),
        ("at quarter to three", "2026-11-21 14:45"),
        ("at ten past one", "2026-11-21 13:10"),
        ("at 22:30", "2026-11-21 22:30"),
        ("at 10:30 p.m.", "2026-11-21 22:30"),
        ("at 7am", "2026-11-22 07:00"),
        ("at seven o'clock", "2026-11-21 19:00"),
        ("at seven in the morning", "2026-11-22 07:00"),
        ("at eleven tonight", "2026-11-21 23:00"),
        ("at twelve tonight", "2026-11-22 00:00"),
        ("at midnight", "2026-11-22 00:00"),
        ("at noon", "2026-11-22 12:00"),
        ("tomorrow at seven", "2026-11-22 07:00"),
        ("tomorrow morning at eight", "2026-11-22 08:00"),
        ("tomorrow evening at eight", "2026-11-22 20:00"),
        ("on Sunday at nine", "2026-11-22 09:00"),
        ("on Saturday at one", "2026-11-28 01:00"),
        ("at ten thirty", "2026-11-21 22:30"),
        ("at twenty two thirty", "2026-11-21 22:30"),
    ] {
        due("en", &format!("Turn off the lights {time}"), "Turn off the lights", wanted);
    }
}

#[test]
fn the_time_may_stand_anywhere() {
    due(
        "en",
        "In ten minutes, turn off the kitchen light.",
        "turn off the kitchen light.",
        "2026-11-21 13:15",
    );
    due("en", "Tonight turn off the lights at eleven", "turn off the lights", "2026-11-21 23:00");
    due(
        "de",
        "Mach in einer halben Stunde das Bürolicht aus.",
        "Mach das Bürolicht aus.",
        "2026-11-21 13:35",
    );
    due("de", "Schalte heute Abend das Licht um acht aus", "Schalte das Licht aus", "2026-11-21 20:00");
    due("nl", "Doe over een half uur de kantoorlamp uit.", "Doe de kantoorlamp uit.", "2026-11-21 13:35");
}

#[test]
fn german_times() {
    for (time, wanted) in [
        ("in zehn Minuten", "2026-11-21 13:15"),
        ("in einer Stunde", "2026-11-21 14:05"),
        ("in einer Viertelstunde", "2026-11-21 13:20"),
        ("in anderthalb Stunden", "2026-11-21 14:35"),
        ("in fünfundzwanzig Minuten", "2026-11-21 13:30"),
        ("um halb elf", "2026-11-21 22:30"),
        ("um fünf vor halb elf", "2026-11-21 22:25"),
        ("um Viertel nach sieben", "2026-11-21 19:15"),
        ("um 22 Uhr 30", "2026-11-21 22:30"),
        ("um 22:30 Uhr", "2026-11-21 22:30"),
        ("um zweiundzwanzig Uhr dreißig", "2026-11-21 22:30"),
        ("heute Abend um acht", "2026-11-21 20:00"),
        ("morgen früh um sieben", "2026-11-22 07:00"),
        ("morgen um sieben", "2026-11-22 07:00"),
        ("um sieben Uhr morgens", "2026-11-22 07:00"),
        ("am Sonntag um neun", "2026-11-22 09:00"),
        ("um Mitternacht", "2026-11-22 00:00"),
        ("heute Nacht um zwei", "2026-11-22 02:00"),
        ("um 07:00 Uhr", "2026-11-22 07:00"),
    ] {
        due("de", &format!("Schalte das Licht aus {time}"), "Schalte das Licht aus", wanted);
    }
}

#[test]
fn times_of_the_other_languages() {
    for (tag, time, wanted) in [
        ("nl", "over een uur", "2026-11-21 14:05"),
        ("nl", "over een kwartier", "2026-11-21 13:20"),
        ("nl", "om half elf", "2026-11-21 22:30"),
        ("nl", "om vijf over half elf", "2026-11-21 22:35"),
        ("nl", "vanavond om elf uur", "2026-11-21 23:00"),
        ("nl", "morgenochtend om zeven uur", "2026-11-22 07:00"),
        ("nl", "om zeven uur 's avonds", "2026-11-21 19:00"),
        ("nl", "over vijfentwintig minuten", "2026-11-21 13:30"),
        ("fr", "dans une heure", "2026-11-21 14:05"),
        ("fr", "dans une demi-heure", "2026-11-21 13:35"),
        ("fr", "dans un quart d'heure", "2026-11-21 13:20"),
        ("fr", "dans vingt et une minutes", "2026-11-21 13:26"),
        ("fr", "à vingt-deux heures trente", "2026-11-21 22:30"),
        ("fr", "à 22h30", "2026-11-21 22:30"),
        ("fr", "à 22 h", "2026-11-21 22:00"),
        ("fr", "à sept heures et demie", "2026-11-21 19:30"),
        ("fr", "à onze heures moins le quart", "2026-11-21 22:45"),
        ("fr", "demain à sept heures", "2026-11-22 07:00"),
        ("fr", "demain matin à huit heures", "2026-11-22 08:00"),
        ("fr", "ce soir à onze heures", "2026-11-21 23:00"),
        ("fr", "à minuit", "2026-11-22 00:00"),
        ("es", "dentro de media hora", "2026-11-21 13:35"),
        ("es", "en diez minutos", "2026-11-21 13:15"),
        ("es", "en una hora y media", "2026-11-21 14:35"),
        ("es", "a las once y media", "2026-11-21 23:30"),
        ("es", "a las once menos cuarto", "2026-11-21 22:45"),
        ("es", "a las veintidós treinta", "2026-11-21 22:30"),
        ("es", "mañana a las siete", "2026-11-22 07:00"),
        ("es", "mañana por la mañana a las ocho", "2026-11-22 08:00"),
        ("es", "a las ocho de la tarde", "2026-11-21 20:00"),
        ("es", "a medianoche", "2026-11-22 00:00"),
        ("it", "fra mezz'ora", "2026-11-21 13:35"),
        ("it", "tra dieci minuti", "2026-11-21 13:15"),
        ("it", "tra un'ora e mezza", "2026-11-21 14:35"),
        ("it", "alle undici e mezza", "2026-11-21 23:30"),
        ("it", "alle ventidue e trenta", "2026-11-21 22:30"),
        ("it", "all'una", "2026-11-22 01:00"),
        ("it", "domani mattina alle sette", "2026-11-22 07:00"),
        ("it", "stasera alle otto", "2026-11-21 20:00"),
        ("it", "a mezzanotte", "2026-11-22 00:00"),
        ("pl", "za pół godziny", "2026-11-21 13:35"),
        ("pl", "za godzinę", "2026-11-21 14:05"),
        ("pl", "za dziesięć minut", "2026-11-21 13:15"),
        ("pl", "za dwie godziny", "2026-11-21 15:05"),
        ("pl", "o wpół do dwunastej", "2026-11-21 23:30"),
        ("pl", "o dwudziestej drugiej trzydzieści", "2026-11-21 22:30"),
        ("pl", "jutro o siódmej", "2026-11-22 07:00"),
        ("pl", "dziś wieczorem o ósmej", "2026-11-21 20:00"),
        ("pl", "o północy", "2026-11-22 00:00"),
        ("cs", "za půl hodiny", "2026-11-21 13:35"),
        ("cs", "za deset minut", "2026-11-21 13:15"),
        ("cs", "za pětadvacet minut", "2026-11-21 13:30"),
        ("cs", "v půl dvanácté", "2026-11-21 23:30"),
        ("cs", "ve dvaadvacet třicet", "2026-11-21 22:30"),
        ("cs", "zítra v sedm", "2026-11-22 07:00"),
        ("cs", "dnes večer v osm", "2026-11-21 20:00"),
        ("cs", "o půlnoci", "2026-11-22 00:00"),
        ("cs", "v 22:30", "2026-11-21 22:30"),
    ] {
        due(tag, &format!("x z {time}"), "x z", wanted);
    }
}

#[test]
fn what_is_no_single_time_is_left_alone() {
    for text in [
        "turn on the kitchen light",
        "set the blinds to 50 percent",
        "set the lamp at seven percent",
        "turn on the light and in ten minutes turn it off",
        "turn off the light in ten minutes and lock the door",
        "turn on the light at seven or at eight",
        "set a timer for five minutes",
        "activate good morning",
        "turn on the light for ten minutes",
        "in ten minutes",
    ] {
        assert_eq!(read(text, "en", NOW), None, "{text}");
    }
    assert_eq!(read("turn off the light in an hour", "sv", NOW), None);
}

#[test]
fn a_name_that_sounds_like_a_time_stays_a_name() {
    let names = ["Guten Morgen", "Tonight Show"];
    let german = Language::parse("de").expect("valid");
    let found =
        timed("aktiviere Guten Morgen um sieben", &german, &at(NOW), names.into_iter()).expect("a time");
    assert_eq!(found.rest, "aktiviere Guten Morgen");
    let english = Language::english();
    assert_eq!(timed("turn on the tonight show", &english, &at(NOW), names.into_iter()), None);
}

#[test]
fn a_day_without_a_time_a_time_that_has_passed_and_one_too_far_are_told_apart() {
    let when = |text: &str| read(&format!("turn off the lights {text}"), "en", NOW).expect("found").when;
    assert_eq!(when("tomorrow"), When::Vague);
    assert_eq!(when("tonight"), When::Vague);
    assert_eq!(when("today at seven in the morning"), When::Past);
    assert_eq!(when("in eight days"), When::TooFar);
    assert_eq!(when("in 20000 days"), When::TooFar);
}

#[test]
fn an_hour_is_an_hour_and_a_clock_time_is_one_of_the_clock_when_the_clock_changes() {
    // On 29 March 2026 at 02:00 the clocks of Berlin show 03:00.
    let due = |text: &str, now: &str| match read(&format!("turn off the lights {text}"), "en", now)
        .expect("found")
        .when
    {
        When::At(due) => due.to_string(),
        other @ (When::Past | When::TooFar | When::Vague) => panic!("{text}: {other:?}"),
    };
    let before = "2026-03-29T01:30:00+01:00[Europe/Berlin]";
    assert_eq!(due("in an hour", before), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
    assert_eq!(due("at 02:30", before), "2026-03-29T03:30:00+02:00[Europe/Berlin]");
    assert_eq!(
        due("in one day", "2026-03-28T12:00:00[Europe/Berlin]"),
        "2026-03-29T12:00:00+02:00[Europe/Berlin]"
    );
    // On 25 October 2026 they show 02:00 to 03:00 twice: the first one is meant.
    assert_eq!(
        due("at 02:30", "2026-10-25T00:30:00[Europe/Berlin]"),
        "2026-10-25T02:30:00+02:00[Europe/Berlin]"
    );
}

#[test]
fn a_due_time_is_told_in_the_language_of_the_sentence() {
    let tell = |moment: &str, tag: &str| told(&at(moment), &at(NOW), &Language::parse(tag).expect("valid"));
    assert_eq!(tell("2026-11-21T22:30:00[Europe/Berlin]", "en"), "at 22:30");
    assert_eq!(tell("2026-11-22T07:00:00[Europe/Berlin]", "de"), "morgen um 07:00 Uhr");
    assert_eq!(tell("2026-11-25T07:00:00[Europe/Berlin]", "pl"), "w środę o 07:00");
}

#[test]
fn every_language_has_its_words_of_time() {
    for tag in ["en", "de", "nl", "fr", "es", "it", "pl", "cs"] {
        let words = words::Words::of(&Language::parse(tag).expect("valid")).expect("words");
        assert!(words.numbers.iter().any(|(_, number)| *number == 59), "{tag}");
        for template in [&words.say.today, &words.say.tomorrow, &words.say.later] {
            assert!(template.contains("{time}"), "{tag}: {template}");
        }
    }
}

fn command(id: &str, sentence: &str) -> DelayedCommand {
    DelayedCommand {
        id: id.into(),
        due: at(NOW).timestamp(),
        sentence: Pii::new(sentence.into()),
        sentences: vec![sentence.into()],
        language: Language::english(),
        caller: Caller::default(),
        actions: vec![],
        state: State::Waiting,
        code: None,
    }
}

#[test]
fn talk_about_plans_is_understood_in_every_language() {
    for (tag, list, cancel) in [
        ("en", "What is planned?", "Cancel the planned light, please."),
        ("de", "Was ist geplant?", "Lösche bitte das geplante Licht."),
        ("nl", "Wat is er gepland?", "Annuleer het geplande licht."),
        ("fr", "Qu'est-ce qui est prévu ?", "Annule la lumière prévue."),
        ("es", "¿Qué está programado?", "Cancela la luz programada."),
        ("it", "Che cosa è programmato?", "Annulla la luce programmata."),
        ("pl", "Co jest zaplanowane?", "Anuluj zaplanowane światło."),
        ("cs", "Co je naplánováno?", "Zruš naplánované světlo."),
    ] {
        let language = Language::parse(tag).expect("valid");
        assert_eq!(talk(list, &language), Some(Talk::List), "{list}");
        let Some(Talk::Cancel(words)) = talk(cancel, &language) else {
            panic!("{cancel}: {:?}", talk(cancel, &language))
        };
        assert_eq!(words.len(), 1, "{cancel}: {words:?}");
    }
}

#[test]
fn other_talk_is_left_alone() {
    for text in [
        "cancel the timer",
        "turn off the light",
        "what is on",
        "cancel",
        "the planned route",
        "is the light planned",
    ] {
        assert_eq!(talk(text, &Language::english()), None, "{text}");
    }
    assert_eq!(talk("cancel everything that is planned", &Language::english()), Some(Talk::CancelAll));
    assert_eq!(talk("cancel the planned command", &Language::english()), Some(Talk::Cancel(vec![])));
}

#[test]
fn words_name_a_planned_command_in_any_form() {
    let planned = [command("a", "turn off the kitchen lights"), command("b", "open the blinds")];
    let ids = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        meant(&words, &planned).into_iter().map(|command| command.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["light"]), ["a"]);
    assert_eq!(ids(&["kitchen", "light"]), ["a"]);
    assert_eq!(ids(&["blind"]), ["b"]);
    assert_eq!(ids(&[]), ["a", "b"]);
    assert!(ids(&["bedroom"]).is_empty());
}

#[test]
fn a_command_is_due_until_ten_minutes_have_passed_wherever_the_clock_jumps() {
    let due: jiff::Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    let at = |now: &str| step(due, now.parse().expect("a time"));
    assert_eq!(at("2026-11-21T11:59:00Z"), Step::Wait(std::time::Duration::from_mins(1)));
    assert_eq!(at("1970-01-01T00:00:00Z"), Step::Wait(std::time::Duration::from_hours(498_684)));
    assert_eq!(at("2026-11-21T12:00:00Z"), Step::Act);
    assert_eq!(at("2026-11-21T12:10:00Z"), Step::Act);
    assert_eq!(at("2026-11-21T12:10:01Z"), Step::Missed);
    assert_eq!(at("2030-01-01T00:00:00Z"), Step::Missed);
}
