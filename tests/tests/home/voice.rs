//! What a person says reaches the home: recorded speech in, a changed state and a spoken reply out.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::Bridge;
use helix_tests::commands::{COMMANDS, Command};
use helix_tests::home::Home;
use helix_tests::pipeline::{Pace, Pipeline};
use helix_tests::satellite::Satellite;
use helix_tests::sound::{VOICES, speech};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn spoken_commands_move_the_home() -> Result<()> {
    let home = Home::start("voice").await?;
    let bridge = Bridge::start(&home).await?;
    every_command_works_in_both_voices(&home).await?;
    a_satellite_is_answered_in_its_room(&home).await?;
    bridge.stop().await
}

async fn every_command_works_in_both_voices(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let mut wrong = Vec::new();
    for Command { sentence, entity, before, after } in COMMANDS {
        for voice in VOICES {
            home.call(before, json!({"entity_id": entity})).await?;
            let told = pipeline.plays(&speech(voice, sentence)?, Pace::Fast).await?;
            let state = home.state(entity).await?;
            if state != after || told.response != "action_done" {
                wrong.push(format!("{voice} `{sentence}`: {entity} is {state}; {told:?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), COMMANDS.len() * 2, wrong.join("\n"));
    Ok(())
}

async fn a_satellite_is_answered_in_its_room(home: &Home) -> Result<()> {
    let kitchen = Satellite::join(home, "Kitchen", "Helix").await?;
    home.call("light.turn_off", json!({"entity_id": "light.kitchen_light"})).await?;
    let heard = kitchen.says(&speech(VOICES[0], "Turn on the kitchen light.")?).await?;
    assert_eq!(
        heard.transcript.as_deref().map(str::to_lowercase).as_deref(),
        Some("turn on the kitchen light.")
    );
    assert_eq!(heard.reply.as_deref(), Some("Turned on the light"), "{heard:?}");
    assert!(heard.sound_len > 10_000, "the reply was not heard: {heard:?}");
    home.wait_for_state("light.kitchen_light", "on").await?;

    let bedroom = Satellite::join(home, "Bedroom", "Helix").await?;
    home.call("light.turn_on", json!({"entity_id": "all"})).await?;
    let mark = home.mark().await?;
    let heard = bedroom.says(&speech(VOICES[1], "Turn off the light.")?).await?;
    let calls = home.moves_since(mark).await?;
    let touched: BTreeSet<_> = calls.iter().flat_map(|call| entities(&call.content)).collect();
    let expected = ["light.bed_light", "light.bedroom_light", "light.bedroom_night_light"];
    assert_eq!(touched, expected.map(str::to_owned).into(), "{heard:?}");
    home.wait_for_state("light.bedroom_light", "off").await?;
    assert_eq!(home.state("light.kitchen_light").await?, "on");
    Ok(())
}

fn entities(content: &Value) -> Vec<String> {
    let ids = &content["entity_id"];
    let one = ids.as_str().into_iter();
    one.chain(ids.as_array().into_iter().flatten().filter_map(Value::as_str)).map(str::to_owned).collect()
}

#[test]
fn the_commands_are_ones_that_the_model_knows() -> Result<()> {
    let known = include_str!("../../models/whisper-home-test-en/sentences.tsv");
    let known: BTreeSet<_> = known.lines().filter_map(|line| line.split('\t').next()).collect();
    for Command { sentence, .. } in COMMANDS {
        known.get(sentence).with_context(|| format!("`{sentence}` is not in sentences.tsv"))?;
    }
    Ok(())
}
