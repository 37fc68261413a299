//! Sentences in, readings out: in a small English and a small German home.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::home::{Area, Entity, EntityState, Floor, Match, MatchSource, Registry};
use crate::id::FloorId;
use crate::{AreaId, EntityId, Language};

/// Id, English name, German name, area, device class.
const THINGS: [(&str, &str, &str, &str, Option<&str>); 19] = [
    ("light.kitchen", "Kitchen Light", "Küchenlicht", "kitchen", None),
    ("light.counter", "Counter Light", "Thekenlicht", "kitchen", None),
    ("light.floor_lamp", "Floor Lamp", "Stehlampe", "living", None),
    ("light.table", "Dining Table Lamp", "Esstischlampe", "living", None),
    ("light.bedroom_night", "Night Light", "Nachtlicht", "bedroom", None),
    ("light.living_night", "Night Light", "Nachtlicht", "living", None),
    ("switch.radio", "Radio", "Radio", "kitchen", None),
    ("switch.coffee", "Coffee Machine", "Kaffeemaschine", "kitchen", None),
    ("cover.kitchen", "Kitchen Blinds", "Küchenrollo", "kitchen", Some("blind")),
    ("cover.bedroom", "Bedroom Blinds", "Schlafzimmerrollo", "bedroom", Some("blind")),
    ("climate.living", "Living Room Heating", "Wohnzimmerheizung", "living", None),
    ("media_player.tv", "Television", "Fernseher", "living", Some("tv")),
    ("media_player.kitchen", "Kitchen Speaker", "Küchenlautsprecher", "kitchen", None),
    ("fan.bedroom", "Bedroom Fan", "Schlafzimmerventilator", "bedroom", None),
    ("vacuum.rosie", "Rosie", "Rosie", "living", None),
    ("lock.front", "Front Door", "Haustür", "kitchen", None),
    ("scene.movie", "Movie Night", "Filmabend", "", None),
    ("todo.chores", "Chores", "Aufgaben", "", None),
    ("light.attic", "Attic Light", "Dachbodenlicht", "", None),
];

fn registry(german: bool) -> Arc<Registry> {
    let entity = |(id, english, deutsch, area, class): (&str, &str, &str, &str, Option<&str>)| Entity {
        id: EntityId::from(id),
        name: if german { deutsch } else { english }.into(),
        aliases: vec![],
        area: (!area.is_empty()).then(|| AreaId::from(area)),
        device: None,
        device_class: class.map(Into::into),
        exposed: id != "light.attic",
    };
    let areas = [
        ("kitchen", "Kitchen", "Küche", "ground"),
        ("living", "Living Room", "Wohnzimmer", "ground"),
        ("bedroom", "Bedroom", "Schlafzimmer", "upper"),
    ];
    let area = |(id, english, deutsch, floor): (&str, &str, &str, &str)| Area {
        id: AreaId::from(id),
        name: if german { deutsch } else { english }.into(),
        aliases: vec![],
        floor: Some(FloorId::from(floor)),
    };
    let floor =
        |(id, name): (&str, &str)| Floor { id: FloorId::from(id), name: name.into(), aliases: vec![] };
    let floors = [("ground", "Downstairs"), ("upper", "Upstairs")].map(floor);
    Arc::new(Registry {
        entities: THINGS.map(entity).into_iter().map(|entity| (entity.id.clone(), entity)).collect(),
        areas: areas.map(area).into_iter().map(|area| (area.id.clone(), area)).collect(),
        floors: floors.into_iter().map(|floor| (floor.id.clone(), floor)).collect(),
        device_areas: BTreeMap::new(),
        fahrenheit: false,
    })
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of the context")]
fn state(id: &EntityId) -> Option<EntityState> {
    let attributes = match id.as_str() {
        "light.floor_lamp" => json!({"brightness": 102}),
        "climate.living" => json!({"temperature": 20.0, "min_temp": 7.0, "max_temp": 22.0}),
        _ => json!({}),
    };
    Some(EntityState { state: "on".into(), attributes: attributes.as_object().cloned().unwrap_or_default() })
}

/// A place to say things in.
struct Home {
    registry: Arc<Registry>,
    language: Language,
    here: Option<AreaId>,
    last: Option<LastAct>,
}

impl Home {
    fn english() -> Self {
        Self { registry: registry(false), language: Language::english(), here: None, last: None }
    }

    fn german() -> Self {
        let language = Language::parse("de").expect("valid");
        Self { registry: registry(true), language, here: None, last: None }
    }

    fn at(self, area: &str) -> Self {
        Self { here: Some(AreaId::from(area)), ..self }
    }

    fn context(&self) -> Context<'_> {
        Context {
            registry: &self.registry,
            language: &self.language,
            here: self.here.as_ref(),
            state: &state,
            last: self.last.as_ref(),
        }
    }

    fn understand(&self, text: &str) -> Understanding {
        read(text, &self.context())
    }

    fn reading(&self, text: &str) -> Reading {
        let read = self.understand(text).read;
        read.reading().cloned().unwrap_or_else(|| panic!("{text}: {read:?}"))
    }

    /// What is asked of what, in a few words: `brightness 60 light.floor_lamp`.
    fn said(&self, text: &str) -> String {
        let step = |step: &Step| {
            let value = step.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
            let targets: Vec<_> = step.targets.iter().map(EntityId::as_str).collect();
            format!("{:?}{value} {}", step.ask, targets.join(" ")).to_lowercase()
        };
        self.reading(text).steps.iter().map(step).collect::<Vec<_>>().join("; ")
    }

    /// Says it, and lets the next sentence go on from it.
    fn after(mut self, text: &str) -> Self {
        self.last = Some(LastAct::of(&self.reading(text), Duration::ZERO));
        self
    }

    fn declines(&self, text: &str) -> bool {
        self.understand(text).read.reading().is_none()
    }
}

