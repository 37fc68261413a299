//! The schemas in `schema/` are those of the types, and old messages are still read.
//!
//! `HELIX_BLESS=1 cargo test -p helix-contract` writes the schemas anew.

use std::path::PathBuf;
use std::{env, fs};

use helix_contract::{
    DefinitionV1, Failure, Happening, Outcome, TaskEventV1, TaskResultV1, TaskSpecV1, Wire, WireError, api,
    decode, encode,
};
use schemars::schema_for;
use serde_json::{Value, json};

fn place(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn published<T: Wire>(file: &str) {
    let mut schema = schema_for!(T).to_value();
    schema.sort_all_objects();
    let schema = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    let path = place("schema").join(file);
    if env::var_os("HELIX_BLESS").is_some() {
        fs::write(&path, &schema).expect("the schema can be written");
    }
    let found = fs::read_to_string(&path).expect("the schema is published");
    assert_eq!(
        found, schema,
        "{file} is not the schema of its type: HELIX_BLESS=1 cargo test -p helix-contract"
    );
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    published::<TaskSpecV1>("task.v1.json");
    published::<TaskEventV1>("event.v1.json");
    published::<TaskResultV1>("result.v1.json");
    published::<DefinitionV1>("definition.v1.json");
    published::<api::LeaseRequestV1>("lease-request.v1.json");
    published::<api::AssignmentV1>("assignment.v1.json");
    published::<api::KeepRequestV1>("keep-request.v1.json");
    published::<api::KeepAnswerV1>("keep-answer.v1.json");
    published::<api::ReturnRequestV1>("return-request.v1.json");
    published::<api::GaveBackV1>("gave-back.v1.json");
    published::<api::ChatRequestV1>("chat-request.v1.json");
    published::<api::ChatAnswerV1>("chat-answer.v1.json");
    published::<api::ToolRequestV1>("tool-request.v1.json");
    published::<api::ToolAnswerV1>("tool-answer.v1.json");
    published::<api::RefusalV1>("refusal.v1.json");
}

fn golden<T: Wire>(file: &str) -> T {
    let bytes = fs::read(place("tests/golden").join(file)).expect("the golden is there");
    let message: T = decode(&bytes).expect(file);
    let again: Value = serde_json::from_slice(&encode(&message).expect(file)).expect("JSON");
    let mut whole: Value = serde_json::from_slice(&bytes).expect("JSON");
    if let Some(fields) = whole.as_object_mut() {
        fields.remove("of_a_later_helix");
    }
    assert_eq!(again, whole, "{file}");
    message
}

#[test]
fn messages_of_the_first_version_are_read_and_written_as_ever() {
    let task: TaskSpecV1 = golden("task.json");
    assert_eq!(task.tools.len(), 2);
    let minimal: TaskSpecV1 =
        decode(&fs::read(place("tests/golden/task-minimal.json")).expect("there")).expect("read");
    assert_eq!((minimal.tools.len(), minimal.output_schema), (0, None));
    golden::<TaskEventV1>("event.json");
    golden::<TaskResultV1>("result.json");
    golden::<TaskResultV1>("failed.json");
    golden::<DefinitionV1>("definition.json");
}

#[test]
fn what_a_later_helix_tells_beyond_this_version_is_passed_over() {
    let event = json!({
        "version": 1, "task": "t-0123456789abcdef0123", "attempt": 1, "seq": 3, "at": "2026-11-21T10:00:00Z",
        "what": { "kind": "dreamt", "of": "sheep" }
    });
    let event: TaskEventV1 = decode(event.to_string().as_bytes()).expect("an event");
    assert_eq!(event.what, Happening::Unknown);
    let result = json!({
        "version": 1, "task": "t-0123456789abcdef0123", "attempt": 1,
        "outcome": { "kind": "failed", "failure": "bored", "spoken": "I got bored." }
    });
    let result: TaskResultV1 = decode(result.to_string().as_bytes()).expect("a result");
    assert!(matches!(result.outcome, Outcome::Failed { failure: Failure::Unknown, .. }));
}

#[test]
fn a_later_version_is_refused_in_words_before_its_fields_are_looked_at() {
    let error = decode::<TaskSpecV1>(br#"{"version": 7, "id": 12}"#).expect_err("a later version");
    assert!(matches!(error, WireError::Version { found: 7, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("update"), "{error}");
}

#[test]
fn what_is_too_large_is_not_read() {
    let huge = vec![b'['; TaskResultV1::LEN_MAX + 1];
    assert!(matches!(decode::<TaskResultV1>(&huge), Err(WireError::TooLarge { .. })));
    let deep = "[".repeat(TaskSpecV1::LEN_MAX);
    assert!(matches!(decode::<TaskSpecV1>(deep.as_bytes()), Err(WireError::Malformed { .. })));
}

#[test]
fn each_field_has_its_bounds_and_the_error_names_it() {
    let task: TaskSpecV1 = golden("task.json");
    let refused = |change: &dyn Fn(&mut TaskSpecV1)| {
        let mut task = task.clone();
        change(&mut task);
        match encode(&task) {
            Err(WireError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|task| task.instruction = " ".into()), "instruction");
    assert_eq!(refused(&|task| task.instruction = "a".repeat(9000)), "instruction");
    assert_eq!(refused(&|task| task.limits.attempts = 0), "limits.attempts");
    assert_eq!(refused(&|task| task.tools = vec![task.tools[0].clone(); 33]), "tools");
    assert_eq!(refused(&|task| drop(task.inputs.insert("a".into(), json!("a".repeat(40_000))))), "inputs");
}

#[test]
fn a_source_that_is_no_page_is_refused() {
    let mut result: TaskResultV1 = golden("result.json");
    if let Outcome::Done { sources, .. } = &mut result.outcome {
        sources[0].url = "javascript:alert(1)".into();
    }
    assert!(matches!(encode(&result), Err(WireError::Field { field: "sources.url", .. })));
}
