//! What a real Home Assistant sent is read as what it meant.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helix_hass::config::{CurrentUser, GetConfig, UnitSystem};
use helix_hass::conversation::{Debug, ListAgents, Process, Source};
use helix_hass::entries::{ListEntries, ListFlows, WyomingInfo};
use helix_hass::exposure::ListExposed;
use helix_hass::pipeline::{ListPipelines, ListSttEngines, ListTtsEngines};
use helix_hass::registry::{
    GetEntities, ListAreas, ListDevices, ListEntities, ListFloors, SubscribeEvents, UPDATE_EVENTS,
};
use helix_hass::states::SubscribeEntities;
use helix_hass::{Command, Event, Request, RequestError, Session, States, fuzzing};
use serde_json::json;

const NOW: Duration = Duration::ZERO;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/2026.11.0")
}

fn text(name: &str) -> String {
    read_to_string(folder().join(name)).expect("the recording is there")
}

fn answer<C: Command>(name: &str) -> C::Answer {
    serde_json::from_str(&text(&format!("{name}.json"))).expect(name)
}

#[test]
fn configuration_and_user_are_read() {
    let config = answer::<GetConfig>("get_config");
    assert_eq!((config.version.as_str(), config.language.as_str()), ("2026.11.0", "en"));
    assert_eq!(config.state, "RUNNING");
    assert_eq!(config.unit_system.temperature, "°C");
    let american = UnitSystem { temperature: "°F".into() };
    assert!(american.is_fahrenheit() && !config.unit_system.is_fahrenheit());
    assert!(config.components.iter().any(|component| component == "conversation"));
    assert!(answer::<CurrentUser>("current_user").is_admin);
}

#[test]
fn registries_are_read() {
    let areas = answer::<ListAreas>("areas");
    let living_room = areas.iter().find(|area| area.area_id == "living_room").expect("the living room");
    assert_eq!(
        (living_room.aliases[0].as_str(), living_room.floor_id.as_deref()),
        ("lounge", Some("ground_floor"))
    );
    assert_eq!(answer::<ListFloors>("floors")[0].aliases, ["downstairs"]);
    assert!(
        answer::<ListDevices>("devices").iter().any(|device| device.area_id.as_deref() == Some("kitchen"))
    );
    let entities = answer::<ListEntities>("entities");
    let light = entities.iter().find(|row| row.entity_id == "light.kitchen_light").expect("the light");
    assert_eq!(
        (light.area_id.as_deref(), light.original_name.as_deref()),
        (Some("kitchen"), Some("Kitchen Light"))
    );
    let stt = entities.iter().find(|row| row.entity_id == "stt.helix").expect("the engine");
    assert_eq!(stt.config_entry_id.as_ref(), Some(&answer::<ListEntries>("entries")[0].entry_id));
    let names = answer::<GetEntities>("entity_names");
    assert_eq!(names["light.nobody"], None);
    assert!(names.values().flatten().all(|names| names.aliases.contains(&None)), "its own name is an alias");
    let exposed: Vec<String> = answer::<ListExposed>("exposed").to_conversation().collect();
    assert!(exposed.contains(&"light.kitchen_light".into()) && !exposed.contains(&"lock.office_door".into()));
}

#[test]
fn the_dry_run_is_read() {
    let results = answer::<Debug>("debug").results;
    let [time, nonsense, unknown, brightness, timer, question, area, hidden] = &results[..] else {
        panic!("eight")
    };
    assert_eq!(time.as_ref().and_then(|r| r.intent.as_ref()).expect("an intent").name, "HassGetCurrentTime");
    assert_eq!(*nonsense, None);
    let unknown = unknown.as_ref().expect("a near miss");
    assert!(
        !unknown.matched
            && unknown.unmatched_slots["name"] == "zorgonblat"
            && unknown.source == Source::Builtin
    );
    assert_eq!(brightness.as_ref().expect("a match").details["brightness"].value, 40.0);
    assert_eq!(timer.as_ref().expect("a match").details["minutes"].value, 5);
    let question = question.as_ref().expect("a match");
    assert!(question.targets.contains_key("light.kitchen_light"));
    assert!(area.as_ref().expect("a match").targets.contains_key("light.kitchen_light"));
    assert!(
        hidden.as_ref().is_none_or(|hidden| hidden.targets.is_empty()),
        "what is not exposed is no target"
    );
}