#[test]
fn loose_words_and_politeness_do_not_hide_the_command() {
    let home = Home::english();
    assert_eq!(home.said("I'd like the dining table lamp at sixty percent"), "brightness 60 light.table");
    assert_eq!(home.said("Hey, could you put the floor lamp on for me, please?"), "on light.floor_lamp");
    assert_eq!(home.said("kitchen blinds down please"), "close cover.kitchen");
    let german = Home::german();
    assert_eq!(german.said("mach mal die Stehlampe im Wohnzimmer an, ja"), "on light.floor_lamp");
    assert_eq!(german.said("Fahr bitte das Küchenrollo runter"), "close cover.kitchen");
    assert_eq!(german.said("Mach die Stehlampe auf vierzig Prozent"), "brightness 40 light.floor_lamp");
}

#[test]
fn one_word_that_nothing_explains_stops_everything() {
    let home = Home::english();
    for text in [
        "turn on the floor lamp tomorrow",
        "turn on the floor lamp when I am home",
        "turn on the floor lamp and buy milk",
        "never turn on the floor lamp",
        "the floor lamp was on",
        "turn on the zorgon lamp in the attic of the neighbours",
    ] {
        assert!(home.declines(text), "{text}");
    }
    assert!(
        matches!(home.understand("turn on the floor lamp at dawn").read, Read::Unexplained(words) if words == ["dawn"])
    );
}

#[test]
fn a_negation_is_never_taken_for_a_slip() {
    assert!(Home::german().declines("Mach die Stehlampe nicht an"));
    assert!(Home::english().declines("don't turn on the floor lamp"));
}

#[test]
fn a_misheard_name_is_found_and_costs() {
    let home = Home::english();
    let exact = home.reading("turn on the floor lamp");
    let misheard = home.reading("turn on the flor lamp");
    assert_eq!(misheard.steps, exact.steps);
    assert!(exact.slip == 0.0 && misheard.slip > 0.0 && misheard.certainty() < exact.certainty());
    assert_eq!(Home::german().said("Schalte die Stelampe ein"), "on light.floor_lamp");
}

#[test]
fn a_number_in_front_of_a_comparison_is_by_how_much() {
    let home = Home::english();
    assert_eq!(home.said("make the living room heating 2 degrees warmer"), "temperature 22 climate.living");
    assert_eq!(home.said("turn the living room heating up 2 degrees"), "temperature 22 climate.living");
    assert_eq!(home.said("turn the living room heating up to 21 degrees"), "temperature 21 climate.living");
    assert!(home.declines("turn the living room heating up 7 degrees"));
    assert_eq!(home.said("make the floor lamp 20 percent brighter"), "brightness 60 light.floor_lamp");
    let dutch = Home { language: Language::parse("nl").expect("valid"), ..Home::english() };
    assert_eq!(dutch.said("verhoog living room heating met 2 graden"), "temperature 22 climate.living");
    assert_eq!(dutch.said("zet floor lamp met 30 procent aan"), "brightness 30 light.floor_lamp");
    let german = Home::german();
    assert_eq!(german.said("Wohnzimmerheizung ein Grad höher"), "temperature 21 climate.living");
    assert_eq!(german.said("Stehlampe 10 Prozent dunkler"), "brightness 30 light.floor_lamp");
    assert_eq!(german.said("Küchenlautsprecher 10 Prozent leiser"), "quieter 10 media_player.kitchen");
}

