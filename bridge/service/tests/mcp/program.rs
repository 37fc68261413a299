//! Tool servers that are programs: a real child process that does well, or all that a hostile one can think of.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use helix::mcp::{Looked, McpError, McpSettings, McpTransport, ProgramSettings, ToolServers};
use helix_core::egress::{Cloud, Denied, Ledger, Privacy};
use serde_json::{Value, json};
use tokio::time::{advance, pause, resume};

use crate::place::{KEY, Notes};
use crate::{call, name, origin, tools};

/// The program `programs/server.rs`, built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/programs/server.rs");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-server");
        // Another run's may be at work under this name.
        let own = program.with_extension(std::process::id().to_string());
        let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition", "2024", "-o"])
            .args([&own, &source])
            .output()
            .expect("rustc runs");
        assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
        std::fs::rename(own, &program).expect("moved");
        program
    })
}

/// The settings of a server, and where things about it lie.
struct Scene {
    folder: PathBuf,
    settings: McpSettings,
}

impl Scene {
    fn new(test: &str, mode: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("helix-mcp-{}-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let args = vec![mode.to_owned(), folder.join("pid").display().to_string()];
        let env = [("TOKEN".to_owned(), KEY.to_owned().into())].into();
        let program = ProgramSettings { command: built().to_owned(), args, env };
        let transport = McpTransport::Stdio(program);
        Self { folder, settings: McpSettings { name: name("my-nas"), transport, may_change: false } }
    }

    fn servers(&self, ledger: Option<&Ledger>) -> ToolServers {
        let folders = self.folder.join("plugins");
        ToolServers::new(std::slice::from_ref(&self.settings), ledger, &folders).expect("settings")
    }

    /// The process that was started last.
    fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.parse().ok()
    }

    async fn has_ended(&self) {
        ended(self.pid().expect("it was started")).await;
    }

    fn folders(&self) -> usize {
        std::fs::read_dir(self.folder.join("plugins")).map_or(0, Iterator::count)
    }

    async fn is_tidy(&self) {
        until("its folder is gone", || self.folders() == 0).await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Waits until a process is no more.
async fn ended(pid: u32) {
    let is_there = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
    };
    until("the process is gone", || !is_there()).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.expect("a pause");
    }
    panic!("{what}: not so");
}

/// Lets a program that ended early rest long enough.
async fn later() {
    pause();
    advance(Duration::from_mins(1)).await;
    resume();
}

