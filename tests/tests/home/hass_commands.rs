//! Asking and telling a real Home Assistant.

use std::time::Duration;

use anyhow::{Context, Result};
use helix::hass::HomeAssistant;
use helix_core::home::{Caller, ExecutionKind, Match, MatchSource};
use helix_core::{EntityId, Home, Language};
use helix_tests::bed;
use helix_tests::connected::Connected;

async fn dry_run(hass: &Connected, sentence: &str) -> Result<Match> {
    let answers =
        hass.home.dry_run(vec![sentence.to_owned()], &Language::english(), &Caller::default()).await?;
    answers.into_iter().next().context("one answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn home_assistant_is_asked_and_told() -> Result<()> {
    let bed = bed::HomeAssistant::start("hass-commands")?;
    let hass = Connected::to(&bed).await?;
    the_home_is_known(&hass)?;
    a_dry_run_tells_match_from_near_miss_from_nothing(&hass).await?;
    a_command_is_carried_out_and_its_effect_is_seen(&hass).await?;
    hass.close().await;
    Ok(())
}

fn the_home_is_known(hass: &Connected) -> Result<()> {
    let registry = hass.home.registry()?;
    let light = registry.entities.get(&EntityId::from("light.kitchen_light")).context("the kitchen light")?;
    assert_eq!((light.name.as_str(), light.exposed), ("Kitchen Light", true));
    assert_eq!(light.area.as_ref().map(helix_core::AreaId::as_str), Some("kitchen"));
    let door = registry.entities.get(&EntityId::from("lock.office_door")).context("the office door")?;
    assert!(!door.exposed);
    assert_eq!(hass.home.config()?.language, "en");
    Ok(())
}

async fn a_dry_run_tells_match_from_near_miss_from_nothing(hass: &Connected) -> Result<()> {
    let Match::Strict(found) = dry_run(hass, "turn on the kitchen light").await? else { panic!("a match") };
    assert_eq!((found.intent.as_str(), found.source), ("HassTurnOn", MatchSource::Builtin));
    assert_eq!(found.targets, [EntityId::from("light.kitchen_light")]);

    let Match::Unmatched { unmatched, .. } = dry_run(hass, "turn on the zorgon").await? else {
        panic!("a near miss")
    };
    assert_eq!(unmatched["name"], "zorgon");

    assert_eq!(dry_run(hass, "bananas think slowly about rain").await?, Match::None);

    // What is not exposed is a name that the matcher knows, but no target.
    match dry_run(hass, "unlock the office door").await? {
        Match::Strict(found) => assert_eq!(found.targets, []),
        Match::None | Match::Unmatched { .. } => {}
    }
    Ok(())
}

async fn a_command_is_carried_out_and_its_effect_is_seen(hass: &Connected) -> Result<()> {
    let light = EntityId::from("light.kitchen_light");
    let before = hass.home.state(&light).context("a state")?.state;
    let (sentence, after) = if before == "on" { ("off", "off") } else { ("on", "on") };
    let sentence = format!("turn {sentence} the kitchen light");
    let execution = hass.home.process(sentence, &Language::english(), &Caller::default()).await?;
    assert_eq!(execution.kind, ExecutionKind::ActionDone);
    assert_eq!(execution.done, std::slice::from_ref(&light));
    let follows =
        |home: &HomeAssistant| home.state(&light).is_some_and(|state| state.state == after).then_some(());
    hass.until(Duration::from_secs(5), follows).await
}
