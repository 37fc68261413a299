//! The runner between a scripted bridge and agents that are played by the test.

mod scripted;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helix_contract::Failure;
use helix_contract::api::path;
use helix_runner::{
    AgentKey, AgentStream, Backend, BackendError, Capabilities, Ended, ExitReport, Found, Runner, Settings,
    Started, Warm, Work,
};
use scripted::{ScriptedBridge, assignment, of};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Agents that do what their token says.
#[derive(Debug, Clone, Default)]
struct Puppets {
    agents: Arc<Mutex<BTreeMap<AgentKey, Puppet>>>,
    found: Vec<Found>,
    survive: bool,
    most: Arc<Mutex<usize>>,
    /// An agent was told that the bridge is away.
    refused: Arc<Notify>,
}

#[derive(Debug, Clone)]
struct Puppet {
    ended: watch::Sender<Option<Ended>>,
    play: Arc<Mutex<JoinSet<()>>>,
}

impl Backend for Puppets {
    fn capabilities(&self) -> Capabilities {
        Capabilities { streams: true, survives: self.survive, idle: false }
    }

    async fn prepare(&self, image: Option<&str>) -> Result<(), BackendError> {
        match image {
            Some("missing") => Err(BackendError::ImageMissing("missing".to_owned())),
            Some(_) | None => Ok(()),
        }
    }

    async fn start(&self, work: &Work) -> Result<Started, BackendError> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (ended, _) = watch::channel(None);
        let puppet = Puppet { ended: ended.clone(), play: Arc::default() };
        let refused = Arc::clone(&self.refused);
        puppet.play.lock().expect("not poisoned").spawn(async move {
            let end = play(theirs, &refused).await;
            ended.send_if_modified(|ended| ended.is_none().then(|| *ended = Some(end)).is_some());
        });
        let mut agents = self.agents.lock().expect("not poisoned");
        agents.insert(work.key.clone(), puppet);
        let mut most = self.most.lock().expect("not poisoned");
        *most = agents.len().max(*most);
        let (stdout, stdin) = tokio::io::split(ours);
        let stream = AgentStream { stdout: Box::new(stdout), stdin: Box::new(stdin) };
        Ok(Started { stream: Some(stream), again: false })
    }

    async fn start_idle(&self, _: &AgentKey) -> Result<Started, BackendError> {
        Err(BackendError::Incapable("start agents without a task"))
    }

    async fn wait(&self, key: &AgentKey) -> Result<ExitReport, BackendError> {
        let puppet = self.agents.lock().expect("not poisoned").get(key).cloned();
        let mut changes = puppet.ok_or_else(|| BackendError::Unknown(key.clone()))?.ended.subscribe();
        let ended = changes.wait_for(Option::is_some).await.expect("the puppet is there").expect("it ended");
        Ok(ExitReport { ended, stderr: String::new() })
    }

    async fn stop(&self, key: &AgentKey, _: Duration) -> Result<(), BackendError> {
        if let Some(puppet) = self.agents.lock().expect("not poisoned").get(key) {
            puppet
                .ended
                .send_if_modified(|ended| ended.is_none().then(|| *ended = Some(Ended::Stopped)).is_some());
            puppet.play.lock().expect("not poisoned").abort_all();
        }
        Ok(())
    }

    async fn remove(&self, key: &AgentKey) -> Result<(), BackendError> {
        drop(self.agents.lock().expect("not poisoned").remove(key));
        Ok(())
    }

    async fn found(&self) -> Result<Vec<Found>, BackendError> {
        Ok(self.found.clone())
    }
}

