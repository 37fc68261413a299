//! The protocol of one connection, on a clock that the tests set.

use std::time::Duration;

use helix_hass::config::GetConfig;
use helix_hass::states::SubscribeEntities;
use helix_hass::{Event, PENDING_MAX, RequestError, Session, SessionError};
use serde_json::{Value, json};

const START: Duration = Duration::from_secs(1000);
const LIMIT: Duration = Duration::from_secs(5);

fn sent(session: &mut Session) -> Vec<Value> {
    let frames = std::iter::from_fn(|| session.poll_transmit());
    frames.map(|frame| serde_json::from_str(&frame).expect("we send JSON")).collect()
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn ready() -> Session {
    let mut session = Session::new("secret".into(), START);
    session.handle_text(r#"{"type":"auth_required","ha_version":"2026.11.0"}"#, START).expect("readable");
    session.handle_text(r#"{"type":"auth_ok","ha_version":"2026.11.0"}"#, START).expect("readable");
    session.handle_text(r#"{"id":1,"type":"result","success":true,"result":null}"#, START).expect("readable");
    sent(&mut session);
    events(&mut session);
    session
}

#[test]
fn the_token_is_sent_once_and_only_when_it_is_asked_for() {
    let mut session = Session::new("secret".into(), START);
    assert_eq!(sent(&mut session), Vec::<Value>::new());
    session.handle_text(r#"{"type":"auth_required"}"#, START).expect("readable");
    assert_eq!(sent(&mut session), [json!({"type": "auth", "access_token": "secret"})]);
    session.handle_text(r#"{"type":"auth_ok","ha_version":"9"}"#, START).expect("readable");
    let features = json!({"id": 1, "type": "supported_features", "features": {"coalesce_messages": 1}});
    assert_eq!(sent(&mut session), [features]);
    assert!(matches!(&events(&mut session)[..], [Event::Authenticated { version }] if version == "9"));
    session.handle_text(r#"{"type":"auth_required"}"#, START).expect("readable");
    assert_eq!(sent(&mut session), Vec::<Value>::new());
}

#[test]
fn nothing_can_be_asked_before_authentication_or_after_a_refusal() {
    let mut session = Session::new("secret".into(), START);
    let asked = session.request(GetConfig {}.into(), LIMIT, START);
    assert!(matches!(asked, Err(SessionError::NotAuthenticated)));
    session.handle_text(r#"{"type":"auth_invalid","message":"no"}"#, START).expect("readable");
    assert!(matches!(&events(&mut session)[..], [Event::Refused { message }] if message == "no"));
    let asked = session.request(GetConfig {}.into(), LIMIT, START);
    assert!(matches!(asked, Err(SessionError::NotAuthenticated)));
}

#[test]
fn a_silent_peer_ends_authentication_after_ten_seconds() {
    let mut session = Session::new("secret".into(), START);
    assert_eq!(session.poll_timeout(), START + Duration::from_secs(10));
    assert!(session.handle_timeout(START + Duration::from_millis(9999)).is_ok());
    let ended = session.handle_timeout(START + Duration::from_secs(10));
    assert!(matches!(ended, Err(SessionError::AuthenticationTimeout)));
}

#[test]
fn a_ping_goes_out_every_thirty_seconds_and_a_missing_pong_ends_the_session() {
    let mut session = ready();
    let mut now = session.poll_timeout();
    assert_eq!(now, START + Duration::from_secs(30));
    session.handle_timeout(now).expect("alive");
    let ping = sent(&mut session).remove(0);
    assert_eq!(ping, json!({"id": 2, "type": "ping"}));
    session.handle_text(r#"{"id":2,"type":"pong"}"#, now).expect("readable");
    assert!(events(&mut session).is_empty());
    now = session.poll_timeout();
    assert_eq!(now, START + Duration::from_mins(1));
    session.handle_timeout(now).expect("alive");
    assert!(matches!(session.handle_timeout(session.poll_timeout()), Err(SessionError::Silent)));
}

#[test]
fn a_request_is_answered_once_by_home_assistant_or_by_its_limit() {
    let mut session = ready();
    let late = session.request(GetConfig {}.into(), LIMIT, START).expect("accepted");
    let prompt = session.request(GetConfig {}.into(), LIMIT * 2, START).expect("accepted");
    session.handle_timeout(START + LIMIT).expect("alive");
    session
        .handle_text(
            r#"[{"id":2,"type":"result","success":true,"result":1},
        {"id":3,"type":"result","success":true,"result":{"a":[1]}}]"#,
            START + LIMIT,
        )
        .expect("readable");
    let events = events(&mut session);
    let [
        Event::Answered { id: first, outcome: Err(error) },
        Event::Answered { id: second, outcome: Ok(answer) },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*first, error), (late, &RequestError::Timeout { limit_ms: 5000 }));
    assert_eq!((*second, answer.get()), (prompt, r#"{"a":[1]}"#));
}

#[test]
fn events_come_only_for_a_subscription_that_was_accepted_and_has_not_ended() {
    let mut session = ready();
    let event = |id: u64| format!(r#"{{"id":{id},"type":"event","event":{{}}}}"#);
    let accepted = session.subscribe(SubscribeEntities {}.into(), LIMIT, START).expect("accepted");
    session.subscribe(SubscribeEntities {}.into(), LIMIT, START).expect("accepted");
    session.handle_text(&event(2), START).expect("readable");
    assert!(events(&mut session).is_empty(), "before it was accepted");
    session
        .handle_text(
            r#"[{"id":2,"type":"result","success":true},{"id":3,"type":"result","success":false}]"#,
            START,
        )
        .expect("readable");
    events(&mut session);
    for id in [2, 3, 4] {
        session.handle_text(&event(id), START).expect("readable");
    }
    assert!(
        matches!(&events(&mut session)[..], [Event::Notified { subscription, .. }] if *subscription == accepted)
    );
    session.unsubscribe(accepted, LIMIT, START).expect("accepted");
    session.handle_text(&event(2), START).expect("readable");
    assert!(events(&mut session).is_empty(), "after it has ended");
}

#[test]
fn requests_that_wait_are_bounded_and_a_ping_still_goes_out() {
    let mut session = ready();
    for _ in 0..PENDING_MAX {
        session.request(GetConfig {}.into(), Duration::from_hours(1), START).expect("there is room");
    }
    let refused = session.request(GetConfig {}.into(), LIMIT, START);
    assert!(matches!(refused, Err(SessionError::TooManyPending)));
    sent(&mut session);
    session.handle_timeout(session.poll_timeout()).expect("alive");
    assert_eq!(sent(&mut session).len(), 1);
}

#[test]
fn a_frame_that_is_no_message_ends_the_session() {
    for bad in ["", "{", "nul", "[1]", "\"text\"", r#"{"id":-1}"#, r#"{"type":"result","id":1,"id":2}"#] {
        let read = ready().handle_text(bad, START);
        assert!(matches!(read, Err(SessionError::Malformed(_))), "{bad}");
    }
    assert!(ready().handle_text(r#"{"type":"news_of_2030","surplus":{}}"#, START).is_ok());
}

#[test]
fn deep_json_is_an_error_and_no_overflow() {
    let deep = format!(r#"{{"type":"event","id":1,"event":{}}}"#, "[".repeat(100_000));
    assert!(ready().handle_text(&deep, START).is_err());
}

#[test]
fn an_error_never_repeats_what_was_asked() {
    let mut session = ready();
    session.request(GetConfig {}.into(), LIMIT, START).expect("accepted");
    session
        .handle_text(
            r#"{"id":2,"type":"result","success":false,"error":{"code":"invalid_format",
        "message":"extra keys not allowed. Got {'text': 'my secret'}"}}"#,
            START,
        )
        .expect("readable");
    let events = events(&mut session);
    let [Event::Answered { outcome: Err(RequestError::Rejected { message, .. }), .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(message, "extra keys not allowed.");
}

#[test]
fn debug_output_never_holds_the_token() {
    assert!(!format!("{:?}", Session::new("secret".into(), START)).contains("secret"));
}
