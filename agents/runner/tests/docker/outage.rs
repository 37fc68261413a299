//! A Docker daemon that is killed in mid-task and is away for half a minute: no task is lost, and none is tried in vain.

use std::process::Command;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use helix_contract::Failure;
use helix_runner::{Backend as _, Containers, DockerSettings};

use crate::conformance::AtWork;
use crate::scripted::{ScriptedBridge, assignment, of};
use crate::{IMAGE, load, programs};

const OUTAGE: Duration = Duration::from_secs(30);

/// A daemon that belongs to one test.
struct Daemon {
    name: String,
    host: String,
}

impl Daemon {
    fn start(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        Self { host: bed("start", &name).expect("a daemon"), name }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let stopped = bed("stop", &self.name);
        // Where a test failed already, its own words matter more.
        assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
    }
}

fn bed(command: &str, name: &str) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bed/dockerd");
    let output = Command::new(script).args([command, name]).output().map_err(|error| error.to_string())?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_in_mid_task_costs_one_attempt_and_no_other_task() {
    let daemon = Daemon::start("outage");
    let docker = Docker::connect_with_unix(&daemon.host, 30, API_DEFAULT_VERSION).expect("an address");
    let docker = docker.negotiate_version().await.expect("a daemon");
    let here = docker.version().await.expect("a daemon").arch.expect("its processors");
    let agent = std::fs::read(programs::agent()).expect("a program");
    load(&docker, "here", &here, ("helix-agent", &agent)).await;
    let settings = DockerSettings {
        host: Some(daemon.host.clone()),
        name: daemon.name.clone(),
        image: format!("{IMAGE}:here"),
        memory: 64 << 20,
        user: 65_532,
    };
    let bridge = ScriptedBridge::start();
    let runner = AtWork::begins(&bridge, Containers::connect(settings.clone()).await.expect("a daemon"), 2);
    let begun = assignment(1, "ask /v1/here");
    bridge.queues(begun.clone());
    bridge.until("it runs", |heard| heard.asked.iter().any(|(path, _)| path.starts_with("/v1/here/"))).await;

    bed("kill", &daemon.name).expect("killed");
    // The runner asked for this one already; it is given back untouched. The next one waits.
    let next = assignment(2, "tell 0");
    bridge.queues(next.clone());
    bridge.until("it is given back", |heard| heard.returned.iter().any(|told| told.of == of(&next))).await;
    bridge.queues(next.clone());
    tokio::time::sleep(OUTAGE).await;
    assert_eq!(bridge.heard(|heard| heard.queue.len()), 1, "nobody takes what nobody can begin");
    bed("start", &daemon.name).expect("it is back");

    bridge.until("a result", |heard| heard.results.iter().any(|result| result.task == of(&next).task)).await;
    bridge.until("it is given back", |heard| heard.returned.iter().any(|told| told.of == of(&begun))).await;
    runner.ends().await;
    bridge.heard(|heard| {
        assert_eq!(heard.returned.len(), 2, "{:?}", heard.returned);
        for told in &heard.returned {
            if told.of == of(&next) {
                assert_eq!(told.failure, None, "it was not begun: {}", told.reason);
            } else {
                assert!(told.failure.is_some_and(Failure::is_retryable), "{told:?}");
            }
        }
    });
    let left = Containers::connect(settings).await.expect("a daemon").found().await.expect("looked");
    assert_eq!(left, [], "no container is left");
}