#[tokio::test]
async fn a_program_is_started_when_it_is_needed_and_ended_with_all_that_it_started() {
    let scene = Scene::new("needed", "well");
    let servers = scene.servers(None);
    assert_eq!(scene.pid(), None, "nobody asked for it yet");
    let offered = tools(&servers).await;
    assert_eq!(offered.len(), 7, "{offered:?}");
    let about = call(&servers, "mcp_my_nas_about", json!({})).await.expect("an answer");
    assert_eq!(about["env"], json!([format!("TOKEN={KEY}")]), "nothing of ours");
    assert_eq!((&about["inside"], &about["args"][0]), (&json!(0), &json!("well")));
    let folder = PathBuf::from(about["folder"].as_str().expect("a path"));
    assert_eq!(std::fs::metadata(&folder).expect("it is there").permissions().mode() & 0o777, 0o700);
    let child = call(&servers, "mcp_my_nas_children", json!({})).await.expect("an answer");
    let child = child["child"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a number");
    drop(servers);
    scene.has_ended().await;
    ended(child).await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn what_may_change_something_is_offered_only_where_the_entry_says_so() {
    let mut scene = Scene::new("change", "well");
    let servers = scene.servers(None);
    let looked = servers.look(&origin(Privacy::Public)).await;
    let found = Looked { tools: 7, withheld: 2, lacking: vec!["API_KEY".into()] };
    assert_eq!(looked, [(name("my-nas"), Ok(found))]);
    for tool in ["mcp_my_nas_wipe", "mcp_my_nas_rename"] {
        let refused = call(&servers, tool, json!({})).await;
        assert!(matches!(refused, Err(McpError::MayChange { .. })), "{tool}: {refused:?}");
    }
    scene.settings.may_change = true;
    let servers = scene.servers(None);
    assert_eq!(call(&servers, "mcp_my_nas_wipe", json!({})).await, Ok(json!({ "done": true })));
    assert_eq!(tools(&servers).await.len(), 9);
}

#[tokio::test]
async fn a_tool_that_asks_a_host_outside_is_called_only_after_the_ledger_has_it() {
    let scene = Scene::new("outside", "well");
    for cloud in [Cloud::Off, Cloud::Public] {
        let notes = Arc::new(Notes::default());
        let servers = scene.servers(Some(&Ledger::new(notes.clone(), cloud)));
        let asked = call(&servers, "mcp_my_nas_ask", json!({ "words": "tides" })).await;
        let left = notes.left();
        match cloud {
            Cloud::Public => {
                assert_eq!(asked, Ok(json!({ "done": true })));
                assert_eq!(left, [json!({ "tool": "ask", "input": { "words": "tides" } }).to_string()]);
            }
            Cloud::Off | Cloud::Home | Cloud::Personal => {
                assert!(matches!(asked, Err(McpError::Denied(Denied::NotAllowed { .. }))), "{asked:?}");
                assert_eq!(left, [""; 0]);
            }
        }
    }
}

#[tokio::test]
async fn a_program_that_dies_in_mid_call_rests_and_is_started_again_and_the_call_is_not_made_twice() {
    let scene = Scene::new("dies", "well");
    let servers = scene.servers(None);
    let broke = call(&servers, "mcp_my_nas_end", json!({})).await;
    assert!(matches!(broke, Err(McpError::BrokeOff { .. })), "{broke:?}");
    scene.has_ended().await;
    let first = scene.pid();
    let resting = call(&servers, "mcp_my_nas_about", json!({})).await;
    assert!(matches!(resting, Err(McpError::Resting { .. })), "{resting:?}");
    assert_eq!(scene.pid(), first);
    later().await;
    assert!(call(&servers, "mcp_my_nas_about", json!({})).await.is_ok());
    assert_ne!(scene.pid(), first);
    assert_eq!(scene.folders(), 1, "that of the one that runs");
}

#[tokio::test]
async fn a_program_that_writes_without_an_end_is_ended() {
    for tool in ["mcp_my_nas_flood", "mcp_my_nas_line"] {
        let scene = Scene::new(tool, "well");
        let servers = scene.servers(None);
        let broke = call(&servers, tool, json!({})).await;
        assert!(matches!(broke, Err(McpError::BrokeOff { .. })), "{tool}: {broke:?}");
        scene.has_ended().await;
        later().await;
        assert!(call(&servers, "mcp_my_nas_about", json!({})).await.is_ok(), "after {tool}");
    }
    let scene = Scene::new("garbage", "garbage");
    assert_eq!(tools(&scene.servers(None)).await, BTreeSet::new());
    scene.has_ended().await;
}

#[tokio::test]
async fn a_program_that_says_nothing_is_given_up_in_time() {
    let scene = Scene::new("silent", "silent");
    let servers = scene.servers(None);
    pause();
    let late = call(&servers, "mcp_my_nas_about", json!({})).await;
    assert!(matches!(late, Err(McpError::Timeout { .. })), "{late:?}");
    let scene = Scene::new("hang", "well");
    resume();
    let servers = scene.servers(None);
    assert_eq!(tools(&servers).await.len(), 7);
    pause();
    let late = call(&servers, "mcp_my_nas_hang", json!({})).await;
    resume();
    assert_eq!(late, Err(McpError::Timeout { server: name("my-nas"), limit: Duration::from_mins(1) }));
    scene.has_ended().await;
}

#[tokio::test]
async fn of_thousands_of_tools_some_are_offered_and_of_a_list_without_measure_none() {
    let scene = Scene::new("thousands", "thousands");
    assert_eq!(tools(&scene.servers(None)).await.len(), 32);
    let scene = Scene::new("huge", "huge");
    let servers = scene.servers(None);
    let looked = servers.look(&origin(Privacy::Public)).await;
    assert!(looked[0].1.is_err(), "{looked:?}");
    scene.has_ended().await;
}

#[tokio::test]
async fn a_program_whose_log_has_no_end_still_answers() {
    let scene = Scene::new("loud", "loud");
    let servers = scene.servers(None);
    let about: Value = call(&servers, "mcp_my_nas_about", json!({})).await.expect("an answer");
    assert_eq!(about["args"][0], "loud");
    drop(servers);
    scene.has_ended().await;
}

#[tokio::test]
async fn a_program_that_ends_at_once_or_is_not_there_is_told_of() {
    let mut scene = Scene::new("gone", "gone");
    let servers = scene.servers(None);
    let gone = call(&servers, "mcp_my_nas_about", json!({})).await;
    assert!(matches!(gone, Err(McpError::Unreachable { .. })), "{gone:?}");
    scene.has_ended().await;
    let McpTransport::Stdio(program) = &mut scene.settings.transport else { panic!("a program") };
    program.command = "/nowhere/at/all".into();
    let missing = call(&scene.servers(None), "mcp_my_nas_about", json!({})).await;
    assert!(matches!(missing, Err(McpError::NotStarted { .. })), "{missing:?}");
    scene.is_tidy().await;
    assert!(!format!("{:?}", scene.settings).contains(KEY));
}
