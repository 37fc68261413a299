//! There is no Home Assistant at the address, or no bridge.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use helix::clock::SystemClock;
use helix_core::Clock;

use crate::bridge::{free_address, get};
use crate::command::{NOWHERE, Place};

#[test]
fn the_bridge_stays_up_and_answers_describe() {
    let place = Place::new("alone");
    let mut bridge = place.lonely_bridge();
    let line = bridge.logs("No Home Assistant answers at http://127.0.0.1:9");
    assert!(line.contains("Trying again"), "{line}");
    let info = bridge.describe();
    assert!(!info.asr.is_empty() && !info.handle.is_empty(), "{info:?}");
    let healthy = place.helix(&["healthcheck", "--json"]).run().works();
    assert_eq!(healthy.objects()[0]["address"], bridge.address.to_string());
    place.helix(&["runs"]).run().works().says("no runs yet");
    let doctor = place.helix(&["doctor"]).at(NOWHERE, "t").hearing().run();
    assert_eq!(doctor.code, Some(1));
    let doctor = doctor.says("broken   Home Assistant  No Home Assistant answers at http://127.0.0.1:9");
    doctor.says("works    bridge").says(&format!("works    port            {}", bridge.address));
    assert!(bridge.is_running());
    bridge.stops_well();
    assert!(!place.path("data/helix.sock").exists());
}

#[test]
fn commands_say_at_once_that_nobody_answers() {
    let place = Place::new("nobody");
    let clock = SystemClock::start();
    for command in [&["say", "hi"][..], &["route", "hi"], &["route", "--stdin"], &["unregister"]] {
        let done = place.helix(command).at(NOWHERE, "t").run();
        let done = done.complains(&["Home Assistant", "127.0.0.1:9", "running"]);
        assert!(done.out.is_empty() && done.err.lines().count() == 1, "{done:#?}");
    }
    assert!(clock.now() < Duration::from_secs(20), "four commands took {:?}", clock.now());
    let url = format!("http://{}", free_address());
    place.helix(&["say", "hi"]).at(&url, "t").run().complains(&[&url]);
    place
        .helix(&["route", "hi"])
        .at("http://no.such.host.invalid:8123", "t")
        .run()
        .complains(&["no.such.host"]);
}

#[test]
fn commands_for_a_running_bridge_say_that_there_is_none() {
    let place = Place::new("none");
    place.helix(&["runs"]).run().complains(&["no running Helix", "`helix run`"]);
    place.helix(&["healthcheck"]).run().complains(&["no running Helix", "`helix run`"]);
    let listen = "127.0.0.1:9";
    place.helix(&["healthcheck"]).with("HELIX_LISTEN", listen).run().complains(&[listen, "`helix run`"]);
}

#[test]
fn a_program_that_is_no_bridge_is_not_healthy() {
    let place = Place::new("sick");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("a client");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("sent");
    });
    place.helix(&["healthcheck"]).with("HELIX_LISTEN", &address).run().complains(&[&address]);
    answering.join().expect("answered");
}

#[test]
fn metrics_are_served_only_where_an_address_is_configured() {
    let place = Place::new("metrics");
    let address = free_address();
    let run = place.helix(&["run"]).at(NOWHERE, "t").with("HELIX_METRICS_LISTEN", address.to_string());
    let bridge = run.start();
    assert!(get(address, "/metrics").starts_with("HTTP/1.1 200 OK"));
    assert!(get(address, "/").starts_with("HTTP/1.1 404"));
    bridge.stops_well();
    assert!(TcpStream::connect(address).is_err());
}
