//! What a task needs goes away for half a minute while the task is worked on: it ends all the same, and is told once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::Bridge;
use serde_json::Value;

use super::scene::{REQUEST, SOON, SPOKEN, Scene, until};

const OUTAGE: Duration = Duration::from_secs(30);

/// A task that is worked on with a model that takes so long for each answer; how many calls Home Assistant had seen before.
async fn begun(scene: &Scene, bridge: &Bridge, takes: Duration) -> Result<usize> {
    scene.model_takes(takes);
    let mark = scene.home.mark().await?;
    let reply = scene.says(REQUEST).await?;
    ensure!(reply.contains("come back to you"), "{reply}");
    until(bridge, "it is worked on", |task| task["state"] == "leased").await?;
    Ok(mark)
}

/// The task is done and was told aloud, once.
async fn is_told_once(scene: &Scene, bridge: &Bridge, mark: usize) -> Result<()> {
    let task = until(bridge, "it is told", |task| task["told"] == "spoken").await;
    let task = task.with_context(|| bridge.log())?;
    ensure!(task["state"] == "done", "{task}");
    let announced = scene.announced(mark).await?;
    ensure!(announced.len() == 1 && announced[0].contains(SPOKEN), "{announced:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_away_is_waited_for() -> Result<()> {
    let (mut scene, bridge) = Scene::new("outage-model", &[]).await?;
    let mark = begun(&scene, &bridge, SOON).await?;
    scene.model.goes_away().await;
    tokio::time::sleep(OUTAGE).await;
    scene.model_takes(Duration::ZERO);
    scene.model.comes_back().await?;
    is_told_once(&scene, &bridge, mark).await?;
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_away_goes_on_with_it() -> Result<()> {
    let (scene, bridge) = Scene::new("outage-bridge", &[]).await?;
    let mark = begun(&scene, &bridge, SOON).await?;
    let folder = bridge.cut_off().await?;
    tokio::time::sleep(OUTAGE).await;
    scene.model_takes(Duration::ZERO);
    let bridge = Bridge::start_in(folder, scene.settings.clone()).await?;
    is_told_once(&scene, &bridge, mark).await?;
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_assistant_that_is_away_is_told_when_it_is_back() -> Result<()> {
    let (mut scene, bridge) = Scene::new("outage-home", &[]).await?;
    begun(&scene, &bridge, OUTAGE / 6).await?;
    scene.home.assistant().stop()?;
    tokio::time::sleep(OUTAGE).await;
    let task = until(&bridge, "it is done", |task| task["state"] == "done").await?;
    ensure!(task["told"] == "pending", "nobody can have heard it: {task}");
    scene.home.assistant().start_again()?;
    scene.home.reconnect().await?;
    // Aloud, or as text if the satellite comes back later than Helix.
    let is_told = |task: &Value| matches!(task["told"].as_str(), Some("spoken" | "text"));
    until(&bridge, "it is told", is_told).await.with_context(|| bridge.log())?;
    bridge.stop().await
}
