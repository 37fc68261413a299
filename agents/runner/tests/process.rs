//! The backend of processes passes what every backend passes, with the confinement of this machine.

mod conformance;
mod programs;
mod scripted;

use std::path::PathBuf;

use conformance::Bed;
use helix_runner::{AgentKey, Backend as _, BackendError, Ended, ProcessSettings, Processes};
use scripted::ScriptedBridge;
use tokio::time::timeout;

/// Processes whose runner has a folder of its own.
struct ProcessBed {
    folder: tempfile::TempDir,
    bridge: ScriptedBridge,
}

impl ProcessBed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), bridge: ScriptedBridge::start() }
    }

    fn settings(&self) -> ProcessSettings {
        ProcessSettings {
            launcher: env!("CARGO_BIN_EXE_helix-runner").into(),
            agent: programs::agent().to_owned(),
            state: self.folder.path().join("runner"),
            user: Some(65_532),
            memory: 64 << 20,
            processor_s: 20,
        }
    }

    /// The program and the folder of each process; what belongs to others is left out.
    fn processes() -> impl Iterator<Item = (String, PathBuf)> {
        std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = std::fs::read(path.join("cmdline")).ok()?;
            Some((String::from_utf8_lossy(&name).into_owned(), std::fs::read_link(path.join("cwd")).ok()?))
        })
    }
}

impl Bed for ProcessBed {
    type Backend = Processes;

    fn bridge(&self) -> &ScriptedBridge {
        &self.bridge
    }

    async fn backend(&self) -> Processes {
        Processes::new(self.settings()).expect("a folder of its own")
    }

    fn options(&self) -> Vec<String> {
        let settings = self.settings();
        let state = self.folder.path().display().to_string();
        let agent = settings.agent.display().to_string();
        ["--backend", "process", "--name", "runner", "--memory", "64", "--state", &state, "--agent", &agent]
            .map(str::to_owned)
            .to_vec()
    }

    async fn is_alive(&self, key: &AgentKey) -> bool {
        let empty = self.folder.path().join("runner/empty");
        Self::processes().any(|(name, folder)| name.contains(&key.to_string()) && folder == empty)
    }

    async fn missing(&self) -> Result<(), BackendError> {
        let settings = ProcessSettings { agent: "/nowhere/helix-agent".into(), ..self.settings() };
        Processes::new(settings).expect("a folder of its own").prepare(None).await
    }
}

conformance::common_conformance!(ProcessBed::new());
conformance::stream_conformance!(ProcessBed::new());

#[tokio::test]
async fn two_runners_of_one_name_on_one_machine_do_not_meet() {
    let bed = ProcessBed::new();
    let first = bed.backend().await;
    let second = Processes::new(bed.settings()).expect_err("the folder is used");
    assert!(second.to_string().contains("another runner"), "{second}");
    drop(first);
    bed.backend().await;
}

#[tokio::test]
async fn an_agent_that_spins_is_ended_when_its_time_of_a_processor_is_used_up() {
    let bed = ProcessBed::new();
    let settings = ProcessSettings { processor_s: 1, ..bed.settings() };
    let backend = Processes::new(settings).expect("a folder of its own");
    for (number, order, expected) in [(1, "spin", Ended::Processor), (2, "spin stubbornly", Ended::Signal(9))]
    {
        let work = bed.work(number, order);
        let _line = conformance::begun(&backend, &work).await;
        let report =
            timeout(conformance::LONG, backend.wait(&work.key)).await.expect("in time").expect("ended");
        assert_eq!(report.ended, expected);
    }
}

#[tokio::test]
async fn a_runner_ends_with_whoever_started_it_and_gives_its_task_back() {
    let bed = ProcessBed::new();
    let (bridge, task) = (bed.bridge(), bed.task(1, "ask /v1/here"));
    bridge.queues(task.clone());
    let mut runner = tokio::process::Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .args(["run", "--until-stdin-closes", "--drain", "0", "--bridge", &bridge.address(), "--token-file"])
        .arg(bridge.token_file())
        .args(bed.options())
        .stdin(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("helix-runner starts");
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;
    drop(runner.stdin.take());
    let ended = timeout(conformance::LONG, runner.wait()).await.expect("in time").expect("ended");
    assert!(ended.success(), "{ended}");
    assert!(bridge.heard(|heard| heard.returned.iter().any(|told| told.of == scripted::of(&task))));
    assert!(!bed.is_alive(&AgentKey::Attempt(scripted::of(&task))).await);
}

#[tokio::test]
async fn doctor_says_what_this_machine_has() {
    let bed = ProcessBed::new();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .arg("doctor")
        .args(bed.options())
        .output()
        .expect("helix-runner runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.lines().count() >= 5 && said.contains("works    confinement"), "{said}");
    let broken = std::process::Command::new(env!("CARGO_BIN_EXE_helix-runner"))
        .args(["doctor", "--agent", "/bin/ls", "--state"])
        .arg(bed.folder.path())
        .output()
        .expect("helix-runner runs");
    assert!(!broken.status.success());
    assert!(String::from_utf8_lossy(&broken.stdout).contains("broken   the agent's program: "));
}
