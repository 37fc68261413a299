//! Agents from images, by a runner beside the bridge: an agent that did well is begun from an image of its own. The same on a
//! Docker daemon and in a cluster, each of which is brought by its step of `./test`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::gateway::{RUNNER_TOKEN_NAME, SOCKET_NAME};
use helix_tests::agents;
use helix_tests::bed::free_port;
use helix_tests::bridge::new_folder;
use helix_tests::cluster::Cluster;
use helix_tests::registry::Registry;
use helix_tests::time::poll_until;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;

use super::scene::{REQUEST, SOON, Scene, until};

/// The generic agent; the place has it from here.
const IMAGE: &str = "localhost/helix-agent:of-tests";
const REPOSITORY: &str = "helix/agent-research";
/// Ends are counted once a minute, and the agent passes its acceptance first.
const PROMOTED: Duration = Duration::from_mins(3);
/// The model takes so long for each answer that the agent can be looked at.
const THINKS: Duration = Duration::from_secs(2);

/// Where agents run.
trait Place {
    /// Gives it the generic agent as [`IMAGE`].
    async fn give_image(&self, agent: PathBuf) -> Result<()>;

    /// Where the bridge listens for agents that do not speak over a line of the runner.
    fn listen(&self) -> Option<&str>;

    /// What `helix-runner run` is told of it.
    fn options(&self, runner: &mut Command);

    /// What the agents of this runner that run now are made from.
    async fn images_at_work(&self, runner: &str) -> Result<Vec<String>>;

    /// Takes away what was pulled.
    async fn forget(&self, image: &str) -> Result<()>;
}

struct Docker;

async fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().await?;
    ensure!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl Place for Docker {
    async fn give_image(&self, agent: PathBuf) -> Result<()> {
        let folder = new_folder("agent-image")?;
        std::fs::copy(agent, folder.join("helix-agent"))?;
        std::fs::write(
            folder.join("Dockerfile"),
            "FROM scratch\nCOPY helix-agent /helix-agent\nENTRYPOINT [\"/helix-agent\"]\n",
        )?;
        docker(&["build", "--quiet", "--tag", IMAGE, &folder.to_string_lossy()]).await?;
        Ok(std::fs::remove_dir_all(folder)?)
    }

    fn listen(&self) -> Option<&str> {
        None
    }

    fn options(&self, runner: &mut Command) {
        runner.args(["--backend", "docker"]);
    }

    async fn images_at_work(&self, runner: &str) -> Result<Vec<String>> {
        let filter = format!("label=run.helix.runner={runner}");
        // Its own column would shorten what is named by a digest.
        let running = docker(&["ps", "--quiet", "--filter", &filter]).await?;
        let mut images = Vec::new();
        for container in running.lines() {
            images.push(docker(&["inspect", "--format", "{{.Config.Image}}", container]).await?);
        }
        Ok(images)
    }

    async fn forget(&self, image: &str) -> Result<()> {
        docker(&["rmi", "--force", image]).await.map(drop)
    }
}

struct Pods {
    cluster: Cluster,
    namespace: String,
    listen: String,
}

impl Pods {
    fn new(namespace: &str) -> Result<Self> {
        let cluster = Cluster::of_tests()?;
        cluster.kubectl(&["create", "namespace", namespace])?;
        cluster.kubectl(&["-n", namespace, "create", "serviceaccount", "helix-agent"])?;
        let listen = format!("{}:{}", Cluster::HOST, free_port()?);
        Ok(Self { cluster, namespace: namespace.to_owned(), listen })
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let all = [&["-n", &self.namespace], arguments].concat();
        let arguments: Vec<_> = all.into_iter().map(str::to_owned).collect();
        let cluster = self.cluster.clone();
        spawn_blocking(move || cluster.kubectl(&arguments)).await?
    }
}

impl Place for Pods {
    async fn give_image(&self, agent: PathBuf) -> Result<()> {
        self.cluster.give_image(IMAGE, &agent)
    }

