//! How the bridge ends: asked to, killed, and in the middle of something.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use helix_wyoming::Event;
use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStart};

use crate::bridge::Bridge;
use crate::command::{NOWHERE, Place, is_alive, until};

/// An engine that never becomes ready, as one that loads a large model from a slow disk.
fn slow_engine(place: &Place) -> String {
    let folder = place.path("slow");
    std::fs::create_dir_all(&folder).expect("made");
    for name in ["helix-stt", "helix-stt-avx2", "helix-stt-baseline"] {
        let path = folder.join(name);
        std::fs::write(&path, "#!/bin/sh\nexec /bin/sleep 600\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }
    folder.to_string_lossy().into_owned()
}

fn child_of(bridge: &Bridge) -> u32 {
    let child = until(Duration::from_secs(20), || bridge.children().first().copied());
    child.unwrap_or_else(|| panic!("no speech engine:\n{}", bridge.log()))
}

#[test]
fn sigterm_ends_an_idle_bridge() {
    let place = Place::new("idle");
    let mut bridge = place.lonely_bridge();
    bridge.logs("speech engine ready");
    child_of(&bridge);
    bridge.stops_well();
}

#[test]
fn sigterm_ends_a_bridge_whose_model_is_being_loaded() {
    let place = Place::new("loading");
    let helix = place.helix(&["run"]).at(NOWHERE, "t").hearing();
    let bridge = helix.with("HELIX_STT_DIR", slow_engine(&place)).start();
    child_of(&bridge);
    bridge.describe();
    place
        .helix(&["doctor"])
        .hearing()
        .run()
        .says("missing  speech          the speech model is being loaded");
    bridge.stops_well();
}

#[test]
fn sigterm_ends_a_bridge_that_listens_to_somebody() {
    let place = Place::new("listening");
    let mut bridge = place.lonely_bridge();
    bridge.logs("speech engine ready");
    let mut speaker = TcpStream::connect(bridge.address).expect("the port answers");
    let format = AudioFormat::SPEECH;
    let noise: Vec<u8> = (0..32_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let events: [Event; 3] = [
        Transcribe { language: Some("en".into()), ..Transcribe::default() }.into(),
        AudioStart { format, timestamp: None }.into(),
        AudioChunk { format, timestamp: None, audio: noise }.into(),
    ];
    for event in events {
        speaker.write_all(&event.encode()).expect("sent");
    }
    bridge.describe();
    bridge.stops_well();
}

#[test]
fn control_c_ends_it_as_well() {
    let place = Place::new("interrupt");
    let mut bridge = place.lonely_bridge();
    bridge.signal("INT");
    bridge.ended();
    assert!(bridge.log().contains("stopping"), "{}", bridge.log());
}

#[test]
fn a_killed_bridge_leaves_no_engine_behind_and_the_next_one_starts() {
    let place = Place::new("killed");
    let mut bridge = place.lonely_bridge();
    bridge.logs("speech engine ready");
    let child = child_of(&bridge);
    bridge.signal("KILL");
    bridge.ended();
    let gone = until(Duration::from_secs(5), || (!is_alive(child)).then_some(()));
    assert!(gone.is_some(), "helix-stt {child} is left");
    assert!(place.path("data/helix.sock").exists(), "a killed bridge cannot remove its socket");
    place.helix(&["runs"]).run().complains(&["no running Helix"]);
    place.lonely_bridge().stops_well();
}
