//! What is typed behind `helix`.

use std::process::Stdio;

use crate::command::Place;

const COMMANDS: [&[&str]; 13] = [
    &[],
    &["run"],
    &["doctor"],
    &["say"],
    &["transcribe"],
    &["route"],
    &["model"],
    &["model", "list"],
    &["model", "pull"],
    &["model", "remove"],
    &["runs"],
    &["unregister"],
    &["healthcheck"],
];

#[test]
fn every_command_explains_itself() {
    let place = Place::new("help");
    for command in COMMANDS {
        let done = place.helix(&[command, &["--help"]].concat()).run().works();
        let usage = format!("Usage: helix {}", command.join(" "));
        let done = done.says(usage.trim()).says("--json").says("--config");
        assert!(done.err.is_empty(), "{done:#?}");
    }
}

#[test]
fn help_names_every_command_and_the_version_is_told() {
    let place = Place::new("commands");
    let mut help = place.helix(&["--help"]).run().works();
    for command in COMMANDS.iter().filter(|command| command.len() == 1) {
        help = help.says(&format!("\n  {} ", command[0]));
    }
    place.helix(&["--version"]).run().works().says(concat!("helix ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_end_with_2_and_point_to_the_help() {
    let place = Place::new("wrong");
    let wrong: [&[&str]; 9] = [
        &["dance"],
        &["run", "fast"],
        &["say"],
        &["say", "hello", "--wav", "x.wav"],
        &["route"],
        &["route", "hello", "--stdin"],
        &["transcribe"],
        &["model", "eat"],
        &["runs", "--last", "many"],
    ];
    for arguments in wrong {
        let done = place.helix(arguments).run();
        assert_eq!(done.code, Some(2), "{arguments:?}: {done:#?}");
        assert!(done.out.is_empty() && done.err.contains("--help"), "{arguments:?}: {done:#?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let place = Place::new("pipe");
    for json in [&["model", "list"][..], &["model", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut child = place.helix(json).into_command();
        let done = child.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().expect("runs");
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    }
}

#[test]
fn the_model_that_would_be_used_is_marked() {
    let place = Place::new("models");
    let in_use = |done: crate::command::Done| -> Vec<_> {
        let used = done.objects().into_iter().filter(|model| model["in_use"] == true);
        used.map(|model| model["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list =
        |language| place.helix(&["model", "list", "--json"]).with("HELIX_LANGUAGE", language).run().works();
    let [english, german] = ["en", "de"].map(|language| in_use(list(language)));
    assert!(matches!(&english[..], [name] if name.contains(".en")), "{english:?}");
    assert!(matches!(&german[..], [name] if !name.contains(".en")), "{german:?}");
    let chosen = place.helix(&["model", "list", "--json"]).with("HELIX_MODEL", "tiny").run().works();
    assert_eq!(in_use(chosen), ["tiny"]);
}
