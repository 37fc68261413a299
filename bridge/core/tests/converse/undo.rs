//! What the last run changed is restored.

use std::sync::Arc;
use std::time::Duration;

use helix_core::EntityId;
use helix_core::home::{EntityState, Match, MatchSource, Registry, StrictMatch};

use crate::fakes::{KITCHEN, LOCK};
use crate::talk::Talk;

#[tokio::test(start_paused = true)]
async fn undo_restores_what_the_last_run_changed_within_ten_minutes() {
    let talk = Talk::new();
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
    talk.says("Turn on the kitchen light").await;
    assert_eq!(talk.code("Undo that, please.").await, "undone");
    assert!(!talk.home.is_on(KITCHEN));
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo", "only once");
    talk.says("Turn on the kitchen light").await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
    assert!(talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waited_for_can_be_undone() {
    let talk = Talk::new();
    let limit = Duration::from_millis(500);
    let given_up = tokio::time::timeout(limit, talk.says("Turn on the stubborn light")).await;
    assert!(given_up.is_err() && talk.home.processed.lock().expect("no panic").len() == 1);
    talk.home.set("light.stubborn", "on");
    assert_eq!(talk.code("Undo that").await, "undone");
    assert!(!talk.home.is_on("light.stubborn"));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_undone_can_be_tried_again() {
    let mut talk = Talk::new();
    talk.says("Turn on the kitchen light").await;
    let registry = talk.home.registry.clone().expect("a registry");
    let mut without = Registry::clone(&registry);
    without.entities.remove(&EntityId::from(KITCHEN));
    talk.home.registry = Ok(Arc::new(without));
    assert_eq!(talk.code("Undo that").await, "cannot-undo");
    talk.home.registry = Ok(registry);
    assert_eq!(talk.code("Undo that").await, "undone");
}

/// A conversation in which "turn on all lights" can be said.
fn with_all_lights() -> Talk {
    let mut talk = Talk::new();
    let Match::Strict(mut all) = talk.home.sentences["turn on the kitchen light"].clone() else {
        panic!("strict")
    };
    all.targets.push(EntityId::from("light.stubborn"));
    talk.home.sentences.insert("turn on all lights".into(), Match::Strict(all));
    talk
}

fn hide(talk: &mut Talk, id: &str, exposed: bool) {
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    registry.entities.get_mut(&EntityId::from(id)).expect("the entity").exposed = exposed;
    talk.home.registry = Ok(Arc::new(registry));
}

#[tokio::test(start_paused = true)]
async fn what_can_only_be_undone_in_part_is_told_and_the_rest_can_be_tried_again() {
    let mut talk = with_all_lights();
    talk.says("Turn on all lights").await;
    hide(&mut talk, "light.stubborn", false);
    let undone = talk.says("Undo that").await.reply;
    assert_eq!(undone.code, "undone-in-part");
    assert_eq!(
        undone.text,
        "It is again as it was: Kitchen Light. I cannot undo that for Stubborn Light. Please check it."
    );
    assert!(!talk.home.is_on(KITCHEN));
    hide(&mut talk, "light.stubborn", true);
    let rest = talk.says("Undo that").await.reply;
    assert_eq!(rest.text, "It is again as it was: Stubborn Light.");
    assert_eq!(talk.code("Undo that").await, "nothing-to-undo");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_known_before_is_told_when_it_cannot_be_undone() {
    let talk = with_all_lights();
    talk.home.states.lock().expect("no panic").remove(&EntityId::from("light.stubborn"));
    talk.says("Turn on all lights").await;
    let undone = talk.says("Undo that").await.reply;
    assert_eq!(undone.code, "undone-in-part");
    assert!(undone.text.contains("Stubborn Light"), "{}", undone.text);
}

#[tokio::test(start_paused = true)]
async fn undo_asks_before_it_restores_what_is_far_out() {
    let mut talk = Talk::new();
    let heating = EntityId::from("climate.hall");
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    let mut entity = registry.entities[&EntityId::from(KITCHEN)].clone();
    (entity.id, entity.name) = (heating.clone(), "Heating".into());
    registry.entities.insert(heating.clone(), entity);
    talk.home.registry = Ok(Arc::new(registry));
    let attributes = serde_json::json!({"temperature": 35}).as_object().expect("an object").clone();
    let before = EntityState { state: "heat".into(), attributes };
    talk.home.states.lock().expect("no panic").insert(heating.clone(), before);
    let set = StrictMatch {
        intent: "HassClimateSetTemperature".into(),
        slots: [("temperature".to_owned(), serde_json::json!(21))].into(),
        targets: vec![heating],
        source: MatchSource::Builtin,
    };
    talk.home.sentences.insert("set the heating to 21 degrees".into(), Match::Strict(set));
    talk.says("Set the heating to 21 degrees").await;
    let asked = talk.says("Undo that").await.reply;
    assert_eq!((asked.code, asked.text.as_str()), ("confirm", "Shall I set Heating to 35 degrees?"));
    assert!(talk.home.called.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn undo_of_a_lock_is_asked_as_well() {
    let talk = Talk::new();
    talk.home.set(LOCK, "unlocked");
    talk.says("Lock the front door").await;
    assert_eq!(talk.code("Yes").await, "done");
    assert!(talk.is_locked());
    let asked = talk.says("Undo that").await.reply;
    assert_eq!((asked.code, asked.text.as_str()), ("confirm", "Shall I unlock Front Door?"));
    assert!(talk.is_locked() && talk.home.called.lock().expect("no panic").is_empty());
    assert_eq!(talk.code("Yes").await, "undone");
    assert!(!talk.is_locked());
}