#[test]
fn a_particle_at_the_end_belongs_to_the_verb_at_the_beginning() {
    let home = Home::german();
    assert_eq!(home.said("Halt bitte den Küchenlautsprecher an"), "pause media_player.kitchen");
    assert_eq!(home.said("Mach halt die Stehlampe an"), "on light.floor_lamp");
    assert!(home.reading("Stelle das Küchenrollo von auf 30 Prozent").certainty() < 0.1);
}

#[test]
fn one_name_of_two_things_is_told_apart_by_the_room_or_asked() {
    let home = Home::english();
    assert_eq!(home.said("turn on the night light in the bedroom"), "on light.bedroom_night");
    let both = ["light.bedroom_night", "light.living_night"].map(EntityId::from).to_vec();
    assert_eq!(home.understand("turn on the night light").read, Read::OneOf(both));
    assert_eq!(home.at("living").said("turn on the night light"), "on light.living_night");
}

#[test]
fn a_kind_means_the_room_of_the_speaker_or_the_only_one_of_its_kind() {
    let home = Home::english();
    assert_eq!(home.said("start the vacuum"), "start vacuum.rosie");
    assert_eq!(home.said("turn the lights off in the kitchen"), "off light.counter light.kitchen");
    assert_eq!(home.said("close the blinds upstairs"), "close cover.bedroom");
    assert_eq!(
        home.understand("close the blinds").read,
        Read::OneOf(vec!["cover.bedroom".into(), "cover.kitchen".into()])
    );
    assert_eq!(home.at("bedroom").said("close the blinds"), "close cover.bedroom");
}

#[test]
fn what_is_not_exposed_is_not_taken_for_something_else() {
    assert_eq!(Home::english().understand("turn on the attic light").read, Read::NotExposed);
}

#[test]
fn a_command_that_makes_no_sense_for_a_thing_is_none() {
    let home = Home::english();
    for text in [
        "open the floor lamp",
        "set the radio to forty percent",
        "set the heating to red",
        "lock the television",
    ] {
        assert!(home.declines(text), "{text}");
    }
}

#[test]
fn several_commands_are_several_steps() {
    let home = Home::english();
    assert_eq!(home.said("turn off the floor lamp and the radio"), "off light.floor_lamp; off switch.radio");
    assert_eq!(
        home.said("turn off the floor lamp and lock the front door"),
        "off light.floor_lamp; lock lock.front"
    );
    let german = Home::german();
    assert_eq!(
        german.said("Schalte die Stehlampe und das Radio aus"),
        "off light.floor_lamp; off switch.radio"
    );
    assert!(home.declines("turn off the floor lamp and sing a song"));
}

#[test]
fn a_room_is_cleaned_and_not_whatever_stands_around_the_robot() {
    let home = Home::english();
    assert_eq!(home.said("vacuum the kitchen"), "clean vacuum.rosie");
    let reading = home.reading("let Rosie vacuum the bedroom");
    assert_eq!(twins(&reading, &home.context()).expect("twins").sentences(), ["vacuum the Bedroom"]);
}

#[test]
fn what_is_excepted_stays_as_it_is() {
    let home = Home::english();
    assert_eq!(home.said("turn off the kitchen lights except the counter light"), "off light.kitchen");
    assert!(home.declines("turn off the kitchen lights except the floor lamp"));
    assert!(home.declines("turn off the floor lamp but not the radio"));
}

