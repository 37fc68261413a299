//! Bytes from outside: no panic, no unbounded memory, an error that says what is wrong.

use helix_wyoming::{DecodeError, Decoder, Event, Frame, Limits, encode};
use proptest::prelude::*;
use serde_json::{Map, Value};

const SMALL: Limits =
    Limits { header_len_max: 64, data_len_max: 32, payload_len_max: 32, buffered_len_max: 256 };

fn error_of(bytes: &[u8]) -> Option<DecodeError> {
    let mut decoder = Decoder::new(SMALL);
    for byte in bytes {
        decoder.push(&[*byte]);
        match decoder.next_frame() {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(decoder.next_frame().expect_err("an error is final"), error);
                return Some(error);
            }
        }
    }
    None
}

#[test]
fn each_length_is_bounded_and_each_malformation_is_named() {
    let endless_header = [b'{'; 65];
    let cases: [(&[u8], Option<DecodeError>); 12] = [
        (&endless_header, Some(DecodeError::HeaderTooLong { limit: 64 })),
        (b"GET / HTTP/1.1\r\n", Some(DecodeError::HeaderMalformed)),
        (b"\n", Some(DecodeError::HeaderMalformed)),
        (b"{}\n", Some(DecodeError::HeaderMalformed)),
        (b"{\"type\":7}\n", Some(DecodeError::HeaderMalformed)),
        (b"{\"type\":\"a\",\"data_length\":-1}\n", Some(DecodeError::HeaderMalformed)),
        (b"{\"type\":\"a\",\"data\":[]}\n", Some(DecodeError::HeaderMalformed)),
        (b"{\"type\":\"a\",\"data_length\":33}\n", Some(DecodeError::DataTooLong { length: 33, limit: 32 })),
        (
            b"{\"type\":\"a\",\"payload_length\":18446744073709551615}\n",
            Some(DecodeError::PayloadTooLong { length: u64::MAX, limit: 32 }),
        ),
        (b"{\"type\":\"a\",\"data_length\":2}\n[]", Some(DecodeError::DataMalformed)),
        (b"{\"type\":\"\xff\"}\n", Some(DecodeError::HeaderMalformed)),
        (b"{\"type\":\"a\",\"data_length\":4}\n{} ", None),
    ];
    for (bytes, expected) in cases {
        assert_eq!(error_of(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn bytes_that_nobody_takes_are_bounded() {
    let mut decoder = Decoder::new(SMALL);
    for _ in 0..10 {
        decoder.push(&[b' '; 60]);
    }
    assert!(decoder.buffered() <= SMALL.buffered_len_max);
    assert_eq!(decoder.next_frame(), Err(DecodeError::BufferFull { limit: 256 }));
}

#[test]
fn deep_nesting_is_an_error_and_not_an_overflow() {
    let deep = format!("{{\"type\":\"a\",\"x\":{}}}\n", "[".repeat(60_000));
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(deep.as_bytes());
    assert_eq!(decoder.next_frame(), Err(DecodeError::HeaderMalformed));
}

#[test]
fn an_ill_typed_event_is_refused_without_repeating_its_words() {
    let data = Map::from_iter([("text".to_owned(), Value::from(vec!["the \"safe\" code"]))]);
    let error = Event::parse(Frame::new("transcript").with_data(data)).expect_err("a list is not a text");
    assert!(!error.to_string().contains("safe"), "{error}");
    let data = Map::from_iter([
        ("rate".to_owned(), Value::from("the \"safe\" code")),
        ("width".to_owned(), Value::from(2)),
        ("channels".to_owned(), Value::from(1)),
    ]);
    let error = Event::parse(Frame::new("audio-start").with_data(data)).expect_err("a text is not a rate");
    assert!(error.to_string().contains("audio-start"), "{error}");
    assert!(!error.to_string().contains("safe"), "{error}");
}

#[test]
fn debug_output_holds_no_words() {
    let data = Map::from_iter([("text".to_owned(), Value::from("the safe code"))]);
    let frame = Frame::new("transcript").with_data(data);
    assert!(!format!("{frame:?} {:?}", Event::parse(frame.clone()).expect("parses")).contains("safe"));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".*", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn frame() -> impl Strategy<Value = Frame> {
    let kind = prop_oneof![Just("audio-chunk".to_owned()), Just("transcript".to_owned()), ".*"];
    let data = proptest::collection::btree_map("text|rate|width|channels|context|.*", json_value(), 0..5);
    (kind, data, proptest::collection::vec(any::<u8>(), 0..64)).prop_map(|(kind, data, payload)| {
        Frame::new(kind).with_data(data.into_iter().collect()).with_payload(payload)
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_neither_panic_nor_grow(parts in proptest::collection::vec(
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            Just(b"{\"type\":\"transcript\",\"data_length\":".to_vec()),
            Just(b"14}\n{\"text\":\"new\"}".to_vec()),
            Just(b"\n".to_vec()),
        ],
        0..40,
    )) {
        let mut decoder = Decoder::new(SMALL);
        for part in parts {
            decoder.push(&part);
            prop_assert!(decoder.buffered() <= SMALL.buffered_len_max);
            while let Ok(Some(frame)) = decoder.next_frame() {
                let _ = Event::parse(frame);
            }
        }
    }

    #[test]
    fn any_frames_survive_the_wire_in_any_cut(frames in proptest::collection::vec(frame(), 1..4), step in 1..200_usize) {
        let bytes: Vec<u8> = frames.iter().flat_map(encode).collect();
        let mut decoder = Decoder::new(Limits::default());
        let mut found = Vec::new();
        for part in bytes.chunks(step) {
            decoder.push(part);
            while let Some(frame) = decoder.next_frame().expect("what was encoded can be decoded") {
                found.push(frame);
            }
        }
        prop_assert!(found == frames);
    }

    #[test]
    fn any_data_of_a_known_kind_is_an_event_or_a_clean_error(frame in frame()) {
        if let Ok(event) = Event::parse(frame) {
            let _ = event.into_frame();
        }
    }
}