/// What an agent does with its token, which is its script.
async fn play(line: DuplexStream, refused: &Notify) -> Ended {
    let mut line = BufReader::new(line);
    let mut token = String::new();
    line.read_line(&mut token).await.expect("a token");
    let token = token.trim_end().to_owned();
    let script = token.split('/').next().unwrap_or_default();
    match script {
        "tells" => {
            let body = ask(
                &mut line,
                &format!("GET {} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n", path::TASK),
            )
            .await;
            let task: serde_json::Value = serde_json::from_slice(&body).expect("an assignment");
            let result = serde_json::json!({
                "version": 1, "task": task["spec"]["id"], "attempt": task["attempt"],
                "outcome": {"kind": "done", "spoken": "Found."},
            })
            .to_string();
            let head = format!(
                "PUT {} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
                path::RESULT,
                result.len()
            );
            ask(&mut line, &(head + &result)).await;
            Ended::Code(0)
        }
        "insists" => {
            let request = format!("GET /v1/insisting HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n");
            while exchange(&mut line, &request).await.0 != 503 {}
            refused.notify_one();
            while exchange(&mut line, &request).await.0 == 503 {}
            Ended::Code(3)
        }
        "garbage" => {
            line.write_all(&[7; 1024]).await.expect("written");
            std::future::pending().await
        }
        "waits" => std::future::pending().await,
        "lies" => Ended::Code(0),
        "hungry" => Ended::OutOfMemory,
        other => panic!("no script {other}"),
    }
}

async fn ask(line: &mut BufReader<DuplexStream>, request: &str) -> Vec<u8> {
    exchange(line, request).await.1
}

async fn exchange(line: &mut BufReader<DuplexStream>, request: &str) -> (u16, Vec<u8>) {
    line.write_all(request.as_bytes()).await.expect("written");
    let (mut status, mut len) = (0, 0);
    loop {
        let mut header = String::new();
        line.read_line(&mut header).await.expect("a header");
        let header = header.trim_end().to_ascii_lowercase();
        if let Some(rest) = header.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().expect("a status");
        }
        if let Some(rest) = header.strip_prefix("content-length: ") {
            len = rest.parse().expect("a length");
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; len];
    line.read_exact(&mut body).await.expect("a body");
    (status, body)
}

/// A runner at work; `ends` tells it to end and waits.
struct AtWork {
    stop: CancellationToken,
    life: JoinSet<Result<(), BackendError>>,
}

impl AtWork {
    fn begins(bridge: &ScriptedBridge, puppets: &Puppets, slots: usize) -> Self {
        let settings =
            Settings { slots, agents: Vec::new(), warm: Warm { min: 0, max: 0 }, drain: Duration::ZERO };
        let runner = Runner::new(puppets.clone(), bridge.bridge(), settings);
        let stop = CancellationToken::new();
        let mut life = JoinSet::new();
        life.spawn(runner.run(stop.clone()));
        Self { stop, life }
    }

    async fn ends(mut self) {
        self.stop.cancel();
        let ended =
            tokio::time::timeout(Duration::from_mins(1), self.life.join_next()).await.expect("in time");
        ended.expect("it ran").expect("no panic").expect("no error");
    }
}

#[tokio::test]
async fn a_task_is_carried_out_and_its_result_comes_over_the_agents_own_line() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    let runner = AtWork::begins(&bridge, &puppets, 1);
    bridge.queues(assignment(1, "tells"));
    bridge.until("a result", |heard| heard.results.len() == 1).await;
    assert!(
        bridge.heard(|heard| heard.asked.iter().all(|(_, token)| token == "tells")),
        "with its own token"
    );
    runner.ends().await;
    assert!(bridge.heard(|heard| heard.returned.is_empty()));
    assert!(puppets.agents.lock().expect("not poisoned").is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn no_more_tasks_than_slots_run_at_once() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    for number in 0..20 {
        bridge.queues(assignment(number, &format!("tells/{number}")));
    }
    let runner = AtWork::begins(&bridge, &puppets, 3);
    bridge.until("twenty results", |heard| heard.results.len() == 20).await;
    runner.ends().await;
    assert!(*puppets.most.lock().expect("not poisoned") <= 3);
}

#[tokio::test]
async fn tasks_are_kept_and_those_that_the_bridge_no_longer_wants_are_stopped() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    let runner = AtWork::begins(&bridge, &puppets, 2);
    let (wanted, unwanted) = (assignment(1, "waits/1"), assignment(2, "waits/2"));
    bridge.queues(wanted.clone());
    bridge.queues(unwanted.clone());
    bridge.until("both are kept in one request", |heard| heard.kept.iter().any(|kept| kept.len() == 2)).await;
    bridge.stops(of(&unwanted));
    bridge.until("one is kept", |heard| heard.kept.last().is_some_and(|kept| *kept == [of(&wanted)])).await;
    assert!(bridge.heard(|heard| heard.returned.is_empty()), "who is told to stop gives nothing back");
    runner.ends().await;
}

