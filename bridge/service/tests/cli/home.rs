//! Real Home Assistants that the tests share, each for one test at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bridge::Bridge;
use crate::command::{Helix, Place, repository, until};

/// Host and port of those that no test has at the moment.
static IDLE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A Home Assistant for one test alone; as many run as tests at the same time need one.
pub(crate) struct Home {
    address: String,
    token: String,
}

impl Home {
    pub(crate) fn at() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { address: idle.unwrap_or_else(started), token: bed(&["token"]) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn state(&self, entity: &str) -> String {
        let answer = self.http("GET", &format!("/api/states/{entity}"), "");
        let state = answer.split("\"state\":\"").nth(1).and_then(|rest| rest.split('"').next());
        state.unwrap_or_else(|| panic!("no state in {answer}")).to_owned()
    }

    pub(crate) fn call(&self, service: &str, entity: &str) {
        let path = format!("/api/services/{}", service.replace('.', "/"));
        let answer = self.http("POST", &path, &format!("{{\"entity_id\":\"{entity}\"}}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn http(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("Home Assistant answers");
        let (token, len) = (&self.token, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    }

    /// The command with this home.
    pub(crate) fn helix(&self, place: &Place, arguments: &[&str]) -> Helix {
        place.helix(arguments).at(&self.url(), &self.token)
    }

    /// Starts a bridge and waits until it is registered. Taken out of Home Assistant when dropped.
    pub(crate) fn registered<'a>(
        &'a self,
        place: &'a Place,
        configured: impl FnOnce(Helix) -> Helix,
    ) -> Registered<'a> {
        let bridge = configured(self.helix(place, &["run"])).start();
        let mut registered = Registered { home: self, place, bridge: Some(bridge) };
        registered.bridge().logs("registered as a voice pipeline");
        registered
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.address));
    }
}

/// Starts one that ends with this process; its host and port.
fn started() -> String {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let name = format!("cli-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
    stop_after_this_process(&name);
    let url = bed(&["start", &name, "--fresh", "--loopback"]);
    url.strip_prefix("http://").expect("an URL").to_owned()
}

/// A bridge that Home Assistant knows.
pub(crate) struct Registered<'a> {
    home: &'a Home,
    place: &'a Place,
    bridge: Option<Bridge>,
}

impl Registered<'_> {
    pub(crate) fn bridge(&mut self) -> &mut Bridge {
        self.bridge.as_mut().expect("running")
    }

    pub(crate) fn take(&mut self) -> Bridge {
        self.bridge.take().expect("running")
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        drop(self.bridge.take());
        let done = self.home.helix(self.place, &["unregister"]).run();
        if !std::thread::panicking() {
            done.works();
        }
    }
}

/// Nothing of a test process runs at its end, so another process waits for that.
fn stop_after_this_process(name: &str) {
    let script = repository().join("tests/bed/home-assistant");
    let wait =
        "while kill -0 \"$1\" 2>/dev/null; do sleep 0.5; done; \"$2\" stop \"$3\" --now; \"$2\" clean \"$3\"";
    let mut command = Command::new("setsid");
    command.args(["--fork", "sh", "-c", wait, "sh", &std::process::id().to_string()]).arg(script).arg(name);
    let null = std::process::Stdio::null;
    let forked = command.stdin(null()).stdout(null()).stderr(null()).status().expect("setsid");
    assert!(forked.success());
}

fn bed(arguments: &[&str]) -> String {
    let script = repository().join("tests/bed/home-assistant");
    let done = Command::new(script).args(arguments).output().expect("the test bed");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
}

/// Waits for the state of an entity.
#[track_caller]
pub(crate) fn becomes(home: &Home, entity: &str, wanted: &str) {
    let reached = until(Duration::from_secs(10), || (home.state(entity) == wanted).then_some(()));
    assert!(reached.is_some(), "{entity} is {}, not {wanted}", home.state(entity));
}
