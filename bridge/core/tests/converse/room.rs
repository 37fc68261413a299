//! "Which room?" is asked, and the next words complete the command.

use std::sync::Arc;
use std::time::Duration;

use helix_core::home::{Area, Match, Registry};
use helix_core::route::dimension::Source;
use helix_core::{AreaId, EntityId};

use crate::fakes::KITCHEN;
use crate::talk::Talk;

fn without_a_room() -> Talk {
    let mut talk = Talk::new();
    let mut registry = Registry::clone(talk.home.registry.as_ref().expect("a registry"));
    for id in ["light.hall", "light.attic"] {
        let mut light = registry.entities[&EntityId::from(KITCHEN)].clone();
        (light.id, light.name) = (EntityId::from(id), id.into());
        registry.entities.insert(light.id.clone(), light);
    }
    let kitchen = AreaId::from("kitchen");
    let area = Area { id: kitchen.clone(), name: "Kitchen".into(), aliases: vec![], floor: None };
    registry.areas.insert(kitchen.clone(), area);
    registry.entities.get_mut(&EntityId::from(KITCHEN)).expect("the light").area = Some(kitchen);
    talk.home.registry = Ok(Arc::new(registry));
    let nowhere = Match::Unmatched { intent: "HassTurnOn".into(), unmatched: [].into() };
    talk.home.sentences.insert("turn on the light".into(), nowhere.clone());
    talk.home.sentences.insert("unlock the door".into(), nowhere);
    let kitchen = talk.home.sentences["turn on the kitchen light"].clone();
    talk.home.sentences.insert("turn on the light in the kitchen".into(), kitchen);
    let door = talk.home.sentences["unlock the front door"].clone();
    talk.home.sentences.insert("unlock the door at the front".into(), door);
    talk
}

#[tokio::test(start_paused = true)]
async fn the_room_that_was_asked_for_completes_the_command() {
    let talk = without_a_room();
    assert_eq!(talk.code("Turn on the light.").await, "no-place");
    let done = talk.says("In the kitchen.").await;
    assert_eq!((done.reply.code, talk.home.is_on(KITCHEN)), ("done", true));
    assert_eq!(talk.code("Undo that").await, "undone");
    assert_eq!(talk.code("In the kitchen.").await, "no-match", "nothing is asked any more");
    assert!(!talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn a_no_a_late_answer_another_room_or_another_satellite_completes_nothing() {
    let talk = without_a_room();
    talk.says("Turn on the light").await;
    let elsewhere = talk.hears("assist_satellite.attic", "in the kitchen", Source::Addressed).await;
    assert_ne!(elsewhere.reply.code, "done");
    talk.hears("assist_satellite.hall", "in the kitchen", Source::Passive).await;
    assert_eq!(talk.code("Never mind").await, "left");
    assert_ne!(talk.code("in the kitchen").await, "done");
    talk.says("Turn on the light").await;
    assert_ne!(talk.code("on the moon").await, "done");
    talk.says("Turn on the light").await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_ne!(talk.code("in the kitchen").await, "done");
    assert!(!talk.home.is_on(KITCHEN));
}

#[tokio::test(start_paused = true)]
async fn another_command_is_no_room_and_a_completed_one_keeps_its_risk() {
    let talk = without_a_room();
    talk.says("Turn on the light").await;
    assert_eq!(talk.code("Turn off the kitchen light").await, "done");
    assert_eq!(*talk.home.processed.lock().expect("no panic"), ["Turn off the kitchen light"]);
    talk.says("Unlock the door").await;
    assert_eq!(talk.code("at the front").await, "confirm");
    assert!(talk.is_locked());
    assert_eq!(talk.code("yes").await, "done");
    assert!(!talk.is_locked());
}