#[test]
fn what_is_pointed_at_and_not_named_makes_nobody_act() {
    let (home, german) = (Home::english().at("kitchen"), Home::german().at("kitchen"));
    let strict = StrictMatch {
        intent: "HassTurnOff".into(),
        slots: BTreeMap::new(),
        targets: vec![EntityId::from("light.kitchen")],
        source: MatchSource::Builtin,
    };
    for (home, text) in [
        (&home, "turn off all the lights except that"),
        (&home, "turn off all the lights except that one"),
        (&home, "turn off all the lights except"),
        (&home, "turn off the kitchen lights but not the"),
        (&home, "turn off the kitchen light and that"),
        (&home, "turn off the kitchen light and the"),
        (&german, "mach alle Lichter aus bis auf das"),
        (&german, "schalte alle Lichter aus außer dem"),
    ] {
        let understood = home.understand(text);
        assert!(understood.read.reading().is_none(), "{text}: {:?}", understood.read);
        assert!(!understood.agrees(&strict), "{text}");
    }
    assert_eq!(
        home.said("turn off the radio and then the counter light"),
        "off switch.radio; off light.counter"
    );
}

#[test]
fn a_word_that_moves_the_place_is_not_left_out() {
    let home = Home::english().at("kitchen");
    for text in [
        "turn on the light near the kitchen",
        "turn on the lights over the kitchen",
        "turn on the kitchen light for a bit",
    ] {
        assert!(home.declines(text), "{text}");
    }
    let german = Home::german().at("kitchen");
    for text in [
        "schalte das Licht neben der Küche ein",
        "mach das Licht draußen an",
        "mach das Licht da drüben an",
        "mach die Lichter über der Küche aus",
    ] {
        assert!(german.declines(text), "{text}");
    }
    assert_eq!(home.said("close the blinds upstairs"), "close cover.bedroom");
}

#[test]
fn a_word_that_moves_the_place_may_be_part_of_a_name() {
    let mut registry = Registry::clone(&registry(false));
    registry.entities.values_mut().for_each(|entity| {
        if entity.id.as_str() == "light.table" {
            entity.name = "Lampa nad stołem".into();
        }
    });
    let language = Language::parse("pl").expect("valid");
    let home = Home { registry: Arc::new(registry), language, here: None, last: None };
    assert_eq!(home.said("włącz lampę nad stołem"), "on light.table");
    assert_eq!(home.said("Mogłabyś wyłączyć lampę nad stołem?"), "off light.table");
    let dimmed = "przyciemnij lampę nad stołem do pięćdziesięciu procent, dzięki";
    assert_eq!(home.said(dimmed), "brightness 50 light.table");
}

#[test]
fn a_lock_is_opened_and_closed_by_verbs_of_two_words() {
    let home = Home::german();
    for (text, said) in [
        ("schließe die Haustür auf", "unlock lock.front"),
        ("schließ bitte die Haustür auf", "unlock lock.front"),
        ("sperr die Haustür auf", "unlock lock.front"),
        ("schließe die Haustür ab", "lock lock.front"),
        ("sperr die Haustür zu", "lock lock.front"),
        ("schließ die Haustür zu", "lock lock.front"),
        ("schließe die Haustür", "lock lock.front"),
        ("schließ das Küchenrollo", "close cover.kitchen"),
        ("schließe das Küchenrollo auf dreißig Prozent", "position 30 cover.kitchen"),
    ] {
        assert_eq!(home.said(text), said, "{text}");
    }
}

#[test]
fn a_sentence_goes_on_from_the_last_one() {
    let lamp = || Home::english().after("turn on the floor lamp");
    assert_eq!(lamp().said("turn it off again"), "off light.floor_lamp");
    assert_eq!(lamp().said("a bit brighter"), "brightness 50 light.floor_lamp");
    assert_eq!(lamp().said("and the radio too"), "on switch.radio");
    assert_eq!(lamp().said("and in the kitchen too"), "on light.counter light.kitchen");
    assert!(Home::english().declines("turn it off again"));
    assert!(
        lamp().last.is_some_and(|last| last.is_recent(FOLLOW_UP_LIMIT)
            && !last.is_recent(FOLLOW_UP_LIMIT + Duration::from_secs(1)))
    );
}

#[test]
fn more_and_less_are_counted_from_the_state() {
    let home = Home::english();
    assert_eq!(home.said("make the floor lamp brighter"), "brightness 60 light.floor_lamp");
    assert_eq!(home.said("turn up the heating in the living room"), "temperature 21 climate.living");
    let far = "turn up the heating in the living room by five degrees";
    assert_eq!(home.said(far), "temperature 22 climate.living");
    assert_eq!(home.said("turn the kitchen speaker down"), "quieter media_player.kitchen");
}

