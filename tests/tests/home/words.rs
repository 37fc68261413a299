//! Sentences that change nothing, or not what was asked, and what is said about it; typed, so that only meaning counts.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::Bridge;
use helix_tests::home::Home;
use helix_tests::pipeline::Pipeline;
use helix_tests::sets::MustNotAct;
use helix_tests::time::poll_until;
use helix_tests::wire;
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn words_are_taken_for_what_they_mean() -> Result<()> {
    let home = Home::start("words").await?;
    let bridge = Bridge::start(&home).await?;
    a_light_that_does_not_follow_is_told_honestly(&home).await?;
    what_is_hidden_what_is_unknown_and_what_is_no_command_sound_different(&home).await?;
    exposure_is_followed(&home).await?;
    sentences_that_must_not_act_change_nothing(&home, &bridge).await?;
    doors_and_the_garage_are_asked_for_first(&home).await?;
    a_room_is_understood_from_the_device_that_hears(&home).await?;
    eight_runs_at_once_are_all_answered(&home).await?;
    bridge.stop().await
}

async fn a_light_that_does_not_follow_is_told_honestly(home: &Home) -> Result<()> {
    let told = Pipeline::of(home, "Helix").await?.is_told("turn on the stubborn light").await?;
    assert!(told.reply.contains("Stubborn Light did not follow"), "{told:?}");
    assert_eq!(home.state("light.stubborn_light").await?, "off");
    Ok(())
}

async fn what_is_hidden_what_is_unknown_and_what_is_no_command_sound_different(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let before = home.movables().await?;
    let mark = home.mark().await?;
    let hidden = pipeline.is_told("turn on the attic light").await?;
    let unknown = pipeline.is_told("turn on the zorgon").await?;
    let nonsense = pipeline.is_told("cucumbers dream of yesterday").await?;
    assert!(hidden.reply.contains("Attic Light") && hidden.reply.contains("expose"), "{hidden:?}");
    assert!(unknown.reply.contains("zorgon"), "{unknown:?}");
    assert!(nonsense.reply.contains("did not understand"), "{nonsense:?}");
    for told in [hidden, unknown, nonsense] {
        assert_eq!(told.response, "error", "{told:?}");
    }
    assert_eq!(home.moves_since(mark).await?, []);
    assert_eq!(home.movables().await?, before);
    Ok(())
}

async fn exposure_is_followed(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    home.hides("light.desk_lamp").await?;
    let hidden = pipeline.is_told("turn on the desk lamp").await?;
    assert_eq!(hidden.response, "error", "hidden means hidden at once: {hidden:?}");
    assert_eq!(home.state("light.desk_lamp").await?, "off");
    home.exposes("light.attic_light").await?;
    poll_until("what was exposed can be used", Duration::from_secs(5), || async {
        let told = pipeline.is_told("turn on the attic light").await.ok()?;
        (told.response == "action_done").then_some(())
    })
    .await?;
    home.wait_for_state("light.attic_light", "on").await?;
    home.exposes("light.desk_lamp").await?;
    home.hides("light.attic_light").await
}

async fn sentences_that_must_not_act_change_nothing(home: &Home, bridge: &Bridge) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let before = home.movables().await?;
    let mark = home.mark().await?;
    let mut acted = Vec::new();
    // `understanding.rs` sends them all, to the bridge alone.
    for MustNotAct { sentence, .. } in MustNotAct::all("en")?.into_iter().step_by(5) {
        let told = pipeline.is_told(&sentence).await?;
        let (kind, reply) = wire::handle(bridge.port, &sentence, "en", None).await?;
        assert!(
            !told.reply.is_empty() && !reply.is_empty(),
            "`{sentence}` was not answered: {told:?}, {kind}"
        );
        let calls = home.moves_since(mark).await?;
        if !calls.is_empty() {
            acted.push(format!("`{sentence}`: {calls:?}"));
        }
    }
    assert_eq!(acted, Vec::<String>::new());
    assert_eq!(home.movables().await?, before);
    Ok(())
}

