//! With a real Home Assistant: the bridge at work, and all that can be wrong between the two.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::bridge::{free_address, get};
use crate::command::{Helix, NOWHERE, Place, signal, until, wait};
use crate::home::{Home, becomes};
use crate::sound::{SENTENCE, spoken};

const LIGHT: &str = "light.kitchen_light";

#[test]
fn a_command_can_be_typed_and_spoken_and_every_command_tells_what_happened() {
    let (home, place) = (Home::at(), Place::new("work"));
    let metrics = free_address();
    let configured = |helix: Helix| helix.hearing().with("HELIX_METRICS_LISTEN", metrics.to_string());
    let mut registered = home.registered(&place, configured);
    registered.bridge().logs("speech engine ready");
    home.call("light.turn_off", LIGHT);
    let typed = home.helix(&place, &["say", "--json", "turn", "on", "the", "kitchen", "light"]).run().works();
    let objects = typed.objects();
    assert_eq!(objects.len(), 1, "{typed:#?}");
    assert_eq!(
        (&objects[0]["response"], &objects[0]["run"]["code"]),
        (&json!("action_done"), &json!("done"))
    );
    becomes(&home, LIGHT, "on");

    home.call("light.turn_off", LIGHT);
    let recording = spoken(&place);
    let spoken = home.helix(&place, &["say", "--wav", recording.to_str().expect("UTF-8")]).run().works();
    spoken.says("heard    ").says("reply    Turned on the light").says("transcribed");
    becomes(&home, LIGHT, "on");

    let runs = place.helix(&["runs", "--json"]).run().works().objects();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|run| run["route"] == "act" && run["timeline"].is_array()), "{runs:?}");
    assert_eq!(place.helix(&["runs", "--last", "1"]).run().works().out.lines().count(), 1);

    let optional = [
        "language models none is named",
        "search          none is set up",
        "tool servers    none is named",
        "registry        none is set",
    ];
    let none = |line: &str| optional.iter().any(|part| line.contains(part));
    let doctor = home.helix(&place, &["doctor"]).hearing().run().works();
    assert!(
        doctor.out.lines().all(|line| line.starts_with("works") || line.contains("own voice") || none(line)),
        "{doctor:#?}"
    );
    let counted = get(metrics, "/metrics");
    assert!(counted.contains("bridge_runs_total{route=\"act\",code=\"done\"} 2"), "{counted}");
    let log = registered.bridge().log() + &counted;
    for secret in ["kitchen", "Kitchen", "Turned", home.token()] {
        assert!(!log.contains(secret), "`{secret}` is in the log:\n{log}");
    }
}

#[test]
fn what_cannot_be_said_is_told_with_what_there_is() {
    let (home, place) = (Home::at(), Place::new("unsaid"));
    let registered = home.registered(&place, |helix| helix);
    let say = |arguments: &[&str]| home.helix(&place, &[&["say"], arguments].concat()).run();
    say(&["--pipeline", "Nope", "hi"]).complains(&["no pipeline called Nope", "it has: ", "Helix"]);
    say(&["--area", "Nowhere", "hi"]).complains(&["no area called Nowhere", "Kitchen"]);
    say(&["--area", "Garage", "hi"]).complains(&["no device", "Garage", "--area"]);
    say(&["--wav", "no.wav"]).complains(&["no.wav", "No such file"]);
    let area = home.helix(&place, &["route", "--area", "Garage", "turn on the light"]).run();
    area.complains(&["no device", "Garage"]);
    let nonsense = say(&["--json", "sing the blue potato"]);
    assert_eq!(nonsense.code, Some(1), "{nonsense:#?}");
    assert_eq!(nonsense.objects()[0]["response"], "error");
    say(&[&"word ".repeat(10_000)]).complains(&[]).says("too much at once");
    drop(registered);
    say(&["hi"]).complains(&["no pipeline called Helix", "`helix run`"]);
}

#[test]
fn an_engine_that_is_away_is_an_error_of_the_pipeline_and_not_of_the_home() {
    let (home, place) = (Home::at(), Place::new("away"));
    let mut registered = home.registered(&place, |helix| helix);
    registered.take().stops_well();
    let said = home.helix(&place, &["say", "--json", "turn on the kitchen light"]).run();
    assert_eq!(said.code, Some(1), "{said:#?}");
    let doctor = home.helix(&place, &["doctor"]).hearing().run().works();
    doctor
        .says("missing  bridge")
        .says("missing  registration    the voice pipeline Helix is in Home Assistant");
}

