//! Files, options, variables, folders and ports that are not as they should be.

use std::net::TcpListener;

use crate::command::{NOWHERE, Place};

fn check(place: &Place, toml: &str) -> crate::command::Done {
    let file = place.file("helix.toml", toml);
    place.helix(&["run", "--check", "--config", &file]).run()
}

#[test]
fn a_valid_file_is_valid_and_starts_nothing() {
    let place = Place::new("valid");
    let toml = "ha_url = \"http://h:8123\"\nha_token = \"t\"\npatience = \"quick\"\nasr_host = \"x\"\nasr_port = 1\n";
    check(&place, toml).works().says("the configuration is valid");
    assert!(!place.path("data").exists());
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let place = Place::new("key");
    check(&place, "language = \"de\"\n\npatiance = \"quick\"\n")
        .complains(&["line 3", "patiance", "patience"]);
}

#[test]
fn an_ill_typed_value_is_named_with_its_line() {
    let place = Place::new("typed");
    check(&place, "language = \"de\"\nthreads = \"two\"\n").complains(&["line 2", "threads", "0 to 255"]);
    check(&place, "listen = \"everywhere\"\n").complains(&["line 1", "listen", "socket address"]);
    check(&place, "language = \n").complains(&["line 1"]);
    check(&place, "language = \"de!\"\n").complains(&["language", "en, de"]);
    check(&place, "runs_max = 0\n").complains(&["runs_max", "between 1 and 64"]);
}

#[test]
fn an_ill_typed_variable_is_named() {
    let place = Place::new("variable");
    place.helix(&["run", "--check"]).with("HELIX_THREADS", "two").run().complains(&["HELIX_THREADS"]);
    place.helix(&["doctor"]).with("HELIX_LOG_LEVEL", "a=b=c").run().complains(&["log_level", "debug"]);
}

#[test]
fn half_an_access_to_home_assistant_says_which_half_is_missing() {
    let place = Place::new("half");
    check(&place, "ha_url = \"http://h:8123\"\n").complains(&["ha_token", "profile"]);
    check(&place, "ha_token = \"t\"\n").complains(&["ha_url"]);
    check(&place, "ha_url = \"homeassistant.local\"\nha_token = \"t\"\n").complains(&["http://"]);
}

#[test]
fn a_file_that_is_named_but_cannot_be_read_is_an_error() {
    let place = Place::new("absent");
    let doctor = |file: &str| place.helix(&["doctor", "--config", file]).run();
    let done = doctor("no/such.toml").complains(&["no/such.toml", "path"]);
    assert_eq!(done.err.matches("No such file").count(), 1, "{done:#?}");
    doctor("/").complains(&["/ cannot be read"]);
    let binary = place.file("binary.toml", b"\xff\xfe");
    doctor(&binary).complains(&[&binary, "UTF-8"]);
}

#[test]
fn an_unknown_option_of_the_app_is_a_warning_and_an_ill_typed_one_an_error() {
    let place = Place::new("options");
    let supervised = |options: &str| {
        let file = place.file("options.json", options);
        let helix = place.helix(&["run", "--check", "--json"]);
        helix.with("SUPERVISOR_TOKEN", "s").with("HELIX_OPTIONS", file).run()
    };
    let done = supervised(r#"{"language": "de", "colour": 1}"#).works();
    assert!(done.err.contains("`colour`"), "{done:#?}");
    let objects = done.objects();
    assert_eq!(objects.len(), 1);
    assert!(objects[0]["valid"] == true && objects[0]["warnings"][0].as_str().unwrap().contains("colour"));
    supervised(r#"{"threads": "two"}"#).complains(&["options.json", "`threads`"]);
    supervised("[]").complains(&["options.json"]);
}

#[test]
fn without_an_address_every_command_that_needs_one_says_how_to_set_it() {
    let place = Place::new("nohome");
    for command in [&["run"][..], &["run", "--check"], &["say", "hi"], &["route", "hi"], &["unregister"]] {
        let done = place.helix(command).run();
        let done = done.complains(&["no Home Assistant is configured", "HELIX_HA_URL", "helix.toml"]);
        assert!(done.out.is_empty(), "{done:#?}");
    }
    let doctor = place.helix(&["doctor"]).run();
    assert_eq!(doctor.code, Some(1), "{doctor:#?}");
    doctor.says("broken   Home Assistant  no Home Assistant is configured");
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let place = Place::new("taken");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address");
    let run = || place.helix(&["run"]).at(NOWHERE, "t");
    let port = address.port().to_string();
    run().with("HELIX_LISTEN", address.to_string()).run().complains(&[&port, "already used", "listen"]);
    let metrics = run().with("HELIX_METRICS_LISTEN", address.to_string()).run();
    metrics.complains(&[&port, "metrics", "metrics_listen"]);
    let doctor = place.helix(&["doctor"]).with("HELIX_LISTEN", address.to_string()).run();
    doctor.says(&format!("broken   port            {address}"));
    // It has taken nothing with it.
    place.lonely_bridge().stops_well();
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let place = Place::new("data");
    let file = place.file("file", "");
    let run = |dir: &str| place.helix(&["run"]).at(NOWHERE, "t").with("HELIX_DATA_DIR", dir).run();
    run(&file).complains(&[&file, "data_dir"]);
    run("/proc/helix").complains(&["/proc/helix", "data_dir"]);
    place.helix(&["doctor"]).with("HELIX_DATA_DIR", &file).run().says("broken   data folder");
    let long = place.path(&"long/".repeat(30)).to_string_lossy().into_owned();
    run(&long).complains(&["control socket", "short path"]);
}

#[test]
fn two_bridges_cannot_share_a_data_directory() {
    let place = Place::new("twice");
    let mut first = place.lonely_bridge();
    let second = place.helix(&["run"]).at(NOWHERE, "t").run();
    second.complains(&["another Helix is running with this data directory", "data_dir"]);
    assert!(first.is_running());
    place.helix(&["healthcheck"]).run().works();
    first.stops_well();
}