async fn doors_and_the_garage_are_asked_for_first(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let before = home.movables().await?;
    let mark = home.mark().await?;
    let sentences =
        ["unlock the front door", "unlock the back door", "open the garage door", "disarm the house alarm"];
    for sentence in sentences {
        let told = pipeline.is_told(sentence).await?;
        assert_eq!(told.response, "error", "{told:?}");
        assert!(!told.reply.is_empty(), "{told:?}");
    }
    let told = pipeline.is_told("unlock the front door").await?;
    assert!(told.reply.contains("unlock Front Door?"), "{told:?}");
    assert_eq!(home.moves_since(mark).await?, []);
    assert_eq!(home.movables().await?, before);
    Ok(())
}

async fn a_room_is_understood_from_the_device_that_hears(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    home.call("light.turn_on", json!({"entity_id": "all"})).await?;
    let nowhere = pipeline.is_told("turn off the lights").await?;
    assert_eq!(nowhere.response, "error", "without a room it was not clear which lights: {nowhere:?}");
    assert_eq!(home.state("light.kitchen_light").await?, "on");
    let tablet = pipeline.from_device("Kitchen Tablet").await?;
    let told = tablet.is_told("turn off the lights").await?;
    assert_eq!(told.response, "action_done", "{told:?}");
    home.wait_for_state("light.kitchen_light", "off").await?;
    assert_eq!(home.state("light.bedroom_light").await?, "on");
    Ok(())
}

async fn eight_runs_at_once_are_all_answered(home: &Home) -> Result<()> {
    let rooms = ["kitchen", "bedroom", "bathroom", "hallway", "office", "kids room", "garage", "garden"];
    home.call("light.turn_on", json!({"entity_id": "all"})).await?;
    let pipeline = Pipeline::of(home, "Helix").await?;
    let sentences = rooms.map(|room| format!("turn off the {room} light"));
    let runs = sentences.iter().map(|sentence| pipeline.is_told(sentence));
    for (told, room) in futures_util::future::join_all(runs).await.into_iter().zip(rooms) {
        let told = told.with_context(|| format!("the run of the {room}"))?;
        assert_eq!(told.response, "action_done", "{room}: {told:?}");
        home.wait_for_state(&format!("light.{}_light", room.replace(' ', "_")), "off").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_home_is_spoken_to_in_german() -> Result<()> {
    let furnishing = helix_tests::bed::Furnishing { language: Some("de"), ..Default::default() };
    let home = Home::start_with("german", furnishing).await?;
    let bridge = Bridge::start(&home).await?;
    let pipelines = home.pipelines("Helix").await?;
    assert_eq!(pipelines.len(), 1);
    for key in ["language", "conversation_language"] {
        assert_eq!(pipelines[0][key], "de", "{:?}", pipelines[0]);
    }
    let pipeline = Pipeline::of(&home, "Helix").await?;
    let told = pipeline.is_told("schalte das Küchenlicht ein").await?;
    assert_eq!(told.response, "action_done", "{told:?}");
    home.wait_for_state("light.kitchen_light", "on").await?;
    let replies = [
        ("schalte das Dachbodenlicht ein", "freigegeben"),
        ("schalte das Zorgon ein", "Zorgon"),
        ("Gurken träumen von gestern", "nicht verstanden"),
        ("schalte die sture Lampe ein", "folgt nicht"),
        ("schließe die Haustür auf", "Soll ich Haustür aufschließen?"),
    ];
    let mut wrong = Vec::new();
    for (sentence, part) in replies {
        let told = pipeline.is_told(sentence).await?;
        if !told.reply.to_lowercase().contains(&part.to_lowercase()) {
            wrong.push(format!("`{sentence}`: {told:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mark = home.mark().await?;
    let mut all = JoinSet::new();
    for sentence in ["schalte das Küchenlicht nicht aus", "hast du das Küchenlicht ausgeschaltet"] {
        let port = bridge.port;
        all.spawn(async move { wire::handle(port, sentence, "de", None).await });
    }
    let kinds: BTreeSet<_> = all.join_all().await.into_iter().collect::<Result<_>>()?;
    assert_eq!(home.moves_since(mark).await?, [], "{kinds:?}");
    assert_eq!(home.state("light.kitchen_light").await?, "on");
    bridge.stop().await
}