#[tokio::test]
async fn what_died_without_a_result_is_given_back_with_what_happened() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    let runner = AtWork::begins(&bridge, &puppets, 4);
    let mut missing = assignment(4, "tells/4");
    missing.spec.agent.image = Some("missing".to_owned());
    let mut late = assignment(5, "waits/5");
    late.spec.limits.deadline = "2020-01-01T00:00:00Z".parse().expect("a time");
    for assignment in [
        assignment(1, "hungry"),
        assignment(2, "lies"),
        assignment(3, "garbage"),
        missing.clone(),
        late.clone(),
    ] {
        bridge.queues(assignment);
    }
    bridge.until("five are given back", |heard| heard.returned.len() == 5).await;
    runner.ends().await;
    let why = |number: u64, token: &str| {
        let of = of(&assignment(number, token));
        bridge.heard(|heard| {
            let told = heard.returned.iter().find(|told| told.of == of).expect("given back");
            (told.failure.expect("begun"), told.reason.clone())
        })
    };
    assert_eq!(
        why(1, "hungry"),
        (Failure::Limit, "the agent was out of memory, without a result".to_owned())
    );
    assert_eq!(why(2, "lies"), (Failure::Agent, "the agent ended with code 0, without a result".to_owned()));
    assert_eq!(why(3, "garbage").0, Failure::Agent);
    assert!(why(4, "tells/4").1.starts_with("runner-image-missing: "));
    assert_eq!(why(5, "waits/5").0, Failure::Limit);
}

#[tokio::test]
async fn an_agent_lives_on_while_the_bridge_is_away_and_is_told_so() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    let runner = AtWork::begins(&bridge, &puppets, 2);
    bridge.queues(assignment(1, "insists"));
    bridge.until("it asks", |heard| heard.asked.iter().any(|(path, _)| path == "/v1/insisting")).await;
    bridge.goes_away().await;
    puppets.refused.notified().await;
    bridge.comes_back();
    bridge.until("it was refused and then served", |heard| heard.returned.len() == 1).await;
    bridge.queues(assignment(2, "tells"));
    bridge.until("the runner leases again", |heard| heard.results.len() == 1).await;
    runner.ends().await;
    assert_eq!(bridge.heard(|heard| heard.leased.len()), 2, "nothing was begun twice");
}

#[tokio::test]
async fn a_runner_that_ends_gives_back_what_ran() {
    let (bridge, puppets) = (ScriptedBridge::start(), Puppets::default());
    let runner = AtWork::begins(&bridge, &puppets, 1);
    bridge.queues(assignment(1, "waits"));
    bridge.until("it is kept", |heard| heard.kept.last().is_some_and(|kept| kept.len() == 1)).await;
    runner.ends().await;
    let returned = bridge.heard(|heard| heard.returned.clone());
    assert!(
        matches!(returned.as_slice(), [told] if told.failure == Some(Failure::Unavailable)),
        "{returned:?}"
    );
    assert!(puppets.agents.lock().expect("not poisoned").is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn what_a_killed_runner_left_is_given_back_or_adopted_where_it_lives_on() {
    let left = of(&assignment(1, "waits"));
    let key = AgentKey::Attempt(left.clone());
    let found = vec![
        Found { key: key.clone(), left: None },
        Found { key: AgentKey::Idle { runner: 1, number: 2 }, left: None },
    ];

    let (bridge, puppets) = (ScriptedBridge::start(), Puppets { found: found.clone(), ..Puppets::default() });
    let runner = AtWork::begins(&bridge, &puppets, 1);
    bridge.until("it is given back", |heard| heard.returned.iter().any(|told| told.of == left)).await;
    runner.ends().await;

    let (bridge, puppets) = (ScriptedBridge::start(), Puppets { found, survive: true, ..Puppets::default() });
    puppets.start(&Work::new(assignment(1, "waits"), Duration::from_mins(1))).await.expect("started");
    let runner = AtWork::begins(&bridge, &puppets, 1);
    bridge.until("it is kept", |heard| heard.kept.last().is_some_and(|kept| *kept == [left.clone()])).await;
    runner.ends().await;
    assert!(bridge.heard(|heard| heard.returned.is_empty()), "it goes on without the runner");
    assert!(puppets.agents.lock().expect("not poisoned").contains_key(&key));
}
