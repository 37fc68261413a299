//! A kind of agent of one's own is found by what words mean, and becomes an image after it did well.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use helix_tests::bridge::{Bridge, new_folder};
use helix_tests::model_server::MODEL;
use helix_tests::registry::Registry;
use helix_tests::time::poll_until;
use serde_json::Value;

use super::scene::{SOON, Scene, until};

const ACCEPT: &str = r#"{"name": "it answers", "request": "When is high tide?", "model": [{"progress": "", "tool": "finish", "input": {}}, {"spoken": "At 14:05.", "text": "", "not_found": [], "sources": []}], "expect": {"spoken": ["14:05"]}}"#;

/// A kind that knows tides, in the data folder.
fn tides(data_dir: &Path) -> Result<()> {
    let folder = data_dir.join("agents/tides");
    std::fs::create_dir_all(&folder)?;
    let file = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    file(
        "agent.toml",
        "description = \"Knows the tides of the North Sea.\"\nmodel = \"agent\"\ntools = [\"dates\"]\n",
    )?;
    file("prompt.md", "Say when the water comes.")?;
    file(
        "examples.jsonl",
        r#"{"request": "Will my boat lie dry tonight?", "answer": "Yes, from nine to one."}"#,
    )?;
    Ok(file("accept.jsonl", ACCEPT)?)
}

/// What is known of the forms of the kind.
async fn form(bridge: &Bridge) -> Result<Value> {
    let rows = bridge.helix(&["agent", "list"]).await?;
    let row = rows.into_iter().find(|row| row["name"] == "tides").context("the kind is listed")?;
    Ok(row["forms"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_kind_is_found_by_meaning_and_becomes_an_image_when_it_did_well() -> Result<()> {
    let registry = Registry::start("tasks-kept", &[])?;
    let folder = new_folder("bridge")?;
    tides(&folder)?;
    let more = [("REGISTRY", registry.host.as_str()), ("EMBED_MODEL", MODEL)];
    let (_scene, bridge) = Scene::in_folder("tasks-kept", folder, &more).await?;

    // The vectors come, and the kind is accepted, soon after the start.
    let begun = poll_until("it is found by meaning", SOON, || async {
        let task = bridge.helix(&["task", "run", "--detach", "Tonight, will my boat lie dry?"]).await.ok()?;
        task.into_iter().find(|task| task["agent"] == "tides")
    });
    let task = begun.await.with_context(|| bridge.log())?;
    ensure!(task["title"].as_str().is_some_and(|title| title.contains("boat")), "{task}");
    until(&bridge, "it is done", |task| task["agent"] == "tides" && task["state"] == "done").await?;
    // Ends are counted once a minute, and others came first.
    let current = poll_until("it is an image", SOON * 2, || async {
        form(&bridge).await.ok().filter(|form| form["image"].is_string())
    });
    let current = current.await.with_context(|| bridge.log())?;
    ensure!(current["standing"] == "current", "{current}");
    let digest = current["image"].as_str().and_then(|image| image.rsplit_once('@')).context("a digest")?.1;
    ensure!(registry.manifest("agent-tides", digest).await?.is_some());

    bridge.helix(&["task", "run", "--detach", "--kind", "tides", "When is low tide?"]).await?;
    let next = until(&bridge, "it is done", |task| task["state"] == "done").await?;
    ensure!(next["begun"] == 1, "{next}");
    bridge.helix(&["agent", "pin", "tides"]).await?;
    ensure!(form(&bridge).await?["pinned"] == true);
    let back = bridge.helix(&["agent", "rollback", "tides"]).await.expect_err("there is none before");
    ensure!(back.to_string().contains("none before"), "{back}");
    bridge.helix(&["agent", "remove", "tides", "--dry-run"]).await?;
    ensure!(registry.manifest("agent-tides", digest).await?.is_some());
    bridge.helix(&["agent", "remove", "tides"]).await?;
    ensure!(registry.manifest("agent-tides", digest).await?.is_none());
    let built = bridge.helix(&["agent", "build", "tides"]).await?;
    ensure!(built[0]["done"][0] == current["image"], "{built:?}");
    bridge.stop().await
}
