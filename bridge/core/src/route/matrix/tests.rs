//! Dimensions and matrix files in, judgements and complaints out.

use std::path::Path;

use super::*;
use crate::EntityId;
use crate::route::SpeechAct;
use crate::route::dimension::{Cleared, Confidence, ControlAsk, Effect, Found, Source, Target};

fn command() -> Dimensions {
    Dimensions {
        found: Found::Exact,
        effect: Effect::Changes,
        target: Target::Exposed,
        risk: Risk::R1,
        ..Dimensions::of(SpeechAct::Command)
    }
}

fn judged(dimensions: &Dimensions) -> (Route, Gate) {
    let judgement = Matrix::built_in().judge(dimensions, &Vec::new());
    (judgement.route, judgement.gate)
}

fn complaint(text: &str) -> String {
    Matrix::over_built_in(text, Path::new("/config/matrix.toml")).expect_err("a complaint").to_string()
}

#[test]
fn a_plain_command_passes_every_gate_and_each_is_told() {
    let judgement = Matrix::built_in().judge(&command(), &Vec::new());
    assert_eq!((judgement.route, judgement.gate), (Route::Act, Gate::Exact));
    let (last, before) = judgement.asked.split_last().expect("gates");
    assert_eq!(*last, (Gate::Exact, true));
    assert!(before.iter().all(|(_, held)| !held));
    assert_eq!(before[0].0, Gate::Source);
}

#[test]
fn passive_speech_does_nothing_whatever_it_says() {
    for control in [ControlAsk::None, ControlAsk::Yes, ControlAsk::Undo] {
        let overheard = Dimensions { source: Source::Passive, control, cleared: Cleared::Yes, ..command() };
        assert_eq!(judged(&overheard), (Route::Refuse, Gate::Source));
    }
}

#[test]
fn the_highest_risk_is_asked_and_done_only_once_it_is_confirmed() {
    let lock = Dimensions { risk: Risk::R3, ..command() };
    assert_eq!(judged(&lock), (Route::Clarify, Gate::Risk));
    assert_eq!(judged(&Dimensions { cleared: Cleared::Yes, ..lock }), (Route::Act, Gate::Exact));
}

#[test]
fn a_repaired_sentence_acts_only_with_enough_margin() {
    let repaired = Dimensions { found: Found::Repaired, ..command() };
    assert_eq!(judged(&repaired), (Route::Act, Gate::Repaired));
    let thin = Dimensions { confidence: Confidence::Thin, ..repaired };
    assert_eq!(judged(&thin), (Route::Clarify, Gate::Margin));
    let matrix = Matrix::built_in();
    assert!(
        matrix.margin(Risk::R1) < matrix.margin(Risk::R2)
            && matrix.margin(Risk::R2) < matrix.margin(Risk::R3)
    );
}

#[test]
fn what_no_gate_decides_goes_where_the_scores_say() {
    let nothing = Dimensions::of(SpeechAct::Command);
    assert_eq!(judged(&nothing), (Route::Refuse, Gate::Rest));
    let leaning = vec![(Route::Delegate, 0.9), (Route::Answer, 0.1)];
    let judgement = Matrix::built_in().judge(&nothing, &leaning);
    assert_eq!(judgement.route, Route::Delegate);
    assert_eq!(judgement.scores[0].0, Route::Delegate);
    let torn = vec![(Route::Delegate, 0.5), (Route::Remember, 0.5)];
    assert_eq!(Matrix::built_in().judge(&nothing, &torn).route, Route::Clarify);
}

