//! A big request becomes a task: acknowledged, carried out by the real agent in the real runner's sandbox, and answered in
//! the room where it was asked, in a real Home Assistant. The model is a script.

mod images;
mod kept;
mod kills;
mod outages;
mod plugin;
mod scene;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::Bridge;
use serde_json::Value;

use self::scene::{REQUEST, SOON, SPOKEN, Scene, last_task, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_big_request_is_acknowledged_carried_out_and_answered_in_its_room() -> Result<()> {
    let (scene, bridge) = Scene::new("tasks", &[]).await?;
    let mark = scene.home.mark().await?;
    let reply = scene.says(REQUEST).await?;
    ensure!(reply.contains("come back to you"), "{reply}");
    let heard = scene.kitchen.is_told(SOON).await.with_context(|| bridge.log())?;
    ensure!(heard.sound_len > 10_000, "nothing was to be heard: {heard:?}");

    let announced = scene.announced(mark).await?;
    ensure!(announced.len() == 1 && announced[0].contains(SPOKEN), "{announced:?}");
    let task = until(&bridge, "it is noted as told", |task| task["told"] == "spoken").await?;
    ensure!(task["state"] == "done" && task["begun"] == 1, "{task}");
    let id = task["id"].as_str().context("an id")?;
    let calls = scene.home.calls_since(mark).await?;
    let message =
        calls.iter().find(|call| call.action == "persistent_notification.create").context("no message")?;
    let text = message.content["message"].as_str().context("words")?;
    ensure!(
        message.content["notification_id"] == id && text.contains("All about **heat pumps**"),
        "{message:?}"
    );
    ensure!(text.contains("prices"), "what was not found is not told: {text}");

    let again = scene.says("What did you find about the heat pump?").await?;
    ensure!(again.contains(SPOKEN), "{again}");
    let shown = bridge.helix(&["task", "show", id]).await?;
    ensure!(shown[0]["result"]["outcome"]["spoken"] == SPOKEN, "{shown:?}");
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_asked_about_and_cancelled_by_voice() -> Result<()> {
    let (scene, bridge) = Scene::new("tasks-cancel", &[]).await?;
    scene.model_takes(SOON);
    let mark = scene.home.mark().await?;
    scene.says(REQUEST).await?;
    until(&bridge, "it is worked on", |task| task["state"] == "leased").await?;
    let reply = scene.says("How is the research going?").await?;
    ensure!(reply.contains("heat pump"), "{reply}");
    let explained = async |sentence: &str| bridge.helix(&["route", sentence]).await;
    let why = &explained("How is the research going?").await?[0];
    ensure!(why["route"] == "answer" && why["reply"] == reply, "{why}");
    let why = &explained("Cancel the research").await?[0];
    ensure!(why["route"] == "control" && why["acts"] == false, "{why}");
    let why = &explained("Compare heat pumps and gas boilers").await?[0];
    ensure!(why["route"] == "delegate" && why["reason"] == "task-taken at the gate `rest`", "{why}");
    ensure!(last_task(&bridge).await?["state"] == "leased", "an explanation ends and begins nothing");
    let reply = scene.says("Cancel it").await?;
    ensure!(reply.contains("stop working on this"), "{reply}");
    let task = last_task(&bridge).await?;
    ensure!(task["state"] == "cancelled" && task["told"] == Value::Null, "{task}");
    let reply = scene.says("What are you working on?").await?;
    ensure!(reply.contains("not working on anything"), "{reply}");
    ensure!(scene.announced(mark).await?.is_empty(), "a cancelled task was told");
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_mid_task_loses_nothing_and_tells_it_once() -> Result<()> {
    let (scene, bridge) = Scene::new("tasks-cut", &[]).await?;
    scene.model_takes(SOON);
    let mark = scene.home.mark().await?;
    scene.says(REQUEST).await?;
    until(&bridge, "it is worked on", |task| task["state"] == "leased").await?;
    let folder = bridge.cut_off().await?;
    scene.model_takes(Duration::ZERO);
    let bridge = Bridge::start_in(folder, scene.settings.clone()).await?;
    scene.kitchen.is_told(SOON * 2).await.with_context(|| bridge.log())?;
    let task = until(&bridge, "it is noted as told", |task| task["told"] == "spoken").await?;
    ensure!(task["state"] == "done", "{task}");
    ensure!(scene.announced(mark).await?.len() == 1, "told more than once");
    bridge.stop().await
}
