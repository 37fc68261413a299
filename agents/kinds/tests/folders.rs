//! Folders become kinds, or it is said which line is wrong.

use std::fs;
use std::path::PathBuf;

use helix_contract::{HomeScope, ModelRole, WebScope};
use helix_kinds::{Files, Kind, KindError, built_in, read_folder};

const AGENT: &str = "description = \"Knows the tides.\"\ntools = [\"web_search\"]\n[scope]\nweb = { domains = [\"tides.example\"] }\n";

fn files(agent: &str) -> Files<'_> {
    Files { agent, prompt: "Look up the tide.", examples: "", accept: "" }
}

fn read(files: &Files<'_>) -> Result<Kind, KindError> {
    Kind::read("tides".parse()?, files)
}

#[test]
fn the_built_in_kinds_are_whole_and_have_cases_that_they_must_pass() {
    let kinds = built_in().expect("kinds");
    let names: Vec<_> = kinds.iter().map(|kind| kind.definition.name.as_str()).collect();
    assert_eq!(names, ["compare", "home-report", "plan", "research", "summarise"]);
    for kind in &kinds {
        let name = &kind.definition.name;
        assert!(kind.cases.len() >= 2 && !kind.definition.examples.is_empty(), "{name}");
        assert!(kind.limits.attempts <= 5 && kind.limits.tool_calls > 0 && kind.limits.tokens > 0, "{name}");
        let sees_home = kind.definition.scope.home != HomeScope::None;
        let sees_web = kind.definition.scope.web != WebScope::None;
        assert!(!(sees_home && sees_web), "{name} could carry what it sees at home to a page");
    }
}

#[test]
fn a_kind_needs_few_words() {
    let kind = read(&files(AGENT)).expect("a kind");
    assert_eq!(kind.definition.scope.web, WebScope::Domains(vec!["tides.example".to_owned()]));
    assert_eq!((kind.definition.model, kind.cases.len()), (ModelRole::Agent, 0));
    assert_eq!(
        kind.definition.digest().expect("one"),
        read(&files(AGENT)).expect("a kind").definition.digest().expect("one")
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = |files: &Files<'_>| read(files).expect_err("wrong").to_string();
    assert!(wrong(&files("description = 1")).contains("line 1"), "{}", wrong(&files("description = 1")));
    assert!(wrong(&files(&format!("colour = 1\n{AGENT}"))).contains("colour"));
    assert!(wrong(&Files { prompt: " ", ..files(AGENT) }).contains("prompt"));
    let examples = "{\"request\": \"a\", \"answer\": \"b\"}\n\n{\"request\": \"a\"}\n";
    let error = wrong(&Files { examples, ..files(AGENT) });
    assert!(error.contains("line 3 of examples.jsonl"), "{error}");
    let accept = "{\"name\": \"a\", \"request\": \"b\", \"expect\": {\"speech\": []}}";
    let error = wrong(&Files { accept, ..files(AGENT) });
    assert!(error.contains("line 1 of accept.jsonl") && error.contains("speech"), "{error}");
    let long = "a".repeat(20_000);
    assert_eq!(read(&Files { prompt: &long, ..files(AGENT) }).expect_err("too long").code(), "kind-bounds");
}

#[test]
fn a_folder_of_the_user_is_read_and_one_wrong_kind_spoils_no_other() {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kinds-{}", std::process::id()));
    for (name, agent) in [("tides", AGENT), ("broken", "description ="), ("Not A Name", AGENT)] {
        fs::create_dir_all(root.join(name)).expect("a folder");
        fs::write(root.join(name).join("agent.toml"), agent).expect("a file");
        fs::write(root.join(name).join("prompt.md"), "Look up the tide.\n").expect("a file");
    }
    fs::create_dir_all(root.join("no-kind")).expect("a folder");
    let kinds = read_folder(&root).expect("a folder");
    fs::remove_dir_all(&root).expect("removed");
    let told: Vec<_> = kinds
        .iter()
        .map(|kind| match kind {
            Ok(kind) => kind.definition.name.as_str(),
            Err(error) => error.code(),
        })
        .collect();
    assert_eq!(told, ["kind-name", "kind-agent", "tides"]);
    assert_eq!(read_folder(&root).expect_err("gone").code(), "kind-file");
}
