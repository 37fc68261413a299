//! A task's agent from nothing: until its first request is there, against the same program without any confinement.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bollard::Docker;
use bollard::container::AttachContainerResults;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, RemoveContainerOptions, StartContainerOptions,
};
use futures_util::StreamExt as _;
use helix_runner::{AgentKey, Backend, Containers, DockerSettings, ProcessSettings, Processes, Started};
use helix_tests::time::{now, since};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::figure::{Figure, Series, ms, rounded};

const IMAGE: &str = "localhost/helix-bench-agent:latest";
const TOKEN: &[u8] = b"a-token\n";
/// Until files and caches are warm.
const WARM_UP: usize = 3;
/// Longer than any start.
const LIMIT: Duration = Duration::from_secs(30);
const MEMORY: u64 = 128 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many processes of each kind
    #[arg(long, default_value_t = 100)]
    processes: usize,
    /// How many containers of each kind; 0 leaves Docker out
    #[arg(long, default_value_t = 30)]
    containers: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let agent = helix_tests::agents::agent()?;
    let mut figures = vec![processes(&agent, arguments.processes).await?];
    if arguments.containers > 0 {
        figures.push(containers(&agent, arguments.containers).await?);
    }
    Ok(figures)
}

async fn processes(agent: &Path, count: usize) -> Result<Figure> {
    let folder = helix_tests::bridge::new_folder("bench-cold")?;
    let settings = ProcessSettings {
        launcher: helix_tests::agents::runner()?,
        agent: agent.to_owned(),
        state: folder,
        user: Some(65_532),
        memory: MEMORY,
        processor_s: 60,
    };
    let backend = Processes::new(settings)?;
    backend.prepare(None).await?;
    let (mut confined, mut bare) = (Vec::new(), Vec::new());
    // In turn, so that whatever else the machine does hits both.
    for n in 0..WARM_UP + count {
        let (one, other) = (on_backend(&backend, n as u64).await?, forked(agent).await?);
        if n >= WARM_UP {
            confined.push(ms(one));
            bare.push(ms(other));
        }
    }
    let (confined, bare) = (Series::new(confined), Series::new(bare));
    eprintln!("{}\n{}", confined.line("a confined process"), bare.line("fork and exec alone"));
    let more = rounded(confined.p50() - bare.p50(), 1);
    let figure = Figure::reported("cold.process.beyond-fork-exec.p50".to_owned(), more, "ms", confined.len());
    Ok(figure.at_most(15.0, "<= 15 ms beyond fork and exec"))
}

async fn containers(agent: &Path, count: usize) -> Result<Figure> {
    import(agent).await?;
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    let settings = DockerSettings {
        host: None,
        name: "bench".to_owned(),
        image: IMAGE.to_owned(),
        memory: MEMORY,
        user: 65_532,
    };
    let backend = Containers::connect(settings).await?;
    backend.prepare(None).await?;
    let (mut confined, mut bare) = (Vec::new(), Vec::new());
    for n in 0..WARM_UP + count {
        let (one, other) = (on_backend(&backend, n as u64).await?, ran(&docker, n).await?);
        if n >= WARM_UP {
            confined.push(ms(one));
            bare.push(ms(other));
        }
    }
    let (confined, bare) = (Series::new(confined), Series::new(bare));
    eprintln!("{}\n{}", confined.line("an agent's container"), bare.line("a container without limits"));
    let figure =
        Figure::reported("cold.docker.p50".to_owned(), rounded(confined.p50(), 1), "ms", confined.len());
    let figure = figure.against(rounded(bare.p50(), 1));
    let holds = confined.p50() / bare.p50() <= 1.2;
    Ok(Figure { goal: "<= 1.2 times the bare container", holds: Some(holds), ..figure })
}

/// Until the first byte of an agent's first request, from the order to start it.
async fn on_backend(backend: &impl Backend, number: u64) -> Result<Duration> {
    let key = AgentKey::Idle { runner: std::process::id(), number };
    let begin = now();
    let Started { stream, .. } = backend.start_idle(&key).await?;
    let mut stream = stream.context("a line")?;
    first_byte(&mut stream.stdin, &mut stream.stdout).await?;
    let took = since(begin);
    backend.remove(&key).await?;
    Ok(took)
}

async fn forked(agent: &Path) -> Result<Duration> {
    let begin = now();
    let mut command = Command::new(agent);
    let child = command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.kill_on_drop(true).spawn()?;
    let (mut stdin, mut stdout) =
        (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
    first_byte(&mut stdin, &mut stdout).await?;
    let took = since(begin);
    child.kill().await?;
    Ok(took)
}

/// The same image with no limit but the missing network, which would cost the bare one more.
async fn ran(docker: &Docker, number: usize) -> Result<Duration> {
    let name = format!("helix-bench-{}-{number}", std::process::id());
    let begin = now();
    let form = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let named = CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
    docker.create_container(Some(named), form).await?;
    let all = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        ..AttachContainerOptions::default()
    };
    let AttachContainerResults { mut output, mut input } = docker.attach_container(&name, Some(all)).await?;
    docker.start_container(&name, None::<StartContainerOptions>).await?;
    input.write_all(TOKEN).await?;
    input.flush().await?;
    timeout(LIMIT, output.next()).await?.context("a first request")??;
    let took = since(begin);
    let removed = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
    docker.remove_container(&name, Some(removed)).await?;
    Ok(took)
}

async fn first_byte(
    stdin: &mut (impl AsyncWrite + Unpin),
    stdout: &mut (impl AsyncRead + Unpin),
) -> Result<()> {
    stdin.write_all(TOKEN).await?;
    stdin.flush().await?;
    let mut first = [0];
    timeout(LIMIT, stdout.read_exact(&mut first)).await.context("a first request")??;
    ensure!(first == *b"G", "an agent begins with GET");
    Ok(())
}

/// An image with nothing but the agent.
async fn import(agent: &Path) -> Result<()> {
    let folder: PathBuf = agent.parent().context("its folder")?.to_owned();
    let mut tar = Command::new("tar");
    let mut packed = tar.arg("-C").arg(folder).args(["-c", "helix-agent"]).stdout(Stdio::piped()).spawn()?;
    let layer: Stdio = packed.stdout.take().context("a layer")?.try_into()?;
    let mut docker = Command::new("docker");
    let imported =
        docker.args(["import", "--change", "ENTRYPOINT [\"/helix-agent\"]", "-", IMAGE]).stdin(layer);
    let imported = imported.output().await.context("docker")?;
    ensure!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    ensure!(packed.wait().await?.success(), "tar");
    Ok(())
}
