//! The repository agrees with what `ARCHITECTURE.md` says about it, and with the rules that no compiler checks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINES_MAX: usize = 500;

/// What each crate may depend on, besides crates of others.
const INWARDS: [(&str, &[&str]); 13] = [
    ("bridge/core", &[]),
    ("bridge/wyoming", &[]),
    ("bridge/hass", &[]),
    ("agents/agent", &["helix-contract"]),
    ("agents/contract", &[]),
    ("agents/image", &["helix-contract"]),
    ("agents/kinds", &["helix-contract"]),
    ("agents/runner", &["helix-contract"]),
    ("agents/sdk", &["helix-contract"]),
    ("agents/sdk/examples/bin-day", &["helix-sdk"]),
    ("bridge/speech", &["helix-core", "helix-wyoming"]),
    ("bridge/stt", &["helix-core", "helix-speech", "helix-wyoming"]),
    (
        "bridge/service",
        &[
            "helix-contract",
            "helix-core",
            "helix-wyoming",
            "helix-hass",
            "helix-image",
            "helix-kinds",
            "helix-speech",
        ],
    ),
];

/// Parts of the service that speak to one other party each.
const ADAPTERS: [&str; 14] = [
    "control",
    "gateway",
    "hass",
    "images",
    "llm",
    "mcp",
    "metrics",
    "model",
    "satellite",
    "speech",
    "store",
    "tasks",
    "voice",
    "web",
];

/// The parts that stand on another: tasks and images have their tables in the store's file, the gateway serves the tasks' book
/// and counts, and who did well stands in that book.
const STANDS_ON: [(&str, &str); 5] = [
    ("tasks", "store"),
    ("images", "store"),
    ("images", "tasks"),
    ("gateway", "tasks"),
    ("gateway", "metrics"),
];

/// The only places that read a clock.
const CLOCKS: [&str; 4] = [
    "agents/agent/src/clock.rs",
    "agents/runner/src/clock.rs",
    "bridge/service/src/clock.rs",
    "bridge/stt/src/engine.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file that belongs to the repository, relative to its root.
fn files() -> Vec<String> {
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let listing = String::from_utf8(listing.stdout).expect("paths are UTF-8");
    let there: Vec<_> =
        listing.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    assert!(there.len() > 50, "only {} files: is this the repository?", there.len());
    there
}

fn files_ending(suffix: &str) -> Vec<String> {
    files().into_iter().filter(|path| path.ends_with(suffix)).collect()
}

/// Whether a file belongs to what is installed in a home, and not to what tests or measures it.
fn is_product(path: &str) -> bool {
    path.starts_with("bridge/") || path.starts_with("agents/")
}

/// Source files that are not tests.
fn shipped() -> Vec<String> {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs") || !is_product(path);
    files_ending(".rs").into_iter().filter(|path| !is_test(path)).collect()
}

/// The lines of a source file before its unit tests.
fn code(path: &str) -> String {
    let text = read(path);
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn expect_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// The first cell of each row of the tables below `heading`, without its backticks.
fn first_cells(page: &str, heading: &str) -> BTreeSet<String> {
    section(page, heading)
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(cell, _)| cell.to_owned())
        .collect()
}

fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) =
        page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_map_names_every_folder_and_no_other() {
    let named = first_cells(&read("ARCHITECTURE.md"), "Folders");
    let mut there = BTreeSet::new();
    for path in files() {
        let mut parts: Vec<_> = path.split('/').collect();
        parts.pop();
        match parts.as_slice() {
            ["bridge", "service", "src", module, ..] => {
                there.insert(format!("bridge/service/src/{module}"));
                there.insert("bridge/service".to_owned());
            }
            [top @ ("bridge" | "agents"), name, ..] => drop(there.insert(format!("{top}/{name}"))),
            [top, ..] => drop(there.insert((*top).to_owned())),
            [] => {}
        }
    }
    let difference: Vec<_> = named.symmetric_difference(&there).cloned().collect();
    expect_none("ARCHITECTURE.md and the repository do not name the same folders", &difference);
}

#[test]
fn every_invariant_names_a_keeper_that_exists() {
    let page = read("ARCHITECTURE.md");
    let mut broken = Vec::new();
    for row in section(&page, "Invariants").lines().filter(|line| line.starts_with("| ")).skip(1) {
        let keepers = row.rsplit('|').nth(1).unwrap_or_default();
        if quoted(keepers).next().is_none() {
            broken.push(format!("without a keeper: {row}"));
        }
        broken.extend(
            quoted(keepers)
                .filter(|path| !root().join(path).exists())
                .map(|path| format!("{path} is not there")),
        );
    }
    expect_none("the keepers of invariants", &broken);
}

