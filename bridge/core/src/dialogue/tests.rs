//! Utterances and times in, turns out.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn satellite(name: &str) -> Satellite {
    Satellite::Entity(EntityId::from(name))
}

fn hear(dialogues: &mut Dialogues, by: &Satellite, text: &str, now: Duration) -> Turn {
    let language = Language::english();
    let source = Source::Addressed;
    dialogues.hear(&Utterance { satellite: Some(by), text, language: &language, source, now }, None)
}

fn one_of_three(dialogues: &mut Dialogues, by: &Satellite) {
    let candidate = |id: &str, name: &str, area: &str| Candidate {
        entity: EntityId::from(id),
        name: name.into(),
        aliases: vec![area.into()],
    };
    let among = vec![
        candidate("light.counter", "Counter Light", "Kitchen"),
        candidate("light.table", "Table Lamp", "Dining Room"),
        candidate("light.bed", "Bed Light", "Bedroom"),
    ];
    let question = Question::Choice(Choice { asked: "turn on the lamp".into(), among });
    let asked = dialogues.ask(by, question, &Language::english(), SECOND, None);
    assert_eq!(asked, Sentence::WhichOne { names: "Counter Light, Table Lamp or Bed Light".into() });
}

#[test]
fn one_of_several_is_chosen_by_its_place_its_name_or_its_area() {
    let hall = satellite("assist_satellite.hall");
    for answer in ["The second one, please.", "the table lamp", "the one in the dining room", "Table"] {
        let mut dialogues = Dialogues::default();
        one_of_three(&mut dialogues, &hall);
        let Turn::Chosen(chosen) = hear(&mut dialogues, &hall, answer, 2 * SECOND) else {
            panic!("{answer}")
        };
        assert_eq!(chosen.asked, "turn on the lamp");
        assert_eq!(chosen.not_meant, [EntityId::from("light.counter"), EntityId::from("light.bed")]);
    }
    for (answer, turn) in [("none of them", Turn::Say(Sentence::Left)), ("the light", Turn::New)] {
        let mut dialogues = Dialogues::default();
        one_of_three(&mut dialogues, &hall);
        assert_eq!(hear(&mut dialogues, &hall, answer, 2 * SECOND), turn, "{answer}");
        assert_eq!(hear(&mut dialogues, &hall, "the first one", 3 * SECOND), Turn::New, "asked only once");
    }
}

#[test]
fn of_several_acts_the_words_of_one_are_no_yes_to_all() {
    let hall = satellite("assist_satellite.hall");
    let asked = "unlock the front door and lock the back door";
    for (answer, is_yes) in
        [("okay, lock the front door", false), ("yes, lock the back door", false), ("yes please", true)]
    {
        let mut dialogues = Dialogues::default();
        let question = Question::Confirm(Pending {
            asked: asked.into(),
            act: "unlock the front door".into(),
            deed: Deed::Sentences(asked.split(" and ").map(str::to_owned).collect()),
            drafts: Vec::new(),
            drafted: false,
        });
        dialogues.ask(&hall, question, &Language::english(), SECOND, None);
        let turn = hear(&mut dialogues, &hall, answer, 2 * SECOND);
        assert_eq!(matches!(turn, Turn::Confirmed(_)), is_yes, "{answer}");
    }
}

#[test]
fn digits_are_kept_secret_for_two_minutes_after_a_pin_was_asked_for() {
    let hall = satellite("assist_satellite.hall");
    let mut dialogues = Dialogues::default();
    let english = Language::english();
    let pin = Pin::parse(&"2468".into()).expect("a PIN");
    let pending = Pending {
        asked: "unlock the front door".into(),
        act: "unlock the front door".into(),
        deed: Deed::Sentences(vec!["unlock the front door".into()]),
        drafts: Vec::new(),
        drafted: false,
    };
    let late = |dialogues: &Dialogues, text: &str, at: Duration| {
        let unknown = dialogues.is_late_pin(None, text, &english, at);
        assert_eq!(dialogues.is_late_pin(Some(&hall), text, &english, at), unknown, "{text}");
        unknown
    };
    assert!(!late(&dialogues, "two four six eight", SECOND));
    dialogues.of(&hall, SECOND).open(Question::Pin(pending), SECOND);
    assert!(dialogues.expects_pin(Some(&hall), 31 * SECOND) && !dialogues.expects_pin(None, 32 * SECOND));
    let turn = dialogues.hear(
        &Utterance {
            satellite: Some(&hall),
            text: "two four six eight",
            language: &english,
            source: Source::Addressed,
            now: 60 * SECOND,
        },
        Some(&pin),
    );
    assert_eq!(turn, Turn::New, "the question is over");
    assert!(late(&dialogues, "two four six eight", 121 * SECOND));
    assert!(!late(&dialogues, "two four six eight", 122 * SECOND));
    assert!(!late(&dialogues, "turn on the light", 60 * SECOND));
}

#[test]
fn only_so_many_satellites_are_kept_in_mind_and_the_quietest_goes_first() {
    let mut dialogues = Dialogues::default();
    for number in 0..=SATELLITES_MAX {
        let by = satellite(&format!("assist_satellite.n{number}"));
        dialogues.said(&by, "hello", SECOND * u32::try_from(number).expect("small"));
    }
    assert_eq!(dialogues.satellites.len(), SATELLITES_MAX);
    assert_eq!(dialogues.last_words(&satellite("assist_satellite.n0")), None);
    assert!(dialogues.last_words(&satellite("assist_satellite.n1")).is_some());
}

#[test]
fn a_mask_gives_its_words_back_once_and_not_for_long() {
    let mut dialogues = Dialogues::default();
    let (one, other) =
        (dialogues.mask("one two".into(), SECOND), dialogues.mask("three four".into(), SECOND));
    assert!(one != other && !one.contains("one"));
    assert_eq!(dialogues.unmask(&other, 2 * SECOND).as_deref(), Some("three four"));
    assert_eq!(dialogues.unmask(&other, 2 * SECOND), None);
    assert_eq!(dialogues.unmask(&one, 20 * SECOND), None);
}
