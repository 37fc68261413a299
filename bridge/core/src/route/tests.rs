//! Utterances and matches in, decisions out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::home::{Entity, MatchSource};

fn entity(id: &str, name: &str, device_class: Option<&str>, exposed: bool) -> Entity {
    Entity {
        id: EntityId::from(id),
        name: name.into(),
        aliases: vec![],
        area: None,
        device: None,
        device_class: device_class.map(Into::into),
        exposed,
    }
}

fn registry() -> Registry {
    let entities = [
        entity("light.kitchen", "Kitchen Light", None, true),
        entity("light.attic", "Attic Light", None, false),
        entity("lock.front", "Front Door", None, true),
        entity("cover.garage", "Garage Door", Some("garage"), true),
        entity("todo.shopping", "Shopping List", None, true),
    ];
    Registry { entities: entities.into_iter().map(|e| (e.id.clone(), e)).collect(), ..Registry::default() }
}

fn strict(intent: &str, slots: &[(&str, Value)], targets: &[&str]) -> Match {
    Match::Strict(StrictMatch {
        intent: intent.into(),
        slots: slots.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        targets: targets.iter().map(|id| EntityId::from(*id)).collect(),
        source: MatchSource::Builtin,
    })
}

fn decide_in(text: &str, language: &str, found: &Match, registry: &Registry) -> Decision {
    let situation = Situation {
        language: &Language::parse(language).expect("valid"),
        registry,
        caller: &Caller::default(),
        source: Source::Addressed,
        matrix: Matrix::built_in(),
        clearance: &Clearance::none(),
    };
    decide(text, found, &situation)
}

fn decision(text: &str, found: &Match) -> Decision {
    decide_in(text, "en", found, &registry())
}

#[test]
fn a_matched_command_on_an_exposed_light_acts() {
    let found = strict("HassTurnOn", &[("name", json!("kitchen light"))], &["light.kitchen"]);
    let decision = decision("Turn on the kitchen light.", &found);
    assert!(decision.acts());
    assert_eq!((decision.actions[0].service(), decision.dimensions.risk), ("light.turn_on", Risk::R1));
}

#[test]
fn a_negated_command_does_nothing_although_it_matched() {
    let found = strict("HassTurnOn", &[("name", json!("kitchen light"))], &["light.kitchen"]);
    let decision = decision("Please don't turn on the kitchen light.", &found);
    assert_eq!((decision.route(), decision.gate()), (Route::Refuse, Gate::Guard));
    assert_eq!(decision.refusal, Some(Sentence::Negated));
}

#[test]
fn locks_and_garage_doors_wait_for_a_confirmation() {
    for (intent, target) in
        [("HassTurnOn", "lock.front"), ("HassTurnOff", "lock.front"), ("HassTurnOn", "cover.garage")]
    {
        let decision = decision("unlock it", &strict(intent, &[], &[target]));
        assert_eq!(
            (decision.route(), decision.gate(), decision.dimensions.risk),
            (Route::Clarify, Gate::Risk, Risk::R3)
        );
        assert!(decision.actions.is_empty());
    }
}

#[test]
fn one_guarded_target_among_many_stops_the_whole_command() {
    let decision =
        decision("open everything", &strict("HassTurnOn", &[], &["light.kitchen", "cover.garage"]));
    assert!(!decision.acts() && decision.actions.is_empty());
}

#[test]
fn not_exposed_not_known_and_not_understood_are_three_sentences() {
    let hidden =
        decision("turn on the attic light", &strict("HassTurnOn", &[("name", json!("attic light"))], &[]));
    assert_eq!(hidden.refusal, Some(Sentence::NotExposed { name: "Attic Light".into() }));
    let unmatched = Match::Unmatched {
        intent: "HassTurnOn".into(),
        unmatched: BTreeMap::from([("name".to_owned(), "zorgon".to_owned())]),
    };
    let unknown = decision("turn on the zorgon", &unmatched);
    assert_eq!(unknown.refusal, Some(Sentence::NoSuchName { name: "zorgon".into() }));
    assert_eq!(decision("make it cosy", &Match::None).refusal, Some(Sentence::NoMatch));
}

#[test]
fn an_entity_that_the_matcher_names_but_nobody_exposed_is_never_touched() {
    let decision = decision("turn on the attic light", &strict("HassTurnOn", &[], &["light.attic"]));
    assert!(!decision.acts());
    assert_eq!(decision.refusal, Some(Sentence::NotExposed { name: "Attic Light".into() }));
}

#[test]
fn the_words_of_a_list_item_order_and_negate_nothing() {
    let slots = [("item", json!("don't forget the milk tomorrow"))];
    let found = strict("HassListAddItem", &slots, &["todo.shopping"]);
    assert!(decision("Add don't forget the milk tomorrow to the shopping list", &found).acts());
}

#[test]
fn a_delayed_command_is_refused_and_a_plain_timer_is_set() {
    let delayed = [("conversation_command", json!("open the garage door")), ("minutes", json!(5))];
    let refused = decision("open the garage door in 5 minutes", &strict("HassStartTimer", &delayed, &[]));
    assert_eq!(refused.refusal, Some(Sentence::DelayedCommand));
    assert!(
        decision("set a timer for 5 minutes", &strict("HassStartTimer", &[("minutes", json!(5))], &[]))
            .acts()
    );
}

#[test]
fn what_a_sentence_needs_is_told_of_what_it_asks_and_does() {
    let tools = |text: &str, found: &Match| decision(text, found).dimensions.tools;
    let light = strict("HassTurnOn", &[], &["light.kitchen"]);
    assert_eq!(tools("Turn on the kitchen light", &light), Tools::Home);
    assert_eq!(tools("What time is it?", &strict("HassGetCurrentTime", &[], &[])), Tools::Home);
    assert_eq!(tools("Who won the football game yesterday?", &Match::None), Tools::Web);
    assert_eq!(tools("Never mind", &Match::None), Tools::None);
}

