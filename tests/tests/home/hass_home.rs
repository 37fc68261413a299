//! What the bridge knows of a real home, and that it stays true.

use std::time::Duration;

use anyhow::{Context, Result};
use helix_core::home::{Caller, Entity, Match, MatchSource, StrictMatch};
use helix_core::{AreaId, DeviceId, EntityId, Home, Language};
use helix_tests::bed::{self, Furnishing};
use helix_tests::connected::{Connected, http};
use serde_json::{Value, json};

/// Changes of registries are announced by events.
const SOON: Duration = Duration::from_secs(5);

/// An automation with a sentence, and a sentence of the user's own.
const PACKAGE: &str = r#"
automation:
  - alias: Party
    triggers: [{trigger: conversation, command: ["let us have a party"]}]
    actions: [{action: light.turn_on, target: {entity_id: light.kitchen_light}}]
conversation:
  intents:
    EngageHyperdrive: ["engage the hyperdrive"]
intent_script:
  EngageHyperdrive: {speech: {text: "Engaged"}}
"#;

fn entity(home: &impl Home, id: &str) -> Option<Entity> {
    home.registry().ok()?.entities.get(&EntityId::from(id)).cloned()
}

async fn strict(hass: &Connected, sentence: &str, language: &str, caller: &Caller) -> Result<StrictMatch> {
    let language = Language::parse(language).context("a language")?;
    let answers = hass.home.dry_run(vec![sentence.to_owned()], &language, caller).await?;
    match answers.into_iter().next().context("one answer")? {
        Match::Strict(found) => Ok(found),
        other @ (Match::None | Match::Unmatched { .. }) => anyhow::bail!("{sentence}: {other:?}"),
    }
}

