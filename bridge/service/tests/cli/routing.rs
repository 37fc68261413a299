//! `helix route`: decisions about sentences, many at once, and lines that are no sentence.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use helix::clock::{SystemCalendar, SystemClock};
use helix::store::Store;
use helix_core::delay::{DelayBook, NewCommand};
use helix_core::home::Caller;
use helix_core::{Clock, Language, Pii};
use serde_json::{Value, json};

use crate::command::Place;
use crate::home::Home;
use crate::sound::SENTENCE;

const LIGHT: &str = "light.kitchen_light";

#[test]
fn two_hundred_lines_are_answered_one_by_one_in_little_memory() {
    let (home, place) = (Home::at(), Place::new("lines"));
    let mut command = home.helix(&place, &["route", "--stdin"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("helix starts");
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = BufReader::new(output).lines();
    let clock = SystemClock::start();
    for n in 0..200 {
        let text = if n % 2 == 0 { "turn on the kitchen light" } else { "what is the weather" };
        // Each answer is there before the next line is sent.
        writeln!(input, "{}", json!({ "text": text })).expect("it reads");
        let row: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).expect("JSON");
        assert_eq!((&row["text"], &row["acts"]), (&json!(text), &json!(n % 2 == 0)), "{row}");
    }
    assert!(clock.now() < Duration::from_secs(30), "200 sentences took {:?}", clock.now());
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    let kib: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kib < 100 << 10, "{kib} KiB");
    drop(input);
    assert!(child.wait().expect("ended").success());
}

#[test]
fn a_bad_line_is_answered_with_an_error_and_the_next_one_as_usual() {
    let (home, place) = (Home::at(), Place::new("badlines"));
    let good = json!({ "text": SENTENCE });
    let long = |len: usize| json!({ "text": "a".repeat(len) }).to_string().into_bytes();
    let lines: [(Vec<u8>, &str); 11] = [
        (b"nonsense".to_vec(), "not a JSON object"),
        (b"[1]".to_vec(), "not a JSON object"),
        (b"{\"words\":\"x\"}".to_vec(), "missing field `text`"),
        (b"\xff\xfe".to_vec(), "not a JSON object"),
        (json!({ "text": SENTENCE, "language": "!!" }).to_string().into(), "`!!`"),
        (json!({ "text": SENTENCE, "area": "Nowhere" }).to_string().into(), "Nowhere"),
        (long(1 << 20), "longer than 1 MiB"),
        (long(3 << 20), "longer than 1 MiB"),
        (long((1 << 20) - 20), ""),
        (json!({ "text": "💡 👩‍👩‍👧‍👦 ؟ \u{0}" }).to_string().into(), ""),
        (json!({ "text": "word ".repeat(10_000) }).to_string().into(), ""),
    ];
    let mut input = Vec::new();
    for (line, _) in &lines {
        input.extend([line.as_slice(), b"\n\n  \n", good.to_string().as_bytes(), b"\n"].concat());
    }
    let done = home.helix(&place, &["route", "--stdin"]).run_with(input.trim_ascii_end()).works();
    let answers = done.objects();
    assert_eq!(answers.len(), 2 * lines.len());
    for ((_, wanted), pair) in lines.iter().zip(answers.chunks(2)) {
        match pair[0]["error"].as_str() {
            Some(error) => assert!(!wanted.is_empty() && error.contains(wanted), "{error}"),
            None => assert!(wanted.is_empty() && pair[0]["acts"] == false, "{}", pair[0]["reason"]),
        }
        assert_eq!(pair[1]["acts"], true, "{}", pair[1]);
    }
}

#[test]
fn routing_never_acts() {
    let (home, place) = (Home::at(), Place::new("noact"));
    home.call("light.turn_off", LIGHT);
    home.helix(&place, &["route", SENTENCE])
        .run()
        .works()
        .says("action      light.turn_on light.kitchen_light");
    let all = home.helix(&place, &["route", "turn off all lights"]).run().works();
    assert!(all.out.lines().count() <= 30, "one screen: {}", all.out);
    let input = json!({ "text": SENTENCE, "source": "passive" }).to_string();
    let row = &home.helix(&place, &["route", "--stdin"]).run_with(input.as_bytes()).works().objects()[0];
    assert_eq!((&row["acts"], &row["actions"]), (&json!(false), &json!([])));
    assert_eq!(home.state(LIGHT), "off");
}

#[test]
fn talk_about_what_is_planned_is_explained_as_what_it_does_and_changes_nothing() {
    let (home, place) = (Home::at(), Place::new("plans"));
    let explained =
        |text: &str| home.helix(&place, &["route", "--json", text]).run().works().objects().remove(0);
    let none = explained("What is planned?");
    assert_eq!((&none["route"], &none["reply"]), (&json!("answer"), &json!("Nothing is planned.")), "{none}");
    let sentence = "turn off the kitchen light";
    let command = NewCommand {
        due: "2099-01-01T12:00:00Z".parse().expect("a time"),
        sentence: Pii::new(sentence.to_owned()),
        sentences: vec![sentence.to_owned()],
        language: Language::english(),
        caller: Caller::default(),
        actions: Vec::new(),
    };
    let wait = |text: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let waiting = runtime.block_on(async {
            let store = Store::open(&place.path("data"), Arc::new(SystemCalendar)).await.expect("opened");
            if text.is_empty() {
                store.delayed().add(&command).await.expect("kept");
            }
            let waiting = store.delayed().waiting().await.expect("read").len();
            store.close().await;
            waiting
        });
        assert_eq!(waiting, 1, "{text}");
    };
    wait("");
    let list = explained("What is planned?");
    assert!(list["reply"].as_str().expect("a reply").contains(sentence), "{list}");
    let cancel = explained("cancel the planned light");
    assert_eq!((&cancel["route"], &cancel["acts"]), (&json!("control"), &json!(false)));
    assert!(cancel["reason"].as_str().expect("a reason").contains("planned-cancelled"), "{cancel}");
    wait("it was only looked at");
}

#[test]
fn an_order_is_explained_as_what_would_be_said_to_it_and_what_an_agent_would_get() {
    let (home, place) = (Home::at(), Place::new("orders"));
    let explained = |text: &str| home.helix(&place, &["route", text]).run().works();
    let told = explained("research the best heat pump for a small house");
    told.says("delegate: task-no-model").says("task        research: the best heat pump for a small house");
    explained("give me a report on the house").says("delegate: task-taken").says("task        home-report");
    explained("plan something").says("delegate: task-what").says("What should it be about?");
    explained("what are you working on?").says("answer: task-none");
}

#[test]
fn the_sign_of_the_guard_is_told_on_one_screen() {
    let (home, place) = (Home::at(), Place::new("sign"));
    let told = home.helix(&place, &["route", "please don't turn on the kitchen light"]).run().works();
    let sign = told.out.lines().find(|line| line.starts_with("guard")).expect("a sign").to_owned();
    assert!(sign.contains("negated: the rule `"), "{sign}");
    for sentence in
        ["please don't turn on the kitchen light", "turn on all lights", "research heat pumps for me"]
    {
        let told = home.helix(&place, &["route", sentence]).run().works();
        assert!(told.out.lines().count() <= 24, "one screen: {}", told.out);
    }
}