#[test]
fn executions_are_read() {
    let done = answer::<Process>("process_done").response;
    assert_eq!(done.response_type, "action_done");
    let touched: Vec<_> = done.data.success.iter().filter_map(|touched| touched.id.as_deref()).collect();
    assert_eq!(touched, ["light.kitchen_light"]);
    assert_eq!(answer::<Process>("process_answer").response.response_type, "query_answer");
    let error = answer::<Process>("process_error").response;
    assert_eq!(error.data.code.as_deref(), Some("no_valid_targets"));
    assert_eq!(error.speech["plain"].speech, "Sorry, Office Door is not exposed");
}

#[test]
fn pipelines_engines_and_entries_are_read() {
    let pipelines = answer::<ListPipelines>("pipelines");
    assert_eq!(pipelines.preferred_pipeline.as_ref(), Some(&pipelines.pipelines[0].id));
    assert_eq!(answer::<ListSttEngines>("stt_engines").providers[0].engine_id, "stt.helix");
    assert_eq!(answer::<ListTtsEngines>("tts_engines").providers[0].supported_languages, ["en"]);
    assert!(answer::<ListAgents>("agents").agents.iter().any(|agent| agent.id == "conversation.helix"));
    let entries = answer::<ListEntries>("entries");
    assert_eq!((entries[0].state.as_str(), entries[0].source.as_str()), ("loaded", "user"));
    let servers = answer::<WyomingInfo>("wyoming_info").info;
    assert!(servers[&entries[0].entry_id].has_program("helix"));
    assert_eq!(answer::<ListFlows>("flows"), []);
}

/// The requests of the recorded session, by id; the first is the session's own.
fn ask(session: &mut Session, id: u64) {
    let limit = Duration::from_secs(5);
    let plain = |body: serde_json::Value| Request::try_from(body).expect("a request");
    let asked = match id {
        5 => session.subscribe(SubscribeEvents { event_type: UPDATE_EVENTS[2].into() }.into(), limit, NOW),
        6 => session.subscribe(SubscribeEntities {}.into(), limit, NOW),
        _ => session.request(plain(json!({"type": "recorded"})), limit, NOW),
    };
    asked.expect("accepted");
}

#[test]
fn a_recorded_session_is_followed_to_its_end() {
    let mut session = Session::new("token".into(), NOW);
    let mut states = States::default();
    let (mut answers, mut refusals, mut area_events) = (0, Vec::new(), 0);
    let mut kitchen = Vec::new();
    for frame in text("session.jsonl").lines() {
        session.handle_text(frame, NOW).expect("readable");
        while let Some(event) = session.poll_event() {
            match event {
                Event::Authenticated { .. } => (2..=12).for_each(|id| ask(&mut session, id)),
                Event::Answered { outcome: Ok(_), .. } => answers += 1,
                Event::Answered { outcome: Err(RequestError::Rejected { code, .. }), .. } => {
                    refusals.push(code);
                }
                Event::Answered { outcome: Err(error), .. } => panic!("{error}"),
                Event::Refused { message } => panic!("{message}"),
                Event::Notified { event, .. } if event.get().contains("area_registry_updated") => {
                    area_events += 1;
                }
                Event::Notified { event, .. } => {
                    states.apply(event.get()).expect("readable");
                    kitchen.extend(states.get("light.kitchen_light").map(|light| light.state.clone()));
                }
            }
        }
    }
    kitchen.dedup();
    assert_eq!(refusals, ["unknown_command", "invalid_format"]);
    assert_eq!((answers, area_events), (9, 1));
    assert_eq!(kitchen, ["off", "on", "off"]);
    assert_eq!(states.get("light.golden"), None, "it was removed");
}

#[test]
fn no_mutilated_recording_makes_us_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).expect("it is below a usize")
    };
    for file in std::fs::read_dir(folder()).expect("the folder") {
        let original = std::fs::read(file.expect("a file").path()).expect("readable");
        for _ in 0..200 {
            let mut bytes = original.clone();
            for _ in 0..=random(4) {
                let (at, len) = (random(bytes.len()), random(40));
                match random(3) {
                    0 => bytes.truncate(at),
                    1 => drop(bytes.drain(at..(at + len).min(bytes.len()))),
                    _ => bytes.insert(at, b"{}[]\":,0-\\"[random(10)]),
                }
            }
            fuzzing::session(&bytes);
            fuzzing::answer(&String::from_utf8_lossy(&bytes));
        }
    }
}