#[test]
fn a_user_raises_risks_and_thresholds_and_lowers_none() {
    let text = "[risk]\nR3 = [\"switch.oven\", \"siren\", \"cover:awning\"]\n[margin]\nR1 = 0.4\n";
    let matrix = Matrix::over_built_in(text, Path::new("m.toml")).expect("valid");
    let entity = |id: &str, class: Option<&str>| Entity {
        id: EntityId::from(id),
        name: "x".into(),
        aliases: vec![],
        area: None,
        device: None,
        device_class: class.map(Into::into),
        exposed: true,
    };
    assert_eq!(matrix.raised(&entity("switch.oven", None)), Some(Risk::R3));
    assert_eq!(matrix.raised(&entity("siren.attic", None)), Some(Risk::R3));
    assert_eq!(matrix.raised(&entity("cover.left", Some("awning"))), Some(Risk::R3));
    assert_eq!(matrix.raised(&entity("cover.left", Some("blind"))), None);
    assert!((matrix.margin(Risk::R1) - 0.4).abs() < 1e-6);
    assert!((matrix.margin(Risk::R2) - Matrix::built_in().margin(Risk::R2)).abs() < 1e-6);
}

#[test]
fn a_threshold_out_of_range_names_file_line_and_key() {
    assert_eq!(
        complaint("# mine\n[margin]\nR1 = 1.5\n"),
        "/config/matrix.toml, line 3: margin.R1: 1.5 is out of range; 0 to 1 is possible"
    );
    assert!(complaint("[[score]]\nroute = \"answer\"\nadd = 7.0\n").contains("score.add: 7 is out of range"));
}

#[test]
fn an_unknown_route_key_or_value_names_file_line_and_key() {
    let route = complaint("[[score]]\nroute = \"dance\"\nadd = 1.0\n");
    assert!(route.contains("line 2") && route.contains("dance") && route.contains("route"), "{route}");
    let key = complaint("[rest]\nlead = 0.1\nspeed = 3\n");
    assert!(key.contains("line 3") && key.contains("speed"), "{key}");
    let value = complaint("[[score]]\nroute = \"answer\"\nwhen = { source = [\"radio\"] }\nadd = 1.0\n");
    assert!(value.contains("line 3") && value.contains("source: `radio` is not one of"), "{value}");
    assert!(complaint("[risk]\nR3 = [\"The Oven\"]\n").contains("line 2"));
    assert!(complaint("[margin]\nR4 = 0.1\n").contains("line 2"));
}

/// The built-in table's gates, one text each.
fn gates() -> Vec<String> {
    let text = include_str!("matrix.toml");
    let end = text.find("[margin]\nR0").expect("margins");
    let start = text.find("\n[[gate]]").expect("gates");
    let gates = text[start..end].split("\n[[gate]]").filter(|gate| !gate.trim().is_empty());
    gates.map(|gate| format!("[[gate]]{gate}\n")).collect()
}

#[test]
fn the_built_in_gates_are_accepted_as_a_users_own() {
    let matrix = Matrix::over_built_in(&gates().concat(), Path::new("m.toml")).expect("valid");
    assert_eq!(&matrix, Matrix::built_in());
}

#[test]
fn a_hard_gate_cannot_be_removed_weakened_or_overtaken() {
    let all = gates();
    for name in ["source", "length", "guard", "exposure", "risk", "bounds"] {
        let quoted = format!("name = \"{name}\"");
        let without: String = all.iter().filter(|gate| !gate.contains(&quoted)).cloned().collect();
        let text = complaint(&without);
        assert!(text.contains("line 1") && text.contains(&format!("`{name}` is missing")), "{text}");
    }
    let weak =
        all.concat().replace("risk = [\"R3\"], cleared = [\"no\"]", "risk = [\"R3\"], cleared = [\"yes\"]");
    assert!(complaint(&weak).contains("gate `risk`: it is hard"), "{}", complaint(&weak));
    let soft = all.concat().replace("name = \"source\"\nhard = true", "name = \"source\"");
    assert!(complaint(&soft).contains("gate `source`: it is hard"));
    let mut early = all.clone();
    let exact = early.iter().position(|gate| gate.contains("name = \"exact\"")).expect("the gate");
    early.swap(0, exact);
    assert!(complaint(&early.concat()).contains("gate `exact`: it acts"), "{}", complaint(&early.concat()));
}
