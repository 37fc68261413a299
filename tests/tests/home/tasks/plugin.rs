//! The guide for authors of plugins, followed to its end: the example is built, named in the configuration, and an agent of the
//! kind beside it calls its tool. No Home Assistant is needed for that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_tests::agents;
use helix_tests::bridge::{Bridge, Profile, Settings, is_alive, new_folder, program};
use helix_tests::model_server::{MODEL, ModelServer};
use helix_tests::time::poll_until;
use jiff::{ToSpan, Zoned};
use serde_json::{Value, json};

use super::scene::SOON;

const WORDS: &str = "Which bin goes out tonight?";
const TOOL: &str = "mcp_bins_next_collections";

/// Asks the calendar once, and says what it was told.
fn mind(body: &Value) -> String {
    let told = body["messages"].to_string();
    if body["format"]["properties"]["tool"].is_object() {
        let tool = if told.contains("Paper") { "finish" } else { TOOL };
        return json!({ "progress": "", "tool": tool, "input": {} }).to_string();
    }
    let spoken = if told.contains("Paper") { "The paper goes out tonight." } else { "I do not know." };
    json!({ "spoken": spoken, "text": "", "not_found": [], "sources": [] }).to_string()
}

/// The entry that the guide shows, with the paths of this machine.
fn entry(program: &Path, calendar: &Path) -> Result<String> {
    let guide = include_str!("../../../../agents/sdk/README.md");
    let (_, entry) = guide.split_once("```toml\n[[mcp_servers]]").context("no entry in the guide")?;
    let (entry, _) = entry.split_once("```").context("the entry has no end")?;
    let entry = entry.replace("/usr/local/bin/bin-day", &program.to_string_lossy());
    Ok(format!("[[mcp_servers]]{}", entry.replace("/var/lib/helix/bins.ics", &calendar.to_string_lossy())))
}

/// A data folder with the calendar, the configuration and the kind.
fn furnished() -> Result<PathBuf> {
    let folder = new_folder("plugin")?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents/sdk/examples/bin-day");
    let calendar = folder.join("bins.ics");
    let text = std::fs::read_to_string(example.join("tests/testdata/bins.ics"))?;
    let tomorrow = Zoned::now().date().checked_add(1.day())?.strftime("%Y%m%d").to_string();
    std::fs::write(&calendar, text.replace("20260213", &tomorrow))?;
    std::fs::create_dir_all(folder.join("helix"))?;
    let entry = entry(&program("bin-day", Profile::Debug)?, &calendar)?;
    std::fs::write(folder.join("helix/helix.toml"), entry)?;
    let kind = folder.join("agents/bin-day");
    std::fs::create_dir_all(&kind)?;
    for file in ["agent.toml", "prompt.md"] {
        std::fs::copy(example.join("kind").join(file), kind.join(file))?;
    }
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_used_by_an_agent_as_its_guide_says() -> Result<()> {
    let model = ModelServer::thinking(|body| (mind(body), Duration::ZERO)).await?;
    let folder = tokio::task::spawn_blocking(furnished).await??;
    let programs = tokio::task::spawn_blocking(agents::folder).await??;
    let settings = Settings::for_home("http://127.0.0.1:9", "nobody")
        .with("OLLAMA_URL", model.url())
        .with("ROUTER_MODEL", MODEL)
        .with("AGENTS_DIR", &programs.to_string_lossy());
    let bridge = Bridge::launch_from(folder, settings).await?;
    let kinds = || async { bridge.helix(&["agent", "list"]).await.ok() };
    let kinds = poll_until("the bridge answers", SOON, kinds).await.with_context(|| bridge.log())?;
    ensure!(kinds.iter().any(|kind| kind["name"] == "bin-day"), "{kinds:?}");

    let run = ["task", "run", "--kind", "bin-day", "--language", "en", WORDS];
    let rows = bridge.helix(&run).await.with_context(|| bridge.log())?;
    let task = rows.last().context("no task")?;
    ensure!(task["result"]["outcome"]["spoken"] == "The paper goes out tonight.", "{task}");
    let plugins = bridge.children_called("bin-day");
    ensure!(plugins.len() == 1, "it runs once: {plugins:?}");
    bridge.stop().await?;
    ensure!(!is_alive(plugins[0]), "the plugin outlived Helix");
    Ok(())
}
