//! Agents as containers of a real daemon, by a runner beside the bridge; an agent that did well is begun from its own image.
//! Needs a daemon: `./test --only docker` brings one.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::gateway::{RUNNER_TOKEN_NAME, SOCKET_NAME};
use helix_tests::agents;
use helix_tests::bridge::new_folder;
use helix_tests::registry::Registry;
use helix_tests::time::poll_until;
use tokio::process::{Child, Command};

use super::scene::{REQUEST, Scene, until};

/// The generic agent; the daemon has it from here.
const IMAGE: &str = "localhost/helix-agent:of-tests";
const REPOSITORY: &str = "helix/agent-research";
/// Ends are counted once a minute, and the agent passes its acceptance first.
const PROMOTED: Duration = Duration::from_mins(3);
/// The model takes so long for each answer that the container can be looked at.
const THINKS: Duration = Duration::from_secs(2);

async fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().await?;
    ensure!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Gives the daemon the generic agent as an image.
async fn give_image() -> Result<()> {
    let agent = tokio::task::spawn_blocking(agents::agent).await??;
    let folder = new_folder("agent-image")?;
    std::fs::copy(agent, folder.join("helix-agent"))?;
    std::fs::write(
        folder.join("Dockerfile"),
        "FROM scratch\nCOPY helix-agent /helix-agent\nENTRYPOINT [\"/helix-agent\"]\n",
    )?;
    docker(&["build", "--quiet", "--tag", IMAGE, &folder.to_string_lossy()]).await?;
    Ok(std::fs::remove_dir_all(folder)?)
}

async fn runner(bridge: &Path, name: &str) -> Result<Child> {
    let program = tokio::task::spawn_blocking(agents::runner).await??;
    Ok(Command::new(program)
        .args(["run", "--backend", "docker", "--name", name, "--image", IMAGE, "--warm-max", "0"])
        .arg("--bridge")
        .arg(format!("unix:{}", bridge.join(SOCKET_NAME).display()))
        .arg("--token-file")
        .arg(bridge.join(RUNNER_TOKEN_NAME))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}

/// What the container of the runner is made from, as soon as one runs.
async fn image_at_work(name: &str) -> Result<String> {
    let filter = format!("label=run.helix.runner={name}");
    poll_until("an agent runs", THINKS * 10, || async {
        let running = docker(&["ps", "--quiet", "--filter", &filter]).await.ok()?;
        docker(&["inspect", "--format", "{{.Config.Image}}", running.lines().next()?]).await.ok()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_docker_begins_an_agent_that_did_well_from_its_own_image() -> Result<()> {
    give_image().await?;
    let registry = Registry::start("tasks-docker", &[])?;
    let repository = format!("{}/helix", registry.host);
    let (scene, bridge) =
        Scene::new("tasks-docker", &[("REGISTRY", &repository), ("RUNNER", "false")]).await?;
    let name = format!("of-tests-{}", std::process::id());
    let mut runner = runner(bridge.data_dir(), &name).await?;
    poll_until("the runner is known", THINKS * 10, || async {
        scene.says(REQUEST).await.ok().filter(|reply| reply.contains("come back to you"))
    })
    .await
    .with_context(|| bridge.log())?;
    scene.model_takes(THINKS);
    ensure!(image_at_work(&name).await? == IMAGE);
    let first = until(&bridge, "it is done", |task| task["state"] == "done").await?;

    let promoted = poll_until("its image", PROMOTED, || async {
        registry.manifest(REPOSITORY, "latest").await.ok().flatten()
    });
    promoted.await.with_context(|| bridge.log())?;
    let reply = scene.says("Research the best dishwasher for a family of four").await?;
    ensure!(reply.contains("come back to you"), "{reply}");
    let image = image_at_work(&name).await?;
    ensure!(image.starts_with(&format!("{}/{REPOSITORY}@sha256:", registry.host)), "{image}");
    let is_next = |task: &serde_json::Value| task["id"] != first["id"] && task["state"] == "done";
    until(&bridge, "it is done as well", is_next).await.with_context(|| bridge.log())?;

    runner.kill().await?;
    docker(&["rmi", "--force", &image]).await?;
    bridge.stop().await
}