#[test]
fn without_a_model_commands_can_be_typed() {
    let (home, place) = (Home::at(), Place::new("typing"));
    let mut registered = home.registered(&place, |helix| helix.with("HELIX_MODEL_HUB", NOWHERE));
    home.call("light.turn_off", LIGHT);
    home.helix(&place, &["say", SENTENCE]).run().works().says("Turned on the light");
    becomes(&home, LIGHT, "on");
    home.call("light.turn_off", LIGHT);
    let recording = spoken(&place);
    let recording = recording.to_str().expect("UTF-8");
    let said = home.helix(&place, &["say", "--json", "--wav", recording]).run();
    assert_eq!(said.code, Some(1), "{said:#?}");
    let said = &said.objects()[0];
    assert!(said["run"]["code"].as_str().is_some_and(|code| code.starts_with("stt-")), "{said}");
    assert_eq!(home.state(LIGHT), "off");
    registered.bridge().logs("there is no speech model");
    home.helix(&place, &["doctor"]).run().complains(&[]).says("missing  model").says("helix model pull");
    home.helix(&place, &["transcribe", recording]).run().complains(&["`helix model pull "]);
}

#[test]
fn without_the_engine_commands_can_be_typed() {
    let (home, place) = (Home::at(), Place::new("noengine"));
    let without = |helix: Helix| helix.hearing().with("HELIX_STT_DIR", "/nowhere");
    let talkative = |helix: Helix| without(helix).with("HELIX_LOG_LEVEL", "trace,tungstenite=trace");
    let mut registered = home.registered(&place, talkative);
    home.helix(&place, &["say", SENTENCE]).run().works();
    assert!(!registered.bridge().log().contains(home.token()), "the token is in the log");
    assert!(!registered.bridge().describe().asr.is_empty());
    let doctor = without(home.helix(&place, &["doctor"])).run().complains(&[]);
    doctor.says("broken   speech").says("bridge/stt/build").says("works    registration");
}

#[test]
fn another_speech_server_hears_for_the_bridge_until_it_goes_away() {
    let (home, place, other) = (Home::at(), Place::new("ears"), Place::new("server"));
    let mut server = other.lonely_bridge();
    server.logs("speech engine ready");
    let external = |helix: Helix| {
        let port = server.address.port().to_string();
        helix.with("HELIX_ASR_HOST", "127.0.0.1").with("HELIX_ASR_PORT", port)
    };
    let registered = home.registered(&place, external);
    home.call("light.turn_off", LIGHT);
    let recording = spoken(&place);
    let say = || home.helix(&place, &["say", "--json", "--wav", recording.to_str().expect("UTF-8")]).run();
    say().works();
    becomes(&home, LIGHT, "on");
    external(home.helix(&place, &["doctor"]))
        .run()
        .works()
        .says("works    speech          the speech server");
    let doctor = external(home.helix(&place, &["doctor"]));
    server.stops_well();
    home.call("light.turn_off", LIGHT);
    let said = say();
    assert_eq!(said.code, Some(1), "{said:#?}");
    assert_eq!(said.objects()[0]["run"]["code"], "stt-engine-unavailable", "{said:#?}");
    assert_eq!(home.state(LIGHT), "off");
    doctor.run().complains(&[]).says("broken   speech").says("check asr_host and asr_port");
    drop(registered);
}

#[test]
fn a_wrong_token_is_named_and_never_shown() {
    let (home, place) = (Home::at(), Place::new("token"));
    let mut bridge = place.helix(&["run"]).at(&home.url(), "wrong-token").hearing().start();
    let line = bridge.logs("refused the access token");
    assert!(line.contains("Create a long-lived access token"), "{line}");
    bridge.describe();
    for command in [&["say", "hi"][..], &["route", "hi"], &["unregister"]] {
        let done =
            place.helix(command).at(&home.url(), "wrong-token").with("HELIX_DATA_DIR", place.path("b"));
        let done = done.run().complains(&["token", "profile"]);
        assert!(!done.err.contains("wrong-token"), "{done:#?}");
    }
    assert!(!bridge.log().contains("wrong-token"));
    assert!(bridge.is_running());
    bridge.stops_well();
}