async fn tablet(hass: &Connected, name: &str) -> Result<Caller> {
    let devices = hass.home.request(json!({"type": "config/device_registry/list"})).await?;
    let device = devices.as_array().into_iter().flatten().find(|device| device["name"] == name);
    let id = device.context("the tablet")?["id"].as_str().context("an id")?;
    Ok(Caller { device: Some(DeviceId::from(id)), satellite: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_is_known_and_stays_known() -> Result<()> {
    let furnishing = Furnishing { package: Some(PACKAGE.into()), ..Furnishing::default() };
    let bed = bed::HomeAssistant::start_with("hass-home", &furnishing)?;
    let hass = Connected::to(&bed).await?;
    a_change_of_exposure_is_noticed(&hass).await?;
    new_names_and_places_are_noticed(&hass).await?;
    a_room_is_given_by_the_device_that_hears(&hass).await?;
    the_users_own_sentences_are_told_apart(&hass).await?;
    the_only_satellite_that_listens_is_found(&hass, &bed).await?;
    an_entity_that_the_registry_does_not_know_can_be_exposed(&hass, &bed).await?;
    hass.close().await;
    Ok(())
}

async fn a_change_of_exposure_is_noticed(hass: &Connected) -> Result<()> {
    let door = "lock.office_door";
    for exposed in [true, false] {
        expose(hass, door, exposed).await?;
        let noticed = |home: &_| entity(home, door).filter(|door| door.exposed == exposed);
        hass.until(SOON, noticed).await?;
    }
    Ok(())
}

async fn expose(hass: &Connected, id: &str, exposed: bool) -> Result<()> {
    let change = json!({"type": "homeassistant/expose_entity", "assistants": ["conversation"],
                        "entity_ids": [id], "should_expose": exposed});
    hass.home.request(change).await?;
    Ok(())
}

async fn new_names_and_places_are_noticed(hass: &Connected) -> Result<()> {
    hass.home.request(json!({"type": "config/area_registry/create", "name": "Observatory"})).await?;
    let change = json!({"type": "config/entity_registry/update", "entity_id": "light.desk_lamp",
                        "name": "Star Lamp", "area_id": "observatory", "aliases": [null, "twinkle"]});
    hass.home.request(change).await?;
    let moved =
        |home: &_| entity(home, "light.desk_lamp").filter(|lamp| lamp.area == Some("observatory".into()));
    hass.until(SOON, moved).await?;
    // The name comes with the state, and only then.
    let renamed = |home: &_| entity(home, "light.desk_lamp").filter(|lamp| lamp.name == "Star Lamp");
    assert_eq!(hass.until(SOON, renamed).await?.aliases, ["twinkle"]);
    let area = hass.home.registry()?.areas.get(&AreaId::from("observatory")).cloned();
    assert_eq!(area.context("the new area")?.name, "Observatory");
    for sentence in ["turn on the twinkle", "turn on the star lamp"] {
        let found = strict(hass, sentence, "en", &Caller::default()).await?;
        assert_eq!(found.targets, [EntityId::from("light.desk_lamp")], "{sentence}");
    }
    Ok(())
}

async fn a_room_is_given_by_the_device_that_hears(hass: &Connected) -> Result<()> {
    let kitchen = tablet(hass, "Kitchen Tablet").await?;
    let found = strict(hass, "turn off the lights", "en", &kitchen).await?;
    assert!(found.targets.contains(&EntityId::from("light.kitchen_light")), "{found:?}");
    assert!(!found.targets.contains(&EntityId::from("light.bedroom_light")), "{found:?}");

    let bedroom = tablet(hass, "Bedroom Tablet").await?;
    let found = strict(hass, "turn on the night light", "en", &bedroom).await?;
    assert_eq!(found.targets, [EntityId::from("light.bedroom_night_light")]);
    let lamp = EntityId::from("light.bedroom_night_light");
    let execution =
        hass.home.process("turn on the night light".into(), &Language::english(), &bedroom).await?;
    assert_eq!(execution.done, std::slice::from_ref(&lamp), "what runs is what the dry run said");
    let on = |home: &helix::hass::HomeAssistant| home.state(&lamp).filter(|lamp| lamp.state == "on");
    hass.until(SOON, on).await?;
    Ok(())
}

async fn the_users_own_sentences_are_told_apart(hass: &Connected) -> Result<()> {
    let party = strict(hass, "let us have a party", "en", &Caller::default()).await?;
    assert_eq!((party.source, party.intent.as_str()), (MatchSource::Trigger, ""));
    let drive = strict(hass, "engage the hyperdrive", "en", &Caller::default()).await?;
    assert_eq!((drive.source, drive.intent.as_str()), (MatchSource::Custom, "EngageHyperdrive"));
    let dim =
        strict(hass, "set the kitchen light brightness to forty percent", "en", &Caller::default()).await?;
    assert_eq!(dim.slots["brightness"].as_f64(), Some(40.0));
    Ok(())
}

async fn the_only_satellite_that_listens_is_found(hass: &Connected, bed: &bed::HomeAssistant) -> Result<()> {
    let satellite = |home: &helix::hass::HomeAssistant| home.listening_satellite();
    assert_eq!(hass.home.listening_satellite(), None);
    say_state(bed, "assist_satellite.first", "listening").await?;
    let found = hass.until(SOON, satellite).await?;
    assert_eq!(found.entity, EntityId::from("assist_satellite.first"));
    say_state(bed, "assist_satellite.second", "listening").await?;
    hass.until(SOON, |home| home.listening_satellite().is_none().then_some(())).await?;
    say_state(bed, "assist_satellite.first", "idle").await?;
    assert_eq!(hass.until(SOON, satellite).await?.entity, EntityId::from("assist_satellite.second"));
    Ok(())
}

async fn say_state(bed: &bed::HomeAssistant, id: &str, state: &str) -> Result<Value> {
    let request = http().post(format!("{}/api/states/{id}", bed.url())).bearer_auth(bed.token());
    Ok(request.json(&json!({"state": state})).send().await?.json().await?)
}

/// Nothing announces this change: it is found when the exposure is read again.
async fn an_entity_that_the_registry_does_not_know_can_be_exposed(
    hass: &Connected,
    bed: &bed::HomeAssistant,
) -> Result<()> {
    let id = "light.ghost";
    say_state(bed, id, "on").await?;
    let mut exposed = hass.until(SOON, |home| entity(home, id)).await?.exposed;
    // The first change may be found because something else is read again at the same time, the second may not.
    for _ in 0..2 {
        exposed = !exposed;
        expose(hass, id, exposed).await?;
        let noticed = |home: &_| entity(home, id).filter(|ghost| ghost.exposed == exposed);
        hass.until(Duration::from_secs(35), noticed).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_home_is_asked_in_german() -> Result<()> {
    let furnishing = Furnishing { language: Some("de"), ..Furnishing::default() };
    let bed = bed::HomeAssistant::start_with("hass-german", &furnishing)?;
    let hass = Connected::to(&bed).await?;
    assert_eq!(hass.home.config()?.language, "de");
    assert_eq!(entity(&hass.home, "light.kitchen_light").context("the light")?.name, "Küchenlicht");
    let found = strict(&hass, "schalte das Küchenlicht ein", "de", &Caller::default()).await?;
    assert_eq!((found.intent.as_str(), found.targets), ("HassTurnOn", vec!["light.kitchen_light".into()]));
    hass.close().await;
    Ok(())
}