#[test]
fn a_question_is_answered_and_never_acts() {
    let decision = decision("Is the front door locked?", &strict("HassGetState", &[], &["lock.front"]));
    assert_eq!((decision.route(), decision.acts()), (Route::Answer, false));
}

#[test]
fn a_users_own_sentence_acts_except_on_a_lock() {
    let custom = |targets: &[&str]| match strict("MyIntent", &[], targets) {
        Match::Strict(found) => Match::Strict(StrictMatch { source: MatchSource::Custom, ..found }),
        other @ (Match::None | Match::Unmatched { .. }) => other,
    };
    assert!(decision("party time", &custom(&["light.kitchen"])).acts());
    assert!(!decision("party time", &custom(&["lock.front"])).acts());
}

fn near_miss(text: &str, unmatched: &[(&str, &str)]) -> Option<Sentence> {
    let unmatched = unmatched.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    decision(text, &Match::Unmatched { intent: "HassTurnOn".into(), unmatched }).refusal
}

#[test]
fn half_a_sentence_is_no_name() {
    assert_eq!(
        near_miss("I work on Sunday.", &[("area", "Sunday"), ("name", "I work ")]),
        Some(Sentence::NoMatch)
    );
    assert_eq!(
        near_miss("Make it warmer in the kitchen", &[("name", "Make it warmer ")]),
        Some(Sentence::NoMatch)
    );
    assert_eq!(near_miss("My pin is one two", &[("name", "pin is one two")]), Some(Sentence::NoMatch));
    let many = "garage door and dim the office light";
    assert_eq!(near_miss(&format!("Lock the {many}"), &[("name", many)]), Some(Sentence::NoMatch));
}

#[test]
fn what_speaks_of_all_or_only_of_a_direction_is_no_name() {
    for name in ["everything", "except the kitchen light", "off", "all the lamps"] {
        assert_eq!(
            near_miss(&format!("Turn on {name}"), &[("name", name)]),
            Some(Sentence::NoMatch),
            "{name}"
        );
    }
    let unknown = Sentence::NoSuchName { name: "lava lamp".into() };
    assert_eq!(near_miss("Turn on the lava lamp", &[("name", "lava lamp")]), Some(unknown));
}

#[test]
fn what_is_there_and_cannot_do_that_is_not_said_to_be_hidden() {
    let (lamp, hidden) = ("Kitchen Light", "Attic Light");
    let said = |name: &str| {
        let unmatched = [("name".to_owned(), name.to_lowercase())].into();
        let found = Match::Unmatched { intent: "HassHumidifierSetpoint".into(), unmatched };
        decision(&format!("set the {name} to 50 percent"), &found).refusal
    };
    assert_eq!(said(lamp), Some(Sentence::NotForThis { name: lamp.into() }));
    assert_eq!(said(hidden), Some(Sentence::NotExposed { name: hidden.into() }));
}

#[test]
fn a_negated_near_miss_is_answered_as_what_it_is() {
    let refusal = near_miss(
        "Don't turn on the kitchen light.",
        &[("area", "the kitchen light"), ("name", "Don't turn ")],
    );
    assert_eq!(refusal, Some(Sentence::Negated));
}

#[test]
fn a_room_that_nobody_named_is_asked_for() {
    assert_eq!(near_miss("Turn on the light.", &[]), Some(Sentence::NoPlace));
}

#[test]
fn cleaning_an_area_is_for_the_vacuum_and_not_for_what_stands_there() {
    let mut registry = registry();
    let vacuum = entity("vacuum.rosie", "Rosie", None, true);
    registry.entities.insert(vacuum.id.clone(), vacuum);
    let found =
        strict("HassVacuumCleanArea", &[("area", json!("kitchen"))], &["light.kitchen", "vacuum.rosie"]);
    let decision = decide_in("Clean the kitchen", "en", &found, &registry);
    let services: Vec<_> = decision.actions.iter().map(Action::service).collect();
    assert_eq!(services, ["vacuum.clean_area"]);
}

#[test]
fn a_name_may_hold_words_that_would_postpone_or_negate() {
    let mut registry = registry();
    let scene = entity("scene.morning", "Guten Morgen", None, true);
    registry.entities.insert(scene.id.clone(), scene);
    let found = strict("HassTurnOn", &[("name", json!("Guten Morgen"))], &["scene.morning"]);
    let acts = |text: &str| decide_in(text, "de", &found, &registry).acts();
    assert!(acts("Aktiviere Guten Morgen."));
    assert!(!acts("Aktiviere Guten Morgen erst morgen."));
}

#[test]
fn an_intent_that_is_newer_than_helix_does_nothing() {
    let newer = strict("HassArmSomething", &[], &[]);
    assert!(!decision("arm the house", &newer).acts());
    let light = strict("HassTurnOn", &[("name", json!("kitchen light"))], &["light.kitchen"]);
    let parts = [("arm the house", newer), ("turn on the kitchen light", light)].map(|(text, found)| {
        let Match::Strict(found) = found else { panic!("{text}") };
        (text.to_owned(), found)
    });
    let registry = registry();
    let situation = Situation {
        language: &Language::english(),
        registry: &registry,
        caller: &Caller::default(),
        source: Source::Addressed,
        matrix: Matrix::built_in(),
        clearance: &Clearance::none(),
    };
    let text = "arm the house and turn on the kitchen light";
    let both = decide_parts(text, parts.into(), Origin::Exact, &situation);
    assert!(!both.acts() && both.sentences.is_empty());
    assert_eq!(both.refusal, Some(Sentence::NoMatch));
}