#[test]
fn a_bridge_is_taken_out_of_home_assistant_running_or_not() {
    let (home, place) = (Home::at(), Place::new("out"));
    let mut registered = home.registered(&place, |helix| helix);
    let unregister = || home.helix(&place, &["unregister"]).run().works();
    unregister().says("pipeline removed").says("entry removed");
    unregister().says("nothing of Helix is in Home Assistant");
    let doctor = home.helix(&place, &["doctor"]).run();
    assert!(doctor.out.contains("unregistered; a restart of Helix registers it again"), "{doctor:#?}");
    registered.take().stops_well();
    let mut again = home.registered(&place, |helix| helix);
    again.bridge().signal("KILL");
    again.bridge().ended();
    unregister().says("pipeline removed").says("entry removed");
    let done = home.helix(&place, &["unregister", "--json"]).run().works();
    assert_eq!(done.objects(), [json!({ "removed": [] })]);
}

#[test]
fn sigterm_in_the_middle_of_a_run_ends_bridge_and_run() {
    let (home, place) = (Home::at(), Place::new("midrun"));
    let mut registered = home.registered(&place, Helix::hearing);
    registered.bridge().logs("speech engine ready");
    let recording = spoken(&place);
    let mut saying = home.helix(&place, &["say", "--wav", recording.to_str().expect("UTF-8")]).spawn();
    let engaged = until(Duration::from_secs(10), || (registered.bridge().connections() > 0).then_some(()));
    assert!(engaged.is_some(), "Home Assistant has not connected");
    registered.take().stops_well();
    let ended = wait(&mut saying, Duration::from_secs(30)).expect("`helix say` ends with its bridge");
    assert!(ended.code().is_some(), "{ended:?}");
}

#[test]
fn control_c_ends_say_at_once_and_the_bridge_lives_on() {
    let (home, place) = (Home::at(), Place::new("controlc"));
    let mut registered = home.registered(&place, Helix::hearing);
    registered.bridge().logs("speech engine ready");
    home.call("light.turn_off", LIGHT);
    let recording = spoken(&place);
    let mut saying = home.helix(&place, &["say", "--wav", recording.to_str().expect("UTF-8")]).spawn();
    let engaged = until(Duration::from_secs(10), || (registered.bridge().connections() > 0).then_some(()));
    assert!(engaged.is_some(), "Home Assistant has not connected");
    signal(saying.id(), "INT");
    wait(&mut saying, Duration::from_secs(2)).expect("it ends at once");
    home.helix(&place, &["say", "what is the time"]).run();
    assert_eq!(home.state(LIGHT), "off");
    assert!(registered.bridge().is_running());
}

#[test]
fn a_full_disk_is_told_and_the_bridge_works_on() {
    let (home, place) = (Home::at(), Place::new("full"));
    let Some(disk) = Disk::full(&place) else {
        eprintln!("only root can make a small disk");
        return;
    };
    let run = home.helix(&place, &["run"]).hearing().with("HELIX_DATA_DIR", &disk.path);
    let mut bridge = run.start();
    let line = bridge.logs("not registered");
    assert!(line.contains("No space left on device"), "{line}");
    bridge.describe();
    place.helix(&["healthcheck"]).with("HELIX_DATA_DIR", &disk.path).run().works();
    let doctor = home.helix(&place, &["doctor"]).hearing().with("HELIX_DATA_DIR", &disk.path).run();
    doctor.complains(&[]).says("broken   data folder").says("broken   registration").says("works    port");
    bridge.stops_well();
    let unregister = home.helix(&place, &["unregister"]).with("HELIX_DATA_DIR", &disk.path).run();
    unregister.works();
}

/// A file system of one page that is full.
struct Disk {
    path: std::path::PathBuf,
}

impl Disk {
    fn full(place: &Place) -> Option<Self> {
        let path = place.path("disk");
        std::fs::create_dir(&path).expect("made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"]).arg(&path).stderr(Stdio::null());
        if !mount.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let disk = Self { path };
        std::fs::write(disk.path.join("fill"), [0; 4096]).expect("it just fits");
        Some(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}