#[test]
fn every_decision_is_listed() {
    let page = read("ARCHITECTURE.md");
    let missing: Vec<_> = files()
        .into_iter()
        .filter(|path| path.starts_with("docs/adr/") && !page.contains(&format!("]({path})")))
        .collect();
    expect_none("ARCHITECTURE.md does not list these decisions", &missing);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in files_ending(".md") {
        let folder = Path::new(&page).parent().map(PathBuf::from).unwrap_or_default();
        let text = read(&page);
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !root().join(&folder).join(target).exists() {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    expect_none("links that lead nowhere", &broken);
}

#[test]
fn dependencies_point_inwards() {
    let mut broken = Vec::new();
    for (folder, allowed) in INWARDS {
        let manifest = read(format!("{folder}/Cargo.toml"));
        let dependencies = manifest.split("\n[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.starts_with("helix")) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !allowed.contains(&name) {
                broken.push(format!("{folder} depends on {name}"));
            }
        }
    }
    expect_none("dependencies that do not point inwards", &broken);
}

#[test]
fn every_crate_of_bridge_and_agents_has_its_rule() {
    let with_rule: BTreeSet<_> = INWARDS.iter().map(|(folder, _)| format!("{folder}/Cargo.toml")).collect();
    let crates: BTreeSet<_> =
        files().into_iter().filter(|p| is_product(p) && p.ends_with("/Cargo.toml")).collect();
    assert_eq!(with_rule, crates, "INWARDS names the crates below bridge/ and agents/");
}

#[test]
fn adapters_do_not_know_each_other() {
    let mut broken = Vec::new();
    for path in shipped() {
        let Some(inside) = path.strip_prefix("bridge/service/src/") else { continue };
        let own = inside.split(['/', '.']).next().unwrap_or_default();
        if !ADAPTERS.contains(&own) {
            continue;
        }
        let text = code(&path);
        for other in ADAPTERS.iter().chain(["app", "cli", "say"].iter()).filter(|other| **other != own) {
            if text.contains(&format!("crate::{other}")) && !STANDS_ON.contains(&(own, *other)) {
                broken.push(format!("{path} uses {other}"));
            }
        }
    }
    expect_none("adapters that know each other", &broken);
}

#[test]
fn core_and_the_codecs_touch_nothing_outside() {
    let outside = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "tokio::",
        "reqwest",
        "SystemTime",
    ];
    let mut broken = Vec::new();
    for path in shipped() {
        if ["bridge/core/", "bridge/wyoming/", "bridge/hass/", "agents/contract/"]
            .iter()
            .any(|pure| path.starts_with(pure))
        {
            let text = code(&path);
            broken.extend(
                outside.iter().filter(|what| text.contains(**what)).map(|what| format!("{path}: {what}")),
            );
        }
    }
    expect_none("input, output or a clock where there is none", &broken);
}

#[test]
fn time_is_read_in_one_place() {
    let reads = |text: &str| {
        ["Instant::now", "SystemTime::now", "Zoned::now", "Timestamp::now"]
            .iter()
            .any(|now| text.contains(now))
    };
    let broken: Vec<_> =
        shipped().into_iter().filter(|path| !CLOCKS.contains(&path.as_str()) && reads(&code(path))).collect();
    expect_none("a clock is read outside its place", &broken);
}

#[test]
fn every_source_file_says_what_it_is() {
    let silent: Vec<_> =
        files_ending(".rs").into_iter().filter(|path| !read(path).starts_with("//! ")).collect();
    expect_none("source files whose first line does not say what goes in and what comes out", &silent);
}

#[test]
fn no_file_is_too_long_to_read() {
    let is_source = |path: &str| {
        [".rs", ".py", ".sh", ".ts"].iter().any(|suffix| path.ends_with(suffix))
            || !path.rsplit('/').next().unwrap_or("").contains('.')
    };
    let long: Vec<_> = files()
        .into_iter()
        .filter(|path| is_source(path) && !path.contains("LICENSE") && !path.contains("NOTICE"))
        .filter_map(|path| Some((std::fs::read_to_string(root().join(&path)).ok()?.lines().count(), path)))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    expect_none("files over 500 lines", &long);
}

#[test]
fn nothing_unfinished_and_nothing_of_one_machine_is_left() {
    // Put together here, so that this file does not find itself.
    let words = [
        "TO\u{44}O",
        "FIX\u{4d}E",
        "/wor\u{6b}/",
        "/roo\u{74}/",
        "#[igno\u{72}e",
        "todo\u{21}(",
        "unimplemented\u{21}(",
    ];
    let mut broken = Vec::new();
    for path in files() {
        // A root file system of its own, and what the app may not read.
        let about_root = ["tests/bed/with-rootfs.sh", "ha-addon/apparmor.txt"].contains(&path.as_str());
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        let found =
            words.iter().filter(|word| text.contains(**word) && !(about_root && word.starts_with("/roo")));
        broken.extend(found.map(|word| format!("{path}: {word}")));
    }
    expect_none("words that do not belong here", &broken);
}

#[test]
fn only_the_app_has_a_config_file_of_that_name() {
    let stray: Vec<_> = files()
        .into_iter()
        .filter(|path| matches!(path.rsplit('/').next(), Some("config.yaml" | "config.yml" | "config.json")))
        .filter(|path| path != "ha-addon/config.yaml")
        .collect();
    expect_none("the Supervisor would read these as apps", &stray);
}

#[test]
fn the_commands_that_pages_name_are_there() {
    let mut broken = Vec::new();
    let steps = read("test");
    let xtask: String = files().iter().filter(|p| p.starts_with("xtask/src/")).map(read).collect();
    for page in files_ending(".md") {
        let text = read(&page);
        let after = |words: &str| {
            let found = text.match_indices(words).map(|(at, found)| &text[at + found.len()..]);
            found
                .map(|rest| {
                    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
                .collect::<Vec<_>>()
        };
        broken.extend(
            after("./test --only ")
                .into_iter()
                .filter(|step| !steps.contains(&format!("step_{step}()")))
                .map(|s| format!("{page}: ./test --only {s}")),
        );
        let known =
            |name: &str| name.starts_with('-') || xtask.to_lowercase().contains(&name.replace('-', ""));
        broken.extend(
            after("cargo xtask ")
                .into_iter()
                .filter(|name| !known(name))
                .map(|name| format!("{page}: cargo xtask {name}")),
        );
    }
    expect_none("pages name commands that are not there", &broken);
}