    fn listen(&self) -> Option<&str> {
        Some(&self.listen)
    }

    fn options(&self, runner: &mut Command) {
        runner.args(["--backend", "kubernetes", "--namespace", &self.namespace, "--agent-bridge"]);
        runner.arg(format!("http://{}", self.listen)).env("KUBECONFIG", self.cluster.kubeconfig());
    }

    async fn images_at_work(&self, runner: &str) -> Result<Vec<String>> {
        let ours = format!("helix.run/runner={runner},helix.run/role=agent");
        let image = "jsonpath={.items[*].spec.containers[0].image}";
        let found = self
            .kubectl(&["get", "pods", "-l", &ours, "--field-selector", "status.phase=Running", "-o", image])
            .await?;
        Ok(found.split_whitespace().map(str::to_owned).collect())
    }

    /// The node goes with everything it has.
    async fn forget(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

async fn runner(place: &impl Place, bridge: &Path, name: &str) -> Result<Child> {
    let program = spawn_blocking(agents::runner).await??;
    let mut command = Command::new(program);
    command.args(["run", "--name", name, "--image", IMAGE, "--warm-max", "0"]);
    place.options(&mut command);
    Ok(command
        .arg("--bridge")
        .arg(format!("unix:{}", bridge.join(SOCKET_NAME).display()))
        .arg("--token-file")
        .arg(bridge.join(RUNNER_TOKEN_NAME))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}

/// Waits for an agent from an image whose name begins so; the name. An agent before it may still be going.
async fn at_work(place: &impl Place, runner: &str, begins: &str) -> Result<String> {
    poll_until(&format!("an agent from {begins}"), SOON, || async {
        let images = place.images_at_work(runner).await.ok()?;
        images.into_iter().find(|image| image.starts_with(begins))
    })
    .await
}

async fn begins_an_agent_that_did_well_from_its_own_image(scene: &str, place: impl Place) -> Result<()> {
    place.give_image(spawn_blocking(agents::agent).await??).await?;
    let registry = Registry::start(scene, &[])?;
    let repository = format!("{}/helix", registry.host);
    let mut options = vec![("REGISTRY", repository.as_str()), ("RUNNER", "false")];
    options.extend(place.listen().map(|listen| ("TASKS_LISTEN", listen)));
    let name = format!("of-tests-{}", std::process::id());
    let (scene, bridge) = Scene::new(scene, &options).await?;
    let mut runner = runner(&place, bridge.data_dir(), &name).await?;
    poll_until("the runner is known", SOON, || async {
        scene.says(REQUEST).await.ok().filter(|reply| reply.contains("come back to you"))
    })
    .await
    .with_context(|| bridge.log())?;
    scene.model_takes(THINKS);
    at_work(&place, &name, IMAGE).await.with_context(|| bridge.log())?;
    let first = until(&bridge, "it is done", |task| task["state"] == "done").await?;

    let promoted = poll_until("its image", PROMOTED, || async {
        registry.manifest(REPOSITORY, "latest").await.ok().flatten()
    });
    promoted.await.with_context(|| bridge.log())?;
    let reply = scene.says("Research the best dishwasher for a family of four").await?;
    ensure!(reply.contains("come back to you"), "{reply}");
    let own = format!("{}/{REPOSITORY}@sha256:", registry.host);
    let image = at_work(&place, &name, &own).await.with_context(|| bridge.log())?;
    let is_next = |task: &serde_json::Value| task["id"] != first["id"] && task["state"] == "done";
    until(&bridge, "it is done as well", is_next).await.with_context(|| bridge.log())?;

    runner.kill().await?;
    place.forget(&image).await?;
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_docker_begins_an_agent_that_did_well_from_its_own_image() -> Result<()> {
    begins_an_agent_that_did_well_from_its_own_image("tasks-docker", Docker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_kubernetes_begins_an_agent_that_did_well_from_its_own_image() -> Result<()> {
    begins_an_agent_that_did_well_from_its_own_image("tasks-pods", Pods::new("tasks-pods")?).await
}
