//! The goldens in `testdata/`: sessions written by Python's `wyoming` 1.10.2, and what readers must tolerate.

use std::path::{Path, PathBuf};

use helix_wyoming::{Decoder, Event, Frame, Limits, encode};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Golden {
    #[serde(rename = "type")]
    kind: String,
    data: Map<String, Value>,
    payload: String,
}

fn goldens() -> Vec<(PathBuf, Vec<u8>, Vec<Frame>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut wires: Vec<_> =
        folder.read_dir().expect("testdata").map(|entry| entry.expect("entry").path()).collect();
    wires.retain(|path| path.extension().is_some_and(|extension| extension == "wire"));
    wires.sort();
    assert!(wires.len() >= 6, "goldens are missing: {wires:?}");
    wires
        .into_iter()
        .map(|wire| {
            let bytes = std::fs::read(&wire).expect("wire");
            let text = std::fs::read(wire.with_extension("json")).expect("json");
            let goldens: Vec<Golden> = serde_json::from_slice(&text).expect("golden");
            (wire, bytes, goldens.into_iter().map(frame).collect())
        })
        .collect()
}

fn frame(golden: Golden) -> Frame {
    let hex = golden.payload.as_bytes().chunks(2);
    let payload =
        hex.map(|digits| u8::from_str_radix(std::str::from_utf8(digits).expect("hex"), 16).expect("hex"));
    Frame::new(golden.kind).with_data(golden.data).with_payload(payload.collect())
}

fn decode(bytes: &[u8], step: usize) -> Vec<Frame> {
    let mut decoder = Decoder::new(Limits::default());
    let mut frames = Vec::new();
    for part in bytes.chunks(step) {
        decoder.push(part);
        while let Some(frame) = decoder.next_frame().expect("a golden is well-formed") {
            frames.push(frame);
        }
    }
    assert!(decoder.is_between_frames());
    frames
}

fn assert_same(found: &[Frame], expected: &[Frame], what: &Path) {
    assert_eq!(found.len(), expected.len(), "{}", what.display());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found == expected,
            "{}: {} is {} {:?}, not {} {:?}",
            what.display(),
            found.kind,
            Value::Object(found.data.clone()),
            found.payload,
            Value::Object(expected.data.clone()),
            expected.payload,
        );
    }
}

#[test]
fn a_golden_gives_the_same_frames_at_once_and_byte_by_byte() {
    for (path, bytes, expected) in goldens() {
        assert_same(&decode(&bytes, bytes.len()), &expected, &path);
        assert_same(&decode(&bytes, 1), &expected, &path);
        assert_same(&decode(&bytes, 7), &expected, &path);
    }
}

#[test]
fn a_frame_is_encoded_so_that_it_decodes_to_itself() {
    for (path, _, frames) in goldens() {
        let bytes: Vec<u8> = frames.iter().flat_map(encode).collect();
        assert_same(&decode(&bytes, 3), &frames, &path);
    }
}

#[test]
fn every_event_of_the_python_library_has_a_type_and_keeps_its_fields() {
    for (path, _, frames) in goldens() {
        if path.ends_with("tolerated.wire") {
            continue;
        }
        for expected in frames {
            let event = Event::parse(expected.clone()).expect("parses");
            assert!(!matches!(event, Event::Unknown(_)), "{} has no type", expected.kind);
            let mut found = event.into_frame();
            // The library writes a `speaker` that Helix has no use for.
            if let Some(speaker) = expected.data.get("speaker") {
                found.data.insert("speaker".into(), speaker.clone());
            }
            assert_same(&[found], &[expected], &path);
        }
    }
}

#[test]
fn unknown_kinds_and_fields_are_tolerated() {
    let (_, bytes, _) =
        goldens().into_iter().find(|(path, ..)| path.ends_with("tolerated.wire")).expect("golden");
    let events: Vec<Event> =
        decode(&bytes, 1).into_iter().map(|frame| Event::parse(frame).expect("parses")).collect();
    assert!(matches!(&events[0], Event::Transcript(transcript) if transcript.text == "new"));
    assert!(matches!(&events[2], Event::Unknown(frame) if frame.kind == "from-the-future"));
    assert!(matches!(&events[3], Event::AudioChunk(chunk) if chunk.audio == [1, 2, b'\n', 0xff]));
}