#[test]
fn a_match_that_does_something_else_than_the_words_say_is_not_agreed_with() {
    let strict = |intent: &str, target: &str| StrictMatch {
        intent: intent.into(),
        slots: BTreeMap::new(),
        targets: vec![EntityId::from(target)],
        source: MatchSource::Builtin,
    };
    let home = Home::english();
    let off = home.understand("turn the television off");
    assert!(off.agrees(&strict("HassTurnOff", "media_player.tv")));
    assert!(!off.agrees(&strict("HassMediaPlayerMute", "media_player.tv")));
    assert!(!off.agrees(&strict("HassTurnOn", "media_player.tv")));
    assert!(!off.agrees(&strict("HassTurnOff", "media_player.kitchen")));
    // The radio is no player here: the words contradict each other, but off is not pause.
    let radio = home.understand("turn off the radio in the bedroom");
    assert!(!radio.agrees(&strict("HassMediaPause", "media_player.kitchen")));
    // What is asked of music is inferred: there the matcher knows better.
    let song = home.at("kitchen").understand("start the song");
    assert!(song.agrees(&strict("HassMediaNext", "media_player.kitchen")));
    let home = Home::english();
    // Words that nobody explains prove nothing.
    assert!(home.understand("party time for everyone").agrees(&strict("HassTurnOn", "scene.movie")));
}

#[test]
fn twins_are_plain_sentences_with_registered_names() {
    let home = Home::english();
    let sentences = |text: &str| twins(&home.reading(text), &home.context()).expect("twins").sentences();
    assert_eq!(sentences("can you put the flor lamp on"), ["turn on Floor Lamp"]);
    assert_eq!(sentences("start the vacuum"), ["start Rosie"]);
    assert_eq!(sentences("night light in the bedroom on"), ["turn on Night Light in Bedroom"]);
    let kitchen = sentences("turn off all the lights in the kitchen please");
    assert_eq!(kitchen[0], "turn off the lights in the Kitchen");
    assert!(kitchen.len() <= TWINS_MAX);
}

#[test]
fn a_twin_that_touches_anything_else_is_not_taken() {
    let home = Home::english();
    let reading = home.reading("floor lamp on please");
    let twins = twins(&reading, &home.context()).expect("twins");
    let answer = |targets: &[&str]| {
        Match::Strict(StrictMatch {
            intent: "HassTurnOn".into(),
            slots: BTreeMap::new(),
            targets: targets.iter().map(|id| EntityId::from(*id)).collect(),
            source: MatchSource::Builtin,
        })
    };
    assert!(settled(&reading, &twins, vec![answer(&["light.floor_lamp"])]).is_some());
    assert!(settled(&reading, &twins, vec![answer(&["light.floor_lamp", "light.table"])]).is_none());
    assert!(settled(&reading, &twins, vec![answer(&[])]).is_none());
    assert!(settled(&reading, &twins, vec![Match::None]).is_none());
}

/// Whatever is said, a reading by name holds nothing that shares no word with the sentence.
#[test]
fn no_reading_holds_a_thing_whose_name_was_not_said() {
    let home = Home::english();
    let verbs = ["turn on", "switch off", "open", "close", "please dim", "set", "make", "lock", "start"];
    let names: Vec<&str> = THINGS.iter().map(|(_, english, ..)| *english).collect();
    let others =
        ["the desk lamp", "the front gate", "the kitchn light", "the tabel lamp", "everything", "the bath"];
    for verb in verbs {
        for name in names.iter().copied().chain(others) {
            for end in ["", " to forty percent", " in the kitchen", " and the radio", " in red"] {
                let text = format!("{verb} {name}{end}").to_lowercase();
                let Some(reading) = home.understand(&text).read.reading().cloned() else { continue };
                for id in reading.steps.iter().flat_map(|step| &step.targets) {
                    assert!(shares_a_word(&home.registry.entities[id], &text), "{text}: {id}");
                }
            }
        }
    }
}

fn shares_a_word(entity: &Entity, text: &str) -> bool {
    let letters = |word: &str| word.chars().collect::<BTreeSet<char>>();
    let close = |a: &str, b: &str| a == b || letters(a).symmetric_difference(&letters(b)).count() <= 2;
    let kind = entity.id.domain().replace("media_player", "music");
    let own = entity.name.to_lowercase();
    let area = entity.area.as_ref().map_or("", AreaId::as_str).to_owned();
    let words: Vec<&str> = own.split(' ').chain([kind.as_str(), area.as_str()]).collect();
    text.split(' ').any(|said| words.iter().any(|word| close(said, word)))
}
